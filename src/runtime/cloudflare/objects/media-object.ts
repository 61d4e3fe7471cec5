/**
 * A shard of the chunked media store as a Durable Object: where a deployment without a bucket keeps its media. A file
 * is rows of `CHUNK_BYTES` bytes, which can be read once the last of them is written. See `MediaShard` for the methods.
 */

import { DurableObject } from "cloudflare:workers";
import type { DurableObjectState } from "@cloudflare/workers-types";
import { CHUNK_BYTES, type FileStat, type StoredFile } from "../../../media/chunked.ts";
import { parseMediaPath } from "../../../media/media-path.ts";

/** No put takes longer; an unfinished file that was begun earlier was left by a caller that crashed, ms. */
const LEFTOVER_MS = 3_600_000;

const SCHEMA = [
  `CREATE TABLE IF NOT EXISTS files (
     no INTEGER PRIMARY KEY,
     path TEXT NOT NULL UNIQUE,
     bytes INTEGER NOT NULL,
     modified_at INTEGER NOT NULL,
     complete INTEGER NOT NULL
   )`,
  "CREATE INDEX IF NOT EXISTS files_unfinished ON files (modified_at) WHERE complete = 0",
  `CREATE TABLE IF NOT EXISTS chunks (
     file_no INTEGER NOT NULL,
     part INTEGER NOT NULL,
     bytes BLOB NOT NULL,
     PRIMARY KEY (file_no, part)
   )`,
];

/** Every method may be called again after a lost answer: the second call changes nothing more. */
export class MediaObject<Env = unknown> extends DurableObject<Env> {
  /** Wall clock, ms. A field and no method: what callers elsewhere reach are methods. */
  protected readonly now: () => number = Date.now;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.storage.transactionSync(() => {
      for (const statement of SCHEMA) ctx.storage.sql.exec(statement);
    });
  }

  /**
   * Writes a part of the file; part 0 begins it and the last one makes it readable. Parts come in order and all but the
   * last have `CHUNK_BYTES`. False when the file does not exist, or no longer.
   */
  write(path: string, part: number, bytes: Uint8Array, last: boolean): boolean {
    return this.ctx.storage.transactionSync(() => {
      if (part === 0)
        this.#run(
          "INSERT INTO files (path, bytes, modified_at, complete) VALUES (?, 0, ?, 0) ON CONFLICT DO NOTHING",
          path,
          this.now(),
        );
      const [file] = this.#all<{ no: number }>("SELECT no FROM files WHERE path = ?", path);
      if (file === undefined) return false;
      this.#run(
        "INSERT OR REPLACE INTO chunks (file_no, part, bytes) VALUES (?, ?, ?)",
        file.no,
        part,
        bytes,
      );
      if (last)
        this.#run(
          "UPDATE files SET complete = 1, bytes = ?, modified_at = ? WHERE no = ? AND complete = 0",
          part * CHUNK_BYTES + bytes.byteLength,
          this.now(),
          file.no,
        );
      return true;
    });
  }

  /** Null for what is not there, or not complete. */
  stat(path: string): FileStat | null {
    const [file] = this.#all<{ bytes: number; at: number }>(
      "SELECT bytes, modified_at AS at FROM files WHERE path = ? AND complete = 1",
      path,
    );
    return file === undefined ? null : { bytes: file.bytes, modifiedAt: file.at };
  }

  /** One part of a file; null when there is none. */
  read(path: string, part: number): Uint8Array | null {
    const [chunk] = this.#all<{ bytes: ArrayBuffer }>(
      `SELECT chunks.bytes FROM files JOIN chunks ON file_no = no
       WHERE path = ? AND complete = 1 AND part = ?`,
      path,
      part,
    );
    return chunk === undefined ? null : new Uint8Array(chunk.bytes);
  }

  /** Removes files, complete or not. */
  remove(paths: readonly string[]): void {
    this.ctx.storage.transactionSync(() => {
      for (const path of paths) this.#removeWhere("path = ?", path);
    });
  }

  /** Removes every file of a folder, complete or not. */
  removeFolder(folder: string): void {
    // Everything that begins with "<folder>/": "0" is the character behind the slash.
    this.ctx.storage.transactionSync(() =>
      this.#removeWhere("path > ? AND path < ?", `${folder}/`, `${folder}0`),
    );
  }

  /** Complete files behind the path `after`, in the order of their paths. Also clears away what was left unfinished. */
  list(limit: number, after: string): StoredFile[] {
    this.ctx.storage.transactionSync(() =>
      this.#removeWhere("complete = 0 AND modified_at <= ?", this.now() - LEFTOVER_MS),
    );
    return this.#all<{ path: string; at: number }>(
      "SELECT path, modified_at AS at FROM files WHERE path > ? AND complete = 1 ORDER BY path LIMIT ?",
      after,
      limit,
    ).map(({ path, at }) => ({ path, taskId: parseMediaPath(path)?.taskId ?? "", modifiedAt: at }));
  }

  #removeWhere(condition: string, ...values: (string | number)[]): void {
    this.#run(`DELETE FROM chunks WHERE file_no IN (SELECT no FROM files WHERE ${condition})`, ...values);
    this.#run(`DELETE FROM files WHERE ${condition}`, ...values);
  }

  #run(query: string, ...values: (string | number | Uint8Array)[]): void {
    this.ctx.storage.sql.exec(query, ...values);
  }

  #all<Row extends Record<string, string | number | ArrayBuffer>>(
    query: string,
    ...values: (string | number)[]
  ): Row[] {
    return this.ctx.storage.sql.exec<Row>(query, ...values).toArray();
  }
}
