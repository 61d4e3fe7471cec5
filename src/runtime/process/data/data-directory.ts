/**
 * The folder of the embedded database and media. One process owns it: two engines on one database would void each
 * other's leases. Where the state is elsewhere, the folder holds keys and media only, and instances may share it.
 *
 * The lock is the operating system's: neither the pid of an ended process, nor one that was given to another process, nor the
 * pid 1 of another container misleads. `owner.json` beside it only informs people.
 */

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { type HeldLock, lockFile } from "./lock-file.ts";
import type { SqliteConnection } from "./sqlite-file.ts";

export type DataDirectory = {
  /** Absolute. */
  readonly path: string;
  readonly databaseFile: string;
  readonly mediaFolder: string;
  /** What voice sessions used that are open. */
  readonly journalsFolder: string;
  /** The same of a release before this one. */
  readonly olderJournalsFolder: string;
  readonly keysFile: string;
  /** There in a backup, and in a directory that was restored from one and not started since. */
  readonly backupManifest: string;
  /** One sentence each, to be logged: what could not be done, and does not keep the process from starting. */
  readonly warnings: readonly string[];
  /** Lets another process own the folder; to be called after everything in it is closed. */
  release(): void;
};

/** Thrown when the folder cannot be had; the message says what to do. */
export class DataDirectoryError extends Error {
  override readonly name = "DataDirectoryError";
}

/** Who owns a folder, for people. */
type Owner = { pid: number; host: string; bootId: string; since: string };

const LOCK_FILE = "owner.lock";
const OWNER_FILE = "owner.json";
const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY_FILE = 0o600;

/**
 * Makes the folder where it is missing and takes it, with a database that `openSqlite` opens. Throws
 * `DataDirectoryError` when another process owns it or it cannot be written.
 */
export function openDataDirectory(
  folder: string,
  openSqlite: (path: string) => SqliteConnection,
): DataDirectory {
  const path = resolve(folder);
  prepare(path);
  const lock = takeLock(path, openSqlite);
  return {
    ...filesIn(path),
    warnings: describeOwner(path),
    release() {
      removeIfPossible(join(path, OWNER_FILE));
      lock.release();
    },
  };
}

/** Makes the folder where it is missing, for a process whose state is elsewhere: it shares the folder with its like. */
export function shareDataDirectory(folder: string): DataDirectory {
  const path = resolve(folder);
  prepare(path);
  return { ...filesIn(path), warnings: [], release: () => {} };
}

/** Where everything stands in a data directory. */
export function filesIn(path: string): Omit<DataDirectory, "warnings" | "release"> {
  return {
    path,
    databaseFile: join(path, "conduit.db"),
    mediaFolder: join(path, "media"),
    journalsFolder: join(path, "voice-journals"),
    olderJournalsFolder: join(path, "voice-sessions"),
    keysFile: join(path, "keys.json"),
    backupManifest: join(path, "backup.json"),
  };
}

function prepare(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: OWNER_ONLY_FOLDER });
    // The folder holds keys, which must not be committed to a repository. An existing file is kept: the folder may be a
    // project's own.
    const ignore = join(path, ".gitignore");
    if (!existsSync(ignore)) writeFileSync(ignore, "*\n", { mode: OWNER_ONLY_FILE });
  } catch (error) {
    throw new DataDirectoryError(
      `The data directory ${path} cannot be written (${codeOf(error)}). ` +
        "Free space there, make it writable for this user, or name another folder in CONDUIT_DATA_DIR.",
      { cause: error },
    );
  }
}

function takeLock(path: string, openSqlite: (path: string) => SqliteConnection): HeldLock {
  let lock: HeldLock | null;
  try {
    lock = lockFile(join(path, LOCK_FILE), openSqlite);
  } catch (error) {
    throw new DataDirectoryError(
      `The data directory ${path} cannot be locked (${error instanceof Error ? error.message : error}). ` +
        "Put it on a local disk this user can write to: name one in CONDUIT_DATA_DIR.",
      { cause: error },
    );
  }
  if (lock === null) throw new DataDirectoryError(ownedMessage(path));
  return lock;
}

function ownedMessage(path: string): string {
  const owner = readOwner(path);
  const who =
    owner === null ? "another process" : `process ${owner.pid} on ${owner.host}, started ${owner.since}`;
  return (
    `The data directory ${path} is in use by ${who}. One process owns it. Stop that one, or name another folder ` +
    "in CONDUIT_DATA_DIR. Several processes with one state need Redis (redis.connectionString)."
  );
}

/** Answers the warnings of a file that cannot be written, as on a full disk: it only makes a message better. */
function describeOwner(path: string): string[] {
  const owner: Owner = {
    pid: process.pid,
    host: hostname(),
    bootId: crypto.randomUUID(),
    since: new Date().toISOString(),
  };
  const file = join(path, OWNER_FILE);
  const temporary = `${file}.new`;
  try {
    writeFileSync(temporary, `${JSON.stringify(owner)}\n`, { mode: OWNER_ONLY_FILE });
    renameSync(temporary, file);
    return [];
  } catch (error) {
    // What is left there would name another process than this one.
    for (const stale of [temporary, file]) removeIfPossible(stale);
    return [
      `${file} cannot be written (${codeOf(error)}): a second start in this data directory is refused, and cannot say who owns it.`,
    ];
  }
}

function removeIfPossible(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // Whoever reads it takes it for what it is: information for people.
  }
}

/** Null when the owner has not written it yet, or it cannot be read: it only makes the message better. */
function readOwner(path: string): Owner | null {
  try {
    return JSON.parse(readFileSync(join(path, OWNER_FILE), "utf8"));
  } catch {
    return null;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : String(error);
}
