/** A task as the store keeps it, and the events of its log. Times are milliseconds since the epoch, money is micro-dollars. */

import type {
  AttemptOutcome,
  Cancellation,
  Json,
  Priority,
  TaskErrorCode,
  TaskEventType,
  TaskStatus,
  TaskType,
} from "../protocol/task.ts";

/** Who owns a task: a virtual key and, within it, the subject of an ephemeral key (`""` for the key's own). */
export type Tenant = { readonly keyId: string; readonly subject: string };

/**
 * Who asks. `subject: null` is the parent key, which sees every subject of its own; a string is an ephemeral
 * key, which sees that subject and the `granted` task ids besides.
 */
export type TenantScope = {
  readonly keyId: string;
  readonly subject: string | null;
  readonly granted?: readonly string[];
};

/** A place in a log. The epoch is random and changes whenever events were lost or trimmed, so `seq` alone proves nothing. */
export type Position = { readonly epoch: string; readonly seq: number };

/** A file in the media store. */
export type MediaRef = { path: string; contentType: string; bytes: number };

/** What a picture or film is like, as far as its file says. */
export type MediaFigures = {
  /** Pixels. */
  width?: number;
  height?: number;
  durationSeconds?: number;
  fps?: number;
};

/** A file that was looked into when it was stored. */
export type StoredMedia = MediaRef & MediaFigures;

/** A file the caller handed in: a picture to work from, or the mask that says where. */
export type TaskInput = StoredMedia & { readonly role: "image" | "mask" };

/** One finished picture or film. */
export type MediaItem = MediaFigures & {
  index: number;
  media: MediaRef;
  revisedPrompt?: string;
};

export type TaskResult = {
  items: MediaItem[];
  /** Items of `n` that did not come; empty when all did. */
  errors: { index: number; code: TaskErrorCode; message: string }[];
};

export type TaskError = { code: TaskErrorCode; message: string };

/** One way to make what a task asks for: a provider, and the provider's own name of the model. */
export type Candidate = { readonly provider: string; readonly model: string };

/** How many attempts a task remembers; older ones are dropped. */
export const MAX_ATTEMPTS_KEPT = 16;

/** What was tried for a task, once an attempt is over. */
export type Attempt = {
  readonly attempt: number;
  readonly provider: string;
  readonly model: string;
  /** The configured name of the account the job ran under; null where the provider has only one. */
  readonly credential: string | null;
  readonly startedAt: number;
  readonly ms: number;
  readonly outcome: AttemptOutcome;
  readonly errorCode: TaskErrorCode | null;
};

/** Where word of a task's end goes, as its creator asked. */
export type TaskWebhook = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Event types, such as `task.completed`; empty: the three ends. */
  readonly events: readonly string[];
};

/** What the caller asked for, normalised: the defaults are filled in, `null` counts as absent. */
export type JobRequest = {
  prompt: string;
  n: number;
  size?: string;
  quality?: string;
  style?: string;
  background?: string;
  outputFormat?: string;
  responseFormat?: "url" | "b64_json";
  user?: string;
  /** How many previews the caller would like of a picture that is streamed to it. */
  partialImages?: number;
  seed?: number;
  /** Video: seconds. */
  duration?: number;
  fps?: number;
  providerOptions?: Record<string, Json>;
  /** Fields beyond ours, for an adapter whose table for the model names them; the others are dropped there. */
  further?: Record<string, Json>;
};

