/**
 * The program, whatever runtime it is a process of: reads the settings, takes the data directory, serves, stops
 * cleanly.
 */

import process from "node:process";
import manifest from "../../../package.json" with { type: "json" };
import { ConfigError, loadConfig, secretsOf } from "../../config/load.ts";
import { storeChoice } from "../../config/store-choice.ts";
import { JsonLog } from "../../logging/json-log.ts";
import type { ProviderOffer } from "../../providers/catalogue.ts";
import { createLocalOffer } from "../../providers/local/offer.ts";
import { systemClock } from "../../tasks/ports/clock.ts";
import { describeError } from "../../tasks/ports/log.ts";
import { StoreUnavailableError } from "../../tasks/ports/store-error.ts";
import { banner } from "./banner.ts";
import { readConfigFile } from "./config-file.ts";
import { DataDirectoryError, openDataDirectory, shareDataDirectory } from "./data-directory.ts";
import { KeysFileError, loadKeys } from "./keys-file.ts";
import { ListenError } from "./listen.ts";
import type { ProcessHost } from "./process-host.ts";
import { type RunningServer, startServer } from "./server.ts";
import { StoreSetupError } from "./store.ts";

export type ProgramOptions = {
  /** The providers to begin with. Default: the built-in one. */
  offers?: readonly ProviderOffer[];
};

/** The model the banner's curl line names: it needs no key and no network. */
const EXAMPLE_MODEL = "local/canvas";
/** A second Ctrl-C does not wait: 128 + SIGINT, as a shell reports it. */
const EXIT_INTERRUPTED = 130;

const OWNER_ONLY_UMASK = 0o077;

/** Resolves once it serves; from then on it ends by signals. Ends the process with 1 where it cannot start. */
export async function runProgram(host: ProcessHost, options: ProgramOptions = {}): Promise<void> {
  try {
    await start(host, options.offers ?? [createLocalOffer({ clock: systemClock })]);
  } catch (error) {
    // A person reads this: problems they can mend come without a stack.
    process.stderr.write(`${isForPeople(error) ? error.message : describeStartFailure(error)}\n`);
    process.exit(1);
  }
}

async function start(host: ProcessHost, offers: readonly ProviderOffer[]): Promise<void> {
  // The database, the media and the keys are this user's alone, whatever folder the operator names.
  process.umask(OWNER_ONLY_UMASK);
  const { settings, warnings } = loadConfig({ env: process.env, file: readConfigFile(process.cwd()) });
  const directory =
    storeChoice(settings).kind === "embedded"
      ? openDataDirectory(settings.server.dataDir, host.openSqlite)
      : shareDataDirectory(settings.server.dataDir);
  let server: RunningServer;
  let log: JsonLog;
  try {
    const keys = loadKeys(directory.keysFile, settings.keys);
    log = new JsonLog({
      level: settings.logging.level,
      write: (line) => {
        process.stderr.write(line);
      },
      now: () => Date.now(),
      secrets: [...secretsOf(settings), keys.bootstrap.plain, keys.admin.plain],
    });
    for (const warning of warnings) log.warn(warning);
    server = await startServer({ host, settings, keys, directory, offers, log });
    process.stdout.write(
      banner({
        version: manifest.version,
        host: settings.server.host,
        port: server.port,
        publicUrl: settings.server.publicUrl,
        keys,
        dataDirectory: directory.path,
        model: EXAMPLE_MODEL,
      }),
    );
  } catch (error) {
    directory.release();
    throw error;
  }
  log.info("listening", { url: server.url, dataDir: directory.path, version: manifest.version });

  let stopping = false;
  const stop = (signal: string) => {
    if (stopping) process.exit(EXIT_INTERRUPTED);
    stopping = true;
    log.info("stopping", { signal });
    server.stop().then(
      () => {
        directory.release();
        log.info("stopped");
        process.exit(0);
      },
      (error: unknown) => {
        log.error("stopping failed", { cause: describeError(error) });
        process.exit(1);
      },
    );
  };
  process.on("SIGINT", () => stop("SIGINT"));
  process.on("SIGTERM", () => stop("SIGTERM"));
}

function isForPeople(error: unknown): error is Error {
  return (
    error instanceof ConfigError ||
    error instanceof DataDirectoryError ||
    error instanceof KeysFileError ||
    error instanceof ListenError ||
    error instanceof StoreSetupError
  );
}

function describeStartFailure(error: unknown): string {
  if (error instanceof StoreUnavailableError) {
    return `${error.message}. The database is conduit.db in the data directory; CONDUIT_DATA_DIR names another one.`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
