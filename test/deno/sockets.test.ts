/** Sockets of the Deno host, with clients that misbehave as browsers cannot: they shake hands by themselves and stop reading. */

import { connect, type Socket as TcpSocket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { denoProcess } from "../../src/runtime/deno/server.ts";
import type { Listening } from "../../src/runtime/process/process-host.ts";
import type { Socket, SocketHandler } from "../../src/sockets/socket-upgrade.ts";

const HANDSHAKE =
  "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/** More than the kernel's buffers of both ends take. */
const FLOOD_FRAMES = 200;
const FRAME = "x".repeat(65_536);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** What a handler was told, and promises for it. */
class RecordingSession implements SocketHandler {
  readonly #opened = Promise.withResolvers<Socket>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #two = Promise.withResolvers<void>();
  #drained = Promise.withResolvers<void>();
  readonly socket = this.#opened.promise;
  readonly end = this.#closed.promise;
  /** Resolves at the second message. */
  readonly twoMessages = this.#two.promise;
  readonly messages: (string | Uint8Array)[] = [];

  opened(socket: Socket): void {
    this.#opened.resolve(socket);
  }

  received(message: string | Uint8Array): void {
    this.messages.push(message);
    if (this.messages.length === 2) this.#two.resolve();
  }

  drained(): void {
    this.#drained.resolve();
    this.#drained = Promise.withResolvers();
  }

  /** Resolves the next time it is told so. */
  get nextDrain(): Promise<void> {
    return this.#drained.promise;
  }

  closed(): void {
    this.#closed.resolve();
  }
}

async function serve(handler: SocketHandler): Promise<Listening> {
  const listener = denoProcess.createListener();
  const listening = listener.listen({ host: "127.0.0.1", port: 0, idleTimeoutSeconds: 75 }, (request) => {
    const answer = listener.sockets.upgrade(request, handler, {
      protocol: null,
      headers: { "x-told": "so" },
    });
    // What a route returns is copied on its way, as middleware does.
    return new Response(answer?.body ?? "no", { status: answer === null ? 400 : 200 });
  });
  cleanups.push(() => listening.cut());
  return listening;
}

/** A client that has shaken hands and reads nothing any more. */
async function stalledClient(port: number): Promise<{ tcp: TcpSocket; head: string }> {
  const tcp = connect({ host: "127.0.0.1", port });
  cleanups.push(() => tcp.destroy());
  tcp.on("error", () => {});
  tcp.write(HANDSHAKE);
  const head = await new Promise<string>((resolve) =>
    tcp.once("data", (bytes) => {
      tcp.pause();
      resolve(bytes.toString("latin1"));
    }),
  );
  return { tcp, head };
}

test("an upgrade is answered with the route's headers, whatever the route's own answer becomes", async () => {
  const { port } = await serve(new RecordingSession());
  const { head } = await stalledClient(port);
  expect(head).toMatch(/^HTTP\/1\.1 101 /);
  expect(head.toLowerCase()).toContain("x-told: so");
});

test("messages come as they were sent, text and bytes; the close code arrives", async () => {
  const handler = new RecordingSession();
  const { port } = await serve(handler);
  const client = new WebSocket(`ws://127.0.0.1:${port}`);
  client.binaryType = "arraybuffer";
  const socket = await handler.socket;
  await new Promise((resolve) => {
    client.onopen = resolve;
  });
  client.send("é");
  client.send(Uint8Array.of(0, 255));
  const told = new Promise<unknown[]>((resolve) => {
    const messages: unknown[] = [];
    client.onmessage = ({ data }) => messages.push(data);
    client.onclose = ({ code, reason }) => resolve([...messages, code, reason]);
  });
  await handler.twoMessages;
  expect(handler.messages).toEqual(["é", Uint8Array.of(0, 255)]);
  socket.send("text");
  socket.send(Uint8Array.of(1, 2));
  socket.close(1013, "come again");
  expect(await told).toEqual(["text", Uint8Array.of(1, 2).buffer, 1013, "come again"]);
  await handler.end;
  // After the close nothing throws.
  socket.send("late");
  socket.close(1000, "again");
});

test("a handler whose client paused is told when everything has gone", async () => {
  const handler = new RecordingSession();
  const { port } = await serve(handler);
  const { tcp } = await stalledClient(port);
  const socket = await handler.socket;
  // Fills the kernel's buffers until some of it has to wait here.
  while (socket.bufferedBytes() <= 65_536) {
    socket.send(FRAME);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const drained = handler.nextDrain;
  tcp.resume();
  await drained;
  expect(socket.bufferedBytes()).toBeLessThan(65_536);
});

test("a client that never reads is closed before it costs more than about a megabyte", async () => {
  const handler = new RecordingSession();
  const { port } = await serve(handler);
  await stalledClient(port);
  const socket = await handler.socket;
  let most = 0;
  for (let frame = 0; frame < FLOOD_FRAMES; frame++) {
    socket.send(FRAME);
    most = Math.max(most, socket.bufferedBytes());
  }
  expect(most).toBeLessThan(2 * 1_048_576);
});
