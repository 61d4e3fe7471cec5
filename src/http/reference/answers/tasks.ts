/** Tasks, their results and their batches as they are answered. */

import { z } from "zod";
import {
  BATCH_STATUSES,
  type WireAcceptedBatch,
  type WireBatch,
  type WireBatchCounts,
} from "../../../protocol/batch.ts";
import {
  type Json,
  PRIORITIES,
  TASK_ERROR_CODES,
  TASK_STATUSES,
  TASK_TYPES,
  type WireAccepted,
  type WireAttempt,
  type WireImage,
  type WireResult,
  type WireTask,
  type WireTaskPage,
  type WireTaskPurged,
  type WireTasksCancelled,
  type WireVideo,
} from "../../../protocol/task.ts";
import { about, dollarsOf, named, page, type Shape, time } from "../shape.ts";

export const taskId = z.string().meta({ format: "uuid", description: "UUIDv7, in lower case." });
const status = named(
  "TaskStatus",
  "`queued` also while it waits for another attempt. The last three are ends: a task that has ended never changes its status.",
  z.enum(TASK_STATUSES),
);
export const taskErrorCode = named(
  "TaskErrorCode",
  "Why a task failed. `indeterminate`: it is not known whether the provider has begun the job, and to begin it again could cost twice.",
  z.enum(TASK_ERROR_CODES),
);
export const priority = named("Priority", "Of a task within its key.", z.enum(PRIORITIES));
const texts = z.record(z.string(), z.string());

const item = z.object({
  provider: z.string(),
  model: about("The provider's own name.", z.string()),
  index: about("Which of the `n` it is.", z.int()),
} satisfies Shape<WireImage["metadata"]>);

const image = z.object({
  url: about("Open to everyone who has it.", z.string()),
  b64_json: about(
    "Only where one task is read alone that was made with `response_format: b64_json`.",
    z.string().exactOptional(),
  ),
  revisedPrompt: about("The prompt as the provider changed it.", z.string().exactOptional()),
  metadata: item,
} satisfies Shape<WireImage>);

const video = z.object({
  url: about("Open to everyone who has it.", z.string()),
  width: z.int().exactOptional(),
  height: z.int().exactOptional(),
  durationSeconds: z.number().exactOptional(),
  fps: z.number().exactOptional(),
  mimeType: z.string(),
  metadata: item,
} satisfies Shape<WireVideo>);

export const taskResult = named(
  "TaskResult",
  "What a task made. The files are in the gateway's own media store.",
  z.object({
    images: z.array(image).exactOptional(),
    videos: z.array(video).exactOptional(),
    errors: about(
      "Why some of the `n` are missing; absent where all came.",
      z.array(z.object({ index: z.int(), code: taskErrorCode, message: z.string() })).exactOptional(),
    ),
    duration: about("Seconds of work.", z.number()),
    cost: dollarsOf("what was charged."),
    provider: z.string(),
    model: about("The name that the caller used.", z.string()),
  } satisfies Shape<WireResult>),
);

const attempt = z.object({
  attempt: z.int(),
  provider: z.string(),
  model: about("The provider's own name.", z.string()),
  startedAt: time(),
  ms: z.number(),
  outcome: about(
    "`retried` and `rate_limited` were followed by another attempt.",
    z.enum(["completed", "failed", "retried", "rate_limited", "cancelled"]),
  ),
  errorCode: taskErrorCode.nullable(),
  credential: about(
    "Told to administrators alone: the configured name of the provider's account; null where it has only one.",
    z.string().nullable().exactOptional(),
  ),
} satisfies Shape<WireAttempt>);

