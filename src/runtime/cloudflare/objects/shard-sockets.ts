/** The hibernating WebSockets of a shard. */

import type { DurableObjectState, WebSocket } from "@cloudflare/workers-types";
import type { Principal } from "../../../accounts/principal.ts";
import type { FrameBatcher } from "../../../hubs/sharding/frame-batcher.ts";
import type { HibernatingSockets, SurvivingSocket } from "../../../hubs/sharding/hibernated-connections.ts";
import type { HubEndpoint } from "../../../signalr/transports/endpoint.ts";
import { CONGESTED_BYTES, HubSocket } from "../../../signalr/transports/hub-socket.ts";
import type { SocketHandler, SocketUpgrade, UpgradeAnswer } from "../../../sockets/socket-upgrade.ts";
import type { Clock, TimerHandle } from "../../../tasks/ports/clock.ts";
import { socketAnswer } from "../socket-answer.ts";
import { isOpen } from "./room-socket.ts";
import { readSocketAttachment, ShardSocket } from "./shard-socket.ts";

/**
 * SignalR's ping in JSON, and its answer: the platform sends it without waking the shard (`setWebSocketAutoResponse`).
 */
const PING = '{"type":6}\x1e';
/**
 * There is no event for a full socket that has room again (workers-types 5.20261117): they are polled this often, ms.
 */
const DRAIN_MS = 50;

export class ShardSockets implements SocketUpgrade, HibernatingSockets {
  readonly #state: DurableObjectState;
  readonly #batcher: FrameBatcher;
  readonly #clock: Pick<Clock, "after">;
  readonly #byNative = new Map<WebSocket, ShardSocket>();
  readonly #byConnection = new Map<string, ShardSocket>();
  readonly #full = new Set<ShardSocket>();
  #drainTimer: TimerHandle | null = null;

  constructor(state: DurableObjectState, batcher: FrameBatcher, clock: Pick<Clock, "after">) {
    this.#state = state;
    this.#batcher = batcher;
    this.#clock = clock;
    state.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PING));
  }

  upgrade(_request: Request, handler: SocketHandler, { headers }: UpgradeAnswer): Response {
    if (!(handler instanceof HubSocket)) throw new TypeError("A shard holds nothing but hub connections");
    const { 0: client, 1: native } = new WebSocketPair();
    this.#state.acceptWebSocket(native);
    handler.opened(this.#add(native, handler));
    return socketAnswer(client, headers);
  }

  *survivors(): Iterable<SurvivingSocket> {
    for (const native of this.#state.getWebSockets().filter(isOpen)) {
      yield {
        attachment: readSocketAttachment(native),
        restore: (hubSocket, saved) => {
          const socket = this.#add(native, hubSocket);
          socket.attachHeardAt(saved.heardAt);
          return hubSocket.restored(socket, saved);
        },
        close: (code, reason) => native.close(code, reason),
      };
    }
  }

  of(connectionId: string): ShardSocket | null {
    return this.#byConnection.get(connectionId) ?? null;
  }

  /** Returns the endpoint it came for; null for an unknown socket. */
  received(native: WebSocket, message: string | ArrayBuffer): HubEndpoint<Principal> | null {
    const socket = this.#byNative.get(native);
    socket?.hubSocket.received(typeof message === "string" ? message : new Uint8Array(message));
    return socket?.hubSocket.endpoint ?? null;
  }

  closed(native: WebSocket): void {
    const socket = this.#byNative.get(native);
    if (socket === undefined) return;
    this.#byNative.delete(native);
    this.#full.delete(socket);
    if (this.#byConnection.get(socket.connectionId) === socket)
      this.#byConnection.delete(socket.connectionId);
    socket.hubSocket.closed();
  }

  #add(native: WebSocket, hubSocket: HubSocket<Principal>): ShardSocket {
    const socket = new ShardSocket(
      native,
      hubSocket,
      this.#batcher,
      (of) => this.#state.getWebSocketAutoResponseTimestamp(of)?.getTime() ?? null,
      (full) => this.#watch(full),
    );
    this.#byNative.set(native, socket);
    this.#byConnection.set(socket.connectionId, socket);
    return socket;
  }

  #watch(socket: ShardSocket): void {
    this.#full.add(socket);
    this.#drainTimer ??= this.#clock.after(DRAIN_MS, () => this.#drain());
  }

  #drain(): void {
    this.#drainTimer = null;
    for (const socket of [...this.#full]) {
      if (socket.bufferedBytes() < CONGESTED_BYTES) this.#full.delete(socket);
      socket.hubSocket.drained();
    }
    if (this.#full.size > 0) this.#drainTimer = this.#clock.after(DRAIN_MS, () => this.#drain());
  }
}
