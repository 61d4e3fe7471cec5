/**
 * The one reducer that owns state changes. Stores load a task, call `reduce`, and write what it says in the same
 * atomic step; nothing else changes a status.
 *
 *   queued ──start──▶ running ──complete──▶ completed
 *     ▲                │  │ └────fail─────▶ failed
 *     └─retry, snooze──┘  └─pend─▶ running, unheld until its poll is due
 *   queued | running ──cancel──▶ cancelled        queued | running ──expire──▶ failed (timeout)
 *
 * A terminal state never changes. `seq` rises by one with every event; lifecycle events are kept, progress only as
 * a last value.
 */

import { isTerminal, type Json, type TaskEventType } from "../protocol/task.ts";
import type { Task, TaskError, TaskResult } from "./task.ts";

/** What a worker may do to the task it holds. */
export type StepTransition =
  /** Keeps the lease. Lower percentages than the stored one are lifted to it. */
  | { kind: "progress"; percent: number; message: string | null }
  /** Replaces the provider's state; keeps the lease; no event. */
  | { kind: "save"; state: Json; work: WorkTime }
  /** The job runs upstream: gives the lease back until the poll is due. */
  | {
      kind: "pend";
      state: Json;
      dueAt: number;
      percent: number | null;
      message: string | null;
      work: WorkTime;
    }
  /** A transient failure: back to the queue until `dueAt`. The state stays; a provider that must start anew saves null first. */
  | { kind: "retry"; dueAt: number; error: TaskError; work: WorkTime }
  /** The provider asked to wait: like retry, but the attempt is not used up. */
  | { kind: "snooze"; dueAt: number; error: TaskError; work: WorkTime }
  /** Handed back untouched (shutdown); claimable at once. `unsure` when a submit had begun. */
  | { kind: "release"; unsure: boolean; work: WorkTime }
  | { kind: "complete"; result: TaskResult; costMicros: number; work: WorkTime }
  /** `abandonsJob`: an upstream job may still run; a cleanup item looks after it. */
  | { kind: "fail"; error: TaskError; abandonsJob: boolean; work: WorkTime };

/** What any process may do. */
export type OpenTransition =
  /** A claim: `running` under a new fence until `leaseUntil`. */
  | { kind: "claim"; leaseUntil: number }
  | { kind: "cancel" }
  /** Its deadline has passed. */
  | { kind: "expire" }
  /** Its holder's lease ran out or was void: claimable again. */
  | { kind: "orphan" };

export type Transition = StepTransition | OpenTransition;

/** Milliseconds spent in provider calls and in storing media since the last transition. */
export type WorkTime = { providerMs: number; storeMs: number };

export const NO_WORK: WorkTime = { providerMs: 0, storeMs: 0 };

/** Which list of the store a task stands in after a transition. */
export type Whereabouts =
  /** Claimable now. */
  | "ready"
  /** Claimable at `dueAt`. */
  | "delayed"
  /** Under a lease. */
  | "held"
  | "terminal";

export type Reduction = {
  task: Task;
  /** The event of the transition, or null when followers see nothing. */
  event: TaskEventType | null;
  whereabouts: Whereabouts;
  /** A provider job may be left behind: the store writes a cleanup item in the same step. */
  cleanup: boolean;
};

/**
 * Applies a transition at time `now`. Null when the task's state does not allow it; nothing may be written then.
 * The caller checks the fence first.
 */
