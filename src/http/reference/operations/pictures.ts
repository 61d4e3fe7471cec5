/** The routes that make pictures. */

import { z } from "zod";
import type { ErrorCode } from "../../../protocol/error.ts";
import { imageStreamMessage } from "../answers/events.ts";
import { openAiImages } from "../answers/openai.ts";
import { acceptedAndRead, acceptedTask } from "../answers/tasks.ts";
import type { Answer, Operation } from "../operation.ts";
import { CUSTOMER, IDEMPOTENCY_KEY, PREFER } from "../parameters.ts";

/** Of every route that accepts a task. */
export const CREATION_ERRORS: readonly ErrorCode[] = [
  "not_supported",
  "budget_exceeded",
  "permission_denied",
  "model_not_allowed",
  "not_found",
  "model_not_found",
  "model_retired",
  "idempotency_key_reused",
  "rate_limit_exceeded",
  "queue_full",
];

export const ACCEPTED: Answer = {
  description: "The task is stored, and will be worked on whatever happens to this process.",
  content: { "application/json": z.union([acceptedTask, acceptedAndRead]) },
  headers: [
    "x-conduit-reserved",
    "x-conduit-cost",
    "preference-applied",
    "idempotent-replayed",
    "retry-after",
  ],
};

const synchronous: Pick<
  Operation,
  "method" | "tag" | "access" | "parameters" | "body" | "answers" | "errors"
> = {
  method: "post",
  tag: "Pictures",
  access: "key",
  parameters: [IDEMPOTENCY_KEY, CUSTOMER],
  body: { form: "json or multipart", schema: "CreateImage" },
  answers: {
    200: {
      description: "The pictures. With `stream: true` an event stream.",
      content: { "application/json": openAiImages, "text/event-stream": imageStreamMessage },
      headers: ["x-conduit-reserved", "x-conduit-cost", "idempotent-replayed"],
    },
  },
  errors: [
    "missing_parameter",
    ...CREATION_ERRORS,
    "content_policy_violation",
    "task_already_finished",
    "provider_error",
    "provider_unavailable",
    "timeout",
  ],
};

export const PICTURES: readonly Operation[] = [
  {
    method: "post",
    path: "/v1/images/generations/async",
    id: "createImageTask",
    tag: "Pictures",
    summary: "Make pictures, asynchronously",
    description:
      "Accepts a task and answers at once. Follow it by `eventsUrl`, a hub, a webhook, or read it by `statusUrl`.",
    access: "key",
    parameters: [IDEMPOTENCY_KEY, PREFER, CUSTOMER],
    body: { form: "json or multipart", schema: "CreateImageTask" },
    answers: { 200: ACCEPTED },
    errors: ["missing_parameter", ...CREATION_ERRORS],
  },
  {
    ...synchronous,
    path: "/v1/images/generations",
    id: "createImage",
    summary: "Make pictures, and wait for them",
    description:
      "OpenAI's call over the same tasks. Where the time runs out the answer is 504 with the task's id in `param`, and the work goes on.",
  },
  {
    ...synchronous,
    path: "/v1/images/edits",
    id: "editImage",
    body: { form: "json or multipart", schema: "EditImage" },
    summary: "Change pictures, and wait for them",
    description: "As `POST /v1/images/generations`, with at least one picture to work from.",
  },
];
