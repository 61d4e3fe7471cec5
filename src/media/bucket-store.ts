/**
 * A media store in a bucket: a file's path is its key. An object appears whole or not at all, and is durable then. The
 * bucket may hold other things, which are neither touched nor named.
 */

import type { RandomFill } from "../tasks/ids.ts";
import { type MediaFile, type MediaStore, MediaTooLargeError } from "../tasks/ports/media-store.ts";
import type { MediaRef } from "../tasks/task.ts";
import { type Bucket, type BucketUpload, type ListPage, MAX_LISTED } from "./bucket.ts";
import { contentTypeOf } from "./content-types.ts";
import { partsOfFile } from "./file-parts.ts";
import { dayFolder, etagOf, newDerivedPath, newMediaPath, parseMediaPath, taskFolder } from "./media-path.ts";

export type BucketStoreOptions = {
  /** The largest file, bytes. */
  maxFileBytes: number;
  random?: RandomFill | undefined;
};

/** Parts of an upload are of one size and have 5 MiB at least; 10,000 of these are more than any file may have. */
const PART_BYTES = 8 * 1024 * 1024;
/** Pages one `tasksBefore` reads: bounds its work in a bucket that is full of what is not ours. */
const MAX_PAGES = 10;

/** Of a stream two parts of 8 MiB are in memory at most. */
export function createBucketMediaStore(bucket: Bucket, options: BucketStoreOptions): MediaStore {
  return new BucketMediaStore(bucket, options);
}

class BucketMediaStore implements MediaStore {
  readonly #bucket: Bucket;
  readonly #maxFileBytes: number;
  readonly #random: RandomFill | undefined;

  constructor(bucket: Bucket, { maxFileBytes, random }: BucketStoreOptions) {
    this.#bucket = bucket;
    this.#maxFileBytes = maxFileBytes;
    this.#random = random;
  }

  async put(
    taskId: string,
    bytes: Uint8Array | ReadableStream<Uint8Array>,
    contentType: string,
  ): Promise<MediaRef> {
    const { path, extension } = newMediaPath(taskId, contentType, this.#random);
    const type = contentTypeOf(extension);
    const size =
      bytes instanceof Uint8Array
        ? await this.#putWhole(path, bytes, type)
        : await this.#putStream(path, bytes, type);
    return { path, contentType: type, bytes: size };
  }

  async putDerived(path: string, label: string, bytes: Uint8Array, contentType: string): Promise<MediaRef> {
    const derived = newDerivedPath(path, label, contentType);
    const type = contentTypeOf(derived.extension);
    return { path: derived.path, contentType: type, bytes: await this.#putWhole(derived.path, bytes, type) };
  }

  async get(path: string): Promise<MediaFile | null> {
    const parsed = parseMediaPath(path);
    const stat = parsed === null ? null : await this.#bucket.stat(path);
    if (parsed === null || stat === null) return null;
    return {
      contentType: contentTypeOf(parsed.extension),
      bytes: stat.bytes,
      etag: etagOf(parsed),
      modifiedAt: stat.modifiedAt,
      open: (range) => this.#open(path, stat.bytes, range),
    };
  }

  async remove(paths: readonly string[]): Promise<void> {
    await this.#bucket.delete(paths.filter((path) => parseMediaPath(path) !== null));
  }

  async removeTask(taskId: string): Promise<void> {
    for await (const paths of this.#pagesOf(taskId)) await this.#bucket.delete(paths);
  }

  async filesOf(taskId: string): Promise<string[]> {
    const found: string[] = [];
    for await (const paths of this.#pagesOf(taskId)) found.push(...paths);
    return found;
  }

  /** Keys are listed in their order, which is that of the days. */
  async tasksBefore(moment: number, limit: number): Promise<string[]> {
    const end = dayFolder(moment);
    const ids = new Set<string>();
    let pages = 0;
    for await (const keys of this.#pages({ limit: Math.min(MAX_LISTED, limit) })) {
      for (const key of keys) {
        if (key >= end || ids.size === limit) return [...ids];
        const parsed = parseMediaPath(key);
        if (parsed !== null) ids.add(parsed.taskId);
      }
      pages += 1;
      if (pages === MAX_PAGES) break;
    }
    return [...ids];
  }

  async *#pagesOf(taskId: string): AsyncGenerator<string[], void> {
    const prefix = `${taskFolder(taskId)}/`;
    for await (const keys of this.#pages({ prefix, limit: MAX_LISTED }))
      yield keys.filter((key) => parseMediaPath(key) !== null);
  }

  async *#pages(page: ListPage): AsyncGenerator<readonly string[], void> {
    for (let cursor: string | undefined; ; ) {
      const { keys, next } = await this.#bucket.list({ ...page, cursor });
      yield keys;
      if (next === null) return;
      cursor = next;
    }
  }

  async #putWhole(path: string, bytes: Uint8Array, contentType: string): Promise<number> {
    if (bytes.byteLength > this.#maxFileBytes) throw new MediaTooLargeError(this.#maxFileBytes);
    try {
      await this.#bucket.put(path, bytes, contentType);
      return bytes.byteLength;
    } catch (error) {
      await this.#forget(path);
      throw error;
    }
  }

  /** One part is an object as it is, more are an upload of several parts. */
  async #putStream(path: string, stream: ReadableStream<Uint8Array>, contentType: string): Promise<number> {
    let upload: BucketUpload | null = null;
    let size = 0;
    try {
      for await (const { bytes, last } of partsOfFile(stream, PART_BYTES, this.#maxFileBytes)) {
        if (last && upload === null) return await this.#putWhole(path, bytes, contentType);
        upload ??= await this.#bucket.startUpload(path, contentType);
        await upload.add(bytes);
        size += bytes.byteLength;
      }
      await upload?.complete();
      return size;
    } catch (error) {
      if (upload !== null) {
        await upload.abort().catch(ignore);
        await this.#forget(path);
      }
      throw error;
    }
  }

  /** A write whose answer was lost may have happened. */
  async #forget(path: string): Promise<void> {
    await this.#bucket.delete([path]).catch(ignore);
  }

  async #open(
    path: string,
    bytes: number,
    range?: { start: number; end: number },
  ): Promise<ReadableStream<Uint8Array>> {
    // No range lies in an empty object.
    const inside =
      range === undefined || bytes === 0 ? undefined : { ...range, end: Math.min(range.end, bytes - 1) };
    const stream = await this.#bucket.read(path, inside);
    if (stream === null) throw new Error("A media file was removed before it could be read");
    return stream;
  }
}

function ignore(): void {}
