/** A media store in a folder of this machine. */

import { constants } from "node:fs";
import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  rm,
  rmdir,
  unlink,
} from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { isTaskId, type RandomFill } from "../tasks/ids.ts";
import { type MediaFile, type MediaStore, MediaTooLargeError } from "../tasks/ports/media-store.ts";
import type { MediaRef } from "../tasks/task.ts";
import { contentTypeOf } from "./content-types.ts";
import { FolderSync, syncFolder } from "./folder-sync.ts";
import {
  dayFolder,
  etagOf,
  type MediaPath,
  type NewPath,
  newDerivedPath,
  newMediaPath,
  newToken,
  parseMediaPath,
  taskFolder,
} from "./media-path.ts";

export type FolderMediaStoreOptions = {
  /** Made when it is missing. Nothing outside of it is ever read or written. */
  root: string;
  /** Whether a put waits until the disk has the file and its name. Off, a power cut may cost the newest files. */
  fsync?: boolean;
  /** The largest file, bytes. */
  maxFileBytes?: number;
  random?: RandomFill;
  /** Wall clock, ms: decides which leftovers are old. */
  now?: () => number;
};

/** A few minutes of film; a provider that sends more is broken. */
const DEFAULT_MAX_FILE_BYTES = 512 * 1024 * 1024;
/** One read of a file being served: enough for speed, little for a thousand slow readers. */
const READ_BYTES = 64 * 1024;
/** No put takes longer; a temporary file older than this was left by a process that crashed. */
const LEFTOVER_MS = 3_600_000;
const TEMPORARY = /^\.[A-Za-z0-9]{22}\.part$/;
/** Names of the folders a day lies in: year, month, day. */
const DATE_NAMES = [/^\d{4}$/, /^\d{2}$/, /^\d{2}$/];
/** A folder can be pruned between its making and its first file; it is made again this often. */
const MAKE_TRIES = 5;
/** Days cached as being on disk; files of more days are not written at once. */
const MAX_DURABLE_DAYS = 100;

/** Opens the store; the folder is made with the first file. */
export function createFolderMediaStore(options: FolderMediaStoreOptions): MediaStore {
  return new FolderMediaStore(options);
}

class FolderMediaStore implements MediaStore {
  readonly #root: string;
  readonly #fsync: boolean;
  readonly #maxFileBytes: number;
  readonly #random: RandomFill | undefined;
  readonly #now: () => number;
  /** Where the root really lies, as it was last seen. */
  #realRoot: string | null = null;
  /** Day folders whose own way from the root is known to be on disk. */
  readonly #durableDays = new Set<string>();
  readonly #days = new FolderSync();

  constructor({
    root,
    fsync = true,
    maxFileBytes = DEFAULT_MAX_FILE_BYTES,
    random,
    now,
  }: FolderMediaStoreOptions) {
    this.#root = resolve(root);
    this.#fsync = fsync;
    this.#maxFileBytes = maxFileBytes;
    this.#random = random;
    this.#now = now ?? Date.now;
  }

  async put(
    taskId: string,
    bytes: Uint8Array | ReadableStream<Uint8Array>,
    contentType: string,
  ): Promise<MediaRef> {
    return this.#put(newMediaPath(taskId, contentType, this.#random), bytes);
  }

  putDerived(path: string, label: string, bytes: Uint8Array, contentType: string): Promise<MediaRef> {
    return this.#put(newDerivedPath(path, label, contentType), bytes);
  }

