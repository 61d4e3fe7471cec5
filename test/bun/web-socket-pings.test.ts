/** Sockets to providers: silent ones are kept open, and those whose other side is gone are noticed. */

import { createHash } from "node:crypto";
import { createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { WebSocketDialer } from "../../src/runtime/process/web-socket-dialer.ts";
import type { CloseNote } from "../../src/sockets/dialer.ts";

const PING_MS = 20;
const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Opens a socket; resolves with how it ended. */
function dialled(url: string): { closed: Promise<CloseNote>; end(): void } {
  const closed = Promise.withResolvers<CloseNote>();
  const abort = new AbortController();
  let end = () => abort.abort();
  new WebSocketDialer(PING_MS).dial(
    { url, headers: {}, protocols: [] },
    {
      opened: (socket) => {
        end = () => socket.close(1000, "");
      },
      failed: ({ message }) => closed.reject(new Error(message)),
      received: () => {},
      closed: closed.resolve,
    },
    abort.signal,
  );
  return { closed: closed.promise, end: () => end() };
}

test("a silent provider is pinged, and its socket stays while it answers", async () => {
  const pinged = Promise.withResolvers<void>();
  let pings = 0;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, self) => (self.upgrade(request, { data: undefined }) ? undefined : new Response(null)),
    websocket: {
      message() {},
      ping() {
        pings += 1;
        if (pings === 5) pinged.resolve();
      },
    },
  });
  const { closed, end } = dialled(`ws://127.0.0.1:${server.port}`);
  await pinged.promise;
  end();
  expect(await closed).toMatchObject({ code: 1000 });
  await server.stop(true);
});

test("a provider that is gone without a word is noticed as 1006", async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.once("data", (head) => {
      const key = /sec-websocket-key: (.*)\r/i.exec(head.toString())?.[1] ?? "";
      const accept = createHash("sha1")
        .update(key + ACCEPT_SUFFIX)
        .digest("base64");
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      // From here on it is silent, also to pings.
      socket.resume();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const { closed } = dialled(`ws://127.0.0.1:${port}`);
  expect(await closed).toEqual({ code: 1006, reason: "" });
  for (const socket of sockets) socket.destroy();
  server.close();
});
