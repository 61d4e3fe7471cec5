/** What a session says: encoded, numbered where that was agreed, and handed to whichever transport there is. */

import type { Frame, TopicMembership } from "../../sockets/frame.ts";
import type { HubProtocol } from "../protocols/hub-protocol.ts";
import { type HubMessage, isNumbered } from "../protocols/messages.ts";
import type { Outlet } from "./settings.ts";
import type { StatefulReconnect } from "./stateful-reconnect.ts";

export class Voice {
  protocol: HubProtocol;
  /** With stateful reconnect: counts and keeps what is said. */
  numbers: StatefulReconnect | null = null;
  #outlet: Outlet | null;
  #full = false;

  constructor(protocol: HubProtocol, outlet: Outlet) {
    this.protocol = protocol;
    this.#outlet = outlet;
  }

  /** Whether there is a transport. */
  get connected(): boolean {
    return this.#outlet !== null;
  }

  /** Whether what is said now would wait. */
  get congested(): boolean {
    return this.#full || this.#outlet === null || this.numbers?.outgoing.waiting === true;
  }

  /** Whether what is said now has to wait until the client comes back. */
  get waiting(): boolean {
    return this.#outlet === null || this.#outlet.waiting || this.numbers?.outgoing.waiting === true;
  }

  get topics(): TopicMembership | null {
    return this.#outlet?.topics ?? null;
  }

  /** Bytes said and not yet handed to the network. */
  bufferedBytes(): number {
    return (this.#outlet?.bufferedBytes() ?? 0) + (this.numbers?.outgoing.waitingBytes ?? 0);
  }

  /** Throws what the protocol throws for a value without wire form. False when too much waits. */
  say(message: HubMessage): boolean {
    return this.deliver(this.protocol.write(message), isNumbered(message));
  }

  /** Says a message that was encoded before. False when too much waits: the client reads too slowly. */
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
    if (this.#outlet !== null && !this.#outlet.send(frame)) this.#full = true;
  }

  /** The client has processed everything up to this number. */
  acknowledged(sequenceId: number): void {
    for (const frame of this.numbers?.outgoing.acknowledge(sequenceId) ?? []) this.transmit(frame);
  }

  /** The transport has room again. */
  drained(): void {
    this.#full = false;
  }

  /** The transport is gone by itself. */
  lose(): void {
    this.#outlet = null;
  }

  /** Ends the transport. */
  close(code: number, reason: string): void {
    this.#outlet?.close(code, reason);
    this.#outlet = null;
  }

  /** Goes on over another transport, with everything the client has not acknowledged. */
  resume(outlet: Outlet): void {
    this.#outlet = outlet;
    this.#full = false;
    if (this.numbers === null) return;
    const { sequence, frames } = this.numbers.restart();
    this.transmit(this.protocol.write(sequence));
    for (const frame of frames) this.transmit(frame);
  }
}
