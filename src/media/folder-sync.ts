/** Brings the names in a folder onto the disk. */

import { open } from "node:fs/promises";

/** Resolves once the disk has every name that was made in the folder before the call. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Syncs folders in which many put names at once: callers that come while a sync is under way share the next one, which begins
 * after all of them came.
 */
export class FolderSync {
  readonly #syncFolder: typeof syncFolder;
  /** The sync under way of a folder, and the one that will follow it. */
  readonly #current = new Map<string, Promise<void>>();
  readonly #next = new Map<string, Promise<void>>();

  constructor(sync: typeof syncFolder = syncFolder) {
    this.#syncFolder = sync;
  }

  /** Resolves and rejects like `syncFolder`, with which it may share its call. */
  sync(folder: string): Promise<void> {
    const current = this.#current.get(folder);
    if (current === undefined) return this.#begin(folder);
    const waiting = this.#next.get(folder);
    if (waiting !== undefined) return waiting;
    const begin = () => {
      this.#next.delete(folder);
      return this.#begin(folder);
    };
    // What became of the one before concerns its own callers.
    const next = current.then(begin, begin);
    this.#next.set(folder, next);
    return next;
  }

  #begin(folder: string): Promise<void> {
    const sync = this.#syncFolder(folder).finally(() => {
      if (this.#current.get(folder) === sync) this.#current.delete(folder);
    });
    this.#current.set(folder, sync);
    return sync;
  }
}
