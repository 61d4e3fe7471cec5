/** WebSockets under Bun: the upgrade, `Carrier` between Bun's socket and its handler, and native topics. */

import type { Server, ServerWebSocket, WebSocketHandler } from "bun";
import type { CloseNote } from "../../sockets/dialer.ts";
import type { Frame, TopicMembership, Topics } from "../../sockets/frame.ts";
import type { Socket, SocketHandler, SocketUpgrade, UpgradeAnswer } from "../../sockets/socket-upgrade.ts";

/**
 * Unsent bytes at which Bun cuts a socket: a last limit above those that protocols have of their own. Rooms and hubs stop at less
 * than 1 MB; a voice session may be an answer of 30 s behind, 4 MiB, and a message of its provider besides. By default Bun buffers
 * 16 MB and then drops silently.
 */
const BACKPRESSURE_BYTES = 8_388_608;
/** Bun cuts a socket without a close frame above this, so sessions have smaller limits of their own that they can name. */
const LEAST_MESSAGE_BYTES = 2_097_152;
/** A peer that answers no ping for this long is gone. Bun sends the pings by itself. */
const IDLE_SECONDS = 60;

/** What Bun keeps with a socket. */
export type SocketData = { readonly carrier: Carrier };
type Native = ServerWebSocket<SocketData>;

/** Give `websocket` to `Bun.serve`, then call `attach` with the server before it answers. */
export class BunSockets implements SocketUpgrade, Topics {
  #server: Server<SocketData> | null = null;

  readonly websocket: WebSocketHandler<SocketData> = {
    backpressureLimit: BACKPRESSURE_BYTES,
    closeOnBackpressureLimit: true,
    maxPayloadLength: LEAST_MESSAGE_BYTES,
    idleTimeout: IDLE_SECONDS,
    sendPings: true,
    // Compressing costs more than events of 200 bytes save, and 5,000 windows cost memory.
    perMessageDeflate: false,
    open: (native) => native.data.carrier.opened(native),
    message: (native, message) => native.data.carrier.received(message),
    drain: (native) => native.data.carrier.drained(),
    close: (native, code, reason) => native.data.carrier.closed({ code, reason }),
  };

  /** Before the server is made: messages of this many bytes, and twice as many, reach their handler. */
  expectMessages(bytes: number): void {
    this.websocket.maxPayloadLength = Math.max(LEAST_MESSAGE_BYTES, 2 * bytes);
  }

  attach(server: Server<SocketData>): void {
    this.#server = server;
  }

  upgrade(request: Request, handler: SocketHandler, answer: UpgradeAnswer): Response | null {
    const headers = new Headers(answer.headers);
    // Left alone, Bun answers the first one that the client offers (seen with Bun 1.4.5); an empty one it leaves away.
    headers.set("sec-websocket-protocol", answer.protocol ?? "");
    const upgraded = this.#server?.upgrade(request, { data: { carrier: new Carrier(handler) }, headers });
    // Bun has answered already and ignores this; routes need something to return.
    return upgraded ? new Response(null) : null;
  }

  publish(topic: string, frame: Frame): void {
    this.#server?.publish(topic, frame);
  }
}

/** Between Bun's socket and a handler. */
class Carrier implements Socket {
  readonly #handler: SocketHandler;
  #native: Native | null = null;

  constructor(handler: SocketHandler) {
    this.#handler = handler;
  }

  /** Bun's socket is a member of topics itself; it delivers what was published before an unsubscribe or a send. */
  get topics(): TopicMembership {
    return this.#native ?? CLOSED;
  }

  opened(native: Native): void {
    this.#native = native;
    this.#handler.opened(this);
  }

  received(message: string | Uint8Array): void {
    this.#handler.received(message);
  }

  drained(): void {
    this.#handler.drained?.();
  }

  closed(close: CloseNote): void {
    this.#native = null;
    this.#handler.closed(close);
  }

  send(frame: Frame): void {
    this.#native?.send(frame);
  }

  bufferedBytes(): number {
    return this.#native?.getBufferedAmount() ?? 0;
  }

  close(code: number, reason: string): void {
    this.#native?.close(code, reason);
  }
}

/** A closed socket is a member of nothing. */
const CLOSED: TopicMembership = { subscribe: () => {}, unsubscribe: () => {} };
