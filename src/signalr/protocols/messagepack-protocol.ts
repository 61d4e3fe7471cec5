/** The `messagepack` hub protocol: a length and an array for each message. */

import type { Frame } from "../../sockets/frame.ts";
import { BinaryReader, prefixLength } from "./binary-format.ts";
import type { Chunk, HubProtocol, MessageReader, ProtocolLimits } from "./hub-protocol.ts";
import { ProtocolError } from "./hub-protocol.ts";
import { type MessageFields, shapeMessage } from "./message-shape.ts";
import { decodeMessagePack, encodeMessagePack } from "./messagepack.ts";
import { type HubMessage, MessageType } from "./messages.ts";

/** What a completion's fourth element says about its fifth. */
const ResultKind = { Error: 1, Void: 2, Value: 3 } as const;
/** Arrays around an argument: the message and its argument list. */
const OUTER_LEVELS = 2;
const NO_HEADERS = Object.freeze({});

const encoder = new TextEncoder();

export const messagePackProtocol: HubProtocol = {
  name: "messagepack",
  encoding: "messagepack",
  transferFormat: "binary",
  write: (message: HubMessage): Frame => prefixLength(encodeMessagePack(toArray(message))),
  createReader: (limits: ProtocolLimits): MessageReader => new MessagePackReader(limits),
};

function toArray(message: HubMessage): unknown[] {
  switch (message.type) {
    case MessageType.Invocation:
    case MessageType.StreamInvocation: {
      const { type, invocationId, target, streamIds } = message;
      // All six, as ASP.NET sends them: Python's signalrcore (1.0.2) drops a shorter one.
      return [type, NO_HEADERS, invocationId ?? null, target, message.arguments, streamIds ?? []];
    }
    case MessageType.StreamItem:
      return [message.type, NO_HEADERS, message.invocationId, message.item];
    case MessageType.Completion: {
      const head = [message.type, NO_HEADERS, message.invocationId];
      if (message.error !== undefined) return [...head, ResultKind.Error, message.error];
      return "result" in message ? [...head, ResultKind.Value, message.result] : [...head, ResultKind.Void];
    }
    case MessageType.CancelInvocation:
      return [message.type, NO_HEADERS, message.invocationId];
    case MessageType.Ping:
      return [message.type];
    case MessageType.Close:
      return message.allowReconnect === true
        ? [message.type, message.error ?? null, true]
        : [message.type, message.error ?? null];
    case MessageType.Ack:
    case MessageType.Sequence:
      return [message.type, message.sequenceId];
  }
}

class MessagePackReader implements MessageReader {
  readonly #limits: ProtocolLimits;
  readonly #bodies: BinaryReader;

  constructor(limits: ProtocolLimits) {
    this.#limits = limits;
    this.#bodies = new BinaryReader(limits.maxMessageBytes);
  }

  get unread(): number {
    return this.#bodies.unread;
  }

  get partial(): boolean {
    return this.#bodies.partial;
  }

  push(chunk: Chunk): void {
    this.#bodies.push(typeof chunk === "string" ? encoder.encode(chunk) : chunk);
  }

  next(): HubMessage | null {
    for (;;) {
      const body = this.#bodies.next();
      if (body === null) return null;
      const array = decodeMessagePack(body, this.#limits.maxDepth + OUTER_LEVELS);
      if (!Array.isArray(array) || array.length === 0)
        throw new ProtocolError("Expected a message to be an array.");
      const message = shapeMessage(toFields(array), this.#limits);
      if (message !== null) return message;
    }
  }
}

/** Elements beyond the known ones are ignored; missing ones are left to `shapeMessage`. */
function toFields(array: readonly unknown[]): MessageFields {
  const type = array[0];
  switch (type) {
    case MessageType.Invocation:
    case MessageType.StreamInvocation:
      atLeast(array, 5);
      return {
        type,
        headers: array[1],
        invocationId: array[2],
        target: array[3],
        arguments: array[4],
        streamIds: array[5],
      };
    case MessageType.StreamItem:
      atLeast(array, 4);
      return { type, headers: array[1], invocationId: array[2], item: array[3], hasItem: true };
    case MessageType.Completion:
      return completionFields(array);
    case MessageType.CancelInvocation:
      atLeast(array, 3);
      return { type, headers: array[1], invocationId: array[2] };
    case MessageType.Close:
      atLeast(array, 2);
      return { type, error: array[1], allowReconnect: array[2] };
    case MessageType.Ack:
    case MessageType.Sequence:
      atLeast(array, 2);
      return { type, sequenceId: array[1] };
    default:
      return { type };
  }
}

function completionFields(array: readonly unknown[]): MessageFields {
  atLeast(array, 4);
  const [type, headers, invocationId, kind] = array;
  if (kind === ResultKind.Void) return { type, headers, invocationId };
  if (kind !== ResultKind.Error && kind !== ResultKind.Value)
    throw new ProtocolError("A completion's result kind is 1, 2 or 3.");
  atLeast(array, 5);
  if (kind === ResultKind.Value) return { type, headers, invocationId, result: array[4], hasResult: true };
  if (typeof array[4] !== "string") throw new ProtocolError("Expected 'error' to be of type String.");
  return { type, headers, invocationId, error: array[4] };
}

function atLeast(array: readonly unknown[], length: number): void {
  if (array.length < length) throw new ProtocolError("The message has too few elements.");
}
