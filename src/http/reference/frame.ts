/** What stands around the routes in the document: the introduction, tags, ways in, headers. */

import type { JsonSchema } from "../../protocol/model.ts";
import { UNSUPPORTED_ENDPOINTS } from "../routes/unsupported.ts";
import { ERROR_CODES, ERROR_MEANINGS, statusOf } from "./answers/errors.ts";
import type { Access, AnswerHeader, Tag } from "./operation.ts";

export const TAGS: Readonly<Record<Tag, string>> = {
  Pictures: "Made asynchronously as tasks, or synchronously as OpenAI's clients expect it.",
  Films: "Made as tasks, by our own routes or OpenAI's.",
  Tasks: "Read, listed, cancelled, repeated and removed.",
  Batches: "Up to 100 requests that are accepted together.",
  Events: "What happens to tasks, as it happens: server-sent events or a WebSocket.",
  Tools: "The Model Context Protocol, for language models.",
  Models: "What the key may use, what it takes and what it costs.",
  Media: "Result files.",
  Webhooks: "Signed calls that tell of tasks, and what became of them.",
  "Keys and usage": "What the presented key may do and has used, and keys for browsers.",
  Voice: "Sessions of realtime voice.",
  Hubs: "The same events for SignalR clients and bare WebSockets.",
  Administration: "For the admin key.",
  Operation: "Probes, metrics, and this reference.",
};

const KEY = { key: [] };
const API_KEY = { apiKey: [] };
const QUERY_KEY = { queryKey: [] };
const ADMIN = { adminKey: [] };

/** The ways in that a route has, as the document says them. */
export function securityOf(access: Access): JsonSchema[] {
  switch (access) {
    case "open":
      return [];
    case "key":
      return [KEY, API_KEY];
    case "stream":
    case "voice":
      return [KEY, API_KEY, QUERY_KEY];
    case "connection":
      return [KEY, API_KEY, QUERY_KEY, {}];
    case "admin":
      return [ADMIN];
    case "operator":
      return [ADMIN, {}];
  }
}

export const SECURITY_SCHEMES: Readonly<Record<string, JsonSchema>> = {
  key: {
    type: "http",
    scheme: "bearer",
    description: "A virtual key (`condt_…`), or an ephemeral key for a browser (`ek_…`).",
  },
  apiKey: {
    type: "apiKey",
    in: "header",
    name: "x-api-key",
    description: "The same in another header; `api-key` is taken as well.",
  },
  queryKey: {
    type: "apiKey",
    in: "query",
    name: "access_token",
    description: "The same in the query, where browsers can set no header; it is not logged.",
  },
  adminKey: { type: "http", scheme: "bearer", description: "The admin key (`CONDUIT_ADMIN_KEY`)." },
};

export const HEADERS: Readonly<Record<"x-request-id" | AnswerHeader, JsonSchema>> = {
  "x-request-id": text("The request's id: yours, where a harmless one came."),
  "retry-after": { description: "Seconds after which to come again.", schema: { type: "integer" } },
  location: text("The address of what was made."),
  etag: text("The version."),
  "x-conduit-cost": text("US dollars charged, once the task is settled."),
  "x-conduit-reserved": text("US dollars held back, while the task is unfinished."),
  "x-conduit-after": text("The `after` of the next file, where there is more than one file takes."),
  "preference-applied": text("How long the answer was held at most, such as `wait=30`."),
  "idempotent-replayed": text("`true`: the request came before, and this is its answer."),
};

function text(description: string): JsonSchema {
  return { description, schema: { type: "string" } };
}

/** The introduction. */
export function overview(): string {
  const errors = ERROR_CODES.map((code) => `- ${statusOf(code)} \`${code}\`: ${ERROR_MEANINGS[code]}`);
  const refused = UNSUPPORTED_ENDPOINTS.flatMap(([, paths]) => paths.map((path) => `\`${path}\``));
  return `JSON in UTF-8 both ways. A field that is sent as \`null\` counts as absent, and so does an empty parameter. Answers may have further fields in later releases.
Times are ISO 8601 in UTC, money is US dollars. Every answer carries \`x-request-id\`.

A slash at the end of a path makes no difference, ids of tasks and batches are found in any letter case, and HEAD answers what GET would.
OPTIONS answers preflights of pages whose origin is allowed.

## Errors

One envelope everywhere. \`x-should-retry: false\` stands on errors after which the same request must not be sent again.

${errors.join("\n")}

## Following a task

By server-sent events or a WebSocket (\`/v1/tasks/{id}/events\`, \`/v1/events\`), by a hub (\`/hubs/tasks\`), by webhooks, or by reading it again
after \`Retry-After\`. Events of a task come in order, its last one always; progress is a last value, which may be superseded before it is sent.

## Realtime voice

\`GET /v1/realtime\` is a WebSocket. It speaks OpenAI's Realtime events in both directions, whatever provider answers; the gateway adds
\`conduit.usage\` (what was used so far), \`conduit.warning\` (what a provider cannot do) and \`conduit.pong\`, the answer to a client's
\`conduit.ping\`. WebRTC calls begin with \`POST /v1/realtime/calls\`.

## What is not here

OpenAI's endpoints for other things answer 400 \`not_supported\`: ${refused.join(", ")}.`;
}
