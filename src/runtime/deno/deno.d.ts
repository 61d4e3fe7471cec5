/** The part of Deno's interface that this host uses; the full one comes with the program (`deno types`). */

declare namespace Deno {
  const version: { readonly deno: string };
  interface NetAddr {
    hostname: string;
    port: number;
  }
  interface HttpServer {
    readonly addr: NetAddr;
    readonly finished: Promise<void>;
    /** Takes no more connections and resolves when those there are have ended. */
    shutdown(): Promise<void>;
  }
  interface ServeOptions {
    hostname: string;
    port: number;
    /** Cuts every connection when it aborts. */
    signal: AbortSignal;
    onListen: () => void;
  }
  /** Throws an error with the system's `code` when the address cannot be had. */
  function serve(
    options: ServeOptions,
    handler: (request: Request) => Response | Promise<Response>,
  ): HttpServer;
  /** Throws `TypeError` when the request is no complete handshake. `idleTimeout` is in seconds. */
  function upgradeWebSocket(
    request: Request,
    options: { protocol?: string; idleTimeout: number },
  ): { socket: WebSocket; response: Response };
}
