/** The port of the media store: where input files and results live, outside the task store. */

import type { MediaRef } from "../task.ts";

export type MediaFile = {
  contentType: string;
  /** Size of the whole file in bytes. */
  bytes: number;
  /** Strong validator, quoted as HTTP wants it. */
  etag: string;
  modifiedAt: number;
  /** Opens bytes `start`..`end` inclusive; the whole file without arguments. */
  open(range?: {
    start: number;
    end: number;
  }): ReadableStream<Uint8Array> | Promise<ReadableStream<Uint8Array>>;
};

/** A file larger than the store takes; trying again would give the same. */
export class MediaTooLargeError extends Error {
  override readonly name = "MediaTooLargeError";
  constructor(readonly maxBytes: number) {
    super(`A media file may be at most ${maxBytes} bytes`);
  }
}

/** Bytes that are not what they were said to be; trying again would give the same. */
export class MediaRefusedError extends Error {
  override readonly name = "MediaRefusedError";
  /** `flaw` is a sentence part such as "is no picture". */
  constructor(readonly flaw: string) {
    super(`The file ${flaw}`);
  }
}

/** What a derived file has behind the path of the file that it was made from. */
const DERIVED = /(?<=\.[a-z0-9]{1,5})-[a-z0-9]{1,8}\.[a-z0-9]{1,5}$/;

/** The path of a file made from the one at `path`; `label`, of up to 8 letters and digits, says which of several. */
export function derivedPath(path: string, label: string, extension: string): string {
  return `${path}-${label}.${extension}`;
}

/** The path of the file that this one was made from; the same path where it is an original. */
export function originalPath(path: string): string {
  const from = path.lastIndexOf("/") + 1;
  return path.slice(0, from) + path.slice(from).replace(DERIVED, "");
}

export interface MediaStore {
  /**
   * Stores a file under an unguessable path `yyyy/mm/dd/<taskId>/<random>.<ext>`, the day being the one the
   * task's UUIDv7 says, so that a task's folder is found without asking the store. When the promise
   * resolves the file is durable (temporary name, fsync, rename, fsync of the folder) and complete; a failed
   * or aborted put leaves nothing readable behind. Rejects with `MediaTooLargeError` for a file beyond the store's bound.
   */
  put(taskId: string, bytes: Uint8Array | ReadableStream<Uint8Array>, contentType: string): Promise<MediaRef>;
  /**
   * Stores a small file (1 MiB at most) that was made from another one under `derivedPath` of that one's path, in the place
   * of one that is there. It is a file of the same task: listed with its others, and removed with them.
   */
  putDerived(path: string, label: string, bytes: Uint8Array, contentType: string): Promise<MediaRef>;
  /** Null for unknown or malformed paths; MUST NOT reach outside its root whatever the path says. */
  get(path: string): Promise<MediaFile | null>;
  /** Removing what is not there is no error. */
  remove(paths: readonly string[]): Promise<void>;
  /** Removes every file of a task. */
  removeTask(taskId: string): Promise<void>;
  /** The paths of a task's files, in no particular order. */
  filesOf(taskId: string): Promise<string[]>;
  /**
   * Ids of tasks that have files and were made on a UTC day before that of `moment`, at most `limit`. The oldest are
   * named before all others, so that whoever removes what was named is told of the next ones. What it costs MUST NOT
   * grow with the files of the day of `moment` and later ones.
   */
  tasksBefore(moment: number, limit: number): Promise<string[]>;
}
