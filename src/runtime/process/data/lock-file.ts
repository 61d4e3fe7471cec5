/**
 * A lock of the operating system's, taken through SQLite on a file of its own. It ends with the process that holds it, however that
 * dies, so there is no stale lock to recognise. Nothing else may open the file: closing any descriptor of it in this process would
 * drop the lock.
 */

import { StoreUnavailableError } from "../../../tasks/ports/store-error.ts";
import type { SqliteConnection } from "./sqlite-file.ts";

export type HeldLock = { release(): void };

/** Null when another process holds it. Throws what the runtime says when the file cannot be had. */
export function lockFile(file: string, openSqlite: (path: string) => SqliteConnection): HeldLock | null {
  let lock: SqliteConnection | null = null;
  try {
    lock = openSqlite(file);
    lock.execute("PRAGMA busy_timeout = 0");
    // A journal on the disk would be a write, which a full disk refuses; nothing in this file is to be restored.
    lock.execute("PRAGMA journal_mode = MEMORY");
    lock.execute("BEGIN EXCLUSIVE");
    const held = lock;
    return { release: () => held.close() };
  } catch (error) {
    const failure = lock?.storageFailure(error) ?? error;
    lock?.close();
    if (failure instanceof StoreUnavailableError && failure.reason === "locked") return null;
    throw failure;
  }
}
