/** The port through which the gateway opens WebSockets itself, to providers. */

import type { Frame } from "./frame.ts";

export type DialRequest = {
  /** `ws://` or `wss://`. May carry a secret: never logged. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Subprotocols offered. */
  readonly protocols: readonly string[];
};

/** Why there is no socket. */
export type DialFailure = {
  /** The status of the answer in place of 101, where the host can tell it. */
  readonly status: number | null;
  /** What went wrong, without addresses and secrets. */
  readonly message: string;
};

/** How a socket ended, as it was told or, for a broken connection, 1006. */
export type CloseNote = { readonly code: number; readonly reason: string };

/** What becomes of a socket that was dialled. Called in order: `opened` or `failed` once, then messages, then `closed` once. */
export interface DialHandler {
  opened(socket: DialledSocket): void;
  failed(failure: DialFailure): void;
  /** One message: text, or bytes. */
  received(message: string | Uint8Array): void;
  closed(close: CloseNote): void;
}

/** A socket to a provider. Nothing here throws, also not after the close. */
export interface DialledSocket {
  send(frame: Frame): void;
  /** Bytes not yet handed to the network. */
  bufferedBytes(): number;
  /** `reason` has at most 123 bytes; codes that may not be sent count as 1000. */
  close(code: number, reason: string): void;
}

export interface Dialer {
  /**
   * Opens a socket. An abort of the signal before it is open ends the attempt, which then counts as failed; afterwards it does
   * nothing. MUST NOT throw, and calls nothing before it has returned.
   */
  dial(request: DialRequest, handler: DialHandler, signal: AbortSignal): void;
}
