/** A WebSocket that is held in memory as long as it is open, a client's or a provider's; those that may sleep are rooms' and shards'. */

import type { WebSocket } from "@cloudflare/workers-types";
import { sendableCloseCode } from "../../protocol/close-codes.ts";
import type { CloseNote } from "../../sockets/dialer.ts";
import type { Frame } from "../../sockets/frame.ts";
import type { Socket, SocketHandler } from "../../sockets/socket-upgrade.ts";
import { isOpen } from "./objects/room-socket.ts";

/** A reason longer than this may not be sent (RFC 6455 §5.5). */
const REASON_BYTES = 123;

/** Hears messages in their order, then the close, once. */
export type LiveSocketHandler = {
  received(message: string | Uint8Array): void;
  closed(close: CloseNote): void;
};

/** Accepts a client's socket for the handler. */
export function acceptFor(native: WebSocket, handler: SocketHandler): void {
  handler.opened(acceptLive(native, handler));
}

/** Accepts the socket; nothing is heard before this returns. */
export function acceptLive(native: WebSocket, handler: LiveSocketHandler): LiveSocket {
  // A Blob would have to be read asynchronously, and the order of messages be kept by hand.
  (native as { binaryType?: string }).binaryType = "arraybuffer";
  let over = false;
  const end = (code: number, reason: string) => {
    if (over) return;
    over = true;
    handler.closed({ code, reason });
  };
  native.addEventListener("message", ({ data }) => {
    if (!over) handler.received(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
  });
  native.addEventListener("close", ({ code, reason }) => end(code, reason));
  native.addEventListener("error", () => end(1006, ""));
  native.accept();
  return new LiveSocket(native);
}

export class LiveSocket implements Socket {
  readonly topics = null;
  readonly #native: WebSocket;

  constructor(native: WebSocket) {
    this.#native = native;
  }

  send(frame: Frame): void {
    if (isOpen(this.#native)) this.#native.send(frame);
  }

  /** Older runtimes have no `bufferedAmount`: there a peer that reads too slowly is not noticed. */
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
