/** Connections on which nothing happens for a minute: those that may be silent stay, those that owe something are cut. */

import { expect, test } from "vitest";
import { EventSourceClient } from "../fixture/event-source.ts";
import { RawClient } from "../fixture/raw-client.ts";
import { BOOTSTRAP_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";

const TIMEOUT_MS = 150_000;
const TASK = { model: "local/canvas", prompt: "at last", size: "64x64", provider_options: { steps: 1 } };

test(
  "an event stream that is silent for 60 s stays open and then tells the next event",
  async () => {
    const folder = await temporaryFolder();
    const server = await ServerProcess.start({
      dataDir: folder.path,
      env: { CONDUITLLM__EVENTS__HEARTBEATMS: "60000" },
    });
    try {
      const comment = Promise.withResolvers<void>();
      const completed = Promise.withResolvers<void>();
      const source = new EventSourceClient({
        open: (headers, signal) => server.request("/v1/events", { headers, signal }),
        onComment: (text) => text === "keep-alive" && comment.resolve(),
        onEvent: ({ type }) => type === "completed" && completed.resolve(),
      });
      await comment.promise;
      await server.postJson("/v1/images/generations/async", TASK);
      await completed.promise;
      expect(source.connections).toBe(1);
      source.close();
    } finally {
      await server.kill();
      await folder.remove();
    }
  },
  TIMEOUT_MS,
);

test(
  "a request that is begun and never finished is cut",
  async () => {
    const folder = await temporaryFolder();
    const server = await ServerProcess.start({ dataDir: folder.path });
    try {
      const head = await RawClient.send(server.url, "GET /v1/models HTTP/1.1\r\nHost: x\r\nX-Slow: ");
      const body = await RawClient.send(
        server.url,
        `POST /v1/images/generations/async HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${BOOTSTRAP_KEY}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`,
      );
      await Promise.all([head.answer, body.answer]);
      expect((await server.request("/v1/models")).status).toBe(200);
    } finally {
      await server.kill();
      await folder.remove();
    }
  },
  TIMEOUT_MS,
);
