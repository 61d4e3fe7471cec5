/**
 * Opens WebSockets from a Worker: by `fetch` with an upgrade, because its own `WebSocket` takes no headers and hides the status of a
 * refusal (Cloudflare docs, "Using the WebSockets API").
 */

import type { WebSocket } from "@cloudflare/workers-types";
import { sendableCloseCode } from "../../../protocol/close-codes.ts";
import type { Dialer, DialHandler, DialledSocket, DialRequest } from "../../../sockets/dialer.ts";
import type { Frame } from "../../../sockets/frame.ts";
import { isOpen } from "../objects/room-socket.ts";
import { socketOf } from "../socket-answer.ts";

/** A reason longer than this may not be sent (RFC 6455 §5.5). */
const REASON_BYTES = 123;

export class FetchDialer implements Dialer {
  dial(request: DialRequest, handler: DialHandler, signal: AbortSignal): void {
    void dial(request, handler, signal);
  }
}

async function dial(
  { url, headers, protocols }: DialRequest,
  handler: DialHandler,
  signal: AbortSignal,
): Promise<void> {
  let socket: WebSocket | null = null;
  try {
    const response = await fetch(url.replace(/^ws/, "http"), {
      headers: {
        ...headers,
        upgrade: "websocket",
        ...(protocols.length > 0 && { "sec-websocket-protocol": protocols.join(", ") }),
      },
      signal,
    });
    socket = socketOf(response);
    if (socket === null) {
      await response.body?.cancel();
      handler.failed({ status: response.status, message: `it answered ${response.status}` });
      return;
    }
  } catch {
    handler.failed({ status: null, message: "it could not be reached" });
    return;
  }
  const native = socket;
  // A Blob would have to be read asynchronously, and the order of messages be kept by hand.
  (native as { binaryType?: string }).binaryType = "arraybuffer";
  let over = false;
  native.addEventListener("message", ({ data }) => {
    if (!over) handler.received(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
  });
  const end = (code: number, reason: string) => {
    if (over) return;
    over = true;
    handler.closed({ code, reason });
  };
  native.addEventListener("close", ({ code, reason }) => end(code, reason));
  native.addEventListener("error", () => end(1006, ""));
  native.accept();
  handler.opened(new Dialled(native));
}

class Dialled implements DialledSocket {
  readonly #native: WebSocket;

  constructor(native: WebSocket) {
    this.#native = native;
  }

  send(frame: Frame): void {
    if (isOpen(this.#native)) this.#native.send(frame);
  }

  /** Older runtimes have no `bufferedAmount`: there a slow provider is not noticed. */
  bufferedBytes(): number {
    return (this.#native as { bufferedAmount?: number }).bufferedAmount ?? 0;
  }

  close(code: number, reason: string): void {
    try {
      this.#native.close(sendableCloseCode(code), reason.slice(0, REASON_BYTES));
    } catch {
      // It is closed already.
    }
  }
}
