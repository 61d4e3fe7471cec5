/** What Deno brings to a Conduit process: its server, its sockets, and SQLite through `node:sqlite`. */

import type { IdleLimit } from "../../http/idle-limit.ts";
import type { Topics } from "../../sockets/frame.ts";
import type { Address, Listener, Listening, ProcessHost, RequestHandler } from "../process/process-host.ts";
import { DenoSockets } from "./sockets.ts";
import { openNodeSqlite } from "./sqlite.ts";

export const denoProcess: ProcessHost = {
  runtime: `Deno ${Deno.version.deno}`,
  openSqlite: openNodeSqlite,
  createListener: () => new DenoListener(),
  fetch,
};

/** Deno has no fan-out of its own, so no socket is ever a member of a topic. */
const NO_TOPICS: Topics = { publish: () => {} };

class DenoListener implements Listener {
  readonly host = new DenoIdleLimit();
  readonly sockets = new DenoSockets();
  readonly topics = NO_TOPICS;

  listen({ host, port }: Address, answer: RequestHandler): Listening {
    const cut = new AbortController();
    const server = serve(
      { hostname: host, port, signal: cut.signal, onListen: () => {} },
      async (request) => {
        const response = await answer(request);
        return this.sockets.upgradeOf(request) ?? response;
      },
    );
    let draining = false;
    return {
      port: server.addr.port,
      drain() {
        draining = true;
        return server.shutdown();
      },
      async cut() {
        // A server that drains cannot be cut any more: what is left of it ends with the process, which is about to.
        if (draining) return;
        cut.abort();
        await server.finished;
      },
    };
  }
}

/** As `Deno.serve`, but a host name without an address has a code, like everything else that is wrong with one. */
const serve: typeof Deno.serve = (options, handler) => {
  try {
    return Deno.serve(options, handler);
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("failed to lookup address"))
      throw Object.assign(error, { code: "EADDRNOTAVAIL" });
    throw error;
  }
};

/** Deno cuts no silent request, so there is no limit to lift or to put back. */
class DenoIdleLimit implements IdleLimit {
  keepOpen(): void {}

  limitIdle(): void {}
}
