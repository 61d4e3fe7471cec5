/** A task as scripts answer it: two packed lines and texts (see scripts/parts/task.lua), and what is built of it. */

import type { Cancellation, Json, TaskEventType, TaskStatus, TaskType } from "../../protocol/task.ts";
import type { Claim, TaskDraft } from "../../tasks/ports/task-store.ts";
import type { Position, Task, TaskError, TaskEvent, TaskResult, TaskUpdate } from "../../tasks/task.ts";
import { deadlineError } from "../../tasks/transition.ts";
import { STATUS_OF_EVENT } from "../event-log.ts";
import { RANKED } from "../fair-queue.ts";
import { type Spec, specOf } from "../task-spec.ts";
import { listOf, numberOf, textOf } from "./replies.ts";
import type { Reply } from "./script-runner.ts";

/** A task with what the store knows besides. */
export type TaskReply = {
  readonly task: Task;
  /** Its rank among its key's ready tasks; null when it does not stand there. */
  readonly readyRank: number | null;
  /** When the newest progress was recorded. */
  readonly progressAt: number | null;
  /** Its events are gone; the log begins anew behind its position. */
  readonly trimmed: boolean;
};

/** What the error field says of a task that ran into its deadline; any other error is JSON. */
const DEADLINE = "deadline";
const NULL = "-";

/** What a task's spec is in Redis: with it stands what SQLite has columns for. */
type StoredSpec = Spec & { subject?: string; batchId?: string };

export function specText(draft: TaskDraft): string {
  const spec: StoredSpec = {
    ...specOf(draft),
    ...(draft.tenant.subject !== "" && { subject: draft.tenant.subject }),
    ...(draft.batchId !== null && { batchId: draft.batchId }),
  };
  return JSON.stringify(spec);
}

export function readTask(reply: Reply | undefined): TaskReply {
  const [id, fix, now, keyId, specJson, message, state, error, result] = listOf(reply);
  const [type, rank, , createdAt, timeoutMs, reserved] = textOf(fix).split(" ");
  const line = textOf(now).split(" ");
  const number = (index: number) => Number(line[index]);
  const optional = (index: number) => (line[index] === NULL ? null : Number(line[index]));
  const spec = JSON.parse(textOf(specJson)) as StoredSpec;
  const task: Task = {
    id: textOf(id),
    tenant: { keyId: textOf(keyId), subject: spec.subject ?? "" },
    type: type as TaskType,
    model: spec.model,
    provider: spec.provider,
    providerModel: spec.providerModel,
    request: spec.request,
    priority: RANKED[Number(rank) - 1] ?? "normal",
    metadata: spec.metadata,
    retryOf: spec.retryOf,
    batchId: spec.batchId ?? null,
    baseUrl: spec.baseUrl,
    createdAt: Number(createdAt),
    updatedAt: number(1),
    startedAt: optional(2),
    finishedAt: optional(3),
    timeoutMs: Number(timeoutMs),
    deadlineAt: number(4),
    status: line[0] as TaskStatus,
    progress: number(5),
    message: jsonOf<string>(message),
    attempt: number(7),
    maxAttempts: spec.maxAttempts,
    dueAt: optional(9),
    state: jsonOf<Json>(state),
    unsure: line[12] === "1",
    epoch: line[13] as string,
    seq: number(14),
    fence: number(11),
    leaseUntil: optional(10),
    result: jsonOf<TaskResult>(result),
    error: null,
    cancellation: line[18] === NULL ? null : (line[18] as Cancellation),
    reservedMicros: Number(reserved),
    costMicros: number(16),
    settled: line[17] === "1",
    providerMs: number(19),
    storeMs: number(20),
  };
  return {
    task: error === "" ? task : { ...task, error: errorOf(error, task) },
    readyRank: optional(8),
    progressAt: optional(6),
    trimmed: line[15] === "1",
  };
}

/** Where a task's log stands, from its changing line. */
export function positionOfLine(line: string): Position {
  const parts = line.split(" ");
  return { epoch: parts[13] as string, seq: Number(parts[14]) };
}

export function readUpdate(reply: Reply | undefined): TaskUpdate {
  const [told, line, keyEpoch, keySeq, subjectEpoch, subjectSeq, followed] = listOf(reply);
  const { task } = readTask(told);
  return {
    task,
    events: line === "" ? [] : [readEvent(task.id, textOf(line))],
    keyEpoch: textOf(keyEpoch),
    subjectEpoch: subjectEpoch === "" ? null : textOf(subjectEpoch),
    keySeq: numberOf(keySeq),
    subjectSeq: subjectSeq === "" ? null : numberOf(subjectSeq),
    followed: readFollowed(textOf(followed)),
  };
}

export function readFollowed(marks: string): TaskUpdate["followed"] {
  return { task: marks[0] === "1", key: marks[1] === "1", subject: marks[2] === "1" };
}

export function readClaim(reply: Reply): Claim {
  const update = readUpdate(reply);
  const { task } = update;
  return {
    lease: { taskId: task.id, fence: task.fence },
    task,
    update: update.events.length > 0 ? update : null,
  };
}

/** `seq type progress at keySeq subjectSeq message`, the message as JSON. */
export function readEvent(taskId: string, line: string): TaskEvent {
  const [seq, name, progress, at, keySeq, subjectSeq] = line.split(" ", 6);
  const type = name as TaskEventType;
  const message = line.slice([seq, name, progress, at, keySeq, subjectSeq].join(" ").length + 1);
  return {
    taskId,
    seq: Number(seq),
    type,
    status: STATUS_OF_EVENT[type],
    progress: Number(progress),
    message: jsonOf<string>(message),
    at: Number(at),
    keySeq: keySeq === NULL ? null : Number(keySeq),
    subjectSeq: subjectSeq === NULL ? null : Number(subjectSeq),
  };
}

/** A JSON text, null where the field is empty. */
export function jsonOf<T>(reply: Reply | undefined): T | null {
  const text = textOf(reply);
  return text === "" ? null : (JSON.parse(text) as T);
}

/** The text of a field; null is the empty one. */
export function jsonText(value: Json | object): string {
  return value === null ? "" : JSON.stringify(value);
}

function errorOf(reply: Reply | undefined, task: Task): TaskError | null {
  return reply === DEADLINE ? deadlineError(task) : jsonOf<TaskError>(reply);
}
