/** A task of the first release, as its hash held it: two packed lines, texts, and lines of events. */

import type { Cancellation, Json, TaskEventType, TaskStatus, TaskType } from "../../../protocol/task.ts";
import { cleanupDraft, deliveryDraft, WORK_KINDS, type WorkDraft } from "../../../tasks/due-work.ts";
import { deadlineError } from "../../../tasks/reducer.ts";
import {
  candidateOf,
  type Task,
  type TaskError,
  type TaskResult,
  type TaskWebhook,
} from "../../../tasks/task.ts";
import { RANKED } from "../../fair-queue.ts";
import { utf8Bytes } from "../../sizes.ts";
import { taskOfMissingFields } from "../../task-fields.ts";
import type { Besides, TaskFields } from "../tasks/fields.ts";

/** What stood in the spec. `subject` and `batchId` are fields of their own now. */
type FirstSpec = {
  model: string;
  provider: string;
  providerModel: string;
  request: Task["request"];
  metadata: Task["metadata"];
  maxAttempts: number;
  retryOf: string | null;
  baseUrl: string;
  webhook?: Json;
  subject?: string;
  batchId?: string;
};

export type FirstTask = {
  task: Task;
  besides: Besides;
  /** Its number among its key's tasks. */
  no: string;
  /** Who follows it. */
  by: string;
  spec: string;
  /** By the field that the logs name. */
  events: [field: string, text: string][];
};

const NULL = "-";
/** What the error field says of a task that ran into its deadline; any other error is JSON. */
const DEADLINE = "deadline";

/** Throws when it cannot be read. */
export function readFirstTask(id: string, fields: ReadonlyMap<string, string>): FirstTask {
  const [type, rank, no, createdAt, timeoutMs, reserved] = words(fields.get("fix"), 9);
  const line = words(fields.get("now"), 22);
  const number = (index: number) => finite(line[index]);
  const optional = (index: number) => (line[index] === NULL ? null : number(index));
  const {
    subject = "",
    batchId = null,
    webhook: given,
    ...kept
  } = JSON.parse(text(fields, "spec")) as FirstSpec;
  const webhook = webhookOf(given);
  const spec = JSON.stringify(webhook === null ? kept : { ...kept, webhook });
  const error = fields.get("error") ?? "";
  const task: Task = {
    ...taskOfMissingFields(kept as unknown as Record<string, Json>),
    id,
    tenant: { keyId: text(fields, "key"), subject: fields.get("subject") ?? subject },
    type: type as TaskType,
    model: kept.model,
    request: kept.request,
    priority: RANKED[Number(rank) - 1] ?? "normal",
    metadata: kept.metadata,
    retryOf: kept.retryOf,
    batchId,
    webhook,
    baseUrl: kept.baseUrl,
    createdAt: finite(createdAt),
    updatedAt: number(1),
    startedAt: optional(2),
    finishedAt: optional(3),
    timeoutMs: finite(timeoutMs),
    deadlineAt: number(4),
    status: line[0] as TaskStatus,
    progress: number(5),
    message: json<string>(fields.get("message")),
    attempt: number(7),
    maxAttempts: kept.maxAttempts,
    dueAt: optional(9),
    state: json<Json>(fields.get("state")),
    submitUnknown: line[12] === "1",
    epoch: line[13] as string,
    seq: number(14),
    fence: number(11),
    leaseUntil: optional(10),
    result: json<TaskResult>(fields.get("result")),
    error: error === DEADLINE ? null : json<TaskError>(error),
    cancellation: line[18] === NULL ? null : (line[18] as Cancellation),
    reservedMicros: finite(reserved),
    costMicros: number(16),
    settled: line[17] === "1",
    providerMs: number(19),
    storeMs: number(20),
  };
  return {
    task: error === DEADLINE ? { ...task, error: deadlineError(task) } : task,
    besides: { specBytes: utf8Bytes(spec), progressAt: optional(6), trimmed: line[15] === "1" },
    no: no as string,
    by: fields.get("by") ?? "",
    spec,
    events: [...fields]
      .filter(([name]) => /^e\d+$/.test(name))
      .map(([name, event]) => [name, eventText(event)]),
  };
}

