/** A draft as the arguments of the create script, and its answer. */

import type { OutboxOptions } from "../../../events/outbox.ts";
import type {
  CreateLimits,
  CreateOutcome,
  IdempotencyClaim,
  RepeatOutcome,
  TaskDraft,
} from "../../../tasks/ports/task-store.ts";
import { candidateOf } from "../../../tasks/task.ts";
import { rankOf } from "../../fair-queue.ts";
import { newTask } from "../../new-task.ts";
import { measuredSpec } from "../../sizes.ts";
import { taskRows } from "../event-rows.ts";
import { TIMELESS_WINDOWS } from "../ledger.ts";
import type { Reply } from "../server/replies.ts";
import { listReply, numberOf, textOf } from "../server/replies.ts";
import { readRateIfAny, readRefusal } from "../start-refusal.ts";
import type { FieldChanges, TaskFields } from "./fields.ts";
import type { MadeTasks } from "./made-tasks.ts";
import { eventText, readPlaces, readViews } from "./task-reply.ts";

/** A draft on its way: what is sent of it, and what its task becomes once the server has said when. */
export type Creation = {
  readonly args: string[];
  readonly specLength: number;
  readonly draft: TaskDraft;
  readonly epoch: string;
  readonly written: Pick<FieldChanges, "texts" | "moments">;
};

const MOMENT_ZERO = 0;
/** In the order of the head of scripts/parts/tasks/creation.lua. Throws `StoredValueTooLargeError` when a task could not hold the draft. */
export function creationOf(
  fields: TaskFields,
  draft: TaskDraft,
  limits: CreateLimits,
  token: () => string,
  outbox: OutboxOptions | null,
): Creation {
  const epoch = token();
  const task = newTask(draft, epoch, MOMENT_ZERO);
  const spec = measuredSpec(fields.spec(task));
  const besides = { specBytes: spec.bytes, progressAt: null, trimmed: false };
  const written = fields.written(task, besides, spec.text);
  const { texts, moments } = written;
  const { idempotency, tenant } = draft;
  const args = [
    draft.id,
    tenant.keyId,
    tenant.subject,
    draft.type,
    String(rankOf(task)),
    candidateOf(task).provider,
    draft.customer ?? "",
    String(draft.reservedMicros),
    TIMELESS_WINDOWS,
    String(limits.maxQueuedPerKey),
    String(draft.maxWaitMs),
    draft.batchId ?? "",
    token(),
    token(),
    eventText({ seq: 1, type: "queued", progress: 0, message: null }),
    ...onceArguments(idempotency, draft.id),
    String(texts.length / 2),
    String(moments.length / 2),
    ...texts,
    ...moments,
    ...taskRows(outbox, task, { type: "queued", seq: 1 }),
  ];
  return { args, specLength: spec.text.length, draft, epoch, written };
}

/** The idempotency key that is taken for what has the id; texts without content where there is none. */
export function onceArguments(claim: IdempotencyClaim | null, id: string): string[] {
  if (claim === null) return ["", "", "", "", "", ""];
  const { key, fingerprint, ttlMs, onlyIfEndedWithinMs = "", takeOver = false } = claim;
  const holder = JSON.stringify({ taskId: id, fingerprint }).slice(0, -1);
  return [key, fingerprint, holder, String(ttlMs), String(onlyIfEndedWithinMs), takeOver ? "1" : "0"];
}

/** Remembers a task that was made. Throws `StoreUnavailableError` when what the task needs in the store is damaged. */
export function readCreated(
  fields: TaskFields,
  creation: Creation,
  reply: Reply | undefined,
  made: MadeTasks,
): CreateOutcome {
  const [outcome, ...rest] = listReply(reply);
  switch (outcome) {
    case "created":
      return created(fields, creation, rest, made);
    case "replayed": {
      const [view] = readViews(fields, rest[0] ?? null).views;
      if (view === undefined) break;
      return { outcome, task: view };
    }
    case "conflict":
      return { outcome };
    case "queue_full":
      return { outcome, queued: numberOf(rest[0]), rate: readRateIfAny(rest[1]) };
    case "id_taken":
      throw new Error("Another tenant has a task of the id that the new one was to have");
  }
  const refused = readRefusal(outcome, rest);
  if (refused !== null) return refused;
  throw new Error(`The create script answered ${JSON.stringify(outcome)}`);
}

/** How a repeat is answered; null when there is nothing that it repeats. */
export function readRepeated(fields: TaskFields, reply: Reply): RepeatOutcome | null {
  if (reply === null) return null;
  const [outcome, view = null] = listReply(reply);
  if (outcome === "conflict") return { outcome };
  const [task] = readViews(fields, view).views;
  return task === undefined ? null : { outcome: "replayed", task };
}

/** The server answers what the draft does not say: when, and where the logs stand. */
function created(
  fields: TaskFields,
  { specLength, draft, epoch, written }: Creation,
  reply: readonly Reply[],
  made: MadeTasks,
): CreateOutcome {
  const [moment, rev, places, rate] = reply;
  const now = numberOf(moment);
  const task = newTask(draft, epoch, now);
  const where = readPlaces(places);
  // Its number among the key's tasks is the position of its first event.
  const no = String(where.keySeq);
  made.add(task.id, textOf(rev), fields.values(written, now, no, textOf(rev)), specLength);
  const { keySeq, subjectSeq } = where;
  const event = {
    taskId: task.id,
    seq: task.seq,
    type: "queued",
    status: "queued",
    progress: 0,
    message: null,
    at: task.createdAt,
    keySeq,
    subjectSeq,
  } as const;
  return {
    outcome: "created",
    update: { task, events: [event], ...where },
    rate: readRateIfAny(rate),
  };
}
