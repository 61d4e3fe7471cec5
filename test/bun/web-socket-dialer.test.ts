/** Sockets that are opened to providers, by Bun's own client: what is told of one that cannot be had. */

import { expect, test } from "vitest";
import { WebSocketDialer } from "../../src/runtime/process/web-socket-dialer.ts";
import type { DialFailure } from "../../src/sockets/dialer.ts";

/** Dials, and expects it to fail. */
function failureOf(url: string): Promise<DialFailure> {
  const { promise, resolve, reject } = Promise.withResolvers<DialFailure>();
  const unexpected = () => reject(new Error("the socket opened"));
  new WebSocketDialer().dial(
    { url, headers: {}, protocols: [] },
    { opened: unexpected, failed: resolve, received: unexpected, closed: unexpected },
    new AbortController().signal,
  );
  return promise;
}

test.each([401, 403, 429, 503])(
  "a provider that answers %d in place of a socket is told by it",
  async (status) => {
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("no", { status }) });
    const failure = await failureOf(`ws://127.0.0.1:${server.port}/`);
    await server.stop(true);

    expect(failure).toEqual({ status, message: `it answered ${status}` });
  },
);

test("a provider that is not there has no status, whatever numbers its address has", async () => {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("no") });
  const { port } = server;
  await server.stop(true);

  expect(await failureOf(`ws://127.0.0.1:${port}/401`)).toEqual({
    status: null,
    message: "it could not be reached",
  });
});
