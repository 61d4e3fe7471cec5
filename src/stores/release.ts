/**
 * Which release's data a store holds. Additive changes (a new field with a default) raise `writes` and keep `minReader`,
 * so that releases can run side by side and a deployment can be rolled back; a change that an earlier release would
 * misread raises both.
 */

import { StoreUnavailableError } from "../tasks/ports/store-error.ts";

export type DataRelease = {
  /** The release whose shape the newest writer of the data has. */
  readonly writes: number;
  /** The oldest release that may read and change the data. */
  readonly minReader: number;
};

/**
 * What this release writes. 1 and 2 were the first release's, which had no `minReader`: the step from them is one-way. 4 added
 * `waitDeadlineAt` to tasks, 5 the budgets of keys (an earlier release beside this one accepts tasks without looking at them)
 * and the overrun of movements, 6 the audit log, revisions of keys and the forms before a rotation (an earlier release refuses
 * those at once, and tells nothing of its changes), the names of deleted keys, the outbox, ephemeral keys, the records of
 * deliveries, calls and accounts of sessions, batches (an earlier release beside this one does not count what it does for the tasks of a batch), budgets of days
 * and customers, grants, limits of requests and marks of spending (an earlier release knows none of them, and holds money in no
 * day), the sums of usage (it settles without adding to them) and the opening of balances (it drops movements without adding
 * them to it).
 */
export const DATA_RELEASE: DataRelease = { writes: 6, minReader: 3 };

/** Throws `StoreUnavailableError` (`newer_schema`) when data that needs release `minReader` is opened by an older one. */
export function assertReadable(minReader: number, own: DataRelease): void {
  if (minReader > own.writes) throw newerRelease(minReader, own);
}

/** The data needs release `minReader`, which is later than the one that opens it. */
export function newerRelease(minReader: number, own: DataRelease): StoreUnavailableError {
  return new StoreUnavailableError(
    "newer_schema",
    `The data needs release ${minReader} or later, and this is release ${own.writes}: start the release that wrote it, or a later one. Nothing was changed`,
  );
}
