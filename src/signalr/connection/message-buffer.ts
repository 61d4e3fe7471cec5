/**
 * Stateful reconnect's buffer of sent messages: everything the client has not acknowledged, within a bound. Messages
 * are numbered from 1 by counting; the number is not on the wire (`HubProtocol.md` of dotnet/aspnetcore).
 */

import type { Frame } from "../../sockets/frame.ts";
import { utf8Length } from "../protocols/text-format.ts";

type Kept = { frame: Frame; bytes: number };

export class MessageBuffer {
  readonly #windowBytes: number;
  /** Unacknowledged messages, oldest first; those after `#sent` wait for the window to open. */
  #kept: Kept[] = [];
  #sent = 0;
  #sentBytes = 0;
  #waitingBytes = 0;
  /** Number of the first kept message. */
  #first = 1;

  /** `windowBytes`: how much may be on its way unacknowledged before messages wait. */
  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes;
  }

  /** Whether messages wait for an acknowledgement. */
  get waiting(): boolean {
    return this.#sent < this.#kept.length;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Whether more waits than may be on its way unacknowledged: the client reads too slowly or not at all. */
  get overflowing(): boolean {
    return this.#waitingBytes > this.#windowBytes;
  }

  /** Keeps a message; true when it may be sent now. One message always may, whatever its size. */
  add(frame: Frame): boolean {
    const bytes = typeof frame === "string" ? utf8Length(frame) : frame.length;
    this.#kept.push({ frame, bytes });
    if (!this.#mustWait()) {
      this.#sent++;
      this.#sentBytes += bytes;
      return true;
    }
    this.#waitingBytes += bytes;
    return false;
  }

  /** Forgets everything up to `number`; gives what may be sent now. Numbers never sent are taken as the last sent. */
  acknowledge(number: number): Frame[] {
    const count = Math.min(Math.max(number - this.#first + 1, 0), this.#sent);
    for (const { bytes } of this.#kept.splice(0, count)) this.#sentBytes -= bytes;
    this.#first += count;
    this.#sent -= count;
    const frames: Frame[] = [];
    while (this.#sent < this.#kept.length && (this.#sent === 0 || this.#sentBytes < this.#windowBytes)) {
      const { frame, bytes } = this.#kept[this.#sent]!;
      this.#sent++;
      this.#sentBytes += bytes;
      this.#waitingBytes -= bytes;
      frames.push(frame);
    }
    return frames;
  }

  /** After a reconnect: the number of the first message sent again (or of the next one), and those messages. */
  replay(): { sequenceId: number; frames: Frame[] } {
    return { sequenceId: this.#first, frames: this.#kept.slice(0, this.#sent).map(({ frame }) => frame) };
  }

  /** Whether a message added last is not to be sent yet. */
  #mustWait(): boolean {
    const behind = this.#kept.length - 1;
    return behind > 0 && (this.#sent < behind || this.#sentBytes >= this.#windowBytes);
  }
}
