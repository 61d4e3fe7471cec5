/** A WebSocket that carries a hub connection: the client's own, or a proxy's that prints it as an event stream. */

import { CLOSE_POLICY, CLOSE_TRY_AGAIN } from "../../protocol/close-codes.ts";
import type { Frame, TopicMembership } from "../../sockets/frame.ts";
import type { Socket, SocketHandler } from "../../sockets/socket-upgrade.ts";
import { HubConnectionContext } from "../connection/hub-connection-context.ts";
import type { SavedHubConnection, TransportOutput } from "../connection/hub-connection-options.ts";
import type { HubEndpoint, StreamTransport } from "./endpoint.ts";
import { endInTurns, type TurnTimer } from "./stream-end.ts";

/** Unsent bytes from which streams pause; half the size at which rooms take a socket out of the broadcast. */
export const CONGESTED_BYTES = 32_768;
/** A client with this much unsent counts as not reading. Below Bun's `backpressureLimit`, where frames are dropped. */
const OVERFLOW_BYTES = 786_432;

export type HubSocketClock = TurnTimer & { monotonic(): number };

export class HubSocket<P> implements SocketHandler, TransportOutput {
  readonly waiting = false;
  readonly endpoint: HubEndpoint<P>;
  /** The transport as its client negotiated it. */
  readonly transport: StreamTransport;
  readonly #clock: HubSocketClock;
  #socket: Socket | null = null;
  /** Null once the connection no longer uses this socket, having ended or moved to another one. */
  #connection: HubConnectionContext<P> | null = null;
  #sentAt: number | null = null;

  constructor(endpoint: HubEndpoint<P>, transport: StreamTransport, clock: HubSocketClock) {
    this.endpoint = endpoint;
    this.transport = transport;
    this.#clock = clock;
  }

  get topics(): TopicMembership | null {
    return this.#socket?.topics ?? null;
  }

  opened(socket: Socket): void {
    this.#socket = socket;
    const opened = this.endpoint.open(this.transport, this, this.#clock.monotonic());
    if (opened instanceof HubConnectionContext) this.#connection = opened;
    else socket.close(CLOSE_POLICY, opened.body);
  }

  /** Instead of `opened`, for a socket that has outlived hibernation. Returns the connection that continues over it. */
  restored(socket: Socket, saved: SavedHubConnection): HubConnectionContext<P> {
    this.#socket = socket;
    this.#connection = this.endpoint.restore(this.transport, this, saved, this.#clock.monotonic());
    return this.#connection;
  }

  received(message: string | Uint8Array): void {
    this.#connection?.receive(message, this.#clock.monotonic());
  }

  drained(): void {
    if (this.bufferedBytes() < CONGESTED_BYTES) this.#connection?.drained();
  }

  closed(): void {
    this.#socket = null;
    const connection = this.#connection;
    this.#connection = null;
    connection?.transportEnded(this.#clock.monotonic());
    if (this.transport === "ServerSentEvents") this.endpoint.streamOver();
  }

  send(frame: Frame): boolean {
    this.#sentAt = this.#clock.monotonic();
    this.#socket?.send(frame);
    const buffered = this.bufferedBytes();
    // Not at once: the connection may be in the middle of writing.
    if (buffered > OVERFLOW_BYTES) queueMicrotask(() => this.#overflow());
    return buffered < CONGESTED_BYTES;
  }

  sentAt(): number | null {
    return this.#sentAt;
  }

  pingAnsweredAt(): number | null {
    return this.#socket?.pingAnsweredAt?.() ?? null;
  }

  bufferedBytes(): number {
    return this.#socket?.bufferedBytes() ?? 0;
  }

  close(code: number, reason: string, last: Frame | null): void {
    this.#connection = null;
    const send = last === null ? null : () => this.#socket?.send(last);
    const end = () => this.#socket?.close(code, reason);
    if (this.transport === "ServerSentEvents") {
      endInTurns(send, end, this.#clock);
      return;
    }
    send?.();
    end();
  }

  #overflow(): void {
    if (this.#connection === null) return;
    const reason = "messages were read too slowly; reconnect";
    this.#connection.close({ error: reason, allowReconnect: true, code: CLOSE_TRY_AGAIN, reason });
  }
}
