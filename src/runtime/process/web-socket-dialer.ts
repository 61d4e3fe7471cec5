/** Opens WebSockets where the runtime's own `WebSocket` takes headers: Bun and Deno. */

import { sendableCloseCode } from "../../protocol/close-codes.ts";
import type { CloseNote, Dialer, DialHandler, DialledSocket, DialRequest } from "../../sockets/dialer.ts";
import type { Frame } from "../../sockets/frame.ts";

/** What the runtimes take besides what the standard has. */
type SocketOptions = { headers: Record<string, string>; protocols?: string[] };
type SocketConstructor = new (url: string, options: SocketOptions) => WebSocket;

/** Balancers and address translators on the way forget connections that are silent for some minutes. */
const PING_MS = 30_000;
/** A reason longer than this may not be sent (RFC 6455 §5.5). */
const REASON_BYTES = 123;

/** How Bun and Deno tell what was answered in place of 101; Bun's sentence names 101 as well, and the address. */
const ANSWERED = /status code: ([1-5]\d\d)\b/;

export class WebSocketDialer implements Dialer {
  readonly #Socket = WebSocket as unknown as SocketConstructor;
  readonly #pingMs: number;

  /** `pingMs`: between two pings of a socket. One that has shown no sign of life since the last is ended as 1006. */
  constructor(pingMs = PING_MS) {
    this.#pingMs = pingMs;
  }

  dial({ url, headers, protocols }: DialRequest, handler: DialHandler, signal: AbortSignal): void {
    let native: WebSocket;
    try {
      native = new this.#Socket(url, {
        headers: { ...headers },
        ...(protocols.length > 0 && { protocols: [...protocols] }),
      });
    } catch {
      queueMicrotask(() => handler.failed({ status: null, message: "its address cannot be opened" }));
      return;
    }
    let state: "opening" | "open" | "over" = "opening";
    native.binaryType = "arraybuffer";
    const fail = (message: string, status: number | null = null) => {
      if (state !== "opening") return;
      state = "over";
      handler.failed({ status, message });
    };
    signal.addEventListener("abort", () => {
      if (state !== "opening") return;
      fail("the attempt was ended");
      native.close();
    });
    native.onopen = () => {
      if (state !== "opening") {
        native.close(1000);
        return;
      }
      state = "open";
      keepAlive();
      handler.opened(new Dialled(native));
    };
    const over = (close: CloseNote) => {
      if (state !== "open") return;
      state = "over";
      clearInterval(pings);
      handler.closed(close);
    };
    let alive = true;
    let pings: ReturnType<typeof setInterval> | undefined;
    const keepAlive = () => {
      const pinged = native as WebSocket & { ping?(): void; terminate?(): void };
      // A runtime whose sockets cannot ping leaves it to TCP.
      if (pinged.ping === undefined) return;
      native.addEventListener("pong" as keyof WebSocketEventMap, () => {
        alive = true;
      });
      pings = setInterval(() => {
        if (alive && native.readyState === WebSocket.OPEN) {
          alive = false;
          pinged.ping?.();
          return;
        }
        over({ code: 1006, reason: "" });
        pinged.terminate?.();
      }, this.#pingMs);
    };
    native.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      alive = true;
      if (state === "open") handler.received(typeof data === "string" ? data : new Uint8Array(data));
    };
    native.onerror = (event) => {
      const { message } = event as Event & { message?: string };
      const status = ANSWERED.exec(message ?? "")?.[1];
      fail(
        status === undefined ? "it could not be reached" : `it answered ${status}`,
        status === undefined ? null : Number(status),
      );
    };
    native.onclose = ({ code, reason }: CloseEvent) => {
      if (state === "opening") fail("it closed the connection");
      else over({ code, reason });
    };
  }
}

class Dialled implements DialledSocket {
  readonly #native: WebSocket;

  constructor(native: WebSocket) {
    this.#native = native;
  }

  send(frame: Frame): void {
    if (this.#native.readyState === WebSocket.OPEN) this.#native.send(frame);
  }

  bufferedBytes(): number {
    return this.#native.bufferedAmount;
  }

  close(code: number, reason: string): void {
    try {
      this.#native.close(sendableCloseCode(code), reason.slice(0, REASON_BYTES));
    } catch {
      // A code that this runtime may not send from here.
      this.#native.close(1000);
    }
  }
}
