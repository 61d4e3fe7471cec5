/** The program: `bun run start`. Reads the settings, takes the data directory, serves, and stops cleanly. */

import manifest from "../../../package.json" with { type: "json" };
import { ConfigError, loadConfig, secretsOf } from "../../config.ts";
import { JsonLog } from "../../logging/json-log.ts";
import { describeError } from "../../tasks/log.ts";
import { StoreUnavailableError } from "../../tasks/store-error.ts";
import { banner } from "./banner.ts";
import { readConfigFile } from "./config-file.ts";
import { DataDirectoryError, openDataDirectory } from "./data-directory.ts";
import { KeysFileError, loadKeys } from "./keys-file.ts";
import { ListenError, type RunningServer, startServer } from "./server.ts";

/** The model the banner's curl line names: it needs no key and no network. */
const EXAMPLE_MODEL = "local/canvas";
/** A second Ctrl-C does not wait: 128 + SIGINT, as a shell reports it. */
const EXIT_INTERRUPTED = 130;

const OWNER_ONLY_UMASK = 0o077;

try {
  await main();
} catch (error) {
  // A person reads this: problems they can mend come without a stack.
  process.stderr.write(`${isForPeople(error) ? error.message : describeStartFailure(error)}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  // The database, the media and the keys are this user's alone, whatever folder the operator names.
  process.umask(OWNER_ONLY_UMASK);
  const { settings, warnings } = loadConfig({ env: process.env, file: readConfigFile(process.cwd()) });
  const directory = openDataDirectory(settings.server.dataDir);
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
    server = await startServer(settings, keys, directory, log);
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
    error instanceof ListenError
  );
}

function describeStartFailure(error: unknown): string {
  if (error instanceof StoreUnavailableError) {
    return `${error.message}. The database is conduit.db in the data directory; CONDUIT_DATA_DIR names another one.`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
