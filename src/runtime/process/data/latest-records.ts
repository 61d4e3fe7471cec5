/**
 * A file that keeps the latest record of each of many ids. Records are appended, those of a short while with one write that is synced;
 * what was replaced meanwhile is not written. A file that has grown long is written anew with what counts. Reading it, the last line
 * of an id counts, and a line that was cut off counts as not written.
 */

import { type FileHandle, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { syncFolder } from "../../../media/folder-sync.ts";
import type { Clock } from "../../../tasks/ports/clock.ts";

export type LatestRecordsOptions = {
  readonly path: string;
  readonly clock: Pick<Clock, "after">;
  /** Told of each write that failed. What it was to write is written anew with the next one. */
  failed(error: unknown): void;
};

/** How long a record waits for others that are written with it, ms. */
const GATHER_MS = 10;
/** A file that is longer than this, and than twice what it was when it was last written anew, is written anew. Bytes. */
const LONG = 4 * 1024 * 1024;
const OWNER_ONLY_FILE = 0o600;
const REMOVED = "-";

/** An id is a text without spaces; a record is what JSON can say, and not changed once it is given. */
export class LatestRecords<T> {
  readonly #options: LatestRecordsOptions;
  readonly #live = new Map<string, T>();
  readonly #changed = new Set<string>();
  /** Open once the file has been written; null before, and after a write that failed. */
  #file: FileHandle | null = null;
  #length = 0;
  /** What the file was as long as when it was written anew. */
  #shortest = 0;
  #writing: Promise<void> | null = null;
  /** Ends the gathering early. */
  #hurry: (() => void) | null = null;
  #closing = false;

  constructor(options: LatestRecordsOptions) {
    this.#options = options;
  }

  /** Of how many ids there is a record. */
  get size(): number {
    return this.#live.size;
  }

  get(id: string): T | undefined {
    return this.#live.get(id);
  }

  /** Replaces the record of the id. It is on the disk some ten milliseconds later. */
  put(id: string, record: T): void {
    this.#live.set(id, record);
    this.#change(id);
  }

  remove(id: string): void {
    if (this.#live.delete(id)) this.#change(id);
  }

  /** Resolves once everything is written, or could not be; nothing may be put afterwards. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#hurry?.();
    await this.#writing;
    await this.#file?.close();
    this.#file = null;
  }

  #change(id: string): void {
    this.#changed.add(id);
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null;
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#changed.size > 0) {
      await this.#gather();
      const changed = [...this.#changed];
      this.#changed.clear();
      try {
        if (this.#file === null || this.#isLong()) await this.#writeAnew();
        else await this.#append(this.#file, changed);
      } catch (error) {
        await this.#file?.close().catch(() => {});
        this.#file = null;
        this.#options.failed(error);
      }
    }
  }

  #gather(): Promise<void> {
    if (this.#closing) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(GATHER_MS, resolve);
      this.#hurry = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #isLong(): boolean {
    return this.#length > Math.max(LONG, 2 * this.#shortest);
  }

  async #append(file: FileHandle, ids: readonly string[]): Promise<void> {
    const text = this.#textOf(ids);
    await file.appendFile(text);
    await file.datasync();
    this.#length += text.length;
  }

  async #writeAnew(): Promise<void> {
    const { path } = this.#options;
    const fresh = await open(`${path}.new`, "w", OWNER_ONLY_FILE);
    const text = this.#textOf([...this.#live.keys()]);
    try {
      await fresh.appendFile(text);
      await fresh.datasync();
      await rename(`${path}.new`, path);
      await syncFolder(dirname(path));
    } catch (error) {
      await fresh.close();
      throw error;
    }
    await this.#file?.close();
    this.#file = fresh;
    this.#length = text.length;
    this.#shortest = text.length;
  }

  #textOf(ids: readonly string[]): string {
    let text = "";
    for (const id of ids) {
      const record = this.#live.get(id);
      text += `${id} ${record === undefined ? REMOVED : JSON.stringify(record)}\n`;
    }
    return text;
  }
}

/** The records that a file of `LatestRecords` has; none where there is no file. What is no record is passed over. */
export async function readLatestRecords(path: string): Promise<Map<string, unknown>> {
  const found = new Map<string, unknown>();
  for (const line of (await textOf(path)).split("\n").slice(0, -1)) {
    const space = line.indexOf(" ");
    const id = line.slice(0, space);
    const text = line.slice(space + 1);
    if (text === REMOVED) found.delete(id);
    else {
      const record = parsed(text);
      if (space > 0 && record !== undefined) found.set(id, record);
    }
  }
  return found;
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return "";
    throw error;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
