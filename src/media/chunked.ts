/**
 * A media store over shards that keep a file as chunks, such as Durable Objects: the Worker needs no bucket. For trying
 * it out and for small deployments; films and many pictures belong in R2, which is cheaper and takes larger files.
 */

import type { RandomFill } from "../tasks/ids.ts";
import type { MediaFile, MediaStore } from "../tasks/ports/media-store.ts";
import type { MediaRef } from "../tasks/task.ts";
import { contentTypeOf } from "./content-types.ts";
import { partsOfFile } from "./file-parts.ts";
import {
  dayFolder,
  etagOf,
  type NewPath,
  newDerivedPath,
  newMediaPath,
  parseMediaPath,
  taskFolder,
} from "./media-path.ts";

/** Bytes of a chunk: half of what a row of a Durable Object's SQL may have (Cloudflare docs, "Limits": 2 MB). */
export const CHUNK_BYTES = 1024 * 1024;
/**
 * The shards share the files; a task's are in one of them, by the last hexadecimal digit of its id, which is random.
 */
const SHARD_NAMES = "0123456789abcdef";
/** Files of a task that one call lists. */
const LIST_FILES = 200;
/** The largest file in bytes, by default and at most: every byte passes through memory and a database. */
const DEFAULT_MAX_FILE_BYTES = 64 * 1024 * 1024;

export type FileStat = { bytes: number; modifiedAt: number };
export type StoredFile = { path: string; taskId: string; modifiedAt: number };

/** The shards by name. */
export type MediaShards = { getByName(name: string): MediaShard };

/** One shard. Every method MUST have no further effect when it is called again after a lost answer. */
export interface MediaShard {
  /**
   * Writes a part of the file; part 0 begins it and the last one makes it readable. Parts come in order and all but the
   * last have `CHUNK_BYTES`. False when the file does not exist, or no longer.
   */
  write(path: string, part: number, bytes: Uint8Array, last: boolean): Promise<boolean>;
  /** Null for a file that does not exist, or is not complete. */
  stat(path: string): Promise<FileStat | null>;
  /** One part of a file; null when there is none. */
  read(path: string, part: number): Promise<Uint8Array | null>;
  /** Removes files, complete or not. */
  remove(paths: readonly string[]): Promise<void>;
  /** Removes every file of a folder, complete or not. */
  removeFolder(folder: string): Promise<void>;
  /** Complete files behind the path `after`, in the order of their paths. */
  list(limit: number, after: string): Promise<StoredFile[]>;
}

export type ChunkedMediaOptions = {
  /** The largest file, bytes; never more than 64 MiB. */
  maxFileBytes?: number;
  random?: RandomFill;
};

export function createChunkedMediaStore(shards: MediaShards, options: ChunkedMediaOptions = {}): MediaStore {
  return new ChunkedMediaStore(shards, options);
}

class ChunkedMediaStore implements MediaStore {
  readonly #shards: MediaShards;
  readonly #maxFileBytes: number;
  readonly #random: RandomFill | undefined;

  constructor(shards: MediaShards, { maxFileBytes, random }: ChunkedMediaOptions) {
    this.#shards = shards;
    this.#maxFileBytes = Math.min(maxFileBytes ?? DEFAULT_MAX_FILE_BYTES, DEFAULT_MAX_FILE_BYTES);
    this.#random = random;
  }

  async put(
    taskId: string,
    bytes: Uint8Array | ReadableStream<Uint8Array>,
    contentType: string,
  ): Promise<MediaRef> {
    return this.#put(newMediaPath(taskId, contentType, this.#random), bytes);
  }

  async putDerived(path: string, label: string, bytes: Uint8Array, contentType: string): Promise<MediaRef> {
    const derived = newDerivedPath(path, label, contentType);
    await this.remove([derived.path]);
    return this.#put(derived, bytes);
  }

