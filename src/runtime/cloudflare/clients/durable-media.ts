/**
 * A media store in Durable Objects: the Worker is complete without a bucket. For trying it out and for small
 * deployments; films and many pictures belong in R2, which is cheaper and takes larger files.
 */

import { contentTypeOf } from "../../../media/content-types.ts";
import { partsOfFile } from "../../../media/file-parts.ts";
import { newMediaPath, parseMediaPath, taskFolder } from "../../../media/media-path.ts";
import type { RandomFill } from "../../../tasks/ids.ts";
import type { MediaFile, MediaStore, StoredFile } from "../../../tasks/ports/media-store.ts";
import type { MediaRef } from "../../../tasks/task.ts";
import { CHUNK_BYTES, type FileFacts } from "../objects/media-object.ts";

/** Objects that share the files, each task's in one of them: by the last hexadecimal digit of its id, which is random. */
const SHARDS = "0123456789abcdef";
/** The largest file in bytes, where nothing else is said: every byte passes through memory and a database. */
const DEFAULT_MAX_FILE_BYTES = 64 * 1024 * 1024;

/** What is used of the binding to the class `MediaObject`. */
export type MediaNamespace = { getByName(name: string): MediaShard };
type MediaShard = {
  write(path: string, part: number, bytes: Uint8Array, last: boolean): Promise<boolean>;
  stat(path: string): Promise<FileFacts | null>;
  read(path: string, part: number): Promise<Uint8Array | null>;
  remove(paths: readonly string[]): Promise<void>;
  removeFolder(folder: string): Promise<void>;
  list(limit: number, after: string): Promise<StoredFile[]>;
};

export type DurableMediaOptions = {
  /** The largest file, bytes; never more than 64 MiB. */
  maxFileBytes?: number;
  random?: RandomFill;
};

/** The media store in the objects behind the binding. */
export function createDurableMediaStore(
  env: { readonly MEDIA_STORE: MediaNamespace },
  options: DurableMediaOptions = {},
): MediaStore {
  return new DurableMediaStore(env.MEDIA_STORE, options);
}

class DurableMediaStore implements MediaStore {
  readonly #namespace: MediaNamespace;
  readonly #maxFileBytes: number;
  readonly #random: RandomFill | undefined;

  constructor(namespace: MediaNamespace, { maxFileBytes, random }: DurableMediaOptions) {
    this.#namespace = namespace;
    this.#maxFileBytes = Math.min(maxFileBytes ?? DEFAULT_MAX_FILE_BYTES, DEFAULT_MAX_FILE_BYTES);
    this.#random = random;
  }

  async put(
    taskId: string,
    bytes: Uint8Array | ReadableStream<Uint8Array>,
    contentType: string,
  ): Promise<MediaRef> {
    const { path, extension } = newMediaPath(taskId, contentType, this.#random);
    const shard = shardOf(taskId);
    let size = 0;
    try {
      let number = 0;
      for await (const { bytes: part, last } of partsOfFile(bytes, CHUNK_BYTES, this.#maxFileBytes)) {
        const at = number++;
        const written = await this.#ask(shard, (object) => object.write(path, at, part, last));
        if (!written) throw new Error("The media file was removed while it was written");
        size += part.byteLength;
      }
    } catch (error) {
      await this.#ask(shard, (object) => object.remove([path])).catch(ignore);
      throw error;
    }
    return { path, contentType: contentTypeOf(extension), bytes: size };
  }

  async get(path: string): Promise<MediaFile | null> {
    const parsed = parseMediaPath(path);
    if (parsed === null) return null;
    const shard = shardOf(parsed.taskId);
    const facts = await this.#ask(shard, (object) => object.stat(path));
    if (facts === null) return null;
    const { bytes, modifiedAt } = facts;
    return {
      contentType: contentTypeOf(parsed.extension),
      bytes,
      // A path is written once and never again, so its random part names the bytes.
      etag: `"${parsed.token}"`,
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
    for (const [shard, own] of byShard) await this.#ask(shard, (object) => object.remove(own));
  }

  async removeTask(taskId: string): Promise<void> {
    const folder = taskFolder(taskId);
    await this.#ask(shardOf(taskId), (object) => object.removeFolder(folder));
  }

  /** One shard after the other; the cursor is the last path, whose task says which shard it was in. */
  async list(limit: number, cursor: string | null): Promise<{ files: StoredFile[]; cursor: string | null }> {
    const files: StoredFile[] = [];
    const last = cursor === null ? null : parseMediaPath(cursor);
    const from = last === null ? 0 : SHARDS.indexOf(shardOf(last.taskId));
    for (let index = from; index < SHARDS.length; index++) {
      const after = last !== null && index === from ? (cursor as string) : "";
      const wanted = limit - files.length;
      const found = await this.#ask(SHARDS.charAt(index), (object) => object.list(wanted, after));
      files.push(...found);
      if (files.length === limit) return { files, cursor: files.at(-1)?.path ?? null };
    }
    return { files, cursor: null };
  }

  /** The bytes `start`..`end`, part by part as they are asked for. */
  #open(shard: string, path: string, start: number, end: number): ReadableStream<Uint8Array> {
    let at = start;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          if (at <= end) {
            const number = Math.floor(at / CHUNK_BYTES);
            const part = await this.#ask(shard, (object) => object.read(path, number));
            if (part === null) throw new Error("A media file was removed while it was read");
            const first = number * CHUNK_BYTES;
            const piece = part.subarray(at - first, end + 1 - first);
            at += piece.byteLength;
            controller.enqueue(piece);
          }
          if (at > end) controller.close();
        },
      },
      // Nothing is read before somebody asks.
      { highWaterMark: 0 },
    );
  }

  /** Asks the object again, once, when it was restarted: none of its methods minds. */
  async #ask<T>(shard: string, question: (object: MediaShard) => Promise<T>): Promise<T> {
    try {
      return await question(this.#namespace.getByName(shard));
    } catch (error) {
      // The platform's mark: asking again is what overloads it.
      if (error instanceof Error && "overloaded" in error && error.overloaded === true) throw error;
      return question(this.#namespace.getByName(shard));
    }
  }
}

function shardOf(taskId: string): string {
  return taskId.slice(-1);
}

function ignore(): void {}
