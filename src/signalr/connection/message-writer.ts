/** Writes a connection's messages: encoded, numbered where that was agreed, and handed to the current transport. */

import type { Frame, TopicMembership } from "../../sockets/frame.ts";
import type { HubProtocol } from "../protocols/hub-protocol.ts";
import { type HubMessage, isNumbered } from "../protocols/messages.ts";
import type { TransportOutput } from "./hub-connection-options.ts";
import type { Line } from "./liveness.ts";
import type { StatefulReconnect } from "./stateful-reconnect.ts";

export class MessageWriter implements Line {
  protocol: HubProtocol;
  /** With stateful reconnect: counts and buffers the messages. */
  numbers: StatefulReconnect | null = null;
  #output: TransportOutput | null;
  #full = false;

  constructor(protocol: HubProtocol, output: TransportOutput) {
    this.protocol = protocol;
    this.#output = output;
  }

  /** Whether there is a transport. */
  get connected(): boolean {
    return this.#output !== null;
  }

  /** Whether a message written now would wait. */
  get congested(): boolean {
    return this.#full || this.#output === null || this.numbers?.outgoing.waiting === true;
  }

  /** Whether a message written now waits until the client comes back: for its next poll, or its reconnect. */
  get waiting(): boolean {
    return this.#output === null || this.#output.waiting || this.numbers?.outgoing.waiting === true;
  }

  get topics(): TopicMembership | null {
    return this.#output?.topics ?? null;
  }

  pingAnsweredAt(): number | null {
    return this.#output?.pingAnsweredAt?.() ?? null;
  }

  sentAt(): number | null {
    return this.#output?.sentAt?.() ?? null;
  }

  /** Bytes written and not yet handed to the network. */
  bufferedBytes(): number {
    return (this.#output?.bufferedBytes() ?? 0) + (this.numbers?.outgoing.waitingBytes ?? 0);
  }

  /** Throws what the protocol throws for a value without wire form. False when too much waits. */
  write(message: HubMessage): boolean {
    return this.deliver(this.protocol.write(message), isNumbered(message));
  }

  /** Writes a message that was encoded before. False when too much waits: the client reads too slowly. */
  deliver(frame: Frame, numbered: boolean): boolean {
    if (this.numbers === null || !numbered) {
      this.transmit(frame);
      return true;
    }
    if (this.numbers.outgoing.add(frame)) this.transmit(frame);
    return !this.numbers.outgoing.overflowing;
  }

  /** Hands a frame to the transport as it is; without one it is lost. */
  transmit(frame: Frame): void {
    if (this.#output !== null && !this.#output.send(frame)) this.#full = true;
  }

  /** The client has processed everything up to this number. */
  acknowledged(sequenceId: number): void {
    for (const frame of this.numbers?.outgoing.acknowledge(sequenceId) ?? []) this.transmit(frame);
  }

  /** The transport has room again. */
  drained(): void {
    this.#full = false;
  }

  /** The transport has ended by itself. */
  lose(): void {
    this.#output = null;
  }

  /** Ends the transport behind a last frame. */
  close(code: number, reason: string, last: Frame | null): void {
    this.#output?.close(code, reason, last);
    this.#output = null;
  }

  /** Continues over another transport, with everything the client has not acknowledged. */
  resume(output: TransportOutput): void {
    this.#output = output;
    this.#full = false;
    if (this.numbers === null) return;
    const { sequence, frames } = this.numbers.restart();
    this.transmit(this.protocol.write(sequence));
    for (const frame of frames) this.transmit(frame);
  }
}
