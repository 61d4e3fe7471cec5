/** OpenAI's endpoints that this gateway does not have: each names what there is instead. */

import type { Hono } from "hono";
import { ApiError } from "../../protocol/error.ts";
import type { HttpEnv, HttpMiddleware } from "../exchange.ts";

/** Paths by what a client wants there. A star takes every address below, and the one without it. */
export const UNSUPPORTED_ENDPOINTS: readonly (readonly [what: string, paths: readonly string[]])[] = [
  ["Chat and text", ["/v1/chat/*", "/v1/completions", "/v1/responses/*"]],
  ["Embeddings", ["/v1/embeddings"]],
  ["Files", ["/v1/files/*"]],
  ["Speech and transcription", ["/v1/audio/*"]],
  ["Variations of pictures", ["/v1/images/variations"]],
  [
    "Edits, extensions and remixes of films, and characters in them,",
    ["/v1/videos/edits", "/v1/videos/extensions", "/v1/videos/characters/*", "/v1/videos/:id/remix"],
  ],
];

/** Mounts a refusal on each; `key` authenticates first, as on every route below `/v1`. */
export function mountUnsupported(app: Hono<HttpEnv>, key: HttpMiddleware): void {
  for (const [what, paths] of UNSUPPORTED_ENDPOINTS) {
    for (const path of paths) {
      app.all(path, key, () => {
        throw notSupported(what);
      });
    }
  }
}

/** `what` begins a sentence, in the plural. */
export function notSupported(what: string, param?: string): ApiError {
  return new ApiError(
    "not_supported",
    `${what} are not offered by this gateway, which makes pictures and films, and talks: POST /v1/images/generations and ` +
      "/v1/images/generations/async, POST /v1/videos and /v1/videos/generations/async, GET /v1/realtime as a WebSocket. " +
      "GET /v1/models lists the models.",
    param === undefined ? {} : { param },
  );
}
