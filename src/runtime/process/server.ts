/** One Conduit process: its store, its media, and the server in front of them. */

import { resolve } from "node:path";
import manifest from "../../../package.json" with { type: "json" };
import type { KeyService } from "../../accounts/keys/keys.ts";
import { createCatalogue } from "../../compose/core.ts";
import { createHookAddresses, s3Access } from "../../compose/options.ts";
import { createGateway } from "../../compose/process-gateway.ts";
import type { Settings } from "../../config/load.ts";
import type { Transport } from "../../fetch/transport.ts";
import { createFolderMediaStore } from "../../media/folder.ts";
import type { ProviderOffer } from "../../providers/catalogue.ts";
import { settleLeftOpen } from "../../realtime/usage/lost-sessions.ts";
import { randomToken } from "../../tasks/ids.ts";
import { systemClock } from "../../tasks/ports/clock.ts";
import type { Log } from "../../tasks/ports/log.ts";
import type { MediaStore } from "../../tasks/ports/media-store.ts";
import { localAddress } from "./banner.ts";
import type { DataDirectory } from "./data/data-directory.ts";
import type { StartKeys } from "./data/keys-file.ts";
import { SessionFiles, type SessionFilesOptions } from "./data/session-files.ts";
import { listen } from "./listen.ts";
import { PROJECT_FOLDER, ProcessPages } from "./pages/process-pages.ts";
import type { ProcessHost } from "./process-host.ts";
import { openStore, StoreSetupError } from "./store.ts";
import { createThreadShrinker } from "./threads/thread-shrinker.ts";
import { WebSocketDialer } from "./web-socket-dialer.ts";

/** Answers under way get this long to leave before their connections are cut, ms. */
const DRAIN_MS = 1_000;
const NODE_CHARACTERS = 16;

export type ServerDependencies = {
  host: ProcessHost;
  settings: Settings;
  keys: StartKeys;
  directory: DataDirectory;
  offers: readonly ProviderOffer[];
  /** How addresses are fetched from that callers and providers name. */
  transport: Transport;
  log: Log;
};

export type RunningServer = {
  /** Scheme, host and the port that was taken. */
  readonly url: string;
  readonly port: number;
  /** Hands back what runs and closes everything; the data directory is free afterwards. */
  stop(): Promise<void>;
};

/** Opens the store and listens. Rejects when the store or the port cannot be had; nothing is left open then. */
export async function startServer(dependencies: ServerDependencies): Promise<RunningServer> {
  const { host, settings, keys, offers, transport, log } = dependencies;
  const opened = await openStore(dependencies);
  try {
    return await serve();
  } catch (error) {
    await opened.close();
    throw error;
  }

  async function serve(): Promise<RunningServer> {
    const { store, instances } = opened;
    const listener = host.createListener();
    const journal = openJournal(dependencies, store);
    if (instances === undefined) {
      // By what the files say, which is newer than what the store was told.
      await journal.settleDead();
      await settleLeftOpen({ store, log });
    }
    const catalogue = createCatalogue(settings, offers, log);
    const gateway = createGateway({
      build: { version: manifest.version, runtime: host.runtime },
      settings,
      adminKey: keys.admin.plain,
      hooks: createHookAddresses(settings, { bootstrap: keys.bootstrap.plain, admin: keys.admin.plain }),
      store,
      storeDoubt: () => opened.doubt(),
      media: await openMedia(dependencies),
      shrinker: createThreadShrinker({ clock: systemClock }),
      pages: new ProcessPages({ root: PROJECT_FOLDER, build: host.buildPage ?? null, log }),
      catalogue,
      transport,
      post: host.fetch,
      host: listener.host,
      sockets: listener.sockets,
      topics: listener.topics,
      clock: systemClock,
      log,
      voice: { dialer: new WebSocketDialer(), fetch: host.fetch, journal },
      ...(instances && { instances }),
    });
    if (instances !== undefined) await refuseForeignKeys(gateway.keys, keys);
    await gateway.keys.ensureBootstrapKey(keys.bootstrap.plain);

    const address = { ...settings.server, messageBytes: settings.realtime.maxMessageBytes };
    const listening = listen(listener, address, (request) => gateway.app.fetch(request));
    gateway.start();
    if (instances !== undefined) void journal.start();
    return {
      url: localAddress(settings.server.host, listening.port),
      port: listening.port,
      async stop() {
        // First: until the last stream has ended clients come for it over new connections, as those that poll do.
        await gateway.stop();
        await journal.stop();
        const drained = listening.drain();
        await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, DRAIN_MS))]);
        await listening.cut();
        await opened.close();
      },
    };
  }
}

function openJournal(
  { host, directory, log }: ServerDependencies,
  store: SessionFilesOptions["store"],
): SessionFiles {
  return new SessionFiles({
    folder: directory.journalsFolder,
    olderFolder: directory.olderJournalsFolder,
    node: randomToken(NODE_CHARACTERS),
    openSqlite: (path) => host.openSqlite(path),
    store,
    clock: systemClock,
    log,
  });
}

/** In a bucket, where one is configured; its client is loaded only then. */
async function openMedia({ host, settings, directory }: ServerDependencies): Promise<MediaStore> {
  const { folder, fsync, maxFileBytes } = settings.media;
  const access = s3Access(settings);
  if (access !== null) {
    const { createS3MediaStore } = await import("../../media/s3/store.ts");
    return createS3MediaStore(access, { fetch: host.fetch, clock: systemClock }, { maxFileBytes });
  }
  return createFolderMediaStore({ root: resolve(folder ?? directory.mediaFolder), fsync, maxFileBytes });
}

/**
 * A key that this process made for itself must not take the place of the one that other instances hand out: whoever
 * wants another key for all of them configures it.
 */
async function refuseForeignKeys(service: KeyService, { bootstrap }: StartKeys): Promise<void> {
  if (bootstrap.configured || (await service.holdsBootstrapKey(bootstrap.plain))) return;
  throw new StoreSetupError(
    "The store has the bootstrap key of another instance. Give all instances the same CONDUIT_BOOTSTRAP_KEY and " +
      "CONDUIT_ADMIN_KEY, or let them share one data directory (CONDUIT_DATA_DIR).",
  );
}
