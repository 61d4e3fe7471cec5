/** The port of one exchange over the network: what a host brings for guarded fetches. */

export type TransportRequest = {
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer> | null;
  /** True for a host that the operator allowed whatever its address is. */
  readonly anyAddress: boolean;
  readonly signal: AbortSignal;
  /** MUST be called once the connection stands, or at once where a host cannot tell. */
  readonly connected: () => void;
};

export type TransportAnswer = {
  readonly status: number;
  readonly headers: Headers;
  /** Cancelling it ends the connection. */
  readonly body: ReadableStream<Uint8Array>;
};

export interface Transport {
  /**
   * Sends one request and answers when the headers are there. MUST follow no redirect, obey no proxy variable, keep no
   * cookie, and connect to no address but one that it has itself found to be public in the same lookup, unless
   * `anyAddress`: it rejects with the guard's `notPublic` then. MUST end soon after `signal` aborts.
   */
  send(url: URL, request: TransportRequest): Promise<TransportAnswer>;
}
