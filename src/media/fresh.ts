/** Small files that somebody waits for: handed over once from memory, besides being stored, instead of being read back. */

import type { MediaStore } from "../tasks/ports/media-store.ts";
import type { MediaRef } from "../tasks/task.ts";

/** Of all kept files together; the oldest give way. What nobody fetches stays until then. */
const MOST_BYTES = 8 * 1024 * 1024;

/** A media store that remembers what it stores for tasks of which `isAwaited` is true, as long as it comes in one piece. */
export class FreshMedia implements Pick<MediaStore, "put" | "get"> {
  readonly #inner: Pick<MediaStore, "put" | "get">;
  readonly #isAwaited: (taskId: string) => boolean;
  readonly #kept = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(inner: Pick<MediaStore, "put" | "get">, isAwaited: (taskId: string) => boolean) {
    this.#inner = inner;
    this.#isAwaited = isAwaited;
  }

  get(path: string): ReturnType<MediaStore["get"]> {
    return this.#inner.get(path);
  }

  async put(
    taskId: string,
    bytes: Uint8Array | ReadableStream<Uint8Array>,
    contentType: string,
  ): Promise<MediaRef> {
    const stored = await this.#inner.put(taskId, bytes, contentType);
    if (bytes instanceof Uint8Array && this.#isAwaited(taskId)) this.#keep(stored.path, bytes);
    return stored;
  }

  /** The bytes of a stored file, which are not kept any longer; null where they have to be read. */
  take(path: string): Uint8Array | null {
    const bytes = this.#kept.get(path);
    if (bytes === undefined) return null;
    this.#kept.delete(path);
    this.#bytes -= bytes.byteLength;
    return bytes;
  }

  #keep(path: string, bytes: Uint8Array): void {
    if (bytes.byteLength > MOST_BYTES) return;
    this.#kept.set(path, bytes);
    this.#bytes += bytes.byteLength;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= MOST_BYTES) return;
      this.take(oldest);
    }
  }
}
