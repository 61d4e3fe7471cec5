/** The routes of event streams, and those of the hubs. */

import { HUB_NAMES } from "../../../hubs/hub-names.ts";
import { streamMessage } from "../answers/events.ts";
import { negotiation } from "../answers/running.ts";
import type { Answer, Operation, Parameter } from "../operation.ts";
import { header, query, TASK_ID } from "../parameters.ts";

const RESUME: readonly Parameter[] = [
  header("Last-Event-ID", "The `id` of the last event that came: the stream goes on behind it."),
  query("lastEventId", "As `Last-Event-ID`, for clients that can set no header."),
  query("after", "As `Last-Event-ID`, which counts before `lastEventId`, and that before this."),
  query("access_token", "The key, where no header can be set; it is not logged."),
];
const STREAM: Answer = {
  description:
    "Server-sent events: `event` is the message's `type`, `id` its `id`, `data` the message as JSON. A comment line every 15 s keeps the line open.",
  content: { "text/event-stream": streamMessage },
};
const SOCKET =
  "Becomes a WebSocket where the request asks to upgrade: one JSON message per text frame; with the subprotocol `conduit.batch` several, one per line. `ping` is answered `pong`.";

/** The hub that a path is about. */
const HUB: Parameter = {
  name: "hub",
  in: "path",
  description: "Which hub.",
  schema: { type: "string", enum: [...HUB_NAMES] },
  required: true,
};
const CONNECTION = query("id", "The `connectionToken` of negotiation.");
const TOKEN = query("access_token", "The key, where no header can be set; it is not logged.");
const REFUSED: Answer = {
  description: "ASP.NET's word for it, as clients of SignalR expect it.",
  content: { "text/plain": "text" },
};
const NEGOTIATE: Pick<Operation, "method" | "tag" | "access" | "parameters" | "answers" | "errors"> = {
  method: "post",
  tag: "Hubs",
  access: "stream",
  parameters: [
    HUB,
    query("negotiateVersion", "0 or 1.", { type: "integer", default: 0 }),
    query("useStatefulReconnect", "Whether the client can resume a connection.", {
      type: "boolean",
      default: false,
    }),
    TOKEN,
  ],
  answers: {
    200: {
      description: "A connection, to be opened within 15 s.",
      content: { "application/json": negotiation },
    },
  },
  errors: ["too_many_connections"],
};

export const EVENTS: readonly Operation[] = [
  {
    method: "get",
    path: "/v1/tasks/{id}/events",
    id: "followTask",
    tag: "Events",
    summary: "Follow a task",
    description: `A snapshot, then what happens, until the task has ended. ${SOCKET}`,
    access: "stream",
    parameters: [TASK_ID, ...RESUME],
    answers: {
      101: { description: "The request has become a WebSocket." },
      200: STREAM,
      204: { description: "The caller has seen the task's last event: there is nothing more to come." },
    },
    errors: ["invalid_parameter", "permission_denied", "task_not_found", "too_many_connections"],
  },
  {
    method: "get",
    path: "/v1/events",
    id: "followTasks",
    tag: "Events",
    summary: "Follow all tasks of the key",
    description: `What happens from now on, or behind the event that the caller names. ${SOCKET}`,
    access: "stream",
    parameters: RESUME,
    answers: { 101: { description: "The request has become a WebSocket." }, 200: STREAM },
    errors: ["invalid_parameter", "permission_denied", "too_many_connections"],
  },
  {
    ...NEGOTIATE,
    path: "/hubs/{hub}/negotiate",
    id: "negotiateHub",
    summary: "Negotiate a SignalR connection",
  },
  {
    ...NEGOTIATE,
    path: "/hubs/negotiate/{hub}",
    id: "negotiateBareHub",
    summary: "Negotiate a connection for a client without a SignalR library",
  },
  {
    method: "get",
    path: "/hubs/{hub}",
    id: "openHub",
    tag: "Hubs",
    summary: "Open a hub connection, or poll it",
    description:
      "A WebSocket, an event stream or a long poll by what the request asks for. Connections speak SignalR's `json` or `messagepack` protocol, or JSON messages alone. Calls: `SubscribeToTask(id)`, `UnsubscribeFromTask(id)`; pushes: `TaskProgress(id, percent)`, `TaskCompleted(id, result)`, `TaskFailed(id, text)`, and on the hub `tasks` every event.",
    access: "connection",
    parameters: [HUB, CONNECTION, TOKEN],
    answers: {
      101: { description: "The request has become a WebSocket." },
      200: {
        description: "Messages of the connection.",
        content: { "text/event-stream": "text", "application/octet-stream": "bytes" },
      },
      204: { description: "The connection has ended: poll no more." },
      400: REFUSED,
      404: REFUSED,
      409: REFUSED,
    },
    errors: ["invalid_parameter", "permission_denied", "too_many_connections"],
  },
  {
    method: "post",
    path: "/hubs/{hub}",
    id: "sendToHub",
    tag: "Hubs",
    summary: "Send messages on a hub connection",
    description: "Of a connection over an event stream or long polls.",
    access: "connection",
    parameters: [HUB, CONNECTION],
    otherBody: {
      "*/*": { type: "string", description: "Messages in the protocol of the connection, at most 1 MiB." },
    },
    answers: { 200: { description: "They were taken." }, 400: REFUSED, 404: REFUSED },
    errors: ["payload_too_large"],
  },
  {
    method: "delete",
    path: "/hubs/{hub}",
    id: "closeHub",
    tag: "Hubs",
    summary: "End a hub connection over long polls",
    access: "connection",
    parameters: [HUB, CONNECTION],
    answers: { 202: { description: "It is being closed." }, 400: REFUSED, 404: REFUSED },
  },
];