export type Task = {
  readonly id: string;
  readonly tenant: Tenant;
  readonly type: TaskType;
  /** The name the caller used. */
  readonly model: string;
  /** The ways to make it, in the order they are tried; fixed when the task was accepted. At least one. */
  readonly route: readonly Candidate[];
  readonly request: JobRequest;
  /** Files the caller handed in (uploads, copies of URLs); they live as long as the task's other media. */
  readonly inputs: readonly TaskInput[];
  readonly priority: Priority;
  readonly metadata: Record<string, string>;
  readonly retryOf: string | null;
  readonly batchId: string | null;
  /** The end user of the key's owner on whose budget it counts; null where none was named. */
  readonly customer: string | null;
  readonly webhook: TaskWebhook | null;
  /** Scheme and host of the creating request: the base of URLs in pushes when no public URL is configured. */
  readonly baseUrl: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** First start; the deadline runs from here. */
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly timeoutMs: number;
  /** Queued for the first time: when waiting gives up. Started: when the work must have ended. */
  readonly deadlineAt: number;
  /** When waiting for the first start gives up; null for a task of a release that did not keep it. */
  readonly waitDeadlineAt: number | null;
  readonly status: TaskStatus;
  readonly progress: number;
  readonly message: string | null;
  readonly attempt: number;
  readonly maxAttempts: number;
  /** Index in `route` of the way that is tried now; see `candidateOf`. */
  readonly candidate: number;
  /** When the current attempt began; null while none is under way. */
  readonly attemptStartedAt: number | null;
  /** The configured name of the account that the current job was submitted with; null where there is only one. */
  readonly credential: string | null;
  /** The attempts that are over, oldest first, at most `MAX_ATTEMPTS_KEPT`. */
  readonly attempts: readonly Attempt[];
  /** How often in a row a dead worker's lease ran out on it without any progress in between. */
  readonly takeovers: number;
  /** Polls that failed in a row: failures of the call, not of the job. */
  readonly pollFailures: number;
  /** When a waiting task may be claimed: the next attempt or poll. Null when it is ready or held. */
  readonly dueAt: number | null;
  /** The provider's opaque state (≤ 8 kB); a job that has one is polled, never submitted anew. */
  readonly state: Json;
  /** The fence of the holder that submitted the job of `state`; null while no job has a reference. */
  readonly jobFence: number | null;
  /** A submit may have reached the provider without its reference having been stored. */
  readonly submitUnknown: boolean;
  /** Position in its log. */
  readonly epoch: string;
  readonly seq: number;
  /** Rises with every claim, cancel and deadline; a worker's write carries the one it was given. */
  readonly fence: number;
  readonly leaseUntil: number | null;
  readonly result: TaskResult | null;
  readonly error: TaskError | null;
  readonly cancellation: Cancellation | null;
  readonly reservedMicros: number;
  /** The price by which that was reckoned and the task is settled; null where nothing is held. See accounts/prices. */
  readonly price: Json;
  readonly costMicros: number;
  /** What the providers said they billed for its jobs, whoever pays for it; null while none said anything. */
  readonly upstreamMicros: number | null;
  /** Upstream jobs it left behind that are still being cleaned up. */
  readonly openCleanups: number;
  /** False while a cleanup item may still change the cost. */
  readonly settled: boolean;
  readonly providerMs: number;
  readonly storeMs: number;
};

/** The way that is tried now. */
export function candidateOf(task: Pick<Task, "route" | "candidate">): Candidate {
  const candidate = task.route[task.candidate];
  if (candidate === undefined) throw new Error(`The task's route has no candidate ${task.candidate}`);
  return candidate;
}

/**
 * One entry of a task's log. Of progress only the newest is kept, so a number (`seq`) that is missing because it was
 * progress does not mean that something was lost.
 */
export type TaskEvent = {
  readonly taskId: string;
  readonly seq: number;
  readonly type: TaskEventType;
  readonly status: TaskStatus;
  readonly progress: number;
  readonly message: string | null;
  readonly at: number;
  /** Place in the key's log and in the subject's; null for progress, which no tenant log stores. */
  readonly keySeq: number | null;
  readonly subjectSeq: number | null;
};

/** What one committed transition means for followers. */
export type TaskUpdate = {
  /** The task after `events`. */
  readonly task: Task;
  /** In order; `events[0].seq - 1` is the position they continue. */
  readonly events: readonly TaskEvent[];
  /** The epochs of the logs of the key and of the subject (null where the task has no subject). */
  readonly keyEpoch: string;
  readonly subjectEpoch: string | null;
  /** Positions of the tenant logs after `events`. */
  readonly keySeq: number;
  readonly subjectSeq: number | null;
  /** Whether anybody follows the task, its key's stream or its subject's. Nobody publishes when all are false. */
  readonly followed: { readonly task: boolean; readonly key: boolean; readonly subject: boolean };
  /** Deliveries to webhooks may have been left by it; absent where none were. */
  readonly webhooks?: true;
};

/** Whether a task that the asker may read is its own, and not one that it was only granted. */
export function isOwnTask({ tenant }: Pick<Task, "tenant">, { subject }: TenantScope): boolean {
  return subject === null || subject === tenant.subject;
}
