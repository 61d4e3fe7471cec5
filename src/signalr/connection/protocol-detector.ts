/** Finds out which protocol a connection's first bytes ask for, or whether they come from a bare client. */

import type { Frame } from "../../sockets/frame.ts";
import { bareProtocol, classifyFirstFrame } from "../protocols/bare-mode.ts";
import {
  chooseProtocol,
  HANDSHAKE_CANCELED,
  HANDSHAKE_FAILED,
  HandshakeReader,
  parseHandshakeRequest,
  STATEFUL_RECONNECT_VERSION,
  writeHandshakeResponse,
} from "../protocols/handshake.ts";
import type { Chunk, HubProtocol } from "../protocols/hub-protocol.ts";
import { jsonProtocol } from "../protocols/json-protocol.ts";
import { messagePackProtocol } from "../protocols/messagepack-protocol.ts";
import { RECORD_SEPARATOR } from "../protocols/text-format.ts";
import type { HubConnectionSettings, TransportTraits } from "./hub-connection-options.ts";
import { errorText } from "./invocation-errors.ts";

/** The protocols that a handshake may name. */
export const PROTOCOLS: readonly HubProtocol[] = [jsonProtocol, messagePackProtocol];

const encoder = new TextEncoder();

export type DetectedProtocol =
  | {
      protocol: HubProtocol;
      /** To be sent before anything else; null where a bare client sent no handshake. */
      answer: Frame | null;
      /** What belongs to the protocol already. */
      rest: Chunk;
      /** The client is able to number messages. */
      numbers: boolean;
    }
  | { refusal: Frame };

export class ProtocolDetector {
  readonly #settings: HubConnectionSettings;
  readonly #transport: TransportTraits;
  readonly #handshake: HandshakeReader;
  #first = true;

  constructor(settings: HubConnectionSettings, transport: TransportTraits) {
    this.#settings = settings;
    this.#transport = transport;
    this.#handshake = new HandshakeReader(settings.limits.maxMessageBytes);
  }

  /** Takes a chunk; null while more must come. */
  push(chunk: Chunk): DetectedProtocol | null {
    if (chunk.length === 0) return null;
    const first = this.#first;
    this.#first = false;
    if (first && this.#transport.framed) {
      const kind = classifyFirstFrame(chunk);
      const bare = { protocol: bareProtocol, numbers: false };
      if (kind === "message") return { ...bare, answer: null, rest: chunk };
      if (kind === "handshake") return { ...bare, answer: writeHandshakeResponse(), rest: "" };
    }
    try {
      const found = this.#handshake.push(chunk);
      return found === null ? null : this.#answer(found.record, found.rest);
    } catch (error) {
      const text = this.#handshake.overflowed ? HANDSHAKE_CANCELED : HANDSHAKE_FAILED;
      return refuseHandshake(errorText(text, error, this.#settings.detailedErrors));
    }
  }

  /** Throws `ProtocolError` when the record is no handshake. */
  #answer(record: string, rest: Chunk): DetectedProtocol {
    const request = parseHandshakeRequest(record);
    const protocol = chooseProtocol(request, PROTOCOLS, this.#transport.binary);
    if ("error" in protocol) return refuseHandshake(protocol.error);
    const answer = writeHandshakeResponse() + RECORD_SEPARATOR;
    return {
      protocol,
      answer: protocol.transferFormat === "binary" ? encoder.encode(answer) : answer,
      rest,
      numbers: request.version >= STATEFUL_RECONNECT_VERSION,
    };
  }
}

/** The answer that ends a connection before it has begun. */
export function refuseHandshake(error: string): { refusal: Frame } {
  return { refusal: writeHandshakeResponse(error) + RECORD_SEPARATOR };
}
