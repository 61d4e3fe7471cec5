/** What Bun brings to a Conduit process: its server, its sockets, its SQLite and its Redis client. */

import type { Server } from "bun";
import type { IdleLimit } from "../../http/idle-limit.ts";
import type { Address, Listener, Listening, ProcessHost, RequestHandler } from "../process/process-host.ts";
import { BunSockets, type SocketData } from "./sockets.ts";
import { openBunSqlite } from "./sqlite-file.ts";

/**
 * Far above what any route takes: routes refuse a large body themselves, unread and with our envelope, where Bun would
 * answer a bare 413. It reads no further than a route asks for.
 */
const HOST_BODY_BYTES = 4_000_000_000;

export const bunProcess: ProcessHost = {
  runtime: `Bun ${Bun.version}`,
  openSqlite: openBunSqlite,
  async buildPage(page) {
    const { buildPage } = await import("./page-builds.ts");
    return buildPage(page);
  },
  createListener: () => new BunListener(),
  // Bun gives up after some minutes of silence on its own; pictures may take longer, and callers have limits of theirs.
  fetch: (url, init) => fetch(url, { ...init, timeout: false } as RequestInit),
  async connectRedis(connection, { node, prefix }) {
    const [{ RedisBus }, { RedisRequester }] = await Promise.all([
      import("./redis-bus.ts"),
      import("./redis-requester.ts"),
    ]);
    const requester = new RedisRequester(connection);
    const bus = new RedisBus({ connection, requester, node, prefix });
    return {
      requester,
      bus,
      close() {
        bus.close();
        requester.close();
      },
    };
  },
};

class BunListener implements Listener {
  readonly host = new BunIdleLimit();
  readonly sockets = new BunSockets();
  readonly topics = this.sockets;

  listen({ host, port, idleTimeoutSeconds, messageBytes }: Address, answer: RequestHandler): Listening {
    if (messageBytes !== undefined) this.sockets.expectMessages(messageBytes);
    const server = Bun.serve<SocketData>({
      hostname: host,
      port,
      // Of requests too: routes that may be silent for longer lift it.
      idleTimeout: idleTimeoutSeconds,
      maxRequestBodySize: HOST_BODY_BYTES,
      fetch: answer,
      websocket: this.sockets.websocket,
    });
    this.host.attach(server, idleTimeoutSeconds);
    this.sockets.attach(server);
    return {
      port: server.port ?? port,
      drain: () => server.stop(),
      cut: () => server.stop(true),
    };
  }
}

class BunIdleLimit implements IdleLimit {
  #server: Server<SocketData> | null = null;
  #idleSeconds = 0;

  attach(server: Server<SocketData>, idleSeconds: number): void {
    this.#server = server;
    this.#idleSeconds = idleSeconds;
  }

  keepOpen(request: Request): void {
    this.#server?.timeout(request, 0);
  }

  limitIdle(request: Request): void {
    this.#server?.timeout(request, this.#idleSeconds);
  }
}
