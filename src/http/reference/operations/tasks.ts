/** The routes of tasks and batches. */

import { z } from "zod";
import {
  acceptedBatch,
  acceptedTask,
  batch,
  batchPage,
  task,
  taskPage,
  taskPurged,
  tasksCancelled,
} from "../answers/tasks.ts";
import { json, type Operation } from "../operation.ts";
import {
  AFTER,
  CUSTOMER,
  IDEMPOTENCY_KEY,
  inPath,
  LIMIT,
  LISTED_TASKS,
  query,
  TASK_ID,
} from "../parameters.ts";
import { CREATION_ERRORS } from "./pictures.ts";

const BATCH_ID = inPath("id", "The batch's id, in any letter case.");
const UNFINISHED = ["retry-after", "x-conduit-reserved", "x-conduit-cost"] as const;

export const TASKS: readonly Operation[] = [
  {
    method: "get",
    path: "/v1/tasks",
    id: "listTasks",
    tag: "Tasks",
    summary: "List tasks",
    access: "key",
    parameters: LISTED_TASKS,
    answers: { 200: json("A page of tasks.", taskPage) },
    errors: ["invalid_parameter"],
  },
  {
    method: "get",
    path: "/v1/tasks/{id}",
    also: ["/v1/images/generations/{id}/status", "/v1/videos/generations/{id}/status"],
    id: "readTask",
    tag: "Tasks",
    summary: "Read a task",
    access: "key",
    parameters: [TASK_ID],
    answers: { 200: json("The task. `Retry-After` while it is unfinished.", task, ...UNFINISHED) },
    errors: ["task_not_found"],
  },
  {
    method: "delete",
    path: "/v1/tasks/{id}",
    also: ["/v1/images/generations/{id}", "/v1/videos/generations/{id}"],
    id: "cancelTask",
    tag: "Tasks",
    summary: "Cancel a task, or remove one that has ended",
    description: "A task that was cancelled already is answered again; one that completed or failed is 409.",
    access: "key",
    parameters: [
      TASK_ID,
      query("purge", "`true` removes a task that has ended, with its files.", {
        type: "boolean",
        default: false,
      }),
    ],
    answers: {
      200: json("The cancelled task, or that it was removed.", z.union([task, taskPurged]), ...UNFINISHED),
    },
    errors: ["invalid_parameter", "permission_denied", "task_not_found", "task_already_finished"],
  },
  {
    method: "post",
    path: "/v1/tasks/{id}/retry",
    id: "retryTask",
    tag: "Tasks",
    summary: "Repeat a failed or cancelled task as a new one",
    access: "key",
    parameters: [TASK_ID, IDEMPOTENCY_KEY],
    answers: {
      200: json(
        "The new task is stored.",
        acceptedTask,
        "x-conduit-reserved",
        "x-conduit-cost",
        "idempotent-replayed",
      ),
    },
    errors: [
      ...CREATION_ERRORS.filter((code) => code !== "not_supported"),
      "invalid_parameter",
      "task_not_found",
    ],
  },
  {
    method: "post",
    path: "/v1/tasks/cancel",
    id: "cancelTasks",
    tag: "Tasks",
    summary: "Cancel many tasks",
    description: "Those that a filter names, or all: 1,000 at most in one call (100 on Workers).",
    access: "key",
    body: { form: "json", schema: "CancelTasks" },
    answers: { 200: json("What was ended.", tasksCancelled) },
    errors: ["missing_parameter"],
  },
  {
    method: "post",
    path: "/v1/batches",
    id: "createBatch",
    tag: "Batches",
    summary: "Make many tasks at once",
    description:
      "Up to 100, all accepted or none. An error names the request it is about: `requests.3.prompt`.",
    access: "key",
    parameters: [IDEMPOTENCY_KEY, CUSTOMER],
    body: { form: "json", schema: "CreateBatch" },
    answers: { 200: json("All are stored.", acceptedBatch, "idempotent-replayed") },
    errors: ["missing_parameter", ...CREATION_ERRORS],
  },
  {
    method: "get",
    path: "/v1/batches",
    id: "listBatches",
    tag: "Batches",
    summary: "List batches",
    access: "key",
    parameters: [LIMIT, AFTER],
    answers: { 200: json("A page of batches.", batchPage) },
    errors: ["invalid_parameter"],
  },
  {
    method: "get",
    path: "/v1/batches/{id}",
    id: "readBatch",
    tag: "Batches",
    summary: "Read a batch",
    access: "key",
    parameters: [BATCH_ID],
    answers: { 200: json("The batch. `Retry-After` while it is unfinished.", batch, "retry-after") },
    errors: ["not_found"],
  },
  {
    method: "delete",
    path: "/v1/batches/{id}",
    id: "cancelBatch",
    tag: "Batches",
    summary: "Cancel what is unfinished of a batch",
    access: "key",
    parameters: [BATCH_ID],
    answers: { 200: json("The batch.", batch, "retry-after") },
    errors: ["not_found", "task_already_finished"],
  },
];
