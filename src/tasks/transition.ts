/**
 * What may happen to a task, and what follows from it: the vocabulary of the reducer (reducer.ts), which alone decides.
 * Transitions carry durations: the moment they count from is the store's.
 */

import {
  type Cancellation,
  isTerminal,
  type Json,
  type TaskEventType,
  type TerminalStatus,
} from "../protocol/task.ts";
import type { LateReport, WorkDraft } from "./due-work.ts";
import type { Task, TaskError, TaskResult } from "./task.ts";

/** What a worker may do to the task it holds. `credential` is the account that the attempt's job was submitted with. */
export type StepTransition =
  /**
   * Keeps the lease. Lower percentages than the stored one are lifted to it. `estimated`: it comes from the time that has passed
   * and is no sign that the work goes on.
   */
  | { kind: "progress"; percent: number; message: string | null; estimated?: true }
  /** Replaces the provider's state; keeps the lease; no event. */
  | { kind: "save"; state: Json; spent: SpentTime; credential?: string }
  /** The job runs upstream: gives the lease back until the poll is due. */
  | {
      kind: "pend";
      state: Json;
      delayMs: number;
      percent: number | null;
      message: string | null;
      spent: SpentTime;
      credential?: string;
    }
  /**
   * A transient failure: back to the queue for `delayMs`. The state stays; a provider that must start anew saves null first.
   * The last attempt, or a wait that would reach past the deadline, fails the task with `error`.
   */
  | { kind: "retry"; delayMs: number; error: TaskError; spent: SpentTime; credential?: string }
  /**
   * A poll failed, which says nothing of the job: the task goes on running and is polled again after `delayMs`. Too many
   * in a row, or a wait that would reach past the deadline, fail it with `error` and leave its job to a cleanup.
   */
  | { kind: "poll_failed"; delayMs: number; error: TaskError; spent: SpentTime }
  /** The provider asked to wait, or one of its accounts turned the job away: like retry, but the attempt is not used up. */
  | { kind: "snooze"; delayMs: number; error: TaskError; spent: SpentTime; credential?: string }
  /** This candidate has failed: the next one of the route is tried; after the last one the task fails with `error`. */
  | { kind: "next_candidate"; delayMs: number; error: TaskError; spent: SpentTime; credential?: string }
  /** Handed back untouched (shutdown); claimable at once. `submitUnknown` when a submit had begun. */
  | { kind: "release"; submitUnknown: boolean; spent: SpentTime }
  /** Work on a suspect (`SUSPECT_FROM_TAKEOVERS`) begins: only from now on does a death of its worker count. */
  | { kind: "begin_suspect" }
  /** Handed back untouched, and not to be claimed for `delayMs`. */
  | { kind: "defer"; delayMs: number; spent: SpentTime }
  /** `costMicros` is charged, within the reservation; `upstreamMicros` is what the provider bills, the same when absent. */
  | {
      kind: "complete";
      result: TaskResult;
      costMicros: number;
      upstreamMicros?: number;
      spent: SpentTime;
      credential?: string;
    }
  /**
   * `jobOver`: the provider said that the job has ended, so that nothing of it is left upstream. `upstreamMicros` is what it bills all the
   * same, which nobody is charged.
   */
  | {
      kind: "fail";
      error: TaskError;
      jobOver: boolean;
      upstreamMicros?: number;
      spent: SpentTime;
      credential?: string;
    };

/** What any process may do. */
export type OpenTransition =
  /** A claim: `running` under a new fence for `leaseMs`. */
  | { kind: "claim"; leaseMs: number }
  | { kind: "cancel" }
  /** Its deadline has passed. */
  | { kind: "expire" }
  /** Its holder's lease ran out or was void: claimable again. */
  | { kind: "orphan" }
  /** The provider says that something happened to its job: a poll that waits is due now. */
  | { kind: "hint" }
  /** One upstream job that it left behind is cleaned up, and this is its bill. */
  | { kind: "settle"; billedMicros: number | null; cancellation: Cancellation }
  /** A holder that was overtaken hands over a job for which there is no cleanup. */
  | { kind: "late_job"; report: LateReport };

export type Transition = StepTransition | OpenTransition;

/** Milliseconds spent in provider calls and in storing media since the last transition. */
export type SpentTime = { providerMs: number; storeMs: number };

/**
 * Polls of one job that may fail in a row: with waits that grow to a minute, a provider may be away for about a quarter
 * of an hour before its job is given up.
 */
export const MAX_POLL_FAILURES = 20;

