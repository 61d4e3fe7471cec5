/**
 * What the first frames of a connection may be instead of messages: the handshake, from which its protocol is known, and
 * what is left of one where a bare client sends it.
 */

import type { Frame } from "../../sockets/frame.ts";
import { type BareOpening, bareProtocol, openFrame } from "../protocols/bare-mode.ts";
import type { Chunk, HubProtocol } from "../protocols/hub-protocol.ts";
import { jsonProtocol } from "../protocols/json-protocol.ts";
import type { HubConnectionOptions } from "./hub-connection-options.ts";
import { ProtocolDetector } from "./protocol-detector.ts";

/** A step of the opening. */
export type Opened = {
  /** To be sent before anything else. */
  readonly answer: Frame | null;
  /** What is spoken from here on, where that was found out or has changed. */
  readonly protocol: HubProtocol | null;
  /** The client is able to number messages. */
  readonly numbers: boolean;
  /** What belongs to the protocol already. */
  readonly rest: Chunk;
};

export class ConnectionOpening {
  /** While the protocol is not known. */
  #detector: ProtocolDetector | null;
  /** What the next frame of a bare client may be instead of a message. */
  #bare: BareOpening | null;

  constructor({
    bare,
    settings,
    transport,
  }: Pick<HubConnectionOptions<never>, "bare" | "settings" | "transport">) {
    this.#bare = bare ? "handshake" : null;
    this.#detector = bare ? null : new ProtocolDetector(settings, transport);
  }

  /** Whether the protocol is known. */
  get decided(): boolean {
    return this.#detector === null;
  }

  /** Whether whatever comes is a message. */
  get over(): boolean {
    return this.#detector === null && this.#bare === null;
  }

  /** The connection continues as it was before: nothing is opened. */
  skip(): void {
    this.#detector = null;
    this.#bare = null;
  }

  /** Takes what arrived; null while more must come. Throws `ProtocolError` for a bare client's frame that is no text. */
  take(chunk: Chunk): Opened | { readonly refusal: Frame } | null {
    if (this.#detector === null) return this.#takeBare(chunk);
    const detected = this.#detector.push(chunk);
    if (detected === null || "refusal" in detected) return detected;
    this.#detector = null;
    if (detected.protocol === bareProtocol && detected.answer !== null) this.#bare = "separator";
    return detected;
  }

  #takeBare(frame: Chunk): Opened {
    const opening = this.#bare;
    this.#bare = null;
    if (opening === null) return { answer: null, protocol: null, numbers: false, rest: frame };
    const { answer, rest, signalR } = openFrame(opening, frame);
    return { answer, protocol: signalR ? jsonProtocol : null, numbers: false, rest };
  }
}
