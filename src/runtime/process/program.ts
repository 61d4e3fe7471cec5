/**
 * The program, whatever runtime it is a process of: reads the settings, takes the data directory, serves, stops
 * cleanly.
 */

import process from "node:process";
import manifest from "../../../package.json" with { type: "json" };
import { createResultDownload } from "../../compose/core.ts";
import { isLoopbackHost } from "../../config/derived-defaults.ts";
import { ConfigError, loadConfig, secretsOf } from "../../config/load.ts";
import { storeChoice } from "../../config/store-choice.ts";
import { JsonLog } from "../../logging/json-log.ts";
import type { ProviderOffer } from "../../providers/catalogue.ts";
import { loadOffers } from "../../providers/needed-offers.ts";
import { systemClock } from "../../tasks/ports/clock.ts";
import { describeError } from "../../tasks/ports/log.ts";
import { StoreUnavailableError } from "../../tasks/ports/store-error.ts";
import { banner } from "./banner.ts";
import { readCommand } from "./command-line.ts";
import { readConfigFile } from "./config-file.ts";
import { DataDirectoryError, openDataDirectory, shareDataDirectory } from "./data/data-directory.ts";
import { KeysFileError, loadKeys } from "./data/keys-file.ts";
import { ListenError } from "./listen.ts";
import { createNodeTransport } from "./node-transport.ts";
import { hasPage } from "./pages/process-pages.ts";
import type { ProcessHost } from "./process-host.ts";
import { runnersAbove, systemProcesses, watchRunners } from "./runner-watch.ts";
import { type RunningServer, startServer } from "./server.ts";
import { exitCodeOf, type StopSignal, StopSignals } from "./stop-signals.ts";
import { StoreSetupError } from "./store.ts";
import { createThreadStudio } from "./threads/thread-studio.ts";

export type ProgramOptions = {
  /** The providers to begin with. Default: the built-in one, and those the settings name. */
  offers?: readonly ProviderOffer[];
};

/** The model the banner's curl line names: it needs no key and no network. */
const EXAMPLE_MODEL = "local/canvas";
/** Any time: a timer that keeps the process alive needs one. */
const HOLD_MS = 60_000;

/** Behind the runtime and the module. */
const ARGUMENTS_FROM = 2;
const OWNER_ONLY_UMASK = 0o077;

/** Resolves once it serves; from then on it ends by signals. Ends the process with 1 where it cannot start. */
export async function runProgram(host: ProcessHost, options: ProgramOptions = {}): Promise<void> {
  const command = readCommand(process.argv.slice(ARGUMENTS_FROM), manifest.version);
  if (command.kind === "print") {
    (command.exitCode === 0 ? process.stdout : process.stderr).write(command.text);
    process.exit(command.exitCode);
  }
  try {
    await start(host, options.offers ?? null);
  } catch (error) {
    // A person reads this: problems they can mend come without a stack.
    process.stderr.write(`${isForPeople(error) ? error.message : describeStartFailure(error)}\n`);
    process.exit(1);
  }
}

async function start(host: ProcessHost, given: readonly ProviderOffer[] | null): Promise<void> {
  // The database, the media and the keys are this user's alone, whatever folder the operator names.
  process.umask(OWNER_ONLY_UMASK);
  const above = runnersAbove(process.pid, systemProcesses);
  const { settings, warnings } = loadConfig({ env: process.env, file: readConfigFile(process.cwd()) });
  const directory =
    storeChoice(settings).kind === "embedded"
      ? openDataDirectory(settings.server.dataDir, host.openSqlite)
      : shareDataDirectory(settings.server.dataDir);
  let server: RunningServer;
  let log: JsonLog;
  try {
    const keys = loadKeys(directory.keysFile, settings.keys);
    // Lines that cannot be written (a full disk, a closed pipe) are lost; unheard, the stream's error would end the process.
    process.stderr.on("error", () => {});
    log = new JsonLog({
      level: settings.logging.level,
      write: (line) => {
        process.stderr.write(line);
      },
      now: () => Date.now(),
      secrets: [...secretsOf(settings), keys.bootstrap.plain, keys.admin.plain],
    });
    for (const warning of [...warnings, ...directory.warnings]) log.warn(warning);
    const clock = systemClock;
    const { fetch } = host;
    const transport = createNodeTransport();
    const download = createResultDownload(transport, clock, settings);
    const offers =
      given ??
      (await loadOffers({ settings, clock, log, fetch, download, studio: createThreadStudio({ clock }) }));
    server = await startServer({ host, settings, keys, directory, offers, transport, log });
    process.stdout.write(
      banner({
        version: manifest.version,
        host: settings.server.host,
        port: server.port,
        publicUrl: settings.server.publicUrl,
        keys,
        keysFile: directory.keysFile,
        dataDirectory: directory.path,
        model: EXAMPLE_MODEL,
        console: hasPage("console", host.buildPage ?? null),
        terminal: process.stdout.isTTY === true,
      }),
    );
  } catch (error) {
    directory.release();
    throw error;
  }
  log.info("listening", {
    url: server.url,
    host: settings.server.host,
    beyondLoopback: !isLoopbackHost(settings.server.host),
    dataDir: directory.path,
    version: manifest.version,
  });

  const signals = new StopSignals();
  const stop = (signal: StopSignal) => {
    const request = signals.take(signal, performance.now());
    if (request === "end") process.exit(exitCodeOf(signal));
    if (request === "ignore") return;
    runners.cancel();
    log.info("stopping", { signal });
    // Without a listener and a client nothing else keeps the process: the gateway's own timers are not to.
    setInterval(() => {}, HOLD_MS);
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
  const runners = watchRunners(above, systemProcesses, systemClock, () => {
    log.warn("the script runner that started this process is gone, so it stops as well");
    stop("SIGTERM");
  });
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
