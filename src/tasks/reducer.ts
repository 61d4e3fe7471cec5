/**
 * The one reducer that owns state changes: what a transition makes of a task, which money moves, and what is left to do.
 * Stores apply what it decided under the task's fence and position, in one atomic step; nothing else changes a status.
 *
 *   queued ──claim──▶ running ──complete──▶ completed
 *     ▲                │  │ └────fail─────▶ failed
 *     └─retry, snooze,─┘  └─pend─▶ running, unheld until its poll is due
 *       next_candidate
 *   queued | running ──cancel──▶ cancelled        queued | running ──expire──▶ failed (timeout)
 *
 * A terminal state never changes. `seq` rises by one with every event; lifecycle events are kept, progress only as
 * a last value. Transitions carry durations: the moment they count from is the store's.
 */

import { isTerminal, type TaskEventType } from "../protocol/task.ts";
import { cleanupDraft, isStale, type LateReport, upstreamJobOf, type WorkDraft } from "./due-work.ts";
import { type Attempt, candidateOf, MAX_ATTEMPTS_KEPT, type Task, type TaskError } from "./task.ts";
import {
  type Changes,
  HINT_SPACING_MS,
  LAST_TAKEOVERS,
  MAX_POLL_FAILURES,
  type OpenTransition,
  overrunOf,
  type Reduction,
  type Settlement,
  type SpentTime,
  type StepTransition,
  SUSPECT_FROM_TAKEOVERS,
  type Transition,
} from "./transition.ts";

/**
 * Applies a transition at the store's time `now`. Null when the task's state does not allow it; nothing may be written
 * then. The caller checks the fence first.
 */
