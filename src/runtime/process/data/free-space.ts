/** Room on the disk of the data directory: what a probe writes may still fit where no task does. */

import { statfs } from "node:fs/promises";
import { StoreUnavailableError } from "../../../tasks/ports/store-error.ts";

/** With less a task and its picture hardly fit, bytes. */
const LEAST_FREE_BYTES = 1024 * 1024;
/** With less an operator should look, bytes. */
const SCARCE_FREE_BYTES = 64 * 1024 * 1024;
const MEGABYTE = 1024 * 1024;

/** Blocks that an ordinary user may still take, and their size in bytes. */
export type Stat = (folder: string) => Promise<{ bavail: number; bsize: number }>;

/** Rejects with `StoreUnavailableError` (`full`) when hardly anything can be written to the folder's disk. */
export async function assertRoom(folder: string, stat: Stat = statfs): Promise<void> {
  const free = await freeBytes(folder, stat);
  if (free !== null && free < LEAST_FREE_BYTES)
    throw new StoreUnavailableError("full", "The disk of the data directory has less than a megabyte left");
}

/** What is to be said of little room; null while there is enough. */
export async function scarceRoom(folder: string, stat: Stat = statfs): Promise<string | null> {
  const free = await freeBytes(folder, stat);
  if (free === null || free >= SCARCE_FREE_BYTES) return null;
  return `the disk of the data directory has ${Math.floor(free / MEGABYTE)} MB left`;
}

/** What this process may still write there; null where the host does not say. */
async function freeBytes(folder: string, stat: Stat): Promise<number | null> {
  try {
    const { bavail, bsize } = await stat(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
}
