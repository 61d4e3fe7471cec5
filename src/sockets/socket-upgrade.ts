/** The port through which a request becomes a WebSocket. Handlers decide what is sent; hosts carry it. */

import { ApiError } from "../protocol/error.ts";
import type { CloseNote } from "./dialer.ts";
import type { Frame, TopicMembership } from "./frame.ts";

/** An open WebSocket, as a handler sees it. Nothing here throws, also not after the close. */
export interface Socket {
  /** Membership in the host's native fan-out; null on hosts that have none. */
  readonly topics: TopicMembership | null;
  /** Sends one message: text for a string, else binary. */
  send(frame: Frame): void;
  /** Bytes not yet handed to the network. */
  bufferedBytes(): number;
  /** When the host last answered a text of the client by itself, wall clock in ms; null: never. */
  pingAnsweredAt?(): number | null;
  /** Closes behind everything sent. `reason` has at most 123 bytes. */
  close(code: number, reason: string): void;
}

/** What a protocol does with a socket. The host calls `opened` first, `closed` last, each once. MUST NOT throw. */
export interface SocketHandler {
  opened(socket: Socket): void;
  /** One message. */
  received(message: string | Uint8Array): void;
  /**
   * Everything sent has been handed to the network, after some of it had to wait. Hosts without such an event never
   * call it.
   */
  drained?(): void;
  /** Also after a close of our own. `close` is what the client said, where the host can tell it. */
  closed(close?: CloseNote): void;
}

export type UpgradeAnswer = {
  /** The chosen subprotocol, one of those offered; null chooses none. */
  protocol: string | null;
  /** For the 101 answer. */
  headers: Readonly<Record<string, string>>;
};

export interface SocketUpgrade {
  /**
   * Turns the request into a socket and hands it to the handler. The route answers with what comes back; null when
   * the request is no valid WebSocket handshake: then the handler will never be called.
   */
  upgrade(request: Request, handler: SocketHandler, answer: UpgradeAnswer): Response | null;
}

/** Whether a request asks to become a WebSocket. */
export function asksForWebSocket(request: Request): boolean {
  return request.headers.get("upgrade")?.toLowerCase() === "websocket";
}

/** The subprotocols a client offers, in its order of preference. */
export function offeredProtocols(request: Request): string[] {
  const offered = request.headers.get("sec-websocket-protocol");
  return offered === null ? [] : offered.split(",").map((name) => name.trim());
}

/** What is answered to a request for a WebSocket that the host could not upgrade. */
export function incompleteHandshake(): ApiError {
  return new ApiError(
    "invalid_parameter",
    "The request asks for a WebSocket, but its handshake is not complete: send GET over HTTP/1.1 with Connection: Upgrade, Sec-WebSocket-Version: 13 and a Sec-WebSocket-Key of 16 bytes in base64.",
    { param: "Upgrade" },
  );
}
