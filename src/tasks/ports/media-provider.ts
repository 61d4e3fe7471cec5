/** The port of a media provider: a step machine that can be dropped and picked up again at any step. */

import type { Cancellation, Json, TaskErrorCode, TaskType } from "../../protocol/task.ts";
import type { JobRequest, MediaItem, MediaRef, StoredMedia, TaskInput } from "../task.ts";

/** An account with a provider. Its key never enters a record, a log line or an error. */
export type Credential = {
  /** As configured; what records and operators know it by. */
  readonly name: string;
  readonly key: string;
  /** Where this account is reached, when that is not the provider's usual address. */
  readonly baseUrl: string | null;
};

/** One of several accounts with a provider. */
export type ProviderAccount = Credential & {
  /** Its share of new jobs against the others; 0 gives it none. */
  readonly weight: number;
  /** The provider's names of the models it may be used for, `*` at an end for any; none: all. */
  readonly models: readonly string[];
};

/** What a provider is asked to make. */
export type MediaJob = {
  readonly taskId: string;
  readonly type: TaskType;
  /** The provider's own name of the model. */
  readonly model: string;
  readonly request: JobRequest;
  readonly attempt: number;
  /** A failure that uses an attempt ends the task: what came so far is better answered than lost. */
  readonly isLastAttempt?: boolean;
  /** The same for every run of one attempt; goes upstream as the idempotency key where the provider takes one. */
  readonly idempotencyKey: string;
  /** Files the caller handed in, in the caller's order. */
  readonly inputs: readonly TaskInput[];
  /** The account to use: the same for every call of one job. Null for a provider without accounts. */
  readonly credential: Credential | null;
  /**
   * Where the provider may say that something happened to this job, see `MediaProvider.hook`. Null where it cannot reach the
   * gateway, and where the call starts nothing.
   */
  readonly hookUrl: string | null;
};

/** What a provider says that a job used; a price is reckoned from it. Absent or 0: not said. */
export type Usage = {
  /** Billed for, where that is more than came. */
  images?: number;
  /** Of film or sound. */
  seconds?: number;
  /** Of all results together. */
  megapixels?: number;
  tokens?: {
    /** All of the input, whatever its kind; the kinds below are parts of it. What no kind names costs as much as the dearest. */
    input?: number;
    /** With what came from a cache. */
    textInput?: number;
    cachedTextInput?: number;
    /** With what came from a cache. */
    imageInput?: number;
    cachedImageInput?: number;
    output?: number;
    textOutput?: number;
    imageOutput?: number;
  };
};

/** An unfinished picture: what it looks like so far. */
export type Preview = {
  /** Which of the `n`. */
  readonly index: number;
  /** 0 for the first preview of it. */
  readonly partial: number;
  readonly bytes: Uint8Array;
  readonly contentType: string;
};

/** What a step may use. Everything here refuses once the lease is lost. */
export type StepIo = {
  /** Aborts at the deadline, on cancel, when the lease is lost and at shutdown. */
  readonly signal: AbortSignal;
  /** Reports progress 0-100; throttled and never lowered by the engine. Costs nothing when called often. */
  progress(percent: number, message?: string): void;
  /**
   * Hands a preview to whoever watches the task in this process; nothing of it is stored. Absent where nobody can watch:
   * then previews are not to be asked for, since they may cost something.
   */
  readonly preview?: (preview: Preview) => void;
  /** Replaces the stored state (≤ 8 kB) before anything else happens; rejects when the lease is lost. */
  save(state: Json): Promise<void>;
  /**
   * Stores a finished file durably; it is kept only if the task's state or result names it. The file's real type is looked
   * at: rejects with `MediaRefusedError` for what is no picture or film, or is a film said to be `image/…` and the other way
   * round. What is answered carries the file's figures, which an item need not repeat.
   */
  putMedia(bytes: Uint8Array | ReadableStream<Uint8Array>, contentType: string): Promise<StoredMedia>;
  /** The bytes of one of the job's inputs, from the beginning at every call. Rejects when the file is gone. */
  openInput(input: MediaRef): Promise<ReadableStream<Uint8Array>>;
};

export type Failure =
  /** May work next time: uses an attempt. Of a poll it is a failure of the call and uses none, unless `jobFailed`. */
  | {
      kind: "transient";
      code: TaskErrorCode;
      message: string;
      /** The job may have been started. */
      mayHaveStarted?: boolean;
      /** It is the job itself that failed and has to be tried again. */
      jobFailed?: boolean;
    }
  /** Waits without using an attempt, until the deadline. Of a poll only the next poll waits, unless `jobFailed`. */
  | { kind: "rate_limited"; message: string; retryAfterMs?: number; jobFailed?: boolean }
  /** Final. A job that has a reference is cancelled upstream, unless `jobOver`: the provider said that it has ended. */
  | { kind: "permanent"; code: TaskErrorCode; message: string; jobOver?: boolean }
  | { kind: "content_policy"; message: string; jobOver?: boolean };

export type StepOutcome =
  | {
      kind: "done";
      items: MediaItem[];
      errors?: { index: number; code: TaskErrorCode; message: string }[];
      /** What the provider says that it bills; absent, 0: the price and the usage decide. An operator's own price always does. */
      costMicros?: number;
      usage?: Usage;
    }
  /**
   * The job runs upstream; ask again after `pollAfterMs`. The call's slot is free meanwhile. `progress` is what the provider says,
   * 0 for a job that has not begun there; absent, it is estimated where the model's progress is not measured.
   */
  | { kind: "pending"; state: Json; pollAfterMs: number; progress?: number; message?: string }
  | { kind: "failed"; failure: Failure };

export type CancelResult = {
  cancellation: Cancellation;
  /** What the provider says it billed, in micro-dollars; null when it does not say (yet). */
  billedMicros: number | null;
  /** True when asking again later may tell more. */
  askAgain: boolean;
};

/** A call that came to a `hookUrl`. */
export type HookCall = {
  readonly headers: Headers;
  /** As it came. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
};

export type HookVerdict =
  /** The provider says that something happened to the job: it is asked what. */
  | { kind: "hint" }
  /** The provider tries whether the address is ours, and wants to read this. */
  | { kind: "reply"; body: Json }
  /** It is not the provider's. */
  | { kind: "refused" }
  /** It cannot be judged now. */
  | { kind: "unknown" };

export interface MediaProvider {
  readonly name: string;
  /** Absent or empty: it has one account at most, which it knows itself, and `job.credential` is null. */
  readonly accounts?: readonly ProviderAccount[];
  /**
   * Whether a submit whose outcome is unknown MAY be run again for this type of job. Where false such a task
   * fails as `indeterminate`: a second film may be paid twice.
   */
  resubmitSafe(type: TaskType): boolean;
  /**
   * MUST return failures as values; a throw counts as transient `provider_error`. MUST stop soon after `io.signal` aborts:
   * a call that has not is given up after some seconds, and what it still does is lost.
   */
  submit(job: MediaJob, io: StepIo): Promise<StepOutcome>;
  /** Picks a job up by the state that was saved last. */
  poll(job: MediaJob, state: Json, io: StepIo): Promise<StepOutcome>;
  /** Ends the upstream job; MUST be safe to repeat. */
  cancel(job: MediaJob, state: Json, signal: AbortSignal): Promise<CancelResult>;
  /**
   * Judges a call to a `hookUrl`; absent where the provider never calls. MUST NOT throw, and MUST judge within seconds:
   * providers wait three for some of their calls. What a call says is a hint at most: only a poll tells.
   */
  hook?(call: HookCall): Promise<HookVerdict>;
}
