/**
 * A subscriber on a hibernating WebSocket. What is needed to restore it is attached to the socket: its encoding, and
 * its position where that is not the room's.
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

/** Stored with the socket by the platform; 16 kB at most (Cloudflare docs, "WebSockets": `serializeAttachment`). */
type Attachment = {
  readonly encoding: string;
  /** The subscriber's position; null: the room's. */
  readonly at: string | null;
};

export class RoomSocket implements Subscriber {
  readonly encoding: Encoding;
  readonly topics = null;
  readonly #onSent: () => void;
  #socket: WebSocket | null;
  /** Frames sent before there was a socket, which is accepted once the store has admitted the subscriber. */
  #early: Frame[] = [];
  #earlyBytes = 0;
  #earlyClose: { code: number; reason: string } | null = null;
  /** What is attached; undefined while the subscriber's position is not known. */
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
    // Runtimes of before November 2026 (workerd 2026-11-02 is one) have no `bufferedAmount`.
    return this.#socket.bufferedAmount ?? 0;
  }

  close(code: number, reason: string): void {
    if (this.#socket === null) this.#earlyClose = { code, reason };
    else this.#socket.close(code, reason);
  }

  /** Attaches the subscriber's position, unless it has not changed. */
  attachPosition(own: Position, room: Position): void {
    const at = own.seq === room.seq && own.epoch === room.epoch ? null : printPosition(own);
    if (at === this.#at || this.#socket === null) return;
    this.#at = at;
    this.#socket.serializeAttachment({ encoding: this.encoding.name, at } satisfies Attachment);
  }
}

/** What was attached to a socket before the hibernation; null when nothing was. `at` null: the room's position. */
export function readRoomAttachment(socket: WebSocket): { encoding: string; at: Position | null } | null {
  const attachment = socket.deserializeAttachment() as Attachment | null;
  if (attachment === null) return null;
  const { encoding, at } = attachment;
  return { encoding, at: at === null ? null : parsePosition(at, "at") };
}

export function isOpen(socket: WebSocket): boolean {
  return socket.readyState === OPEN;
}

/**
 * Answers the other side's Close frame: the platform does not for a hibernating socket (seen with workerd of wrangler
 * 4.156).
 */
export function answerClose(socket: WebSocket, code: number, reason: string): void {
  socket.close(sendableCloseCode(code), reason);
}
