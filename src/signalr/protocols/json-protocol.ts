/** The `json` hub protocol: one object and a record separator for each message. */

import type { Frame } from "../../sockets/frame.ts";
import type { Chunk, HubProtocol, MessageReader, ProtocolLimits } from "./hub-protocol.ts";
import { parseJsonObject } from "./json-object.ts";
import { shapeMessage } from "./message-shape.ts";
import { type HubMessage, MessageType, PING } from "./messages.ts";
import { RECORD_SEPARATOR, TextReader } from "./text-format.ts";

const PING_TEXT = '{"type":6}';

export const jsonProtocol: HubProtocol = {
  name: "json",
  encoding: "json",
  transferFormat: "text",
  write: (message: HubMessage): Frame => writeJsonMessage(message) + RECORD_SEPARATOR,
  createReader: (limits: ProtocolLimits): MessageReader => new JsonReader(limits),
};

/** A message as JSON without framing. Throws what `JSON.stringify` throws. */
export function writeJsonMessage(message: HubMessage): string {
  if (message.type === MessageType.Ping) return PING_TEXT;
  // JSON has no undefined: an item must be there, and an answer without a value is an explicit null.
  if (message.type === MessageType.StreamItem && message.item === undefined)
    return JSON.stringify({ ...message, item: null });
  if (message.type === MessageType.Completion && "result" in message && message.result === undefined)
    return JSON.stringify({ ...message, result: null });
  return JSON.stringify(message);
}

/** Reads one message without framing; null for an unknown type. Throws `ProtocolError`. */
export function parseJsonMessage(text: string, limits: ProtocolLimits): HubMessage | null {
  if (text === PING_TEXT) return PING;
  const fields = parseJsonObject(text);
  return shapeMessage(
    {
      type: fields.type,
      headers: fields.headers,
      invocationId: fields.invocationId,
      target: fields.target,
      arguments: fields.arguments,
      streamIds: fields.streamIds,
      item: fields.item,
      hasItem: Object.hasOwn(fields, "item"),
      result: fields.result,
      hasResult: Object.hasOwn(fields, "result"),
      error: fields.error,
      allowReconnect: fields.allowReconnect,
      sequenceId: fields.sequenceId,
    },
    limits,
  );
}

class JsonReader implements MessageReader {
  readonly #limits: ProtocolLimits;
  readonly #text: TextReader;

  constructor(limits: ProtocolLimits) {
    this.#limits = limits;
    this.#text = new TextReader(limits.maxMessageBytes);
  }

  get unread(): number {
    return this.#text.unread;
  }

  get partial(): boolean {
    return this.#text.partial;
  }

  push(chunk: Chunk): void {
    this.#text.push(chunk);
  }

  next(): HubMessage | null {
    for (;;) {
      const text = this.#text.next();
      if (text === null) return null;
      const message = parseJsonMessage(text, this.#limits);
      if (message !== null) return message;
    }
  }
}
