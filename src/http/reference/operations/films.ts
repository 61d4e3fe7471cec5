/** The routes that make films. */

import { openAiVideo, openAiVideoDeleted, openAiVideoList } from "../answers/openai.ts";
import { json, type Operation } from "../operation.ts";
import { CUSTOMER, IDEMPOTENCY_KEY, LIMIT, PREFER, query, TASK_ID } from "../parameters.ts";
import { FILE_ANSWERS, FILE_ERRORS, FILE_HEADERS } from "./media.ts";
import { ACCEPTED, CREATION_ERRORS } from "./pictures.ts";

export const FILMS: readonly Operation[] = [
  {
    method: "post",
    path: "/v1/videos/generations/async",
    id: "createVideoTask",
    tag: "Films",
    summary: "Make a film, asynchronously",
    description: "Accepts a task and answers at once, as `POST /v1/images/generations/async` does.",
    access: "key",
    parameters: [IDEMPOTENCY_KEY, PREFER, CUSTOMER],
    body: { form: "json or multipart", schema: "CreateVideo" },
    answers: { 200: ACCEPTED },
    errors: ["missing_parameter", ...CREATION_ERRORS],
  },
  {
    method: "post",
    path: "/v1/videos",
    id: "createOpenAiVideo",
    tag: "Films",
    summary: "Make a film, as OpenAI's clients do",
    description: "The same task in OpenAI's names. Read it by `GET /v1/videos/{id}`, or as any task.",
    access: "key",
    parameters: [IDEMPOTENCY_KEY, CUSTOMER],
    body: { form: "json or multipart", schema: "CreateOpenAiVideo" },
    answers: {
      200: json(
        "The film in the making. `openai-poll-after-ms` says when to read it.",
        openAiVideo,
        "x-conduit-reserved",
        "x-conduit-cost",
        "idempotent-replayed",
      ),
    },
    errors: ["missing_parameter", ...CREATION_ERRORS],
  },
  {
    method: "get",
    path: "/v1/videos",
    id: "listOpenAiVideos",
    tag: "Films",
    summary: "List films in OpenAI's shape",
    access: "key",
    parameters: [
      LIMIT,
      query("after", "The id of the last film of the page before."),
      query("order", "By when they were made.", { type: "string", enum: ["asc", "desc"], default: "desc" }),
    ],
    answers: { 200: json("A page of films.", openAiVideoList) },
    errors: ["invalid_parameter"],
  },
  {
    method: "get",
    path: "/v1/videos/{id}",
    id: "readOpenAiVideo",
    tag: "Films",
    summary: "Read a film in OpenAI's shape",
    access: "key",
    parameters: [TASK_ID],
    answers: { 200: json("The film.", openAiVideo, "x-conduit-reserved", "x-conduit-cost") },
    errors: ["task_not_found"],
  },
  {
    method: "delete",
    path: "/v1/videos/{id}",
    id: "deleteOpenAiVideo",
    tag: "Films",
    summary: "Remove a film that has ended",
    access: "key",
    parameters: [TASK_ID],
    answers: { 200: json("It is gone, with its task.", openAiVideoDeleted) },
    errors: ["invalid_parameter", "permission_denied", "task_not_found"],
  },
  {
    method: "get",
    path: "/v1/videos/{id}/content",
    id: "readOpenAiVideoContent",
    tag: "Films",
    summary: "Read the file of a film",
    access: "key",
    parameters: [
      TASK_ID,
      query("variant", "Only the film itself is there.", {
        type: "string",
        enum: ["video"],
        default: "video",
      }),
      ...FILE_HEADERS,
    ],
    answers: FILE_ANSWERS,
    errors: [...FILE_ERRORS, "invalid_parameter", "not_supported", "task_not_found"],
  },
];
