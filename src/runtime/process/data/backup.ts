/**
 * A consistent copy of a data directory, also while its owner runs: the database as one committed state, then the media
 * files. A file is written before the commit that names it and never changes, so every file that the copied database
 * names is there, except what the retention removed meanwhile, which the running process would not have served either.
 *
 * A backup is itself a data directory: to restore it, copy it to where the data directory was and start.
 */

import { constants } from "node:fs";
import {
  chmod,
  copyFile,
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { DataRelease } from "../../../stores/release.ts";
import { storedRelease } from "../../../stores/sqlite/schema/open.ts";
import type { ProcessHost } from "../process-host.ts";
import { filesIn } from "./data-directory.ts";

export type BackupOptions = {
  /** The data directory to copy. */
  dataDirectory: string;
  /** Where its media are, when that is not inside of it. */
  mediaFolder: string | null;
  /** The folder to make; it must not exist. */
  target: string;
  /** Wall clock, ms. */
  now: () => number;
};

export type Backup = {
  /** Absolute. */
  readonly path: string;
  readonly databaseBytes: number;
  readonly mediaFiles: number;
  readonly mediaBytes: number;
};

/** Thrown when a backup cannot be made; the message says what to do. */
export class BackupError extends Error {
  override readonly name = "BackupError";
}

/** A put that is under way: its final name does not exist yet, and nothing can name it. */
const UNFINISHED_FILE = /^\..*\.part$/;
const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY_FILE = 0o600;

/** Makes a backup. Rejects with `BackupError`; an unfinished one is removed. */
export async function backUp(host: Pick<ProcessHost, "openSqlite">, options: BackupOptions): Promise<Backup> {
  const source = filesIn(resolve(options.dataDirectory));
  const target = resolve(options.target);
  if (await exists(target))
    throw new BackupError(
      `The folder ${target} exists already. Name one that does not: nothing is overwritten.`,
    );
  if (!(await exists(source.databaseFile)))
    throw new BackupError(
      `There is no database in the data directory ${source.path}. CONDUIT_DATA_DIR names the one to copy.`,
    );
  const parent = dirname(target);
  const unfinished = join(parent, `.${basename(target)}.unfinished`);
  try {
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true, mode: OWNER_ONLY_FOLDER });
    const copy = filesIn(unfinished);
    const { bytes: databaseBytes, release } = await copyDatabase(
      host,
      source.databaseFile,
      copy.databaseFile,
    );
    const media = await copyMedia(options.mediaFolder ?? source.mediaFolder, copy.mediaFolder);
    const keys = await readFile(source.keysFile).catch(unlessMissing(null));
    if (keys !== null) await writeDurably(copy.keysFile, keys);
    const manifest = {
      madeAt: new Date(options.now()).toISOString(),
      release,
      databaseBytes,
      ...media,
    };
    // Written last: a folder without it is no backup.
    await writeDurably(copy.backupManifest, `${JSON.stringify(manifest, null, 2)}\n`);
    await syncFolder(unfinished);
    await rename(unfinished, target);
    await syncFolder(parent);
    return { path: target, databaseBytes, ...media };
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true }).catch(() => {});
    if (error instanceof BackupError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new BackupError(`The backup could not be made: ${reason}. Nothing is left of it.`, {
      cause: error,
    });
  }
}

/** One committed state of the database, in a file without a log. Readers do not wait for its owner, nor it for them. */
async function copyDatabase(
  host: Pick<ProcessHost, "openSqlite">,
  from: string,
  to: string,
): Promise<{ bytes: number; release: DataRelease | null }> {
  const connection = host.openSqlite(from);
  let release: DataRelease | null;
  try {
    // The owner holds the write lock for milliseconds; opening the log may have to wait for it.
    connection.execute("PRAGMA busy_timeout = 5000");
    connection.sql.run("VACUUM INTO ?", to);
    release = storedRelease(connection.sql);
  } finally {
    connection.close();
  }
  await chmod(to, OWNER_ONLY_FILE);
  await synced(await open(to, constants.O_RDWR));
  return { bytes: (await stat(to)).size, release };
}

async function copyMedia(from: string, to: string): Promise<{ mediaFiles: number; mediaBytes: number }> {
  const copied = { mediaFiles: 0, mediaBytes: 0 };
  const entries = await readdir(from, { withFileTypes: true }).catch(unlessMissing([]));
  if (entries.length > 0) await mkdir(to, { recursive: true, mode: OWNER_ONLY_FOLDER });
  for (const entry of entries) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      const inner = await copyMedia(source, target);
      copied.mediaFiles += inner.mediaFiles;
      copied.mediaBytes += inner.mediaBytes;
    } else if (entry.isFile() && !UNFINISHED_FILE.test(entry.name)) {
      // Where the file system can, the copy shares the file's blocks and costs no space.
      const copying = copyFile(source, target, constants.COPYFILE_FICLONE).then(() => true);
      if (!(await copying.catch(unlessMissing(false)))) continue;
      const file = await open(target, constants.O_RDONLY);
      copied.mediaBytes += (await file.stat()).size;
      await synced(file);
      copied.mediaFiles += 1;
    }
  }
  if (entries.length > 0) await syncFolder(to);
  return copied;
}

async function writeDurably(path: string, data: string | Uint8Array): Promise<void> {
  await writeFile(path, data, { mode: OWNER_ONLY_FILE });
  await synced(await open(path, constants.O_RDONLY));
}

async function syncFolder(path: string): Promise<void> {
  await synced(await open(path, constants.O_RDONLY));
}

async function synced(file: FileHandle): Promise<void> {
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, unlessMissing(false));
}

/** What stands in for a file that is not there; any other failure goes on. */
function unlessMissing<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return value;
    throw error;
  };
}
