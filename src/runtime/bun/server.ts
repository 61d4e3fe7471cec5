/** One Conduit process under Bun: data directory, SQLite file, folder of media, and the server in front of them. */

import type { Server, WebSocketHandler } from "bun";
import type { Settings } from "../../config.ts";
import { createGateway } from "../../gateway.ts";
import type { Host } from "../../http/host.ts";
import { createFolderMediaStore } from "../../media/folder.ts";
import { Catalogue } from "../../providers/catalogue.ts";
import { createLocalOffer } from "../../providers/local/offer.ts";
import { createSqliteStore } from "../../stores/sqlite/store.ts";
import { systemClock } from "../../tasks/clock.ts";
import type { Log } from "../../tasks/log.ts";
import { localAddress } from "./banner.ts";
import type { DataDirectory } from "./data-directory.ts";
import type { StartKeys } from "./keys-file.ts";
import { BunSockets, type SocketData } from "./sockets.ts";
import { openSqliteFile } from "./sqlite-file.ts";

/** Bun drops a silent request after this many seconds; routes that may be silent lift it. */
const IDLE_SECONDS = 30;
/** Answers under way get this long to leave before their connections are cut, ms. */
const DRAIN_MS = 1_000;
/**
 * Far above what any route takes: routes refuse a large body themselves, unread and with our envelope, where Bun would
 * answer a bare 413. It reads no further than a route asks for.
 */
const HOST_BODY_BYTES = 4_000_000_000;

/** Thrown when the address cannot be listened on; the message says which setting to change. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

export type RunningServer = {
  /** Scheme, host and the port that was taken. */
  readonly url: string;
  readonly port: number;
  /** Hands back what runs and closes everything; the data directory is free afterwards. */
  stop(): Promise<void>;
};

/** Opens the store and listens. Rejects when the database or the port cannot be had; nothing is left open then. */
export async function startServer(
  settings: Settings,
  keys: StartKeys,
  directory: DataDirectory,
  log: Log,
): Promise<RunningServer> {
  const database = openSqliteFile(directory.databaseFile);
  const store = createSqliteStore({ database, now: () => systemClock.now() });
  try {
    const requeued = await store.releaseLeases();
    if (requeued > 0) log.info("tasks of the previous run go on", { tasks: requeued });
    return await serve();
  } catch (error) {
    await store.close();
    throw error;
  }

  async function serve(): Promise<RunningServer> {
    const sockets = new BunSockets();
    const host = new BunHost();
    const catalogue = new Catalogue({
      offers: [createLocalOffer({ clock: systemClock })],
      aliases: settings.models.aliases,
    });
    for (const warning of catalogue.warnings) log.warn(warning);
    const gateway = createGateway({
      settings,
      adminKey: keys.admin.plain,
      store,
      media: createFolderMediaStore({
        root: directory.mediaFolder,
        fsync: settings.media.fsync,
        maxFileBytes: settings.media.maxFileBytes,
      }),
      catalogue,
      host,
      sockets,
      topics: sockets,
      clock: systemClock,
      log,
    });
    await gateway.keys.ensureBootstrapKey(keys.bootstrap.plain);

    const server = listen(settings.server, {
      fetch: (request) => gateway.app.fetch(request),
      websocket: sockets.websocket,
    });
    host.attach(server);
    sockets.attach(server);
    gateway.start();

    const port = server.port ?? settings.server.port;
    return {
      url: localAddress(settings.server.host, port),
      port,
      async stop() {
        // New connections are refused from here on; streams end as the gateway stops.
        const drained = server.stop();
        await gateway.stop();
        await Promise.race([drained, Bun.sleep(DRAIN_MS)]);
        await server.stop(true);
        await store.close();
      },
    };
  }
}

type Handlers = {
  fetch(request: Request): Response | Promise<Response>;
  websocket: WebSocketHandler<SocketData>;
};

function listen({ host, port }: Settings["server"], handlers: Handlers): Server<SocketData> {
  try {
    return Bun.serve<SocketData>({
      hostname: host,
      port,
      idleTimeout: IDLE_SECONDS,
      maxRequestBodySize: HOST_BODY_BYTES,
      ...handlers,
    });
  } catch (error) {
    throw listenError(error, host, port);
  }
}

function listenError(error: unknown, host: string, port: number): unknown {
  switch (error instanceof Error && "code" in error && error.code) {
    case "EADDRINUSE":
      return new ListenError(
        `The port is in use (${host}:${port}). Stop the process that has it, or name another one in PORT (0 takes a free one).`,
      );
    case "EACCES":
      return new ListenError(`This user may not listen on port ${port}. Name one above 1023 in PORT.`);
    case "EADDRNOTAVAIL":
    case "EINVAL":
      return new ListenError(
        `HOST must be an address of this machine, such as 127.0.0.1 or 0.0.0.0 for all of them; ${JSON.stringify(host)} came.`,
      );
    default:
      return error;
  }
}

class BunHost implements Host {
  #server: Server<SocketData> | null = null;

  attach(server: Server<SocketData>): void {
    this.#server = server;
  }

  peerAddress(request: Request): string | null {
    return this.#server?.requestIP(request)?.address ?? null;
  }

  keepOpen(request: Request): void {
    this.#server?.timeout(request, 0);
  }

  limitIdle(request: Request, seconds: number): void {
    this.#server?.timeout(request, seconds);
  }
}