/**
 * From this many takeovers in a row on, without any progress in between, a task is a suspect: it may be what ends the
 * processes. It is worked on alone, so that a task that only ran beside such a one completes then; and its worker's death
 * counts only once that work has begun (`begin_suspect`), so that waiting for its turn costs it nothing.
 */
export const SUSPECT_FROM_TAKEOVERS = 2;
/** The takeovers of a suspect that is worked on. Its worker's death is the last: the task fails, and ends no more processes. */
export const LAST_TAKEOVERS = SUSPECT_FROM_TAKEOVERS + 1;

/** A poll that a hint makes due keeps this distance from the one before, ms: hints may come in any number. */
export const HINT_SPACING_MS = 1_000;

export const NOTHING_SPENT: SpentTime = { providerMs: 0, storeMs: 0 };

/** Which list of its lane a task stands in. */
export type QueueState =
  /** Claimable now. */
  | "ready"
  /** Claimable at `dueAt`. */
  | "delayed"
  /** Under a lease. */
  | "held"
  /** In none: it is over. */
  | "ended";

/** What a transition moves: the reservation is given back, and this much of it charged. */
export type Settlement = {
  readonly releasedMicros: number;
  readonly chargedMicros: number;
  /** What the providers billed; null when none said. */
  readonly upstreamMicros: number | null;
  /** How much of that is beyond what was reserved. */
  readonly overrunMicros: number;
  /**
   * What was billed before, where this is a bill that came after the settlement: it tells the entries of one task apart. Null: it is
   * the settlement.
   */
  readonly billedBefore: number | null;
};

/** The id of a settlement's entry in the ledger: `<source>/<its id>`, and of a later bill what was billed before it. */
export function movementId(source: string, { billedBefore }: Pick<Settlement, "billedBefore">): string {
  return billedBefore === null ? source : `${source}/${billedBefore}`;
}

/** What a transition adds to the sums of usage. Money is micro-dollars. */
export type SettledWork = {
  /** Null where the task was settled before, and one of its jobs was billed late. */
  readonly outcome: TerminalStatus | null;
  /** Results that came. */
  readonly items: number;
  readonly chargedMicros: number;
  readonly upstreamMicros: number;
  readonly overrunMicros: number;
};

/** Null where the transition settles nothing and no bill came. A task is settled once, also one that costs nothing. */
export function settledWork(before: Task, after: Task): SettledWork | null {
  if (!after.settled || !isTerminal(after.status)) return null;
  const upstreamMicros = after.upstreamMicros ?? 0;
  const overrunMicros = overrunOf(after);
  if (!before.settled) {
    const items = after.result?.items.length ?? 0;
    return { outcome: after.status, items, chargedMicros: after.costMicros, upstreamMicros, overrunMicros };
  }
  const late = upstreamMicros - (before.upstreamMicros ?? 0);
  if (late === 0) return null;
  const overrun = overrunMicros - overrunOf(before);
  return { outcome: null, items: 0, chargedMicros: 0, upstreamMicros: late, overrunMicros: overrun };
}

/** The fields that a transition gives a value, which may be the one they had. */
export type Changes = Partial<Task>;

export type Reduction = {
  readonly task: Task;
  /** What makes `task` of the task before. */
  readonly changes: Changes;
  /** The event of the transition, or null when subscribers see nothing. */
  readonly event: TaskEventType | null;
  /** Due work that the store writes in the same step. */
  readonly work: readonly WorkDraft[];
  /** Null when no money moves. */
  readonly settlement: Settlement | null;
};

/** Where a task stands, from its own fields. */
export function queueStateOf(task: Pick<Task, "finishedAt" | "leaseUntil" | "dueAt">): QueueState {
  if (task.finishedAt !== null) return "ended";
  if (task.leaseUntil !== null) return "held";
  return task.dueAt === null ? "ready" : "delayed";
}

/** When somebody must look at the task even if nobody rings: the end of its lease or its deadline; null once it is over. */
export function wakeAt(task: Pick<Task, "finishedAt" | "leaseUntil" | "deadlineAt">): number | null {
  if (task.finishedAt !== null) return null;
  return task.leaseUntil === null ? task.deadlineAt : Math.min(task.leaseUntil, task.deadlineAt);
}

/** What the providers billed beyond what was held back for the task; nothing for one that is free. */
export function overrunOf({
  reservedMicros,
  upstreamMicros,
}: Pick<Task, "reservedMicros" | "upstreamMicros">): number {
  return reservedMicros === 0 ? 0 : Math.max(0, (upstreamMicros ?? 0) - reservedMicros);
}
