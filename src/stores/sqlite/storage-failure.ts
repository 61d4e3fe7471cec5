/** What SQLite's result codes say about the storage, whichever driver reports them. */

import { StoreUnavailableError } from "../../tasks/ports/store-error.ts";

/**
 * The failure behind a result code, primary or extended, by its name (`SQLITE_FULL`, `SQLITE_IOERR_FSYNC`); null when
 * the code blames the statement. `error` becomes the cause.
 */
export function storageFailure(code: string, error: Error): StoreUnavailableError | null {
  if (/^SQLITE_(BUSY|LOCKED|PROTOCOL)/.test(code))
    return new StoreUnavailableError("locked", "Another process holds the database; try again", error);
  // SHMSIZE: there is no room for the 32 kB that the readers of a database share.
  if (/^SQLITE_(FULL|IOERR_SHMSIZE)/.test(code))
    return new StoreUnavailableError(
      "full",
      "The disk or the database's size limit is full; nothing was written",
      error,
    );
  if (/^SQLITE_(IOERR|CANTOPEN|READONLY|CORRUPT|NOTADB|NOMEM|AUTH|PERM)/.test(code))
    return new StoreUnavailableError(
      "broken",
      `The database cannot be used (${code}): ${error.message}`,
      error,
    );
  return null;
}