export function reduce(task: Task, transition: Transition, now: number): Reduction | null {
  switch (transition.kind) {
    case "settle":
      return settleAfterCleanup(task, transition, now);
    case "late_job":
      return lateJob(task, transition.report);
  }
  if (isTerminal(task.status)) return null;
  switch (transition.kind) {
    case "claim":
      return claim(task, transition.leaseMs, now);
    case "progress": {
      const percent = Math.max(task.progress, clampPercent(transition.percent));
      const { message } = transition;
      if (percent === task.progress && message === task.message) return silent(task, {});
      // An estimate says nothing of the work: a task that ends its processes while it rises is still a suspect.
      const takeovers = transition.estimated === true ? task.takeovers : 0;
      return announce(task, { progress: percent, message, takeovers }, "progress", now);
    }
    case "save":
      return silent(task, { ...newState(task, transition), updatedAt: now });
    case "pend": {
      const percent = Math.max(task.progress, clampPercent(transition.percent ?? 0));
      const message = transition.message ?? task.message;
      const dueAt = now + Math.max(0, transition.delayMs);
      const changes: Changes = {
        ...newState(task, transition),
        leaseUntil: null,
        dueAt,
        progress: percent,
        message,
      };
      return percent === task.progress && message === task.message
        ? silent(task, { ...changes, updatedAt: now })
        : announce(task, changes, "progress", now);
    }
    case "retry":
    case "snooze":
      return retry(task, transition, now);
    case "poll_failed":
      return pollFailed(task, transition, now);
    case "next_candidate":
      return nextCandidate(task, transition, now);
    case "release":
      return silent(task, {
        ...worked(task, transition.spent),
        leaseUntil: null,
        submitUnknown: task.submitUnknown || (transition.submitUnknown && task.state === null),
        updatedAt: now,
      });
    case "begin_suspect":
      return silent(task, { takeovers: LAST_TAKEOVERS, updatedAt: now });
    case "defer": {
      const dueAt = now + Math.max(0, transition.delayMs);
      return silent(task, { ...worked(task, transition.spent), leaseUntil: null, dueAt, updatedAt: now });
    }
    case "orphan":
      if (task.leaseUntil === null) return null;
      return orphan(task, now);
    case "hint":
      return hint(task, now);
    case "complete": {
      const { result, costMicros } = transition;
      const changes: Changes = {
        ...worked(task, transition.spent),
        ...under(task, transition),
        status: "completed",
        progress: 100,
        result,
        costMicros: Math.min(costMicros, task.reservedMicros),
        ...billed(task, transition.upstreamMicros ?? costMicros),
      };
      return end(task, changes, { event: "completed", leavesJob: false, errorCode: null }, now);
    }
    case "fail":
      return fail(
        task,
        {
          ...worked(task, transition.spent),
          ...under(task, transition),
          ...billed(task, transition.upstreamMicros ?? 0),
        },
        transition.error,
        transition.jobOver,
        now,
      );
    case "expire": {
      const error = deadlineError(task);
      return failFromOutside(task, {}, error, now);
    }
    case "cancel": {
      const leavesJob = mayRunUpstream(task);
      const changes: Changes = {
        fence: task.fence + 1,
        status: "cancelled",
        cancellation: leavesJob ? "requested" : "immediate",
      };
      return end(task, changes, { event: "cancelled", leavesJob, errorCode: null }, now);
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

function claim(task: Task, leaseMs: number, now: number): Reduction | null {
  if (task.leaseUntil !== null) return null;
  const held = { leaseUntil: now + leaseMs, fence: task.fence + 1, dueAt: null };
  if (task.status === "running") return silent(task, { ...held, updatedAt: now });
  const first = task.startedAt === null;
  const changes: Changes = {
    ...held,
    status: "running",
    attempt: task.attempt + 1,
    attemptStartedAt: now,
    startedAt: task.startedAt ?? now,
    deadlineAt: first ? now + task.timeoutMs : task.deadlineAt,
    message: null,
  };
  return announce(task, changes, "started", now);
}

function retry(
  task: Task,
  transition: Extract<StepTransition, { kind: "retry" | "snooze" }>,
  now: number,
): Reduction {
  const { kind, error } = transition;
  const spent = { ...worked(task, transition.spent), ...under(task, transition) };
  const dueAt = now + Math.max(0, transition.delayMs);
  const lastAttempt = kind === "retry" && task.attempt >= task.maxAttempts;
  // Turned away at its first attempt, it has not begun: it waits on within the time that waiting may take.
  const unbegun = kind === "snooze" && task.attempt <= 1 && !mayHaveJob(task) && task.waitDeadlineAt !== null;
  const deadlineAt = unbegun ? (task.waitDeadlineAt as number) : task.deadlineAt;
  if (lastAttempt || dueAt >= deadlineAt) return fail(task, spent, error, false, now);
  const changes: Changes = {
    ...spent,
    ...attempted(
      task,
      error.code === "rate_limit_exceeded" ? "rate_limited" : "retried",
      error.code,
      now,
      spent,
    ),
    ...requeued(dueAt, error),
    credential: task.state === null ? null : task.credential,
    attempt: kind === "snooze" ? Math.max(0, task.attempt - 1) : task.attempt,
    deadlineAt,
    startedAt: unbegun ? null : task.startedAt,
  };
  return announce(task, changes, "retrying", now);
}

function pollFailed(
  task: Task,
  transition: Extract<StepTransition, { kind: "poll_failed" }>,
  now: number,
): Reduction {
  const { error } = transition;
  const spent = worked(task, transition.spent);
  const pollFailures = task.pollFailures + 1;
  const dueAt = now + Math.max(0, transition.delayMs);
  if (pollFailures > MAX_POLL_FAILURES || dueAt >= task.deadlineAt)
    return fail(task, spent, error, false, now);
  const changes = { ...spent, pollFailures, leaseUntil: null, dueAt, message: error.message };
  return announce(task, changes, "progress", now);
}

/** Null unless that brings its next poll forward. The fence says to a queue that this is another step than the one it knows. */
function hint(task: Task, now: number): Reduction | null {
  const waits = task.status === "running" && task.leaseUntil === null && task.state !== null;
  const dueAt = Math.max(now, task.updatedAt + HINT_SPACING_MS);
  if (!waits || task.dueAt === null || task.dueAt <= dueAt) return null;
  return silent(task, { dueAt, fence: task.fence + 1, updatedAt: now });
}

/** Its worker is gone. A suspect that was being worked on is failed: it is probably what ends the processes. */
function orphan(task: Task, now: number): Reduction {
  const submitUnknown = task.submitUnknown || task.state === null;
  if (task.takeovers < LAST_TAKEOVERS) {
    const takeovers = Math.min(SUSPECT_FROM_TAKEOVERS, task.takeovers + 1);
    return silent(task, { leaseUntil: null, submitUnknown, takeovers, updatedAt: now });
  }
  const message = `The process that worked on the task ended ${task.takeovers} times in a row`;
  return failFromOutside(task, { submitUnknown }, { code: "provider_error", message }, now);
}

function nextCandidate(
  task: Task,
  transition: Extract<StepTransition, { kind: "next_candidate" }>,
  now: number,
): Reduction {
  const { error } = transition;
  const spent = { ...worked(task, transition.spent), ...under(task, transition) };
  const dueAt = now + Math.max(0, transition.delayMs);
  if (task.candidate + 1 >= task.route.length || dueAt >= task.deadlineAt)
    return fail(task, spent, error, false, now);
  const leavesJob = mayHaveJob(task);
  const changes: Changes = {
    ...spent,
    ...attempted(task, "failed", error.code, now, spent),
    ...requeued(dueAt, error),
    candidate: task.candidate + 1,
    state: null,
    credential: null,
    openCleanups: task.openCleanups + (leavesJob ? 1 : 0),
  };
  const next = announce(task, changes, "retrying", now);
  return leavesJob ? { ...next, work: [cleanupOf(task)] } : next;
}

/** Its holder ends it as failed. A stored reference means a job that goes on upstream, unless its provider said that it is over. */
function fail(task: Task, changes: Changes, error: TaskError, jobOver: boolean, now: number): Reduction {
  const leavesJob = task.state !== null && !jobOver;
  const failed: Changes = { ...changes, status: "failed", error };
  return end(task, failed, { event: "failed", leavesJob, errorCode: error.code }, now);
}

/** Ends as failed whoever holds it, and may have a job upstream that its holder knows of. */
function failFromOutside(task: Task, changes: Changes, error: TaskError, now: number): Reduction {
  const failed: Changes = { ...changes, fence: task.fence + 1, status: "failed", error };
  return end(task, failed, { event: "failed", leavesJob: mayRunUpstream(task), errorCode: error.code }, now);
}

/** The end of a task: out of every list, settled unless a job it leaves may still change what it costs. */
function end(
  task: Task,
  changes: Changes,
  how: {
    event: "completed" | "failed" | "cancelled";
    leavesJob: boolean;
    errorCode: Attempt["errorCode"];
  },
  now: number,
): Reduction {
  const { event, leavesJob, errorCode } = how;
  const openCleanups = task.openCleanups + (leavesJob ? 1 : 0);
  const settled = !leavesJob && (event !== "cancelled" || openCleanups === 0);
  const ended: Changes = {
    ...changes,
    ...attempted(task, event, errorCode, now, changes),
    finishedAt: now,
    leaseUntil: null,
    dueAt: null,
    message: null,
    openCleanups,
    settled,
  };
  const reduction = announce(task, ended, event, now);
  return {
    ...reduction,
    work: leavesJob ? [cleanupOf(task)] : [],
    settlement: settled ? settlementOf(reduction.task) : null,
  };
}

/**
 * One job that the task left behind is cleaned up. A cancelled task is charged once the last one is, with what they
 * billed together, within its reservation; any other task owes nothing for them, and what they billed is only recorded.
 */
function settleAfterCleanup(
  task: Task,
  { billedMicros, cancellation }: Extract<OpenTransition, { kind: "settle" }>,
  now: number,
): Reduction {
  const openCleanups = Math.max(0, task.openCleanups - 1);
  const upstreamMicros =
    billedMicros === null ? task.upstreamMicros : (task.upstreamMicros ?? 0) + billedMicros;
  if (task.settled || !isTerminal(task.status) || (task.status === "cancelled" && openCleanups > 0)) {
    const noted = silent(task, { openCleanups, upstreamMicros });
    return { ...noted, settlement: task.settled ? lateBill(task, noted.task) : null };
  }
  const cancelled = task.status === "cancelled";
  const settled = silent(task, {
    openCleanups,
    upstreamMicros,
    settled: true,
    costMicros: cancelled ? Math.max(0, Math.min(upstreamMicros ?? 0, task.reservedMicros)) : 0,
    cancellation: cancelled ? cancellation : task.cancellation,
    updatedAt: now,
  });
  return { ...settled, settlement: settlementOf(settled.task) };
}

/**
 * Null where the report's job is the one that the task itself goes on with, and where there is nothing to do for it: it is
 * neither named nor billed, or whoever has its name is told its bill. A task that is over, its jobs cleaned up, and that no bill
 * was told for, takes the bill of whoever tells one after all.
 */
function lateJob(task: Task, report: LateReport): Reduction | null {
  const { state, costMicros, unnamed } = report;
  // A lease that has run out is lost, also while nobody has the next one.
  const isFree = report.fence === task.fence && task.leaseUntil === null && !isTerminal(task.status);
  if (!(isFree || isStale(task, report))) return null;
  const isOver = isTerminal(task.status) && task.openCleanups === 0;
  const isUnbilled = isOver && (task.upstreamMicros ?? 0) === 0;
  if (report.job.fence === task.jobFence && !isUnbilled) return null;
  const isBilled = (unnamed === true || isUnbilled) && (costMicros ?? 0) > 0;
  if (state === null && !isBilled) return null;
  const work = [cleanupDraft(task.id, { ...report.job, state, reported: true, costMicros })];
  return { ...silent(task, { openCleanups: task.openCleanups + 1 }), work };
}

function settlementOf(task: Task): Settlement | null {
  const { reservedMicros, costMicros, upstreamMicros } = task;
  if (reservedMicros === 0 && costMicros === 0 && (upstreamMicros ?? 0) === 0) return null;
  const overrunMicros = overrunOf(task);
  return {
    releasedMicros: reservedMicros,
    chargedMicros: costMicros,
    upstreamMicros,
    overrunMicros,
    billedBefore: null,
  };
}

/** A bill that came after the settlement changes no charge, and is an entry of the ledger of its own. */
function lateBill(before: Task, after: Task): Settlement | null {
  const billedBefore = before.upstreamMicros ?? 0;
  const upstreamMicros = (after.upstreamMicros ?? 0) - billedBefore;
  if (upstreamMicros === 0) return null;
  const overrunMicros = overrunOf(after) - overrunOf(before);
  return { releasedMicros: 0, chargedMicros: 0, upstreamMicros, overrunMicros, billedBefore };
}

/** A reference is stored, a claim is held, or a submit may have gone through. */
function mayRunUpstream(task: Task): boolean {
  return task.leaseUntil !== null || mayHaveJob(task);
}

function mayHaveJob(task: Task): boolean {
  return task.state !== null || task.submitUnknown;
}

/** Looks after the job of the task's last holder, which may still hand over a reference while its call is open. */
function cleanupOf(task: Task): WorkDraft {
  const job = upstreamJobOf(task);
  return cleanupDraft(task.id, { ...job, state: task.state, reported: false, costMicros: null });
}

/** The attempt under way is over. */
function attempted(
  task: Task,
  outcome: Attempt["outcome"],
  errorCode: Attempt["errorCode"],
  now: number,
  { credential = task.credential }: Pick<Changes, "credential">,
): Pick<Changes, "attemptStartedAt" | "attempts"> {
  if (task.attemptStartedAt === null) return {};
  const { provider, model } = candidateOf(task);
  const over: Attempt = {
    attempt: task.attempt,
    provider,
    model,
    credential,
    startedAt: task.attemptStartedAt,
    ms: Math.max(0, now - task.attemptStartedAt),
    outcome,
    errorCode,
  };
  return { attemptStartedAt: null, attempts: [...task.attempts, over].slice(-MAX_ATTEMPTS_KEPT) };
}

function requeued(dueAt: number, error: TaskError) {
  return {
    status: "queued",
    submitUnknown: false,
    leaseUntil: null,
    dueAt,
    message: error.message,
    takeovers: 0,
    pollFailures: 0,
  } as const;
}

function newState(task: Task, transition: Extract<StepTransition, { kind: "save" | "pend" }>): Changes {
  return {
    ...worked(task, transition.spent),
    state: transition.state,
    jobFence: task.state === null && transition.state !== null ? task.fence : task.jobFence,
    ...under(task, transition),
    submitUnknown: false,
    takeovers: 0,
    pollFailures: 0,
  };
}

/** The account that the job was submitted with, where the transition names one. */
function under(task: Task, { credential }: { credential?: string }): Pick<Changes, "credential"> {
  return credential === undefined || credential === task.credential ? {} : { credential };
}

/** What its provider bills is added to what others billed before. */
function billed(task: Task, micros: number): Pick<Changes, "upstreamMicros"> {
  return micros === 0 ? {} : { upstreamMicros: (task.upstreamMicros ?? 0) + micros };
}

function worked(task: Task, spent: SpentTime): Pick<Changes, "providerMs" | "storeMs"> {
  return { providerMs: task.providerMs + spent.providerMs, storeMs: task.storeMs + spent.storeMs };
}

function announce(task: Task, changes: Changes, event: TaskEventType, now: number): Reduction {
  return { ...silent(task, { ...changes, seq: task.seq + 1, updatedAt: now }), event };
}

function silent(task: Task, changes: Changes): Reduction {
  return { task: { ...task, ...changes }, changes, event: null, work: [], settlement: null };
}
