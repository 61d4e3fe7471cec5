/** `bun run backup <folder>`: what the command line says, and what the operator is told. */

import process from "node:process";
import { ConfigError, loadConfig } from "../../../config/load.ts";
import { storeChoice } from "../../../config/store-choice.ts";
import { readConfigFile } from "../config-file.ts";
import type { ProcessHost } from "../process-host.ts";
import { BackupError, backUp } from "./backup.ts";

const USAGE =
  "Usage: bun run backup <folder>\n" +
  "Copies the data directory (CONDUIT_DATA_DIR) to a folder that does not exist yet, also while Conduit runs.\n" +
  "To restore: stop Conduit, put a copy of that folder in the data directory's place, start.\n";
/** The conventional status of a command line that is not understood. */
const EXIT_USAGE = 2;
const BYTES_PER_MB = 1_000_000;

/** Runs the command; ends the process with 0, 1 where the backup failed, or 2 where it was not asked for rightly. */
export async function runBackup(host: ProcessHost, args: readonly string[]): Promise<void> {
  const [target, ...rest] = args;
  if (target === undefined || target.startsWith("-") || rest.length > 0) {
    process.stderr.write(USAGE);
    process.exit(target === "--help" ? 0 : EXIT_USAGE);
  }
  try {
    const { settings } = loadConfig({ env: process.env, file: readConfigFile(process.cwd()) });
    if (storeChoice(settings).kind !== "embedded")
      throw new BackupError(
        "The state is kept in Redis, not in the data directory: back it up there. docs/backup.md says how.",
      );
    const made = await backUp(host, {
      dataDirectory: settings.server.dataDir,
      mediaFolder: settings.media.folder,
      target,
      now: () => Date.now(),
    });
    const megabytes = (bytes: number) => (bytes / BYTES_PER_MB).toFixed(1);
    process.stdout.write(
      `${made.path}: database ${megabytes(made.databaseBytes)} MB, ` +
        `${made.mediaFiles} media files ${megabytes(made.mediaBytes)} MB\n`,
    );
  } catch (error) {
    if (!(error instanceof BackupError || error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}
