/** What every hub protocol offers, and the bounds within which peers are read. */

import type { Frame } from "../../sockets/frame.ts";
import type { HubMessage } from "./messages.ts";

/** What arrives from a transport. Frame kinds are not trusted: a byte stream may come as either. */
export type Chunk = string | Uint8Array;

/** Bounds on what a peer may send; each breach is a `ProtocolError`. */
export type ProtocolLimits = {
  /** Bytes of one message with its framing. ASP.NET's `MaximumReceiveMessageSize`. */
  maxMessageBytes: number;
  /** Levels of arrays and objects inside an argument, item or result. */
  maxDepth: number;
  /** Arguments of one invocation. */
  maxArguments: number;
  /** UTF-16 units of an invocation or stream id; the known clients count upwards from 0. */
  maxIdLength: number;
  /** UTF-16 units of a method name. */
  maxTargetLength: number;
  /** Entries of a message's headers; Python's signalrcore copies all its HTTP headers there (seen in 2026). */
  maxHeaders: number;
};

export const DEFAULT_PROTOCOL_LIMITS: ProtocolLimits = {
  maxMessageBytes: 32 * 1024,
  maxDepth: 64,
  maxArguments: 64,
  maxIdLength: 128,
  maxTargetLength: 256,
  maxHeaders: 64,
};

/** The peer broke the protocol; the connection cannot go on. The message holds nothing the peer sent. */
export class ProtocolError extends Error {
  /** ASP.NET's name for it, which clients see when detailed errors are on. */
  override readonly name = "InvalidDataException";
}

/** Takes chunks and returns messages one at a time, so that the caller decides the pace. */
export interface MessageReader {
  /** Adds what arrived. Throws `ProtocolError` when it is not even text (JSON). */
  push(chunk: Chunk): void;
  /** The next whole message, or null until more arrives. Throws `ProtocolError`; the reader is then spent. */
  next(): HubMessage | null;
  /** Length of what was pushed and not yet given out, in the chunks' own units. */
  readonly unread: number;
  /** Whether a message has begun and not ended. */
  readonly partial: boolean;
}

export interface HubProtocol {
  /** As the handshake spells it. */
  readonly name: "json" | "messagepack";
  /** Names the bytes it writes: connections of one encoding can share an encoded push. */
  readonly encoding: "json" | "messagepack" | "bare";
  readonly transferFormat: "text" | "binary";
  /** Throws what the serialiser throws when a value has no wire form. */
  write(message: HubMessage): Frame;
  createReader(limits: ProtocolLimits): MessageReader;
}
