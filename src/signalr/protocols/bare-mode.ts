/**
 * Clients without a SignalR library: one JSON message for each text frame, no record separator, no handshake
 * needed. Such clients often answer every ping; if the server did the same, the two would ping for ever.
 */

import type { Frame } from "../../sockets/frame.ts";
import { parseHandshakeRequest, writeHandshakeResponse } from "./handshake.ts";
import type { Chunk, HubProtocol, MessageReader, ProtocolLimits } from "./hub-protocol.ts";
import { ProtocolError } from "./hub-protocol.ts";
import { parseJsonMessage, writeJsonMessage } from "./json-protocol.ts";
import type { HubMessage } from "./messages.ts";
import { exceedsBytes, messageTooLarge, RECORD_SEPARATOR } from "./text-format.ts";

/** JSON messages whose frame is the WebSocket frame. */
export const bareProtocol: HubProtocol = {
  name: "json",
  encoding: "bare",
  transferFormat: "text",
  write: (message: HubMessage) => writeJsonMessage(message),
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

/**
 * What may come first of a bare client, once: a handshake where negotiation made it bare, or the separator of the
 * handshake it has sent, which shows that it is no bare client.
 */
export type BareOpening = "handshake" | "separator";

export type OpenedFrame = {
  /** To be sent at once. */
  answer: Frame | null;
  /** What is left for the reader. */
  rest: Chunk;
  /** Frames are SignalR's from here on. */
  signalR: boolean;
};

/** Looks at the frame in which an opening may be. Throws `ProtocolError` when it is not text. */
export function openFrame(opening: BareOpening, frame: Chunk): OpenedFrame {
  const text = frameText(frame);
  const end = text.indexOf(RECORD_SEPARATOR);
  const rest = end < 0 ? "" : text.slice(end + 1);
  if (opening === "separator" && end === 0) return { answer: RECORD_SEPARATOR, rest, signalR: true };
  if (opening === "handshake" && isHandshake(end < 0 ? text : text.slice(0, end)))
    return { answer: writeHandshakeResponse(), rest, signalR: false };
  return { answer: null, rest: text, signalR: false };
}

function isHandshake(text: string): boolean {
  try {
    return parseHandshakeRequest(text).protocol === bareProtocol.name;
  } catch {
    return false;
  }
}

/** A frame's text; bytes must be UTF-8 in themselves. Throws `ProtocolError`. */
function frameText(chunk: Chunk): string {
  if (typeof chunk === "string") return chunk;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(chunk);
  } catch {
    throw new ProtocolError("The message is not valid UTF-8.");
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
      if (exceedsBytes(text, this.#limits.maxMessageBytes))
        throw messageTooLarge(this.#limits.maxMessageBytes);
      const message = parseJsonMessage(text, this.#limits);
      if (message !== null) return message;
    }
  }
}
