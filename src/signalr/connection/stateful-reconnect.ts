/**
 * The message numbers of stateful reconnect. Each side counts the messages it sends, buffers them until acknowledged
 * and, on a new transport, first sends the number of the message it begins with. The receiver skips what it has
 * processed.
 */

import type { Frame } from "../../sockets/frame.ts";
import { ProtocolError } from "../protocols/hub-protocol.ts";
import { type Ack, type HubMessage, isNumbered, MessageType, type Sequence } from "../protocols/messages.ts";
import { MessageBuffer } from "./message-buffer.ts";

/** Between acknowledgements, ms: as Microsoft's JavaScript client (10.0.11) sends them. */
const ACK_MS = 1_000;

export class StatefulReconnect {
  /** Messages on their way to the peer. */
  readonly outgoing: MessageBuffer;
  /** Number of the message read last, and of the last processed. They differ while messages are repeated. */
  #received = 0;
  #processed = 0;
  #acknowledged = 0;
  #ackDue = Number.POSITIVE_INFINITY;
  #awaitsSequence = false;

  constructor(replayBytes: number) {
    this.outgoing = new MessageBuffer(replayBytes);
  }

  /** When `takeAck` returns an acknowledgement. */
  get ackDue(): number {
    return this.#ackDue;
  }

  /** Whether a message is to be skipped: repeated, or sent before the peer's Sequence message. */
  skips(message: HubMessage): boolean {
    if (this.#awaitsSequence)
      return message.type !== MessageType.Sequence && message.type !== MessageType.Close;
    if (!isNumbered(message) || this.#received >= this.#processed) return false;
    this.#received++;
    return true;
  }

  /** Counts a message that was processed. */
  count(message: HubMessage, now: number): void {
    if (!isNumbered(message)) return;
    this.#processed = ++this.#received;
    if (this.#ackDue === Number.POSITIVE_INFINITY) this.#ackDue = now + ACK_MS;
  }

  /** The acknowledgement that is due, or null. */
  takeAck(now: number): Ack | null {
    if (now < this.#ackDue || this.#processed === this.#acknowledged) return null;
    this.#ackDue = Number.POSITIVE_INFINITY;
    this.#acknowledged = this.#processed;
    return { type: MessageType.Ack, sequenceId: this.#processed };
  }

  /** Takes the peer's Sequence message. Throws `ProtocolError` when messages are missing before that. */
  resequence(sequenceId: number): void {
    if (sequenceId > this.#processed + 1)
      throw new ProtocolError("Sequence ID greater than amount of messages we've received.");
    this.#awaitsSequence = false;
    this.#received = Math.max(sequenceId - 1, 0);
  }

  /** A new transport: what to send on it first. What was read and not processed will be sent again. */
  restart(): { sequence: Sequence; frames: Frame[] } {
    this.#awaitsSequence = true;
    const { sequenceId, frames } = this.outgoing.replay();
    return { sequence: { type: MessageType.Sequence, sequenceId }, frames };
  }
}
