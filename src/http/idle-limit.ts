/**
 * What the HTTP surface needs of the process or platform it runs in, beyond `fetch`. Each host implements it in its
 * composition root; nothing here may assume a server, a socket or an event loop of its own.
 */

export interface IdleLimit {
  /**
   * Lifts the host's idle limit for a request that will be silent for long: a wait, a synchronous picture, a stream.
   * MUST be safe to repeat; does nothing on hosts without such a limit.
   */
  keepOpen(request: Request): void;
  /**
   * Puts the idle limit back on a request whose answer is complete but for what the client has still to read, and on the
   * connection that outlives it. Does nothing on hosts without such a limit, and for a request that is over.
   */
  limitIdle(request: Request): void;
}

/** A host without an idle limit of requests: Workers, and tests. */
export const noIdleLimit: IdleLimit = {
  keepOpen: () => {},
  limitIdle: () => {},
};
