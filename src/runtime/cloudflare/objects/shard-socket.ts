/** One hibernating WebSocket of a shard, as the hub connection on it sees it. */

import type { WebSocket } from "@cloudflare/workers-types";
import type { Principal } from "../../../accounts/principal.ts";
import type { Flushable, FrameBatcher } from "../../../hubs/sharding/frame-batcher.ts";
import type { SocketAttachment } from "../../../hubs/sharding/hibernated-connections.ts";
import { joinBytes } from "../../../signalr/protocols/binary-format.ts";
import { RECORD_SEPARATOR } from "../../../signalr/protocols/text-format.ts";
import { CONGESTED_BYTES, type HubSocket } from "../../../signalr/transports/hub-socket.ts";
import type { Frame } from "../../../sockets/frame.ts";
import type { Socket } from "../../../sockets/socket-upgrade.ts";
import { isOpen } from "./room-socket.ts";

export class ShardSocket implements Socket, Flushable {
  readonly topics = null;
  readonly hubSocket: HubSocket<Principal>;
  readonly #socket: WebSocket;
  readonly #batcher: FrameBatcher;
  readonly #answeredAt: (socket: WebSocket) => number | null;
  readonly #onFull: (socket: ShardSocket) => void;
  /** Frames that were sent during this batch of the batcher and wait for `flush`, and their length. */
  #batch: Frame[] = [];
  #batchLength = 0;
  #heardAt: number | null = null;

  /**
   * `answeredAt` asks the platform when it last answered a ping by itself. `onFull` is called when so much is unsent that
   * streams should pause.
   */
  constructor(
    socket: WebSocket,
    hubSocket: HubSocket<Principal>,
    batcher: FrameBatcher,
    answeredAt: (socket: WebSocket) => number | null,
    onFull: (socket: ShardSocket) => void,
  ) {
    this.#socket = socket;
    this.hubSocket = hubSocket;
    this.#batcher = batcher;
    this.#answeredAt = answeredAt;
    this.#onFull = onFull;
  }

  get connectionId(): string {
    return this.hubSocket.endpoint.connectionId;
  }

  send(frame: Frame): void {
    if (isPackable(frame) && this.#batcher.collects(this)) {
      this.#batch.push(frame);
      this.#batchLength += frame.length;
      return;
    }
    this.flush();
    this.#transmit(frame);
  }

  flush(): void {
    const frames = this.#batch;
    const [first] = frames;
    if (first === undefined) return;
    this.#batch = [];
    this.#batchLength = 0;
    this.#transmit(frames.length === 1 ? first : join(frames));
  }

  bufferedBytes(): number {
    return this.#unsentBytes() + this.#batchLength;
  }

  pingAnsweredAt(): number | null {
    return this.#answeredAt(this.#socket);
  }

  close(code: number, reason: string): void {
    this.flush();
    this.#socket.close(code, reason);
  }

  /** Attaches when the client was last heard. */
  attachHeardAt(heardAt: number): void {
    if (heardAt === this.#heardAt) return;
    this.#heardAt = heardAt;
    const { connectionId } = this;
    this.#socket.serializeAttachment({ connectionId, heardAt } satisfies SocketAttachment);
  }

  #transmit(frame: Frame): void {
    // `send` throws on a socket that is closing (seen with workerd of wrangler 4.156).
    if (!isOpen(this.#socket)) return;
    this.#socket.send(frame);
    if (this.#unsentBytes() >= CONGESTED_BYTES) this.#onFull(this);
  }

  /** Older runtimes (workerd 2026-11-02 is one) have no `bufferedAmount`: there a slow client is not noticed. */
  #unsentBytes(): number {
    const { bufferedAmount } = this.#socket as { bufferedAmount?: number };
    return bufferedAmount ?? 0;
  }
}

/** What was attached to a socket before the hibernation. */
export function readSocketAttachment(socket: WebSocket): SocketAttachment | null {
  return socket.deserializeAttachment() as SocketAttachment | null;
}

/** A bare client takes one message per frame; its messages do not end with the record separator. */
function isPackable(frame: Frame): boolean {
  return typeof frame !== "string" || frame.endsWith(RECORD_SEPARATOR);
}

function join(frames: readonly Frame[]): Frame {
  return typeof frames[0] === "string" ? frames.join("") : joinBytes(frames as readonly Uint8Array[]);
}
