/** What event streams, sockets and webhooks carry. */

import { z } from "zod";
import { BUDGET_PERIODS } from "../../../protocol/key.ts";
import {
  EVENT_TYPES,
  TASK_STATUSES,
  type WireEvent,
  type WireReset,
  type WireSnapshot,
} from "../../../protocol/task.ts";
import { about, dollarsOf, named, type Shape, time } from "../shape.ts";
import { errorAnswer } from "./errors.ts";
import { batch, task, taskErrorCode, taskId, taskResult } from "./tasks.ts";

const position = about("An opaque place in the stream that it came through; resumes behind it.", z.string());

export const taskEvent = named(
  "TaskEvent",
  "Something that happened to a task. `completed`, `failed` and `cancelled` are the last one of a task.",
  z.object({
    id: position,
    taskId,
    seq: about("The place in the task's own log; rises, and may leave out numbers.", z.int()),
    type: z.enum(EVENT_TYPES),
    status: z.enum(TASK_STATUSES),
    progress: z.int().min(0).max(100),
    message: z.string().nullable(),
    at: time(),
    estimatedSecondsRemaining: about("Of `progress`, where it can be told.", z.number().exactOptional()),
    result: about("Of `completed`.", taskResult.exactOptional()),
    error: about("Of `failed` and `cancelled`.", z.string().exactOptional()),
    errorCode: about("Of `failed`.", taskErrorCode.exactOptional()),
  } satisfies Shape<WireEvent>),
);
export const snapshot = named(
  "TaskSnapshot",
  "Begins the stream of one task that does not resume.",
  z.object({ type: z.literal("snapshot"), id: position, seq: z.int(), task } satisfies Shape<WireSnapshot>),
);
export const reset = named(
  "StreamReset",
  "Events were lost, and what follows begins anew: with a snapshot, or, on the stream of all tasks, with nothing: list them again.",
  z.object({ type: z.literal("reset") } satisfies Shape<WireReset>),
);
export const streamMessage = named(
  "StreamMessage",
  "The `data` of one server-sent event, or one message of a WebSocket.",
  z.union([taskEvent, snapshot, reset]),
);

const pictureFields = {
  b64_json: z.string(),
  created_at: about("Seconds since the epoch.", z.int()),
  background: z.string(),
  output_format: z.string(),
  quality: z.string(),
  size: z.string(),
};
const noTokens = z.object({
  input_tokens: z.int(),
  input_tokens_details: z.object({ image_tokens: z.int(), text_tokens: z.int() }),
  output_tokens: z.int(),
  total_tokens: z.int(),
});
export const imageStreamMessage = named(
  "ImageStreamMessage",
  "The `data` of one event of a synchronous image route with `stream: true`. The last one is `completed` of the last picture, or `error`.",
  z.union([
    z.object({
      type: z.enum(["image_generation.partial_image", "image_edit.partial_image"]),
      partial_image_index: z.int(),
      ...pictureFields,
    }),
    z.object({
      type: z.enum(["image_generation.completed", "image_edit.completed"]),
      ...pictureFields,
      usage: noTokens,
    }),
    errorAnswer.extend({ type: z.literal("error") }),
  ]),
);

const happened = time("When it happened; `webhook-timestamp` is when this try was signed.");
const taskMessage = (type: string, description: string) =>
  named(
    `${type
      .split(/[._]/)
      .map((word) => word[0]?.toUpperCase() + word.slice(1))
      .join("")}Message`,
    description,
    z.object({ type: z.literal(type), timestamp: happened, data: task }),
  );

/** What webhooks are sent, by type. */
export const webhookMessages = {
  "task.started": taskMessage("task.started", "An attempt begins."),
  "task.progress": taskMessage("task.progress", "The progress has passed another tenth: ten times at most."),
  "task.completed": taskMessage("task.completed", "The task is completed."),
  "task.failed": taskMessage("task.failed", "The task has failed."),
  "task.cancelled": taskMessage("task.cancelled", "The task was cancelled."),
  "batch.completed": named(
    "BatchCompletedMessage",
    "The last task of a batch has ended.",
    z.object({ type: z.literal("batch.completed"), timestamp: happened, data: batch }),
  ),
  "spend.threshold_reached": named(
    "SpendThresholdReachedMessage",
    "Charges have reached 50, 80, 90 or 100 per cent of a budget.",
    z.object({
      type: z.literal("spend.threshold_reached"),
      timestamp: happened,
      data: z.object({
        keyId: z.string(),
        customer: about("Whose budget it is; null: the key's own.", z.string().nullable()),
        period: z.enum(BUDGET_PERIODS),
        window: about("Which of its periods, such as `2026-11-30`.", z.string()),
        percent: z.union([z.literal(50), z.literal(80), z.literal(90), z.literal(100)]),
        limit: dollarsOf("what may be spent in the period."),
        charged: dollarsOf("what was charged in it."),
      }),
    }),
  ),
  "endpoint.ping": named(
    "EndpointPingMessage",
    "Sent on request, to see whether the endpoint answers.",
    z.object({
      type: z.literal("endpoint.ping"),
      timestamp: happened,
      data: z.object({ endpointId: z.string() }),
    }),
  ),
} as const;
