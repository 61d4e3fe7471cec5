/**
 * A media store in an R2 bucket: a file's path is its key. An object appears whole or not at all, and is durable then.
 */

import type { R2Bucket, R2MultipartUpload, R2UploadedPart } from "@cloudflare/workers-types";
import { contentTypeOf } from "../../../media/content-types.ts";
import { partsOfFile } from "../../../media/file-parts.ts";
import { dayFolder, newMediaPath, parseMediaPath, taskFolder } from "../../../media/media-path.ts";
import type { RandomFill } from "../../../tasks/ids.ts";
import { type MediaFile, type MediaStore, MediaTooLargeError } from "../../../tasks/ports/media-store.ts";
import type { MediaRef } from "../../../tasks/task.ts";

export type R2MediaOptions = {
  bucket: R2Bucket;
  /** The largest file, bytes. */
  maxFileBytes: number;
  random?: RandomFill;
};

/** Parts of an upload are of one size and have 5 MiB at least; 10,000 of these are more than any file may have. */
const PART_BYTES = 8 * 1024 * 1024;
/** Keys that one call lists or deletes at most. */
const MAX_KEYS = 1_000;
/** Pages one `tasksBefore` reads: bounds its work in a bucket that is full of what is not ours. */
const MAX_PAGES = 10;

/**
 * The media store in this bucket. The bucket may hold other things, which are neither listed nor touched. Uploads that
 * a dying process left open are never readable; R2 clears them away after seven days.
 */
export function createR2MediaStore(options: R2MediaOptions): MediaStore {
  return new R2MediaStore(options);
}

class R2MediaStore implements MediaStore {
  readonly #bucket: R2Bucket;
  readonly #maxFileBytes: number;
  readonly #random: RandomFill | undefined;

  constructor({ bucket, maxFileBytes, random }: R2MediaOptions) {
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

  async get(path: string): Promise<MediaFile | null> {
    const parsed = parseMediaPath(path);
    const object = parsed === null ? null : await this.#bucket.head(path);
    if (parsed === null || object === null) return null;
    return {
      contentType: contentTypeOf(parsed.extension),
      bytes: object.size,
      // A path is written once and never again, so its random part names the bytes.
      etag: `"${parsed.token}"`,
      modifiedAt: object.uploaded.getTime(),
      open: (range) => this.#open(path, range),
    };
  }

  async remove(paths: readonly string[]): Promise<void> {
    const keys = paths.filter((path) => parseMediaPath(path) !== null);
    for (let from = 0; from < keys.length; from += MAX_KEYS)
      await this.#bucket.delete(keys.slice(from, from + MAX_KEYS));
  }

  async removeTask(taskId: string): Promise<void> {
    const prefix = `${taskFolder(taskId)}/`;
    for (;;) {
      const { objects, truncated } = await this.#bucket.list({ prefix, limit: MAX_KEYS });
      if (objects.length > 0) await this.#bucket.delete(objects.map(({ key }) => key));
      if (!truncated) return;
    }
  }

  async filesOf(taskId: string): Promise<string[]> {
    const prefix = `${taskFolder(taskId)}/`;
    const paths: string[] = [];
    for (let after: string | undefined; ; ) {
      const { objects, truncated } = await this.#bucket.list({
        prefix,
        limit: MAX_KEYS,
        ...(after !== undefined && { startAfter: after }),
      });
      const keys = objects.map(({ key }) => key);
      paths.push(...keys.filter((key) => parseMediaPath(key) !== null));
      if (!truncated) return paths;
      after = keys.at(-1);
    }
  }

  /** Keys are listed in their order, which is that of the days. */
  async tasksBefore(moment: number, limit: number): Promise<string[]> {
    const end = dayFolder(moment);
    const ids = new Set<string>();
    let after: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const { objects, truncated } = await this.#bucket.list({
        limit: Math.min(MAX_KEYS, limit),
        ...(after !== undefined && { startAfter: after }),
      });
      for (const { key } of objects) {
        if (key >= end || ids.size === limit) return [...ids];
        const parsed = parseMediaPath(key);
        if (parsed !== null) ids.add(parsed.taskId);
      }
      if (!truncated) break;
      after = objects.at(-1)?.key;
    }
    return [...ids];
  }

  async #putWhole(path: string, bytes: Uint8Array, contentType: string): Promise<number> {
    if (bytes.byteLength > this.#maxFileBytes) throw new MediaTooLargeError(this.#maxFileBytes);
    try {
      await this.#bucket.put(path, bytes, { httpMetadata: { contentType } });
      return bytes.byteLength;
    } catch (error) {
      await this.#forget(path);
      throw error;
    }
  }

  /** One part is an object as it is, more are an upload of several parts. */
  async #putStream(path: string, stream: ReadableStream<Uint8Array>, contentType: string): Promise<number> {
    const upload = new PartedUpload(this.#bucket, path, contentType);
    try {
      for await (const { bytes, last } of partsOfFile(stream, PART_BYTES, this.#maxFileBytes)) {
        if (last && upload.bytes === 0) return await this.#putWhole(path, bytes, contentType);
        await upload.add(bytes);
      }
      return await upload.complete();
    } catch (error) {
      await upload.abort();
      await this.#forget(path);
      throw error;
    }
  }

  /** A write whose answer was lost may have happened. */
  async #forget(path: string): Promise<void> {
    await this.#bucket.delete(path).catch(ignore);
  }

  async #open(path: string, range?: { start: number; end: number }): Promise<ReadableStream<Uint8Array>> {
    const object = await this.#bucket.get(
      path,
      range === undefined ? {} : { range: { offset: range.start, length: range.end - range.start + 1 } },
    );
    if (object === null) throw new Error("A media file was removed before it could be read");
    return object.body as unknown as ReadableStream<Uint8Array>;
  }
}

/** An upload in parts; nothing can be read until it is complete. */
class PartedUpload {
  readonly #bucket: R2Bucket;
  readonly #path: string;
  readonly #contentType: string;
  #upload: R2MultipartUpload | null = null;
  readonly #parts: R2UploadedPart[] = [];
  /** Bytes added so far. */
  bytes = 0;

  constructor(bucket: R2Bucket, path: string, contentType: string) {
    this.#bucket = bucket;
    this.#path = path;
    this.#contentType = contentType;
  }

  async add(part: Uint8Array): Promise<void> {
    this.#upload ??= await this.#bucket.createMultipartUpload(this.#path, {
      httpMetadata: { contentType: this.#contentType },
    });
    this.#parts.push(await this.#upload.uploadPart(this.#parts.length + 1, part));
    this.bytes += part.byteLength;
  }

  async complete(): Promise<number> {
    await this.#upload?.complete(this.#parts);
    return this.bytes;
  }

  async abort(): Promise<void> {
    await this.#upload?.abort().catch(ignore);
  }
}

function ignore(): void {}
