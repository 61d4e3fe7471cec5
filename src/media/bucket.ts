/** What a media store asks of a bucket of objects, whichever API the bucket has. */

export interface Bucket {
  /** Stores an object: whole, or not at all. */
  put(key: string, bytes: Uint8Array, contentType: string): Promise<void>;
  /** Begins an object that comes in parts; nothing of it can be read before it is complete. */
  startUpload(key: string, contentType: string): Promise<BucketUpload>;
  /** Null when there is no such object. */
  stat(key: string): Promise<ObjectStat | null>;
  /** The bytes `start`..`end` inclusive, the whole object without a range; null when there is no such object. */
  read(key: string, range?: { start: number; end: number }): Promise<ReadableStream<Uint8Array> | null>;
  /** Deleting what is not there is no error. */
  delete(keys: readonly string[]): Promise<void>;
  /** Keys in the order of their bytes. */
  list(page: ListPage): Promise<ListedKeys>;
}

export type ObjectStat = {
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
};

export type ListPage = {
  readonly prefix?: string;
  /** At most `MAX_LISTED`. */
  readonly limit: number;
  /** The `next` of the page before. */
  readonly cursor?: string | undefined;
};

/** `next` is null on the last page. */
export type ListedKeys = { readonly keys: readonly string[]; readonly next: string | null };

/** An upload in parts: all but the last of one size, 5 MiB at least. */
export interface BucketUpload {
  add(part: Uint8Array): Promise<void>;
  complete(): Promise<void>;
  /** Gives up; what was sent is thrown away. */
  abort(): Promise<void>;
}

/** Keys that one call lists at most. */
export const MAX_LISTED = 1_000;
