/** A media store in an R2 bucket that is bound to the Worker. */

import type { R2Bucket, R2MultipartUpload, R2UploadedPart } from "@cloudflare/workers-types";
import type { Bucket, BucketUpload, ListedKeys, ListPage, ObjectStat } from "../../../media/bucket.ts";
import { type BucketStoreOptions, createBucketMediaStore } from "../../../media/bucket-store.ts";
import type { MediaStore } from "../../../tasks/ports/media-store.ts";

export type R2MediaOptions = BucketStoreOptions & { bucket: R2Bucket };

/** Keys that one call deletes at most. */
const MAX_DELETED = 1_000;

/**
 * The media store in this bucket. Uploads that a dying process left open are never readable; R2 clears them away after
 * seven days.
 */
export function createR2MediaStore({ bucket, ...options }: R2MediaOptions): MediaStore {
  return createBucketMediaStore(new BoundBucket(bucket), options);
}

class BoundBucket implements Bucket {
  readonly #bucket: R2Bucket;

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket;
  }

  async put(key: string, bytes: Uint8Array, contentType: string): Promise<void> {
    await this.#bucket.put(key, bytes, { httpMetadata: { contentType } });
  }

  async startUpload(key: string, contentType: string): Promise<BucketUpload> {
    return new BoundUpload(await this.#bucket.createMultipartUpload(key, { httpMetadata: { contentType } }));
  }

  async stat(key: string): Promise<ObjectStat | null> {
    const object = await this.#bucket.head(key);
    return object === null ? null : { bytes: object.size, modifiedAt: object.uploaded.getTime() };
  }

  async read(
    key: string,
    range?: { start: number; end: number },
  ): Promise<ReadableStream<Uint8Array> | null> {
    const object = await this.#bucket.get(
      key,
      range === undefined ? {} : { range: { offset: range.start, length: range.end - range.start + 1 } },
    );
    return object === null ? null : (object.body as unknown as ReadableStream<Uint8Array>);
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (let from = 0; from < keys.length; from += MAX_DELETED)
      await this.#bucket.delete(keys.slice(from, from + MAX_DELETED));
  }

  /** The cursor is the last key: unlike R2's own it holds when keys before it are deleted meanwhile. */
  async list({ prefix, limit, cursor }: ListPage): Promise<ListedKeys> {
    const { objects, truncated } = await this.#bucket.list({
      limit,
      ...(prefix !== undefined && { prefix }),
      ...(cursor !== undefined && { startAfter: cursor }),
    });
    const keys = objects.map(({ key }) => key);
    return { keys, next: truncated ? (keys.at(-1) ?? null) : null };
  }
}

class BoundUpload implements BucketUpload {
  readonly #upload: R2MultipartUpload;
  readonly #parts: R2UploadedPart[] = [];

  constructor(upload: R2MultipartUpload) {
    this.#upload = upload;
  }

  async add(part: Uint8Array): Promise<void> {
    this.#parts.push(await this.#upload.uploadPart(this.#parts.length + 1, part));
  }

  async complete(): Promise<void> {
    await this.#upload.complete(this.#parts);
  }

  async abort(): Promise<void> {
    await this.#upload.abort();
  }
}
