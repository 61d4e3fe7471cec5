/**
 * What the HTTP surface needs of the process or platform it runs in, beyond `fetch`. Each host implements it in its
 * composition root; nothing here may assume a server, a socket or an event loop of its own.
 */

/** How long a host waits for a client to read what is left of its answer before it cuts the connection, seconds. */
export const LINGER_SECONDS = 30;

export interface Host {
  /** The address of the connected peer, or null where the platform has none. MUST NOT read headers. */
  peerAddress(request: Request): string | null;
  /**
   * Lifts the host's idle limit for a request that will be silent for long: a wait, a synchronous picture, a stream.
   * MUST be safe to repeat; does nothing on hosts without such a limit.
   */
  keepOpen(request: Request): void;
  /**
   * Puts an idle limit back on a request whose answer is complete but for what the client has still to read.
   * Does nothing on hosts without such a limit, and for a request that is over.
   */
  limitIdle(request: Request, seconds: number): void;
}

/** A host without peer addresses and without an idle limit of requests: Workers, and tests. */
export const plainHost: Host = {
  peerAddress: () => null,
  keepOpen: () => {},
  limitIdle: () => {},
};
