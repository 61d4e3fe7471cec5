/**
 * Due work: what has to be done once, later, at some destination, and must survive any process. All of it is rows of one
 * shape with one way to claim and one way to finish; each destination has its own queue, limit of open runs and
 * pause, so that one that hangs delays nobody else. A new kind is a line in `WORK_KINDS` and a `WorkHandler`
 * (engine/due-work/runner.ts) that does the work its payload describes.
 */

import type { Cancellation, Json } from "../protocol/task.ts";
import { candidateOf, type Task } from "./task.ts";

export const WORK_KINDS = {
  /** Ends the upstream job that a task left behind and asks for its bill. Destination: the provider. */
  cleanup: { giveUpMs: 10 * 60_000 },
  /** Sends one delivery to a webhook. Its id is the delivery's; destination: the origin of its URL. */
  delivery: { giveUpMs: 24 * 3_600_000 },
} as const satisfies Record<string, { /** How long after it was made it is tried, ms. */ giveUpMs: number }>;

export type WorkKind = keyof typeof WORK_KINDS;

/** Work that a transition leaves. */
export type WorkDraft = {
  /** Unique within its kind; the same id again is the same work. */
  readonly id: string;
  readonly kind: WorkKind;
  readonly destination: string;
  /** The task it is about; empty when it is about none. */
  readonly taskId: string;
  readonly payload: Json;
};

export type WorkItem = WorkDraft & {
  readonly createdAt: number;
  /** After this it is finished whatever its destination says. */
  readonly giveUpAt: number;
  /** How often it was claimed before. */
  readonly tries: number;
  /** Rises with every claim and every change from outside; whoever finishes it carries the one it was given. */
  readonly fence: number;
};

/** A job at a provider: which model makes it under which account, and in which attempt of its task. */
export type UpstreamJob = {
  provider: string;
  model: string;
  credential: string | null;
  attempt: number;
  /** The fence of the task's holder that submitted it: what tells the jobs of a task apart. */
  fence: number;
};

/** The payload of a `cleanup`: a job of its own, whatever the task's route says now. */
export type CleanupPayload = UpstreamJob & {
  /** The provider's reference; null while the holder that had the call open has not handed one over. */
  state: Json;
  /** The holder said that its call is over: whatever it knew is in here. */
  reported: boolean;
  /** What the holder learned that the provider bills; null = nothing. */
  costMicros: number | null;
};

/**
 * The payload of a `delivery` that an earlier release left: there is no record of it. Null where there is one, which
 * has the id of the item (src/webhooks/delivery-store.ts).
 */
export type DeliveryPayload = { url: string; type: string; seq: number };

/** One try of a delivery. */
export type DeliveryAttempt = {
  /** How long it took, ms. */
  readonly ms: number;
  /** Null where no answer came. */
  readonly httpStatus: number | null;
  /** Why it failed, in words; null where it did not. */
  readonly error: string | null;
};

/** What a try of a delivery came to: the store adds it to the delivery's record in the step that finishes the work. */
export type DeliveryReport = {
  readonly status: "pending" | "delivered" | "dead";
  /** Null where nothing was sent. */
  readonly attempt: DeliveryAttempt | null;
  /** Switches off the registered endpoint that it went to. */
  readonly disable?: true;
};

/** What a stale holder may still hand over: its job's reference and its cost. */
export type LateReport = {
  taskId: string;
  fence: number;
  job: UpstreamJob;
  state: Json;
  costMicros: number | null;
  /** No reference of its job was ever stored: nobody but this holder can say what it costs. */
  unnamed?: true;
};

/** The bill of one cleaned-up job. */
export type JobBill = { billedMicros: number | null; cancellation: Cancellation };

/** The id of the cleanup that looks after a job: there is one for each, whoever learned of it last. */
export function cleanupId(taskId: string, job: Pick<UpstreamJob, "fence">): string {
  return `${taskId}/${job.fence}`;
}

export function cleanupDraft(taskId: string, payload: CleanupPayload): WorkDraft {
  return { id: cleanupId(taskId, payload), kind: "cleanup", destination: payload.provider, taskId, payload };
}

/** The job that the task's current attempt runs, or would run. */
export function upstreamJobOf(task: Task): UpstreamJob {
  const { provider, model } = candidateOf(task);
  const { credential, attempt } = task;
  // Without a reference it is the job that the present holder may be submitting.
  const fence = task.state === null ? task.fence : (task.jobFence ?? task.fence);
  return { provider, model, credential, attempt, fence };
}

/** Reads the payload of a `cleanup`. */
export function cleanupPayload(item: Pick<WorkItem, "payload">): CleanupPayload {
  return item.payload as unknown as CleanupPayload;
}

/** Whether a report comes from a holder that was overtaken: only such a one has anything to hand over. */
export function isStale(task: Pick<Task, "fence">, report: LateReport): boolean {
  return report.fence < task.fence;
}

/** What a late report adds to the cleanup that its holder left. */
export function withLateReport(payload: CleanupPayload, report: LateReport): CleanupPayload {
  return {
    ...payload,
    reported: true,
    state: report.state ?? payload.state,
    costMicros: report.costMicros ?? payload.costMicros,
  };
}

/** What an earlier release left of a task's end for its webhook; null without one. */
export function deliveryDraft(task: Task, type: string): WorkDraft | null {
  if (task.webhook === null) return null;
  const payload: DeliveryPayload = { url: task.webhook.url, type, seq: task.seq };
  return {
    id: `${task.id}/${task.seq}`,
    kind: "delivery",
    destination: originOf(task.webhook.url),
    taskId: task.id,
    payload,
  };
}

/** The destination of deliveries to a URL: those to one origin share a queue. */
export function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url;
}
