/**
 * A subscriber on a socket that outlives the object's memory. What must be known of it on waking is attached to it: how
 * it is told, and where it stands when that is not where the room stands.
 */

import type { WebSocket } from "@cloudflare/workers-types";
import { sendableCloseCode } from "../../../protocol/close-codes.ts";
import type { Encoding } from "../../../rooms/encoding.ts";
import { parsePosition, printPosition } from "../../../rooms/position.ts";
import type { Subscriber } from "../../../rooms/subscriber.ts";
import type { Frame } from "../../../sockets/frame.ts";
import type { Position } from "../../../tasks/task.ts";

/** A socket's state in which it takes frames. */
const OPEN = 1;

/** Kept with the socket by the platform; 16 kB at most. */
type Attachment = {
  readonly encoding: string;
  /** Where the subscriber stands; null: where the room stands. */
  readonly at: string | null;
};

export class RoomSocket implements Subscriber {
  readonly encoding: Encoding;
  readonly topics = null;
  readonly #onSent: () => void;
  #socket: WebSocket | null;
  /** What was said before there was a socket: it is taken once the subscriber was let in. */
  #early: Frame[] = [];
  #earlyBytes = 0;
  #earlyClose: { code: number; reason: string } | null = null;
  /** What is attached; undefined before the subscriber's position was known. */
  #at: string | null | undefined;

  /** `socket` null: `attach` brings it. `onSent` is called with every frame. */
  constructor(socket: WebSocket | null, encoding: Encoding, onSent: () => void) {
    this.#socket = socket;
    this.encoding = encoding;
    this.#onSent = onSent;
  }

  attach(socket: WebSocket): void {
    this.#socket = socket;
    const early = this.#early;
    this.#early = [];
    this.#earlyBytes = 0;
    for (const frame of early) this.send(frame);
    if (this.#earlyClose !== null) socket.close(this.#earlyClose.code, this.#earlyClose.reason);
  }

  send(frame: Frame): void {
    if (this.#socket === null) {
      this.#early.push(frame);
      this.#earlyBytes += frame.length;
    } else if (isOpen(this.#socket)) {
      this.#socket.send(frame);
      this.#onSent();
    }
  }

  bufferedBytes(): number {
    if (this.#socket === null) return this.#earlyBytes;
    // Runtimes of before November 2026, such as a developer's, do not tell.
    return this.#socket.bufferedAmount ?? 0;
  }

  close(code: number, reason: string): void {
    if (this.#socket === null) this.#earlyClose = { code, reason };
    else this.#socket.close(code, reason);
  }

  /** Attaches where the subscriber stands, unless that is known already. */
  remember(stands: Position, room: Position): void {
    const at = stands.seq === room.seq && stands.epoch === room.epoch ? null : printPosition(stands);
    if (at === this.#at || this.#socket === null) return;
    this.#at = at;
    this.#socket.serializeAttachment({ encoding: this.encoding.name, at } satisfies Attachment);
  }
}

/** What an earlier life attached to a socket. `at` null: it stands where the room stood. Null when nothing was. */
export function recall(socket: WebSocket): { encoding: string; at: Position | null } | null {
  const attachment = socket.deserializeAttachment() as Attachment | null;
  if (attachment === null) return null;
  const { encoding, at } = attachment;
  return { encoding, at: at === null ? null : parsePosition(at, "at") };
}

export function isOpen(socket: WebSocket): boolean {
  return socket.readyState === OPEN;
}

/** Answers the other side's close: the platform leaves that to the object. */
export function answerClose(socket: WebSocket, code: number, reason: string): void {
  socket.close(sendableCloseCode(code), reason);
}
