/**
 * One step of one task while this process holds it: the provider call, its progress, its saved state and its files.
 * Every write goes out under the lease; the first refused one ends the call.
 */

import type { Json } from "../../../protocol/task.ts";
import { describeError, type Log } from "../../ports/log.ts";
import type {
  Credential,
  MediaJob,
  MediaProvider,
  Preview,
  StepIo,
  StepOutcome,
} from "../../ports/media-provider.ts";
import { MediaRefusedError, type MediaStore, MediaTooLargeError } from "../../ports/media-store.ts";
import { StoredValueTooLargeError, StoreUnavailableError } from "../../ports/store-error.ts";
import type { Lease } from "../../ports/task-store.ts";
import { candidateOf, type MediaRef, type StoredMedia, type Task } from "../../task.ts";
import type { SpentTime } from "../../transition.ts";
import { checkOutcome } from "../outcome-check.ts";
import { STORE_RETRY_MS } from "../scheduling.ts";
import { StepProgress, type StepProgressDependencies } from "./step-progress.ts";

/** Why a step was told to stop. */
export type StopReason =
  /** Cancelled, past its deadline, taken over or its lease ran out: nothing may be written any more. */
  | "lost"
  /** The process is shutting down: the task is handed back. */
  | "shutdown";

/** How a step ended. */
export type StepEnd =
  | { kind: "outcome"; outcome: StepOutcome }
  /** `outcome`: what the provider answered to a step whose task was lost meanwhile. */
  | { kind: "stopped"; reason: StopReason; outcome: StepOutcome | null };

export type StepDependencies = StepProgressDependencies & {
  media: Pick<MediaStore, "put" | "get">;
  log: Log;
  /** Takes previews of what is being made; absent where nobody could see them. */
  preview?: (taskId: string, preview: Preview) => void;
  /** The address at which a provider may call back about a task; absent where none can reach the gateway. */
  hookUrl?: HookUrl;
  /** A call of this provider did not end when it was told to: its slot was given back, and the call may go on. */
  hung?: (provider: string, call: Promise<unknown>) => void;
};

export type HookUrl = (provider: string, taskId: string) => Promise<string>;

/**
 * A call that was told to stop and goes on gets this long; then its slot is given back, and whatever it still does is
 * refused by its lease, ms.
 */
const STOP_GRACE_MS = 10_000;
/** A file or a state that could not be stored (disk full, database locked) is tried again so often; the work is worth keeping. */
const STORE_TRIES = 10;

/** Refuses what a step does after its lease was lost or its process told it to stop. */
export class StepStoppedError extends Error {
  override readonly name = "StepStoppedError";
  constructor(readonly reason: StopReason) {
    super(reason === "lost" ? "the task is no longer held by this worker" : "the process is shutting down");
  }
}

export class StepRun {
  readonly lease: Lease;
  /** The local, monotonic end of the lease; the engine moves it with every renewal. */
  leaseEndsAt: number;
  /** Monotonic, ms. The store's clock says how far off it was at the claim; the process's may be another. */
  readonly #deadlineAt: number;
  #task: Task;
  readonly #dependencies: StepDependencies;
  readonly #controller = new AbortController();
  #stopped: StopReason | null = null;
  #storeMs = 0;
  #reportedStoreMs = 0;
  #workSince: number;
  readonly #progress: StepProgress;
  #credential: string | null = null;
  #begun = false;
  #ended = false;

  constructor(task: Task, lease: Lease, leaseEndsAt: number, dependencies: StepDependencies) {
    this.#task = task;
    this.lease = lease;
    this.leaseEndsAt = leaseEndsAt;
    this.#dependencies = dependencies;
    const now = dependencies.clock.monotonic();
    this.#workSince = now;
    this.#deadlineAt = now + Math.max(0, task.deadlineAt - task.updatedAt);
    this.#progress = new StepProgress(task, lease, dependencies, () => this.stop("lost"));
  }

  /** The task as this worker last knew it. */
  get task(): Task {
    return this.#task;
  }

  /** The name of the account that the call goes out under; null before it, and where there is only one. */
  get credential(): string | null {
    return this.#credential;
  }

  get stopped(): StopReason | null {
    return this.#stopped;
  }

