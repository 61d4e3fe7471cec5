/** What Bun itself does with sockets that lag behind and with large messages: it must not come before the limits of protocols. */

import net from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { MAX_UNSENT_BYTES } from "../../src/realtime/session/client-link.ts";
import { bunProcess } from "../../src/runtime/bun/server.ts";
import type { Listening } from "../../src/runtime/process/process-host.ts";
import type { CloseNote } from "../../src/sockets/dialer.ts";
import type { Socket } from "../../src/sockets/socket-upgrade.ts";

const MESSAGE = "a".repeat(65_536);
/** The kernel takes some of what is sent; then it lies in the process. */
const BUFFERED = MAX_UNSENT_BYTES - 262_144;

/** A server whose only socket is handed to the test. */
class OneSocket {
  readonly opened: Promise<Socket>;
  readonly closed: Promise<CloseNote | undefined>;
  readonly received: number[] = [];
  readonly listening: Listening;

  constructor(messageBytes?: number) {
    const opened = Promise.withResolvers<Socket>();
    const closed = Promise.withResolvers<CloseNote | undefined>();
    this.opened = opened.promise;
    this.closed = closed.promise;
    const listener = bunProcess.createListener();
    const handler = {
      opened: opened.resolve,
      received: (message: string | Uint8Array) => {
        this.received.push(message.length);
      },
      closed: closed.resolve,
    };
    const address = { host: "127.0.0.1", port: 0, idleTimeoutSeconds: 75 };
    this.listening = listener.listen(
      messageBytes === undefined ? address : { ...address, messageBytes },
      (request) =>
        listener.sockets.upgrade(request, handler, { protocol: null, headers: {} }) ?? new Response(null),
    );
  }
}

let server: OneSocket;
afterEach(() => server.listening.cut());

describe("a socket whose client reads nothing", () => {
  it("may be as far behind as a voice session, and is told all of it later", async () => {
    server = new OneSocket();
    const client = await stalledClient(server.listening.port);
    const socket = await server.opened;
    let sent = 0;
    for (; sent < 4 * BUFFERED && socket.bufferedBytes() < BUFFERED; sent += MESSAGE.length)
      socket.send(MESSAGE);

    const everything = Promise.withResolvers<void>();
    let received = 0;
    client.on("data", (bytes) => {
      received += bytes.length;
      if (received >= sent) everything.resolve();
    });
    client.on("close", () => everything.reject(new Error("the socket was cut")));
    client.resume();

    await everything.promise;
    expect(sent).toBeGreaterThan(3_000_000);
    client.destroy();
  });

  it("is cut before it holds 10 MB", async () => {
    server = new OneSocket();
    const client = await stalledClient(server.listening.port);
    const socket = await server.opened;
    let most = 0;
    let over = false;
    void server.closed.then(() => {
      over = true;
    });
    for (let sent = 0; sent < 512 && !over; sent += 1) {
      socket.send(MESSAGE);
      most = Math.max(most, socket.bufferedBytes());
      await Promise.resolve();
    }

    await server.closed;
    expect(most).toBeLessThan(10_000_000);
    client.destroy();
  });
});

describe("a message", () => {
  it.each([
    [undefined, 2_000_000],
    [4_000_000, 7_000_000],
  ])("twice as large as is taken reaches who refuses it (at most %s bytes)", async (most, bytes) => {
    server = new OneSocket(most);
    const client = new WebSocket(`ws://127.0.0.1:${server.listening.port}`);
    const [socket] = await Promise.all([
      server.opened,
      new Promise((resolve) => client.addEventListener("open", resolve)),
    ]);
    client.send("a".repeat(bytes));
    client.send("b");
    while (server.received.length < 2) await new Promise(setImmediate);

    expect(server.received).toEqual([bytes, 1]);
    socket.close(1000, "");
    await server.closed;
  });
});

/** A client that has done its handshake, and reads no more. */
async function stalledClient(port: number): Promise<net.Socket> {
  const client = net.connect(port, "127.0.0.1");
  client.write(
    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  await new Promise((resolve) => client.once("data", resolve));
  client.pause();
  return client;
}