const taskFields = {
  taskId,
  task_id: about("The same as `taskId`.", z.string()),
  type: z.enum(TASK_TYPES),
  status,
  created: time(),
  updated: time(),
  progress: about("Percent; never goes down. An estimate stops at 95.", z.int().min(0).max(100)),
  message: about("What is being done.", z.string().nullable()),
  queuePosition: about("1 is next; null once it has left the queue.", z.int().nullable()),
  estimatedSecondsRemaining: z.number().nullable(),
  attempt: z.int(),
  maxAttempts: z.int(),
  nextAttemptAt: time("When it is tried again; null where it is not waiting for that.").nullable(),
  model: about("The name that the caller used.", z.string()),
  priority,
  metadata: about("As it was given.", texts),
  retryOf: about("The task that this one repeats.", z.string().exactOptional()),
  batchId: z.string().exactOptional(),
  result: about("Of a completed task.", taskResult.exactOptional()),
  error: about("Of a failed task, as a sentence.", z.string().exactOptional()),
  errorCode: about("Of a failed task.", taskErrorCode.exactOptional()),
  finished: time("Of a task that has ended.").exactOptional(),
  expiresAt: time("When a task that has ended is removed.").exactOptional(),
  cost: about(
    "Of a task that has ended: US dollars charged; nothing for a failed one.",
    z.number().exactOptional(),
  ),
  settled: about(
    "Of a task that has ended: whether `cost` is final. A cancelled one may wait for its provider's bill.",
    z.boolean().exactOptional(),
  ),
  metrics: z
    .object({
      queueMs: about("Until the first start.", z.number()),
      providerMs: z.number(),
      storeMs: z.number(),
    })
    .exactOptional(),
  cancellation: about(
    "Of a cancelled task: what became of the provider's job.",
    z.enum(["immediate", "requested", "unsupported_upstream"]).exactOptional(),
  ),
  attempts: about(
    "Only where a task is read alone: the last 16 attempts that are over, oldest first.",
    z.array(attempt).exactOptional(),
  ),
  request: about(
    "Only where a task is read alone by its owner, and not by a key that was given it: the body of a create that asks for the same again.",
    z
      .object({ model: z.string(), prompt: z.string() })
      .catchall(z.unknown() as z.ZodType<Json>)
      .exactOptional(),
  ),
} satisfies Shape<WireTask>;

export const task = named(
  "Task",
  "A task as it is read, in the same shape everywhere: routes, lists, snapshots and webhooks.",
  z.object(taskFields),
);

const acceptedFields = {
  taskId,
  task_id: about("The same as `taskId`.", z.string()),
  requestId: about("Of a film: the same as `taskId`.", z.string().exactOptional()),
  request_id: about("Of a film: the same as `taskId`.", z.string().exactOptional()),
  status,
  statusUrl: about("Reads the task.", z.string()),
  created: time(),
  eventsUrl: about("Follows the task.", z.string()),
  cancelUrl: about("Cancels the task by `DELETE`.", z.string()),
  accessToken: about(
    "Where `access_token` asked for one: a key that may read, follow and cancel this task, and nothing else.",
    z.string().exactOptional(),
  ),
  accessTokenExpiresAt: time().exactOptional(),
} satisfies Shape<WireAccepted>;

export const acceptedTask = named(
  "AcceptedTask",
  "The task is stored. With `Prefer: wait=N` the answer has the fields of `Task` as well.",
  z.object(acceptedFields),
);
export const acceptedAndRead = named(
  "AcceptedTaskRead",
  "The answer to a create with `Prefer: wait=N`: the links, and the task as it is.",
  z.object({ ...acceptedFields, ...taskFields }),
);

export const taskPage = named(
  "TaskPage",
  "Tasks, newest first.",
  z.object(page(task) satisfies Shape<WireTaskPage>),
);
export const taskPurged = named(
  "TaskPurged",
  "The task, its events and its files are gone.",
  z.object({ taskId, task_id: z.string(), purged: z.literal(true) } satisfies Shape<WireTaskPurged>),
);
export const tasksCancelled = named(
  "TasksCancelled",
  "What was ended.",
  z.object({
    cancelled: about("How many.", z.int()),
    taskIds: z.array(taskId),
    hasMore: about("The same request again ends further ones.", z.boolean()),
  } satisfies Shape<WireTasksCancelled>),
);

const counts = z.object({
  queued: z.int(),
  running: z.int(),
  completed: z.int(),
  failed: z.int(),
  cancelled: z.int(),
  total: z.int(),
} satisfies Shape<WireBatchCounts>);
const batchFields = {
  batchId: z.string().meta({ format: "uuid" }),
  status: z.enum(BATCH_STATUSES),
  counts: about("How many of its tasks have which status.", counts),
  taskIds: about("In the order of the requests.", z.array(taskId)),
  metadata: texts,
  created: time(),
  finishedAt: time("When the last of its tasks ended; null while one has not.").nullable(),
} satisfies Shape<WireBatch>;

export const batch = named("Batch", "Tasks that were accepted together.", z.object(batchFields));
export const acceptedBatch = named(
  "AcceptedBatch",
  "All of its tasks are stored.",
  z.object({
    ...batchFields,
    statusUrl: z.string(),
    cancelUrl: z.string(),
    tasksUrl: about("Lists its tasks.", z.string()),
  } satisfies Shape<WireAcceptedBatch>),
);
export const batchPage = named("BatchPage", "Batches, newest first.", z.object(page(batch)));