  async #put(
    { path, taskId, extension }: NewPath,
    bytes: Uint8Array | ReadableStream<Uint8Array>,
  ): Promise<MediaRef> {
    const shard = shardOf(taskId);
    let size = 0;
    try {
      let number = 0;
      for await (const { bytes: part, last } of partsOfFile(bytes, CHUNK_BYTES, this.#maxFileBytes)) {
        const at = number++;
        const written = await this.#call(shard, (object) => object.write(path, at, part, last));
        if (!written) throw new Error("The media file was removed while it was written");
        size += part.byteLength;
      }
    } catch (error) {
      await this.#call(shard, (object) => object.remove([path])).catch(ignore);
      throw error;
    }
    return { path, contentType: contentTypeOf(extension), bytes: size };
  }

  async get(path: string): Promise<MediaFile | null> {
    const parsed = parseMediaPath(path);
    if (parsed === null) return null;
    const shard = shardOf(parsed.taskId);
    const stat = await this.#call(shard, (object) => object.stat(path));
    if (stat === null) return null;
    const { bytes, modifiedAt } = stat;
    return {
      contentType: contentTypeOf(parsed.extension),
      bytes,
      etag: etagOf(parsed),
      modifiedAt,
      open: (range) => this.#open(shard, path, range?.start ?? 0, Math.min(range?.end ?? bytes, bytes - 1)),
    };
  }

  async remove(paths: readonly string[]): Promise<void> {
    const byShard = new Map<string, string[]>();
    for (const path of paths) {
      const parsed = parseMediaPath(path);
      if (parsed === null) continue;
      const shard = shardOf(parsed.taskId);
      byShard.set(shard, [...(byShard.get(shard) ?? []), path]);
    }
    for (const [shard, own] of byShard) await this.#call(shard, (object) => object.remove(own));
  }

  async removeTask(taskId: string): Promise<void> {
    const folder = taskFolder(taskId);
    await this.#call(shardOf(taskId), (object) => object.removeFolder(folder));
  }

  async filesOf(taskId: string): Promise<string[]> {
    const folder = `${taskFolder(taskId)}/`;
    const paths: string[] = [];
    for (let after = folder; ; ) {
      const from = after;
      const files = await this.#call(shardOf(taskId), (object) => object.list(LIST_FILES, from));
      const own = files.filter(({ path }) => path.startsWith(folder));
      paths.push(...own.map(({ path }) => path));
      const last = own.at(-1);
      if (last === undefined || own.length < LIST_FILES) return paths;
      after = last.path;
    }
  }

  /** The first files of every shard, so that none has to wait for another one's. */
  async tasksBefore(moment: number, limit: number): Promise<string[]> {
    const end = dayFolder(moment);
    const ids = new Set<string>();
    const each = Math.ceil(limit / SHARD_NAMES.length);
    for (const shard of SHARD_NAMES) {
      const files = await this.#call(shard, (object) => object.list(each, ""));
      for (const { path, taskId } of files) if (path < end) ids.add(taskId);
    }
    return [...ids].slice(0, limit);
  }

  /** The bytes `start`..`end`, part by part as they are asked for. */
  #open(shard: string, path: string, start: number, end: number): ReadableStream<Uint8Array> {
    let at = start;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          if (at <= end) {
            const number = Math.floor(at / CHUNK_BYTES);
            const part = await this.#call(shard, (object) => object.read(path, number));
            if (part === null) throw new Error("A media file was removed while it was read");
            const first = number * CHUNK_BYTES;
            const piece = part.subarray(at - first, end + 1 - first);
            at += piece.byteLength;
            controller.enqueue(piece);
          }
          if (at > end) controller.close();
        },
      },
      // Nothing is read before the reader pulls.
      { highWaterMark: 0 },
    );
  }

  /** Calls the shard again, once, when the call failed because its object was restarted. */
  async #call<T>(shard: string, call: (object: MediaShard) => Promise<T>): Promise<T> {
    try {
      return await call(this.#shards.getByName(shard));
    } catch (error) {
      // Not to be repeated, says Cloudflare's "Error handling" page of Durable Objects about `.overloaded`.
      if (error instanceof Error && "overloaded" in error && error.overloaded === true) throw error;
      return call(this.#shards.getByName(shard));
    }
  }
}

function shardOf(taskId: string): string {
  return taskId.slice(-1);
}

function ignore(): void {}