/** An item of due work as it stands. */
export type FirstWork = {
  draft: WorkDraft;
  createdAt: number;
  giveUpAt: number;
  tries: number;
  fence: number;
  dueAt: number;
  held: boolean;
};

/** The item that looks after the job which the task's end left behind; null where there is none. */
export function readFirstCleanup(
  task: Task,
  fields: ReadonlyMap<string, string>,
  dueAt: number | null,
): FirstWork | null {
  if (dueAt === null || fields.size === 0) return null;
  const { provider, model } = candidateOf(task);
  const cost = fields.get("cost") ?? "";
  const draft = cleanupDraft(task.id, {
    provider,
    model,
    credential: null,
    attempt: task.attempt,
    fence: finite(fields.get("holder")),
    state: json<Json>(fields.get("state")),
    reported: fields.get("late") === "1",
    costMicros: cost === "" ? null : finite(cost),
  });
  return {
    draft,
    createdAt: finite(fields.get("created")),
    giveUpAt: finite(fields.get("end")),
    tries: finite(fields.get("tries")),
    fence: finite(fields.get("fence")),
    dueAt,
    held: fields.get("held") === "1",
  };
}

/**
 * The first release stored deliveries and never made one, so one that waits is due now. Null when the webhook has no
 * URL.
 */
export function firstDelivery(task: Task, now: number): FirstWork | null {
  const draft = deliveryDraft(task, `task.${task.status}`);
  if (draft === null) return null;
  const giveUpAt = now + WORK_KINDS.delivery.giveUpMs;
  return { draft, createdAt: now, giveUpAt, tries: 0, fence: 0, dueAt: now, held: false };
}

/** All fields of the task's hash, as names and texts. */
export function writtenFields(fields: TaskFields, first: FirstTask, task: Task): string[] {
  const { texts, moments } = fields.written(task, first.besides, first.spec);
  return [...texts, ...moments, ...first.events.flat(), ...(first.by === "" ? [] : ["by", first.by])];
}

/** It was stored as it came; one that says a URL is kept. */
function webhookOf(given: Json | undefined): TaskWebhook | null {
  const url = typeof given === "object" && given !== null && !Array.isArray(given) ? given.url : undefined;
  return typeof url === "string" ? { url, headers: {}, events: [] } : null;
}

/** `seq type progress at keySeq subjectSeq message`, the message as JSON or nothing. */
function eventText(line: string): string {
  const parts = line.split(" ", 6);
  const [seq, type, progress, at, keySeq, subjectSeq] = parts;
  const message = json<string>(line.slice(parts.join(" ").length + 1));
  const place = (text: string | undefined) => (text === NULL ? null : finite(text));
  return JSON.stringify({
    seq: finite(seq),
    type: type as TaskEventType,
    progress: finite(progress),
    message,
    at: finite(at),
    keySeq: place(keySeq),
    subjectSeq: place(subjectSeq),
  });
}

function words(line: string | undefined, count: number): string[] {
  const found = line?.split(" ") ?? [];
  if (found.length !== count) throw new Error(`A line has ${found.length} words where ${count} belong`);
  return found;
}

function text(fields: ReadonlyMap<string, string>, name: string): string {
  const found = fields.get(name);
  if (found === undefined) throw new Error(`The task has no ${name}`);
  return found;
}

function finite(digits: string | undefined): number {
  const value = Number(digits);
  if (digits === undefined || digits === "" || !Number.isFinite(value))
    throw new Error(`A number is stored as ${JSON.stringify(digits)}`);
  return value;
}

function json<T>(stored: string | undefined): T | null {
  return stored === undefined || stored === "" ? null : (JSON.parse(stored) as T);
}
