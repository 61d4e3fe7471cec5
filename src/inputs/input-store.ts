/**
 * Copies what a caller hands in into the media store, under the id that the task will have, before the task is made: what
 * a provider works from is then a file of ours, however short-lived its address was.
 */

import type { GuardedFetch } from "../fetch/guarded-fetch.ts";
import type { Timeouts } from "../fetch/phase-timer.ts";
import { isTaskId } from "../tasks/ids.ts";
import type { MediaStore } from "../tasks/ports/media-store.ts";
import type { TaskStore } from "../tasks/ports/task-store.ts";
import type { StoredMedia, TaskInput, TenantScope } from "../tasks/task.ts";
import { BlockHash } from "./block-hash.ts";
import { bounded } from "./bounded.ts";
import type { GivenInput, InputSource } from "./given-input.ts";
import { InputTooLargeError, inputError, inputNotFound, invalidInput } from "./input-error.ts";

export type InputStoreDependencies = {
  readonly fetch: GuardedFetch;
  /** Looks at what it is given; see `createCheckedMedia`. */
  readonly checkedMedia: Pick<MediaStore, "put">;
  readonly media: Pick<MediaStore, "get" | "removeTask">;
  readonly tasks: Pick<TaskStore, "get">;
};

export type InputStoreOptions = {
  /** Of one input. */
  readonly maxBytes: number;
};

/** A picture's server answers soon; one that sends for a minute is left. */
const TIMEOUTS: Timeouts = { connectMs: 10_000, headersMs: 20_000, chunkMs: 15_000, totalMs: 60_000 };
const MAX_REDIRECTS = 5;
/** Copied at once: a Worker has six connections. */
const AT_ONCE = 4;
/** What any input is said to be; its bytes tell which kind. */
const PICTURE = "image/*";
/** Where a media path names its task. */
const TASK_IN_PATH = 3;

export class InputStore {
  readonly #dependencies: InputStoreDependencies;
  readonly #maxBytes: number;

  constructor(dependencies: InputStoreDependencies, { maxBytes }: InputStoreOptions) {
    this.#dependencies = dependencies;
    this.#maxBytes = maxBytes;
  }

  /**
   * The inputs of a task-to-be, in the order given; `scope` is the caller's, whose earlier tasks may be named. When one
   * fails the others are given up, and it rejects with the error to answer (`invalid_parameter`, `payload_too_large` or
   * `not_found`, each naming the input), or with the signal's reason. What was stored by then is the caller's to remove.
   */
  async store(
    taskId: string,
    given: readonly GivenInput[],
    scope: TenantScope,
    signal: AbortSignal,
  ): Promise<TaskInput[]> {
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    const inputs: TaskInput[] = [];
    const rest = given.entries();
    const lanes = Array.from({ length: Math.min(AT_ONCE, given.length) }, async () => {
      for (const [index, { role, param, source }] of rest) {
        either.throwIfAborted();
        const media = await this.#stored(taskId, source, param, scope, either);
        inputs[index] = { ...media, role };
      }
    });
    // All have to end before their files can be removed.
    const ends = await Promise.allSettled(
      lanes.map((lane) =>
        lane.catch((error: unknown) => {
          failed.abort(error);
          throw error;
        }),
      ),
    );
    if (ends.some(({ status }) => status === "rejected")) throw either.reason;
    return inputs;
  }

  /** Stores an upload while it comes, with a fingerprint of its bytes. Rejects as `store` does. */
  async upload(
    taskId: string,
    param: string,
    bytes: ReadableStream<Uint8Array>,
  ): Promise<{ media: StoredMedia; print: string }> {
    const hash = new BlockHash();
    const hashing = new TransformStream<Uint8Array, Uint8Array>({
      async transform(chunk, controller) {
        await hash.update(chunk);
        controller.enqueue(chunk);
      },
    });
    const media = await this.#put(taskId, param, bytes.pipeThrough(hashing));
    return { media, print: await hash.digest() };
  }

  /** Removes what was stored for a task that was not made. Never rejects: the media sweep finds what is left. */
  async discard(taskId: string): Promise<void> {
    await this.#dependencies.media.removeTask(taskId).catch(() => {});
  }

  async #stored(
    taskId: string,
    source: InputSource,
    param: string,
    scope: TenantScope,
    signal: AbortSignal,
  ): Promise<StoredMedia> {
    switch (source.kind) {
      case "stored":
        return source.media;
      case "bytes":
        if (source.bytes.byteLength > this.#maxBytes)
          throw inputError(new InputTooLargeError(), param, this.#maxBytes);
        return this.#put(taskId, param, source.bytes);
      case "address":
        return this.#put(taskId, param, await this.#fetched(source.url, param, signal));
      case "media":
        return this.#put(taskId, param, await this.#ownFile(source.path, param, scope));
      case "result":
        return this.#put(taskId, param, await this.#ownResult(source, param, scope));
    }
  }

  async #put(
    taskId: string,
    param: string,
    bytes: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>,
  ): Promise<StoredMedia> {
    try {
      const limited = bytes instanceof Uint8Array ? bytes : bounded(bytes, this.#maxBytes);
      return await this.#dependencies.checkedMedia.put(taskId, limited, PICTURE);
    } catch (error) {
      throw inputError(error, param, this.#maxBytes);
    }
  }

  async #fetched(url: string, param: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    try {
      const { status, body } = await this.#dependencies.fetch.fetch(url, {
        maxBytes: this.#maxBytes,
        maxRedirects: MAX_REDIRECTS,
        timeouts: TIMEOUTS,
        headers: { accept: "image/*" },
        signal,
      });
      if (status === 200) return body;
      await body.cancel();
      throw invalidInput(param, `The address given as ${param} answers ${status} instead of a picture.`);
    } catch (error) {
      throw inputError(error, param, this.#maxBytes);
    }
  }

  async #ownResult(
    { taskId, index }: { taskId: string; index: number },
    param: string,
    scope: TenantScope,
  ): Promise<ReadableStream<Uint8Array>> {
    const view = isTaskId(taskId) ? await this.#dependencies.tasks.get(scope, taskId) : null;
    const item = view?.task.result?.items.find((known) => known.index === index);
    if (item === undefined) throw inputNotFound(param, `Result ${index} of that task`);
    return this.#opened(item.media.path, param);
  }

  /** A path is known to whoever was told it; only the tenant whose task it belongs to may use it. */
  async #ownFile(path: string, param: string, scope: TenantScope): Promise<ReadableStream<Uint8Array>> {
    const taskId = path.split("/")[TASK_IN_PATH] ?? "";
    const view = isTaskId(taskId) ? await this.#dependencies.tasks.get(scope, taskId) : null;
    if (view === null) throw inputNotFound(param, "That media file");
    return this.#opened(path, param);
  }

  async #opened(path: string, param: string): Promise<ReadableStream<Uint8Array>> {
    const file = await this.#dependencies.media.get(path);
    if (file === null) throw inputNotFound(param, "That media file");
    if (file.bytes > this.#maxBytes) throw inputError(new InputTooLargeError(), param, this.#maxBytes);
    return file.open();
  }
}
