/**
 * Clients without a SignalR library: one JSON message for each text frame, no record separator, no handshake
 * needed. Such clients often answer every ping, so a server that did the same would never fall silent.
 */

import { parseHandshakeRequest } from "./handshake.ts";
import type { Chunk, HubProtocol, MessageReader, ProtocolLimits } from "./hub-protocol.ts";
import { ProtocolError } from "./hub-protocol.ts";
import { readJson, writeJson } from "./json-protocol.ts";
import type { HubMessage } from "./messages.ts";
import { exceedsBytes, RECORD_SEPARATOR, tooLarge } from "./text-format.ts";

/** JSON messages whose frame is the WebSocket frame. */
export const bareProtocol: HubProtocol = {
  name: "json",
  encoding: "bare",
  transferFormat: "text",
  write: (message: HubMessage) => writeJson(message),
  createReader: (limits: ProtocolLimits): MessageReader => new BareReader(limits),
};

/** What an unterminated first frame is: a whole handshake, a whole message, or the beginning of either. */
export type FirstFrame = "handshake" | "message" | "partial";

/** Tells a bare client by its first frame. A record separator in it makes it SignalR's business: `partial`. */
export function classifyFirstFrame(frame: Chunk): FirstFrame {
  let text: string;
  let value: unknown;
  try {
    text = frameText(frame);
    value = JSON.parse(text);
  } catch {
    return "partial";
  }
  if (typeof value !== "object" || value === null) return "partial";
  if ("type" in value && typeof value.type === "number") return "message";
  return isHandshake(text) ? "handshake" : "partial";
}

/** Whether a frame of a bare client is a handshake, which it may send for politeness' sake. */
export function isHandshake(text: string): boolean {
  try {
    return parseHandshakeRequest(text).protocol === bareProtocol.name;
  } catch {
    return false;
  }
}

class BareReader implements MessageReader {
  readonly #limits: ProtocolLimits;
  #frames: string[] = [];
  #unread = 0;

  constructor(limits: ProtocolLimits) {
    this.#limits = limits;
  }

  get unread(): number {
    return this.#unread;
  }

  /** A frame is a message: nothing is ever half there. */
  get partial(): boolean {
    return false;
  }

  /** A frame that does contain record separators is taken as several. */
  push(chunk: Chunk): void {
    for (const text of frameText(chunk).split(RECORD_SEPARATOR)) {
      if (text.trim() === "") continue;
      this.#frames.push(text);
      this.#unread += text.length;
    }
  }

  next(): HubMessage | null {
    for (;;) {
      const text = this.#frames.shift();
      if (text === undefined) return null;
      this.#unread -= text.length;
      if (exceedsBytes(text, this.#limits.maxMessageBytes)) throw tooLarge(this.#limits.maxMessageBytes);
      const message = readJson(text, this.#limits);
      if (message !== null) return message;
    }
  }
}

/** A frame's text; bytes must be UTF-8 in themselves. Throws `ProtocolError`. */
export function frameText(chunk: Chunk): string {
  if (typeof chunk === "string") return chunk;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(chunk);
  } catch {
    throw new ProtocolError("The message is not valid UTF-8.");
  }
}
