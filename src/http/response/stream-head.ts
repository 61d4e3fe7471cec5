/** The answer to HEAD where GET would answer a stream. */

import type { Hono } from "hono";
import type { HttpEnv } from "../exchange.ts";

const STREAM = "text/event-stream";
const HEAD_LENGTH = "content-length";

/**
 * Makes the application answer HEAD of a stream without a length. Hono takes the body from every answer to HEAD, and a
 * server of a process says `content-length: 0` of one that has none; of a body whose length it does not know it says nothing,
 * and reads it not at all.
 */
export function keepStreamsUnmeasured(app: Hono<HttpEnv>): void {
  const { fetch } = app;
  app.fetch = (request, ...platform) => {
    const answer = fetch(request, ...platform);
    if (request.method !== "HEAD") return answer;
    return Promise.resolve(answer).then(unmeasured);
  };
}

function unmeasured(response: Response): Response {
  const { body, status, headers } = response;
  const isStream =
    body === null && status === 200 && headers.get("content-type")?.startsWith(STREAM) === true;
  return isStream && !headers.has(HEAD_LENGTH) ? new Response(new ReadableStream(), response) : response;
}