export function reduce(task: Task, transition: Transition, now: number): Reduction | null {
  if (isTerminal(task.status)) return null;
  switch (transition.kind) {
    case "claim": {
      if (task.leaseUntil !== null) return null;
      const held = { leaseUntil: transition.leaseUntil, fence: task.fence + 1, dueAt: null };
      if (task.status === "running") return silent({ ...task, ...held, updatedAt: now }, "held");
      const first = task.startedAt === null;
      return announce(
        {
          ...task,
          ...held,
          status: "running",
          attempt: task.attempt + 1,
          startedAt: task.startedAt ?? now,
          deadlineAt: first ? now + task.timeoutMs : task.deadlineAt,
          message: null,
        },
        "started",
        "held",
        now,
      );
    }
    case "progress": {
      const percent = Math.max(task.progress, clampPercent(transition.percent));
      if (percent === task.progress && transition.message === task.message) return silent(task, "held");
      return announce({ ...task, progress: percent, message: transition.message }, "progress", "held", now);
    }
    case "save":
      return silent(
        { ...worked(task, transition.work), state: transition.state, unsure: false, updatedAt: now },
        "held",
      );
    case "pend": {
      const percent = Math.max(task.progress, clampPercent(transition.percent ?? 0));
      const message = transition.message ?? task.message;
      const next: Task = {
        ...worked(task, transition.work),
        state: transition.state,
        unsure: false,
        leaseUntil: null,
        dueAt: transition.dueAt,
        progress: percent,
        message,
      };
      return percent === task.progress && message === task.message
        ? silent({ ...next, updatedAt: now }, "delayed")
        : announce(next, "progress", "delayed", now);
    }
    case "retry":
    case "snooze":
      return announce(
        {
          ...worked(task, transition.work),
          status: "queued",
          unsure: false,
          leaseUntil: null,
          dueAt: transition.dueAt,
          attempt: transition.kind === "snooze" ? Math.max(0, task.attempt - 1) : task.attempt,
          message: transition.error.message,
        },
        "retrying",
        "delayed",
        now,
      );
    case "release":
      return silent(
        {
          ...worked(task, transition.work),
          leaseUntil: null,
          unsure: task.unsure || (transition.unsure && task.state === null),
          updatedAt: now,
        },
        "ready",
      );
    case "orphan":
      if (task.leaseUntil === null) return null;
      return silent(
        { ...task, leaseUntil: null, unsure: task.unsure || task.state === null, updatedAt: now },
        "ready",
      );
    case "complete":
      return announce(
        {
          ...worked(task, transition.work),
          ...ended(now),
          status: "completed",
          progress: 100,
          message: null,
          result: transition.result,
          costMicros: Math.min(transition.costMicros, task.reservedMicros),
        },
        "completed",
        "terminal",
        now,
      );
    case "fail":
      return announce(
        {
          ...worked(task, transition.work),
          ...ended(now),
          status: "failed",
          error: transition.error,
          message: null,
          settled: !transition.abandonsJob,
        },
        "failed",
        "terminal",
        now,
        transition.abandonsJob,
      );
    case "expire": {
      const cleanup = leavesJobBehind(task);
      return announce(
        {
          ...task,
          ...ended(now),
          fence: task.fence + 1,
          status: "failed",
          message: null,
          settled: !cleanup,
          error: deadlineError(task),
        },
        "failed",
        "terminal",
        now,
        cleanup,
      );
    }
    case "cancel": {
      const cleanup = leavesJobBehind(task);
      return announce(
        {
          ...task,
          ...ended(now),
          fence: task.fence + 1,
          status: "cancelled",
          message: null,
          settled: !cleanup,
          cancellation: cleanup ? "requested" : "immediate",
        },
        "cancelled",
        "terminal",
        now,
        cleanup,
      );
    }
  }
}

/** Why a task fails that ran into its deadline. */
export function deadlineError(task: Pick<Task, "startedAt" | "timeoutMs">): TaskError {
  return {
    code: "timeout",
    message:
      task.startedAt === null
        ? "The task waited in the queue longer than queue.maxWaitSeconds allows"
        : `The task did not finish within its ${Math.round(task.timeoutMs / 1000)} s`,
  };
}

/** A whole percentage from 0 to 100; 0 for what is no number. */
export function clampPercent(percent: number): number {
  return Number.isFinite(percent) ? Math.min(100, Math.max(0, Math.trunc(percent))) : 0;
}

/** A reference is stored, a claim is held, or a submit may have gone through. */
function leavesJobBehind(task: Task): boolean {
  return task.state !== null || task.leaseUntil !== null || task.unsure;
}

function ended(now: number) {
  return { finishedAt: now, leaseUntil: null, dueAt: null, settled: true } as const;
}

function worked(task: Task, work: WorkTime): Task {
  return { ...task, providerMs: task.providerMs + work.providerMs, storeMs: task.storeMs + work.storeMs };
}

function announce(
  task: Task,
  event: TaskEventType,
  whereabouts: Whereabouts,
  now: number,
  cleanup = false,
): Reduction {
  return { task: { ...task, seq: task.seq + 1, updatedAt: now }, event, whereabouts, cleanup };
}

function silent(task: Task, whereabouts: Whereabouts): Reduction {
  return { task, event: null, whereabouts, cleanup: false };
}