  /** Whether a submit went out whose reference has not been stored: running it again could start a second job. */
  get submitUnknown(): boolean {
    return this.#begun && this.#task.state === null;
  }

  /** Whether the task has reached its deadline, as far as this process can tell. */
  get isPastDeadline(): boolean {
    return this.#dependencies.clock.monotonic() >= this.#deadlineAt;
  }

  /** Ends the provider call; the first reason stands. */
  stop(reason: StopReason): void {
    if (this.#stopped !== null) return;
    this.#stopped = reason;
    this.#progress.end();
    this.#controller.abort(new StepStoppedError(reason));
  }

  /** Runs `submit` or `poll` once. Never rejects: a throw of the provider is a transient failure. */
  async run(provider: MediaProvider, credential: Credential | null): Promise<StepEnd> {
    this.#credential = credential?.name ?? null;
    // A process that was suspended since it claimed the task may have lost it: nothing is begun under a lease that is over.
    if (this.#dependencies.clock.monotonic() >= this.leaseEndsAt) this.stop("lost");
    if (this.#stopped !== null) return { kind: "stopped", reason: this.#stopped, outcome: null };
    this.#begun = true;
    const task = this.#task;
    this.#workSince = this.#dependencies.clock.monotonic();
    const { hookUrl } = this.#dependencies;
    const calls = hookUrl !== undefined && provider.hook !== undefined;
    const job: MediaJob = {
      taskId: task.id,
      type: task.type,
      model: candidateOf(task).model,
      request: task.request,
      attempt: task.attempt,
      isLastAttempt: task.attempt >= task.maxAttempts,
      idempotencyKey: `${task.id}-${task.attempt}`,
      inputs: task.inputs,
      credential,
      hookUrl: calls ? await hookUrl(provider.name, task.id) : null,
    };
    let outcome: StepOutcome;
    try {
      const io = this.#io();
      // A job that runs upstream is looked at by each poll; only a call that makes everything itself is silent for long.
      if (task.state === null) this.#progress.estimateWhileSilent();
      const call = task.state === null ? provider.submit(job, io) : provider.poll(job, task.state, io);
      outcome = this.#checked(await this.#unlessItHangs(call));
    } catch (error) {
      outcome = this.#thrown(error);
    }
    this.#ended = true;
    this.#progress.end();
    if (this.#stopped === null) return { kind: "outcome", outcome };
    return { kind: "stopped", reason: this.#stopped, outcome: outcome.kind === "failed" ? null : outcome };
  }

  /** The call's answer; rejects when it has not ended some seconds after it was told to stop. */
  #unlessItHangs(call: Promise<StepOutcome>): Promise<StepOutcome> {
    const { clock, log } = this.#dependencies;
    return new Promise((resolve, reject) => {
      call.then(resolve, reject);
      const { signal } = this.#controller;
      const giveUp = () => {
        const grace = clock.after(STOP_GRACE_MS, () => {
          const { provider } = candidateOf(this.#task);
          log.error("provider call did not end when it was told to", { taskId: this.lease.taskId, provider });
          this.#dependencies.hung?.(provider, call);
          reject(new StepStoppedError(this.#stopped ?? "lost"));
        });
        const ended = () => grace.cancel();
        call.then(ended, ended);
      };
      if (signal.aborted) giveUp();
      else signal.addEventListener("abort", giveUp, { once: true });
    });
  }

  /** Work done since the last time this was asked. */
  takeSpentTime(): SpentTime {
    const now = this.#dependencies.clock.monotonic();
    const storeMs = this.#storeMs - this.#reportedStoreMs;
    const work = {
      providerMs: Math.max(0, Math.round(now - this.#workSince - storeMs)),
      storeMs: Math.round(storeMs),
    };
    this.#workSince = now;
    this.#reportedStoreMs = this.#storeMs;
    return work;
  }

  #io(): StepIo {
    const { preview } = this.#dependencies;
    return {
      signal: this.#controller.signal,
      progress: (percent, message) =>
        this.#progress.told(percent, typeof message === "string" ? message : null),
      ...(preview && { preview: (shown: Preview) => this.#showPreview(preview, shown) }),
      save: (state) => this.#save(state),
      putMedia: (bytes, contentType) => this.#putMedia(bytes, contentType),
      openInput: (input) => this.#openInput(input),
    };
  }

  #checked(answer: StepOutcome): StepOutcome {
    const { outcome, flaw } = checkOutcome(answer, this.#task.request.n);
    if (flaw !== null) {
      this.#dependencies.log.error("provider adapter answered wrongly", {
        taskId: this.lease.taskId,
        provider: candidateOf(this.#task).provider,
        flaw,
      });
    }
    return outcome.kind === "pending" ? this.#progress.completed(outcome) : outcome;
  }

  #thrown(error: unknown): StepOutcome {
    // The text of an unexpected throw may hold an upstream address: it goes to the log, never to a client.
    if (this.#stopped === null) {
      this.#dependencies.log.error("provider adapter threw", {
        taskId: this.lease.taskId,
        provider: candidateOf(this.#task).provider,
        cause: describeError(error),
      });
    }
    if (error instanceof StoredValueTooLargeError || isRefusal(error)) {
      // The next attempt would pay for the same again.
      const message =
        error instanceof MediaRefusedError
          ? `The provider sent a file that ${error.flaw}`
          : "The provider's answer is larger than may be stored";
      return { kind: "failed", failure: { kind: "permanent", code: "provider_error", message } };
    }
    return {
      kind: "failed",
      failure: {
        kind: "transient",
        code: "provider_error",
        message: "The provider adapter failed unexpectedly",
        mayHaveStarted: true,
      },
    };
  }

  #refuseWhenOver(): void {
    if (this.#stopped !== null) throw new StepStoppedError(this.#stopped);
    if (this.#ended) throw new Error("the step has already returned its outcome");
  }

  #showPreview(show: NonNullable<StepDependencies["preview"]>, preview: Preview): void {
    if (this.#stopped === null && !this.#ended) show(this.lease.taskId, preview);
  }

  async #save(state: Json): Promise<void> {
    this.#refuseWhenOver();
    const spent = this.takeSpentTime();
    const name = this.#credential;
    const credential = name === null ? {} : { credential: name };
    const outcome = await this.#insist(
      () => this.#dependencies.store.advance(this.lease, { kind: "save", state, spent, ...credential }),
      (error) => error instanceof StoreUnavailableError,
    );
    if (!outcome.applied) {
      this.stop("lost");
      throw new StepStoppedError("lost");
    }
    this.#task = outcome.update.task;
  }

  async #putMedia(bytes: Uint8Array | ReadableStream<Uint8Array>, contentType: string): Promise<StoredMedia> {
    this.#refuseWhenOver();
    const { clock, media } = this.#dependencies;
    const from = clock.monotonic();
    try {
      // A stream can be read only once: what was lost of it has to be fetched again.
      return await this.#insist(
        () => media.put(this.lease.taskId, bytes, contentType),
        (error) => bytes instanceof Uint8Array && !isRefusal(error),
      );
    } finally {
      this.#storeMs += clock.monotonic() - from;
    }
  }

  async #openInput({ path }: MediaRef): Promise<ReadableStream<Uint8Array>> {
    this.#refuseWhenOver();
    const file = await this.#dependencies.media.get(path);
    if (file === null) throw new Error("An input file of the task is gone");
    return file.open();
  }

  /** Stores what a provider has made, again and again while the reason passes and the task is held. */
  async #insist<T>(store: () => Promise<T>, mayPass: (error: unknown) => boolean): Promise<T> {
    const { clock, log } = this.#dependencies;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await store();
      } catch (error) {
        if (attempt >= STORE_TRIES || this.#stopped !== null || !mayPass(error)) throw error;
        log.error("work could not be stored", {
          taskId: this.lease.taskId,
          attempt,
          cause: describeError(error),
        });
        await new Promise<void>((resolve) => {
          const timer = clock.after(STORE_RETRY_MS, resolve);
          this.#controller.signal.addEventListener(
            "abort",
            () => {
              timer.cancel();
              resolve();
            },
            { once: true },
          );
        });
        this.#refuseWhenOver();
      }
    }
  }
}

/** Whether the media store will never take the file. */
function isRefusal(error: unknown): error is MediaTooLargeError | MediaRefusedError {
  return error instanceof MediaTooLargeError || error instanceof MediaRefusedError;
}
