/** A draft as the arguments of the create script, and its answer. */

import { isTaskId, taskIdTime } from "../../tasks/ids.ts";
import type { CreateLimits, CreateOutcome, TaskDraft } from "../../tasks/ports/task-store.ts";
import { RANKED } from "../fair-queue.ts";
import { measuredSpec } from "../sizes.ts";
import { newTask } from "../task-spec.ts";
import { listOf, numberOf, textOf } from "./replies.ts";
import type { Reply } from "./script-runner.ts";
import { flag } from "./steps.ts";
import { readFollowed, specText } from "./task-reply.ts";
import { readViews } from "./views.ts";

/** Throws `StoredValueTooLargeError` when a task could not hold the draft. */
export function createArguments(draft: TaskDraft, limits: CreateLimits, epoch: () => string): string[] {
  const { idempotency, tenant } = draft;
  const spec = measuredSpec(specText(draft));
  return [
    draft.id,
    tenant.keyId,
    tenant.subject,
    draft.type,
    String(RANKED.indexOf(draft.priority) + 1),
    String(draft.timeoutMs),
    String(draft.reservedMicros),
    String(spec.bytes),
    flag(draft.webhook !== undefined && draft.webhook !== null),
    spec.text,
    JSON.stringify(draft.model),
    draft.batchId ?? "",
    String(draft.maxWaitMs),
    String(limits.maxQueuedPerKey),
    epoch(),
    epoch(),
    epoch(),
    String(isTaskId(draft.id) ? taskIdTime(draft.id) : 0),
    ...(idempotency === null
      ? ["0"]
      : [
          "1",
          idempotency.key,
          idempotency.fingerprint,
          String(idempotency.ttlMs),
          String(idempotency.onlyIfEndedWithinMs ?? ""),
          flag(idempotency.takeOver ?? false),
        ]),
  ];
}

export function readCreated(draft: TaskDraft, reply: Reply): CreateOutcome {
  const [outcome, ...rest] = listOf(reply);
  switch (outcome) {
    case "created":
      return created(draft, rest);
    case "replayed": {
      const [view] = readViews(rest[0] ?? null);
      if (view === undefined) break;
      return { outcome, task: view };
    }
    case "conflict":
      return { outcome };
    case "queue_full":
      return { outcome, queued: numberOf(rest[0]) };
    case "key_refused":
      return { outcome, reason: textOf(rest[0]) as "disabled" | "expired" | "unknown" };
  }
  throw new Error(`The create script answered ${JSON.stringify(outcome)}`);
}

/** The server answers what the draft does not say: when, and where the logs stand. */
function created(draft: TaskDraft, reply: readonly Reply[]): CreateOutcome {
  const [now, epoch, keyEpoch, keySeq, subjectEpoch, subjectSeq, followed] = reply;
  const task = newTask(draft, textOf(epoch), numberOf(now));
  const places = {
    keySeq: numberOf(keySeq),
    subjectSeq: subjectSeq === "" ? null : numberOf(subjectSeq),
  };
  return {
    outcome: "created",
    update: {
      task,
      events: [
        {
          taskId: task.id,
          seq: task.seq,
          type: "queued",
          status: "queued",
          progress: 0,
          message: null,
          at: task.createdAt,
          ...places,
        },
      ],
      keyEpoch: textOf(keyEpoch),
      subjectEpoch: subjectEpoch === "" ? null : textOf(subjectEpoch),
      ...places,
      followed: readFollowed(textOf(followed)),
    },
  };
}
