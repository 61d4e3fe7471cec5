/** One hibernating WebSocket of a shard, as the hub connection on it sees it. */

import type { WebSocket } from "@cloudflare/workers-types";
import type { Principal } from "../../../accounts/principal.ts";
import { CONGESTED_BYTES, type HubSocket } from "../../../http/streams/hub-socket.ts";
import type { Flushable, FrameBatcher } from "../../../hubs/sharding/frame-batcher.ts";
import { joinBytes } from "../../../signalr/protocols/binary-format.ts";
import { RECORD_SEPARATOR } from "../../../signalr/protocols/text-format.ts";
import type { Frame } from "../../../sockets/frame.ts";
import type { Socket } from "../../../sockets/socket-upgrade.ts";
import { isOpen } from "./room-socket.ts";

/** Kept with the socket by the platform. Everything else that is known of it is a row. */
export type SocketAttachment = {
  readonly connectionId: string;
  /** Wall clock, ms. */
  readonly heardAt: number;
};

export class ShardSocket implements Socket, Flushable {
  readonly topics = null;
  readonly hubSocket: HubSocket<Principal>;
  readonly #socket: WebSocket;
  readonly #batcher: FrameBatcher;
  readonly #onFull: (socket: ShardSocket) => void;
  /** What was sent during this batcher, and its length. */
  #gathered: Frame[] = [];
  #gatheredLength = 0;
  #heardAt: number | null = null;

  /** `onFull` is called when so much waits that whoever sends should too. */
  constructor(
    socket: WebSocket,
    hubSocket: HubSocket<Principal>,
    batcher: FrameBatcher,
    onFull: (socket: ShardSocket) => void,
  ) {
    this.#socket = socket;
    this.hubSocket = hubSocket;
    this.#batcher = batcher;
    this.#onFull = onFull;
  }

  get connectionId(): string {
    return this.hubSocket.endpoint.connectionId;
  }

  send(frame: Frame): void {
    if (isPackable(frame) && this.#batcher.collects(this)) {
      this.#gathered.push(frame);
      this.#gatheredLength += frame.length;
      return;
    }
    this.flush();
    this.#transmit(frame);
  }

  flush(): void {
    const frames = this.#gathered;
    const [first] = frames;
    if (first === undefined) return;
    this.#gathered = [];
    this.#gatheredLength = 0;
    this.#transmit(frames.length === 1 ? first : join(frames));
  }

  bufferedBytes(): number {
    return this.#unsentBytes() + this.#gatheredLength;
  }

  close(code: number, reason: string): void {
    this.flush();
    this.#socket.close(code, reason);
  }

  /** Attaches when its client was heard last. */
  remember(heardAt: number): void {
    if (heardAt === this.#heardAt) return;
    this.#heardAt = heardAt;
    const { connectionId } = this;
    this.#socket.serializeAttachment({ connectionId, heardAt } satisfies SocketAttachment);
  }

  #transmit(frame: Frame): void {
    // Sending on a socket that is closing throws.
    if (!isOpen(this.#socket)) return;
    this.#socket.send(frame);
    if (this.#unsentBytes() >= CONGESTED_BYTES) this.#onFull(this);
  }

  /** Older runtimes (workerd 2026-11-02 is one) do not tell: there a client that reads too slowly is not noticed. */
  #unsentBytes(): number {
    const { bufferedAmount } = this.#socket as { bufferedAmount?: number };
    return bufferedAmount ?? 0;
  }
}

/** What an earlier life of the shard attached to a socket. */
export function readSocketAttachment(socket: WebSocket): SocketAttachment | null {
  return socket.deserializeAttachment() as SocketAttachment | null;
}

/** A bare client takes one message in each frame, and nothing of its messages looks like the end of a record. */
function isPackable(frame: Frame): boolean {
  return typeof frame !== "string" || frame.endsWith(RECORD_SEPARATOR);
}

function join(frames: readonly Frame[]): Frame {
  return typeof frames[0] === "string" ? frames.join("") : joinBytes(frames as readonly Uint8Array[]);
}