  async #put(
    { path, folder, extension }: NewPath,
    bytes: Uint8Array | ReadableStream<Uint8Array>,
  ): Promise<MediaRef> {
    const temporary = join(this.#root, folder, `.${newToken(this.#random)}.part`);
    try {
      const { file, made } = await this.#createIn(folder, temporary);
      // The file is written meanwhile; what goes wrong with the way is told below.
      const wayThere = this.#syncWayTo(folder, made);
      wayThere.catch(ignore);
      let size: number;
      try {
        size = await this.#write(file, bytes);
        if (this.#fsync) await file.sync();
        await wayThere;
      } finally {
        await file.close();
      }
      await rename(temporary, join(this.#root, path));
      if (this.#fsync) await syncFolder(join(this.#root, folder));
      return { path, contentType: contentTypeOf(extension), bytes: size };
    } catch (error) {
      if (bytes instanceof ReadableStream && !bytes.locked) await bytes.cancel(error).catch(ignore);
      // The rename may have gone through before the folder failed to sync: neither name may stay.
      await rm(temporary, { force: true }).catch(ignore);
      await rm(join(this.#root, path), { force: true }).catch(ignore);
      await this.#prune(folder);
      throw error;
    }
  }

  async get(path: string): Promise<MediaFile | null> {
    const parsed = parseMediaPath(path);
    if (parsed === null) return null;
    try {
      if (!(await this.#isOwn(path))) return null;
      const stats = await lstat(join(this.#root, path));
      if (!stats.isFile()) return null;
      return this.#describe(path, parsed, stats.size, Math.floor(stats.mtimeMs));
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async remove(paths: readonly string[]): Promise<void> {
    const folders = new Set<string>();
    for (const path of paths) {
      const parsed = parseMediaPath(path);
      if (parsed === null || !(await this.#isOwn(parsed.folder))) continue;
      await unlink(join(this.#root, path)).catch(unlessMissing);
      folders.add(parsed.folder);
    }
    for (const folder of folders) await this.#prune(folder);
  }

  async removeTask(taskId: string): Promise<void> {
    const folder = taskFolder(taskId);
    if (!(await this.#isOwn(folder))) return;
    await rm(join(this.#root, folder), { recursive: true, force: true });
    await this.#prune(dirname(folder));
  }

  /** Also deletes the temporary files that crashed processes left in the task's folder. */
  async filesOf(taskId: string): Promise<string[]> {
    const folder = taskFolder(taskId);
    const files: string[] = [];
    for (const name of await this.#names(folder)) {
      if (TEMPORARY.test(name)) await this.#clearLeftover(folder, name);
      const path = `${folder}/${name}`;
      if (parseMediaPath(path) === null) continue;
      const stats = await lstat(join(this.#root, path)).catch(unlessMissing);
      if (stats?.isFile()) files.push(path);
    }
    return files;
  }

  async tasksBefore(moment: number, limit: number): Promise<string[]> {
    const ids: string[] = [];
    for await (const day of this.#daysBefore(dayFolder(moment))) {
      for (const name of await this.#names(day)) {
        if (ids.length === limit) return ids;
        if (!isTaskId(name) || taskFolder(name) !== `${day}/${name}`) continue;
        const stats = await lstat(join(this.#root, day, name)).catch(unlessMissing);
        if (stats?.isDirectory()) ids.push(name);
      }
    }
    return ids;
  }

  /** The day folders before `end` one after the other, the oldest first; no folder of a later month or year is read. */
  async *#daysBefore(end: string, folder = "", depth = 0): AsyncGenerator<string> {
    const pattern = DATE_NAMES[depth];
    if (pattern === undefined) {
      if (folder < end) yield folder;
      return;
    }
    const names = (await this.#names(folder)).filter((name) => pattern.test(name)).sort();
    for (const name of names) {
      const path = folder === "" ? name : `${folder}/${name}`;
      if (path <= end.slice(0, path.length)) yield* this.#daysBefore(end, path, depth + 1);
    }
  }

  /** The names in a folder; none when it is gone, is a file, or leads elsewhere. */
  async #names(folder: string): Promise<string[]> {
    try {
      if (folder !== "" && !(await lstat(join(this.#root, folder))).isDirectory()) return [];
      return await readdir(join(this.#root, folder));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  async #clearLeftover(folder: string, name: string): Promise<void> {
    const file = join(this.#root, folder, name);
    const stats = await lstat(file).catch(unlessMissing);
    if (stats === undefined || this.#now() - stats.mtimeMs < LEFTOVER_MS) return;
    await rm(file, { force: true });
    await this.#prune(folder);
  }

  #describe(path: string, parsed: MediaPath, bytes: number, modifiedAt: number): MediaFile {
    return {
      contentType: contentTypeOf(parsed.extension),
      bytes,
      etag: etagOf(parsed),
      modifiedAt,
      open: async (range) => {
        const file = await open(join(this.#root, path), constants.O_RDONLY | constants.O_NOFOLLOW);
        return readStream(
          file,
          range?.start ?? 0,
          range === undefined ? bytes - 1 : Math.min(range.end, bytes - 1),
        );
      },
    };
  }

  /** Whether nothing on the way to `path` leads elsewhere. What does not exist is nobody's. */
  async #isOwn(path: string): Promise<boolean> {
    try {
      const real = await realpath(join(this.#root, path));
      if (this.#realRoot !== null && real === join(this.#realRoot, path)) return true;
      // The first time, and where an operator has moved the root and left a link behind.
      this.#realRoot = await realpath(this.#root);
      return real === join(this.#realRoot, path);
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  /** Makes the folder and the file in it; `made` is the first folder that was not there, undefined where all were. */
  async #createIn(folder: string, file: string): Promise<{ file: FileHandle; made: string | undefined }> {
    const target = join(this.#root, folder);
    for (let tries = 1; ; tries++) {
      const made = await mkdir(target, { recursive: true });
      if (await this.#isOwn(folder)) {
        try {
          return { file: await open(file, "wx", 0o644), made };
        } catch (error) {
          if (!isMissing(error) || tries >= MAKE_TRIES) throw error;
        }
      } else if (tries >= MAKE_TRIES) throw new Error(`The media folder ${folder} leads elsewhere`);
    }
  }

  /**
   * Brings the way to a folder that holds a file onto the disk. A new name is durable once its folder is synced. Another put
   * may have made a folder and not have synced it yet, so the day's is synced every time, and what is above it once by
   * whoever comes first.
   */
  async #syncWayTo(folder: string, made: string | undefined): Promise<void> {
    if (!this.#fsync) return;
    const day = dirname(join(this.#root, folder));
    await this.#days.sync(day);
    if (made !== undefined && made.length <= day.length) this.#durableDays.delete(day);
    if (this.#durableDays.has(day)) return;
    const top = made !== undefined && made.length <= this.#root.length ? dirname(made) : this.#root;
    await syncUpTo(dirname(day), top);
    if (this.#durableDays.size >= MAX_DURABLE_DAYS) this.#durableDays.clear();
    this.#durableDays.add(day);
  }

  async #write(file: FileHandle, bytes: Uint8Array | ReadableStream<Uint8Array>): Promise<number> {
    if (bytes instanceof Uint8Array) {
      this.#requireRoom(bytes.length);
      await file.writeFile(bytes);
      return bytes.length;
    }
    let size = 0;
    // Leaving the loop early cancels the stream.
    for await (const chunk of bytes) {
      size += chunk.length;
      this.#requireRoom(size);
      await file.writeFile(chunk);
    }
    return size;
  }

  #requireRoom(size: number): void {
    if (size > this.#maxFileBytes) throw new MediaTooLargeError(this.#maxFileBytes);
  }

  /** Removes a folder and those above it while they are empty. */
  async #prune(folder: string): Promise<void> {
    for (let at = folder; at !== "."; at = dirname(at)) {
      // First: a writer that makes the day's folder anew meanwhile syncs its parents again.
      const path = join(this.#root, at);
      this.#durableDays.delete(path);
      try {
        await rmdir(path);
      } catch {
        // Not empty any more, or not there: either way it stays as it is.
        return;
      }
    }
  }
}

/**
 * The bytes `start`..`end` of an open file, read as they are asked for; the file is closed at the end and on cancel.
 */
function readStream(file: FileHandle, start: number, end: number): ReadableStream<Uint8Array> {
  let at = start;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const want = Math.min(READ_BYTES, end + 1 - at);
        try {
          const { bytesRead, buffer } =
            want <= 0 ? { bytesRead: 0, buffer: EMPTY } : await file.read(new Uint8Array(want), 0, want, at);
          at += bytesRead;
          if (bytesRead > 0) controller.enqueue(buffer.subarray(0, bytesRead));
          else if (want > 0) throw new Error("A media file is shorter than when it was opened");
          if (at <= end) return;
          await file.close();
          controller.close();
        } catch (error) {
          await file.close().catch(ignore);
          controller.error(error);
        }
      },
      cancel: () => file.close(),
    },
    // Nothing is read before the reader pulls.
    { highWaterMark: 0 },
  );
}

const EMPTY = new Uint8Array(0);

/** Syncs `folder` and those above it, up to and including `top`. */
async function syncUpTo(folder: string, top: string): Promise<void> {
  for (let at = folder; ; at = dirname(at)) {
    await syncFolder(at);
    if (at === top || at === dirname(at)) return;
  }
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP";
}

function unlessMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}

function ignore(): void {}
