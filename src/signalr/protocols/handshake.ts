/**
 * The handshake that opens every connection: a JSON request naming the protocol, a JSON answer, both ended by a
 * record separator whatever the protocol.
 */

import type { Chunk, HubProtocol } from "./hub-protocol.ts";
import { DEFAULT_PROTOCOL_LIMITS, ProtocolError } from "./hub-protocol.ts";
import { parseJsonObject } from "./json-object.ts";
import { messageTooLarge, RECORD_SEPARATOR, utf8Length } from "./text-format.ts";

/** The newest version; 2 announces stateful reconnect, and clients send 0 and 1 as well. */
export const PROTOCOL_VERSION = 2;
/** The version from which a client may number its messages. */
export const STATEFUL_RECONNECT_VERSION = 2;

/** Answers of a server, as on the wire. */
export const HANDSHAKE_CANCELED = "Handshake was canceled.";
export const HANDSHAKE_FAILED = "An unexpected error occurred during connection handshake.";

const RECORD_SEPARATOR_BYTE = 0x1e;

export type HandshakeRequest = { protocol: string; version: number };

/** Collects the first record; what follows it belongs to the hub protocol. */
export class HandshakeReader {
  readonly #maxBytes: number;
  #decoder: TextDecoder | null = null;
  #text = "";
  #bytes = 0;

  constructor(maxBytes: number = DEFAULT_PROTOCOL_LIMITS.maxMessageBytes) {
    this.#maxBytes = maxBytes;
  }

  /** Whether it gave up because no record ended within the limit. */
  get overflowed(): boolean {
    return this.#bytes >= this.#maxBytes;
  }

  /** The record and the chunk's remainder, or null until it ends. Throws `ProtocolError` above the limit. */
  push(chunk: Chunk): { record: string; rest: Chunk } | null {
    const end =
      typeof chunk === "string" ? chunk.indexOf(RECORD_SEPARATOR) : chunk.indexOf(RECORD_SEPARATOR_BYTE);
    const piece = end < 0 ? chunk : chunk.slice(0, end);
    this.#bytes += typeof piece === "string" ? utf8Length(piece) : piece.length;
    if (this.overflowed) throw messageTooLarge(this.#maxBytes);
    if (typeof piece === "string") this.#text += piece;
    else {
      this.#decoder ??= new TextDecoder();
      this.#text += this.#decoder.decode(piece, { stream: true });
    }
    if (end < 0) return null;
    const record = this.#text;
    this.#text = "";
    this.#bytes = 0;
    return { record, rest: chunk.slice(end + 1) };
  }
}

/** Reads a request without its separator; unknown properties are ignored. Throws `ProtocolError`. */
export function parseHandshakeRequest(text: string): HandshakeRequest {
  const value = parseJsonObject(text);
  if (typeof value.protocol !== "string") throw new ProtocolError("Missing required property 'protocol'.");
  if (typeof value.version !== "number" || !Number.isInteger(value.version))
    throw new ProtocolError("Missing required property 'version'.");
  return { protocol: value.protocol, version: value.version };
}

/**
 * Chooses the protocol a request asks for, or the error to answer with.
 * `binary` tells whether the transport carries bytes; server-sent events do not.
 */
export function chooseProtocol(
  request: HandshakeRequest,
  protocols: readonly HubProtocol[],
  binary: boolean,
): HubProtocol | { error: string } {
  const protocol = protocols.find(({ name }) => name === request.protocol);
  if (protocol === undefined) return { error: `The protocol '${request.protocol}' is not supported.` };
  if (request.version > PROTOCOL_VERSION)
    return {
      error: `The server does not support version ${request.version} of the '${request.protocol}' protocol.`,
    };
  if (protocol.transferFormat === "binary" && !binary)
    return {
      error: `Cannot use the '${request.protocol}' protocol on the current transport. The transport does not support 'Binary' transfer format.`,
    };
  return protocol;
}

export function writeHandshakeRequest(request: HandshakeRequest): string {
  return JSON.stringify(request) + RECORD_SEPARATOR;
}

/** The answer without its separator: `{}`, or the error. */
export function writeHandshakeResponse(error?: string): string {
  return error === undefined ? "{}" : JSON.stringify({ error });
}

/** Reads an answer without its separator: the error, or null. Throws `ProtocolError` for a message in its place. */
export function parseHandshakeResponse(text: string): string | null {
  const value = parseJsonObject(text);
  if (value.type !== undefined) throw new ProtocolError("Expected a handshake response from the server.");
  return typeof value.error === "string" && value.error !== "" ? value.error : null;
}
