/** One Conduit process: data directory, SQLite file, folder of media, and the server in front of them. */

import type { Settings } from "../../config.ts";
import { createGateway } from "../../gateway.ts";
import { createFolderMediaStore } from "../../media/folder.ts";
import { Catalogue, type ProviderOffer } from "../../providers/catalogue.ts";
import { createSqliteStore } from "../../stores/sqlite/store.ts";
import { systemClock } from "../../tasks/clock.ts";
import type { Log } from "../../tasks/log.ts";
import { localAddress } from "./banner.ts";
import type { DataDirectory } from "./data-directory.ts";
import type { StartKeys } from "./keys-file.ts";
import { listen } from "./listen.ts";
import type { ProcessHost } from "./process-host.ts";
import { serveSqliteFile } from "./sqlite-file.ts";

/** Answers under way get this long to leave before their connections are cut, ms. */
const DRAIN_MS = 1_000;

export type ServerDependencies = {
  host: ProcessHost;
  settings: Settings;
  keys: StartKeys;
  directory: DataDirectory;
  offers: readonly ProviderOffer[];
  log: Log;
};

export type RunningServer = {
  /** Scheme, host and the port that was taken. */
  readonly url: string;
  readonly port: number;
  /** Hands back what runs and closes everything; the data directory is free afterwards. */
  stop(): Promise<void>;
};

/** Opens the store and listens. Rejects when the database or the port cannot be had; nothing is left open then. */
export async function startServer(dependencies: ServerDependencies): Promise<RunningServer> {
  const { host, settings, keys, directory, offers, log } = dependencies;
  const database = serveSqliteFile(host.openSqlite(directory.databaseFile));
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
    const listener = host.createListener();
    const catalogue = new Catalogue({ offers, aliases: settings.models.aliases });
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
      host: listener.host,
      sockets: listener.sockets,
      topics: listener.topics,
      clock: systemClock,
      log,
    });
    await gateway.keys.ensureBootstrapKey(keys.bootstrap.plain);

    const listening = listen(listener, settings.server, (request) => gateway.app.fetch(request));
    gateway.start();
    return {
      url: localAddress(settings.server.host, listening.port),
      port: listening.port,
      async stop() {
        // New connections are refused from here on; streams end as the gateway stops.
        const drained = listening.drain();
        await gateway.stop();
        await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, DRAIN_MS))]);
        await listening.cut();
        await store.close();
      },
    };
  }
}
