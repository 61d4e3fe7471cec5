/** The client's socket of a voice session, accepted by the object that runs it: it stays in memory as long as the session. */

import type { WebSocket } from "@cloudflare/workers-types";
import type { Frame } from "../../../sockets/frame.ts";
import type { Socket, SocketHandler } from "../../../sockets/socket-upgrade.ts";
import { isOpen } from "./room-socket.ts";

/** Accepts the socket for the handler. */
export function acceptFor(native: WebSocket, handler: SocketHandler): void {
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
  handler.opened(new SessionSocket(native));
}

class SessionSocket implements Socket {
  readonly topics = null;
  readonly #native: WebSocket;

  constructor(native: WebSocket) {
    this.#native = native;
  }

  send(frame: Frame): void {
    if (isOpen(this.#native)) this.#native.send(frame);
  }

  /** Older runtimes have no `bufferedAmount`: there a slow client is not noticed. */
  bufferedBytes(): number {
    return (this.#native as { bufferedAmount?: number }).bufferedAmount ?? 0;
  }

  close(code: number, reason: string): void {
    try {
      this.#native.close(code, reason);
    } catch {
      // It is closed already.
    }
  }
}
