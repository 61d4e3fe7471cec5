/**
 * The wire shapes of tasks: what REST, SSE, WebSocket and webhook clients read.
 * Shared by the server and the SDK; imports nothing of ours.
 */

/** Lifecycle of a task as clients see it. There is no other value: pollers loop while it is `queued` or `running`. */
export const TASK_STATUSES = ["queued", "running", "completed", "failed", "cancelled"] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

export const TERMINAL_STATUSES = ["completed", "failed", "cancelled"] as const;
export type TerminalStatus = (typeof TERMINAL_STATUSES)[number];

export function isTerminal(status: TaskStatus): status is TerminalStatus {
  return status !== "queued" && status !== "running";
}

export const TASK_TYPES = ["image", "video"] as const;
export type TaskType = (typeof TASK_TYPES)[number];

export const PRIORITIES = ["low", "normal", "high"] as const;
export type Priority = (typeof PRIORITIES)[number];

/** Why a task failed. */
export const TASK_ERROR_CODES = [
  "content_policy_violation",
  "invalid_request",
  "rate_limit_exceeded",
  "provider_auth",
  "provider_quota",
  "provider_error",
  "provider_unavailable",
  "timeout",
  "indeterminate",
] as const;
export type TaskErrorCode = (typeof TASK_ERROR_CODES)[number];

export const EVENT_TYPES = [
  "queued",
  "started",
  "progress",
  "retrying",
  "completed",
  "failed",
  "cancelled",
] as const;
export type TaskEventType = (typeof EVENT_TYPES)[number];

/** Any JSON value. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

export type MediaItemMetadata = { provider: string; model: string; index: number };

export type WireImage = {
  url: string;
  /** Filled only when one task is read and `response_format` was `b64_json`. */
  b64_json?: string;
  revisedPrompt?: string;
  metadata: MediaItemMetadata;
};

export type WireVideo = {
  url: string;
  width?: number;
  height?: number;
  durationSeconds?: number;
  fps?: number;
  mimeType: string;
  metadata: MediaItemMetadata;
};

export type WireResult = {
  images?: WireImage[];
  videos?: WireVideo[];
  /** Why some of the `n` items are missing; absent when all came. */
  errors?: { index: number; code: TaskErrorCode; message: string }[];
  /** Seconds of work. */
  duration: number;
  /** US dollars. */
  cost: number;
  provider: string;
  model: string;
};

/** The result as the pushes `TaskCompleted` and `RequestCompleted` carry it. */
export type WireHubResult = WireResult & {
  /** The first item's. */
  image_url?: string;
  video_url?: string;
  /** The task's own, and where the result came from. */
  metadata: Record<string, string>;
};

/** What a task was asked for: the body of a create that asks for the same again. */
export type WireTaskRequest = { model: string; prompt: string; [field: string]: Json };

/** The read shape: one for `GET …/status`, `GET /v1/tasks/{id}`, lists, snapshots and webhooks. */
export type WireTask = {
  taskId: string;
  task_id: string;
  type: TaskType;
  status: TaskStatus;
  created: string;
  updated: string;
  /** Integer 0-100, never going down. */
  progress: number;
  message: string | null;
  /** 1 = next; null once it has left the queue. */
  queuePosition: number | null;
  estimatedSecondsRemaining: number | null;
  attempt: number;
  maxAttempts: number;
  nextAttemptAt: string | null;
  model: string;
  priority: Priority;
  metadata: Record<string, string>;
  retryOf?: string;
  batchId?: string;
  /** On completed tasks. */
  result?: WireResult;
  /** On failed tasks: a sentence. */
  error?: string;
  errorCode?: TaskErrorCode;
  /** On tasks in a terminal state. */
  finished?: string;
  expiresAt?: string;
  /** US dollars charged. */
  cost?: number;
  /** Whether `cost` is final: a cancelled task may still wait for its provider's bill. */
  settled?: boolean;
  metrics?: { queueMs: number; providerMs: number; storeMs: number };
  /** On cancelled tasks: what became of the provider's job. */
  cancellation?: Cancellation;
  /** On a task that is read alone: what was tried and is over, oldest first, the last 16. */
  attempts?: WireAttempt[];
  /** On a task that is read alone by its owner; a key that was only given the task reads none. */
  request?: WireTaskRequest;
};

/** How an attempt ended: `retried` and `rate_limited` were followed by another one. */
export type AttemptOutcome = "completed" | "failed" | "retried" | "rate_limited" | "cancelled";

/** One attempt at a task that is over. */
export type WireAttempt = {
  attempt: number;
  provider: string;
  /** The provider's own name of the model. */
  model: string;
  startedAt: string;
  ms: number;
  outcome: AttemptOutcome;
  errorCode: TaskErrorCode | null;
  /** The configured name of the provider's account; null where it has only one. Operators alone are told. */
  credential?: string | null;
};

/** The answer to a create request; a video's has `requestId` as well. */
export type WireAccepted = {
  taskId: string;
  task_id: string;
  requestId?: string;
  request_id?: string;
  status: TaskStatus;
  statusUrl: string;
  created: string;
  eventsUrl: string;
  cancelUrl: string;
  /** Where one was asked for: a key that may read, follow and cancel this task, and nothing else. */
  accessToken?: string;
  accessTokenExpiresAt?: string;
};

/** A page of tasks, newest first; `after` asks for the next one. */
export type WireTaskPage = { data: WireTask[]; hasMore: boolean; after: string | null };

/** The answer to `DELETE …?purge=true`. */
export type WireTaskPurged = { taskId: string; task_id: string; purged: true };

/** The body of `POST /v1/tasks/cancel`: at least one filter of the list, or `all`. */
export type CancelTasksRequest = {
  all?: true | undefined;
  status?: string | string[] | undefined;
  type?: string | undefined;
  batchId?: string | undefined;
};

/** What ending many tasks came to; `hasMore`: the same again ends further ones. */
export type WireTasksCancelled = { cancelled: number; taskIds: string[]; hasMore: boolean };

/** What cancelling did upstream. */
export type Cancellation = "immediate" | "requested" | "unsupported_upstream";

/** One event, the same on SSE, WebSocket and `TaskEvent` pushes. */
export type WireEvent = {
  /** Opaque position in the stream this event came through. */
  id: string;
  taskId: string;
  seq: number;
  type: TaskEventType;
  status: TaskStatus;
  progress: number;
  message: string | null;
  at: string;
  /** On progress: seconds that are left if the rest goes as fast; absent where nobody can tell. */
  estimatedSecondsRemaining?: number;
  result?: WireResult;
  error?: string;
  errorCode?: TaskErrorCode;
};

/** Begins a stream that does not resume. */
export type WireSnapshot = { type: "snapshot"; id: string; seq: number; task: WireTask };

/** Says that events were lost and what follows starts anew. */
export type WireReset = { type: "reset" };
