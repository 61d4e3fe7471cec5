/** Turns the loose fields of a decoded message into a typed one, within bounds, whichever encoding they came in. */

import { ProtocolError, type ProtocolLimits } from "./hub-protocol.ts";
import {
  type Completion,
  type HubMessage,
  type Invocation,
  MessageType,
  PING,
  type StreamInvocation,
} from "./messages.ts";

/** What a reader found, by JSON's names. Absent is `undefined`; `hasItem` and `hasResult` tell null from absent. */
export type MessageFields = {
  type: unknown;
  headers?: unknown;
  invocationId?: unknown;
  target?: unknown;
  arguments?: unknown;
  streamIds?: unknown;
  item?: unknown;
  hasItem?: boolean;
  result?: unknown;
  hasResult?: boolean;
  error?: unknown;
  allowReconnect?: unknown;
  sequenceId?: unknown;
};

/** The message, or null for a type this version does not know. Throws `ProtocolError` for anything malformed. */
export function shapeMessage(fields: MessageFields, limits: ProtocolLimits): HubMessage | null {
  if (typeof fields.type !== "number" || !Number.isInteger(fields.type))
    throw new ProtocolError("Missing required property 'type', or it is not a number.");
  checkHeaders(fields.headers, limits);
  switch (fields.type) {
    case MessageType.Invocation:
      return shapeInvocation(fields, limits);
    case MessageType.StreamInvocation:
      return {
        ...shapeInvocation(fields, limits),
        type: MessageType.StreamInvocation,
        invocationId: requiredId(fields, limits),
      } satisfies StreamInvocation;
    case MessageType.StreamItem: {
      if (fields.hasItem !== true) throw new ProtocolError("Missing required property 'item'.");
      checkValue(fields.item, limits.maxDepth);
      return { type: MessageType.StreamItem, invocationId: requiredId(fields, limits), item: fields.item };
    }
    case MessageType.Completion:
      return shapeCompletion(fields, limits);
    case MessageType.CancelInvocation:
      return { type: MessageType.CancelInvocation, invocationId: requiredId(fields, limits) };
    case MessageType.Ping:
      return PING;
    case MessageType.Close: {
      const error = optionalText(fields.error, "error");
      if (fields.allowReconnect != null && typeof fields.allowReconnect !== "boolean")
        throw new ProtocolError("Expected 'allowReconnect' to be true or false.");
      return {
        type: MessageType.Close,
        ...(error === null ? {} : { error }),
        ...(fields.allowReconnect === true ? { allowReconnect: true } : {}),
      };
    }
    case MessageType.Ack:
      return { type: MessageType.Ack, sequenceId: sequenceId(fields) };
    case MessageType.Sequence:
      return { type: MessageType.Sequence, sequenceId: sequenceId(fields) };
    default:
      return null;
  }
}

function shapeInvocation(fields: MessageFields, limits: ProtocolLimits): Invocation {
  const target = fields.target;
  if (typeof target !== "string" || target === "")
    throw new ProtocolError("Missing required property 'target', or it is not a string.");
  if (target.length > limits.maxTargetLength) throw new ProtocolError("The 'target' is too long.");
  // Clients written by hand leave out the arguments of a method that takes none.
  const args = fields.arguments ?? [];
  if (!Array.isArray(args)) throw new ProtocolError("Expected 'arguments' to be an array.");
  if (args.length > limits.maxArguments) throw new ProtocolError("The message has too many arguments.");
  for (const argument of args) checkValue(argument, limits.maxDepth);
  const invocationId = optionalId(fields.invocationId, limits);
  const streamIds = shapeStreamIds(fields.streamIds, limits);
  return {
    type: MessageType.Invocation,
    ...(invocationId === null ? {} : { invocationId }),
    target,
    arguments: args,
    ...(streamIds === null ? {} : { streamIds }),
  };
}

function shapeCompletion(fields: MessageFields, limits: ProtocolLimits): Completion {
  const invocationId = requiredId(fields, limits);
  const error = optionalText(fields.error, "error");
  if (error !== null && fields.hasResult === true)
    throw new ProtocolError("The 'error' and 'result' properties are mutually exclusive.");
  if (error !== null) return { type: MessageType.Completion, invocationId, error };
  if (fields.hasResult !== true) return { type: MessageType.Completion, invocationId };
  checkValue(fields.result, limits.maxDepth);
  return { type: MessageType.Completion, invocationId, result: fields.result };
}

function shapeStreamIds(value: unknown, limits: ProtocolLimits): string[] | null {
  if (value == null) return null;
  if (!Array.isArray(value)) throw new ProtocolError("Expected 'streamIds' to be an array.");
  if (value.length > limits.maxArguments) throw new ProtocolError("The message has too many streams.");
  if (value.length === 0) return null;
  return value.map((id) => {
    const text = optionalId(id, limits);
    if (text === null) throw new ProtocolError("Expected every item of 'streamIds' to be a string.");
    return text;
  });
}

function requiredId(fields: MessageFields, limits: ProtocolLimits): string {
  const id = optionalId(fields.invocationId, limits);
  if (id === null) throw new ProtocolError("Missing required property 'invocationId'.");
  return id;
}

/** An empty id counts as none. */
function optionalId(value: unknown, limits: ProtocolLimits): string | null {
  const id = optionalText(value, "invocationId");
  if (id !== null && id.length > limits.maxIdLength) throw new ProtocolError("An id is too long.");
  return id === "" ? null : id;
}

function optionalText(value: unknown, property: string): string | null {
  if (value == null) return null;
  if (typeof value !== "string") throw new ProtocolError(`Expected '${property}' to be of type String.`);
  return value;
}

function sequenceId(fields: MessageFields): number {
  const value = fields.sequenceId;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
    throw new ProtocolError("Missing required property 'sequenceId', or it is not a whole number.");
  return value;
}

function checkHeaders(headers: unknown, limits: ProtocolLimits): void {
  if (headers == null) return;
  if (typeof headers !== "object" || Array.isArray(headers))
    throw new ProtocolError("Expected 'headers' to be an object.");
  const values = Object.values(headers);
  if (values.length > limits.maxHeaders) throw new ProtocolError("The message has too many headers.");
  if (!values.every((value) => typeof value === "string"))
    throw new ProtocolError("Expected every header to be of type String.");
}

/**
 * Bounds the nesting of a received value, and removes the one key that would change a prototype when a method
 * copies the value property by property.
 */
function checkValue(value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || value instanceof Date)
    return;
  if (depth === 0) throw new ProtocolError("The message is nested too deeply.");
  if (Array.isArray(value)) {
    for (const member of value) checkValue(member, depth - 1);
    return;
  }
  if (Object.hasOwn(value, "__proto__")) Reflect.deleteProperty(value, "__proto__");
  for (const member of Object.values(value)) checkValue(member, depth - 1);
}
