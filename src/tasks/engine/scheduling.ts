/**
 * What is next: the rules by which every driver of the engine decides after a ring, a claim, a step or a sweep. The
 * drivers - the loop of a process (engine.ts), a step runner (step-runner-session.ts and its object), the deliveries
 * of an outside queue, the cron sweep - carry out what is decided here. Two decisions stand with their driver:
 *
 *   - what a step runner's session does after a claim that brought nothing: `#foundNothing` (step-runner-session.ts)
 *   - when a step worker ends upstream jobs that tasks left behind: `clean` (step-worker.ts)
 *
 * No work is left waiting while a slot is free for it, because every event claims by itself: whoever makes work ready
 * rings, what is due later has a due time, and a slot that a step gave back claims again - also work that was ready all
 * the time and could not be claimed because as many tasks were held as may be. A claim that brought nothing therefore
 * needs no successor and is never repeated at once. The one exception waits first: what is due by this clock may be due
 * by the store's only a little later.
 */

import type { Task } from "../task.ts";

/** The wait before a write or a read is repeated that the store could not do (disk full, database locked), ms. */
export const STORE_RETRY_MS = 1_000;

/** What differs between drivers. */
export type DriverRules = {
  /** A claim for this many slots or more that filled them all may have left work, which another worker is told of. */
  readonly forwardFrom: number;
  /** Work that falls due within this is waited for after a claim that brought nothing, ms. */
  readonly waitAheadMs: number;
  /** The wait before work is looked for again that the store could not be asked for, ms. */
  readonly storeRetryMs: number;
};

/** A process: its timers are exact and cost nothing, a word to other processes is one message. */
export const LOOP: DriverRules = {
  forwardFrom: 1,
  // One timer for each lane, for whatever is due next, whoever made it due.
  waitAheadMs: Number.POSITIVE_INFINITY,
  storeRetryMs: STORE_RETRY_MS,
};

/** A step runner: each look may wake an object, each word to another one is a call. */
export const RUNNER: DriverRules = {
  // One free slot is filled by the one task it was rung for; where several were, more may wait.
  forwardFrom: 2,
  // A due time that came a little before the store thought so is looked at again; what others made due later is in theirs.
  waitAheadMs: 1_000,
  storeRetryMs: 5_000,
};

/** A delivery of an outside queue, which runs one step: it counts in seconds, and each ring is a message. */
export const DELIVERY: DriverRules = {
  // It asks the store instead.
  forwardFrom: Number.POSITIVE_INFINITY,
  // A task is due by the store's clock, a ring comes by the queue's: within this the ring was only early.
  waitAheadMs: 5_000,
  // The queue delivers three times more: so they span a minute and a half.
  storeRetryMs: 30_000,
};

/** A timer or alarm for this very millisecond may be lost on some hosts; this is the least distance, ms. */
const LEAST_DELAY_MS = 1;

/** What `nextDueIn` of the store answers, and what stands for it here, when something can be claimed now. */
const READY = 0;

/** The store's answer as a time of this process: clocks of processes and stores differ, durations do not. */
export function localDueAt(dueInMs: number | null, now: number): number | null {
  return dueInMs === null || dueInMs === READY ? dueInMs : now + dueInMs;
}

/** When the task's next step is due, as a time of this process; `task` was changed just now. */
export function localDueAtOf(
  { dueAt, updatedAt }: Pick<Task, "dueAt" | "updatedAt">,
  now: number,
): number | null {
  return dueAt === null ? null : now + Math.max(LEAST_DELAY_MS, dueAt - updatedAt);
}

/** The longest wait one timer is set for, ms: hosts fire longer ones at once, and clocks drift. Then it is set anew. */
const LONGEST_TIMER_MS = 60_000;

/** Deadlines and orphans handled in one step of a sweep: a few milliseconds of the store. */
export const SWEEP_BATCH = 200;
/** Batches of one cron sweep at most: its run is bounded, the next one goes on. */
export const CRON_SWEEP_BATCHES = 50;
/**
 * While the store is down nobody sweeps: the retries of outcomes that wait go first when it comes back, else their
 * leases, run out meanwhile, would send finished work to be made, and paid, again. ms since the last failed write.
 */
export const SWEEP_PAUSE_MS = 2 * STORE_RETRY_MS;
/** How often the cron sweeps, ms. */
const CRON_SWEEP_MS = 60_000;
/** Rings one cron sweep sends for one lane at most; every ring that finds work is followed by another one. */
const MAX_SWEEP_RINGS = 50;

/** A ring is forwarded so often at most. When that many runners are full, the next of them with a free slot claims. */
const MAX_FORWARDS = 16;

/** A step whose ring the queue gave up is rung for so often again; after that the sweep alone looks for it. */
const MAX_RING_RETRIES = 1;
/** What made the queue give up may pass by then, ms. */
const RING_RETRY_MS = 30_000;

/** A worker of a lane: a process, or a session of a step runner. */
export type WorkerState = {
  readonly freeSlots: number;
  /** A claim is under way. */
  readonly claiming: boolean;
  /** False once no more steps are begun. Default: true. */
  readonly accepting?: boolean;
};

export type OnRing =
  /** Not yet: at the ring's time. */
  | "wait"
  | "claim"
  /** When the claim under way is over, which may have been decided before this work was there. */
  | "claim_again"
  /** No slot is free here: another worker has to look. */
  | "forward";

/** There is work at `atMs`, by this process's wall clock. */
export function onRing(atMs: number, now: number, worker: WorkerState): OnRing {
  if (atMs > now) return "wait";
  if (worker.accepting === false || worker.freeSlots <= 0) return "forward";
  return worker.claiming ? "claim_again" : "claim";
}

export type ClaimResult = {
  /** The free slots it was made for. */
  readonly asked: number;
  readonly claimed: number;
};

export type AfterClaim =
  /** Rung meanwhile: as for any ring. */
  | "ring"
  /** Every slot is taken and there may be more. */
  | "forward"
  /** Slots are left: find out what is due next. */
  | "look_up"
  /** Every slot is taken. */
  | "nothing";

/** A claim is over; `rung` says whether somebody rang while it was under way. */
export function afterClaim(rules: DriverRules, { asked, claimed }: ClaimResult, rung: boolean): AfterClaim {
  if (rung) return "ring";
  if (claimed < asked) return "look_up";
  return asked >= rules.forwardFrom ? "forward" : "nothing";
}

/**
 * A step is over and its slot free, unless the write of its outcome claimed the next task: `claimed` is how many, null
 * when that write claimed for nobody. `rung` says whether somebody rang while no slot was free.
 */
export function afterStep(claimed: number | null, rung: boolean): "ring" | "look_up" | "nothing" {
  if (claimed !== null && claimed > 0) return "nothing";
  return rung ? "ring" : "look_up";
}

export type Next =
  | { readonly do: "nothing" }
  | { readonly do: "claim" }
  | { readonly do: "wait"; readonly until: number };

/**
 * The loop knows now when the lane's next work is due. `claimed` is what the claim before brought, null when there was
 * none.
 */
export function afterLookUp(claimed: number | null, dueAt: number | null, now: number): Next {
  const at = claimed === 0 ? lookAgainAt(LOOP, dueAt, now) : dueAt;
  if (at === null) return { do: "nothing" };
  return at <= now ? { do: "claim" } : { do: "wait", until: at };
}

/**
 * When to claim again after a claim that brought nothing, `dueAt` being when the lane's next work is due; null when
 * not at all. Work that is ready and was not claimed came in between, and then its own ring comes too; or it is held
 * back by a limit, and then whoever ends a step claims it.
 */
export function lookAgainAt(rules: DriverRules, dueAt: number | null, now: number): number | null {
  if (dueAt === null || dueAt === READY) return null;
  // The store said a millisecond at least, which may be over by now.
  const at = Math.max(dueAt, now + LEAST_DELAY_MS);
  return at <= now + rules.waitAheadMs ? at : null;
}

/**
 * When to look again for due work that was put off, `triedAgainAt` being when the first of it is to be tried again; null when the
 * cron sweep comes before that, or there is none.
 */
export function workAgainAt(triedAgainAt: number | null, now: number): number | null {
  return triedAgainAt === null || triedAgainAt >= now + CRON_SWEEP_MS ? null : triedAgainAt;
}

/** What a ring is for; a queue that swallows repeated rings keeps those of one step apart by it. */
export type RingOccasion =
  /** The step itself is due. */
  | "step"
  /** Other work of the lane was due when the step ended. */
  | "more"
  /** The ring came before the store thought the step due. */
  | "early";

export type NextRing = { readonly occasion: RingOccasion; readonly at: number };

/** A delivery has run one step, or found nothing to run; `dueAt` is when the lane's next work is due. */
export function afterDelivery(ran: boolean, dueAt: number | null, now: number): NextRing | null {
  if (ran) return dueAt !== null && dueAt <= now ? { occasion: "more", at: now } : null;
  const at = lookAgainAt(DELIVERY, dueAt, now);
  return at === null ? null : { occasion: "early", at };
}

/** When to ring again for a ring that the queue gave up, `retries` times so far; null when it is left to the sweep. */
export function ringRetryAt(retries: number, refusedForGood: boolean, now: number): number | null {
  return refusedForGood || retries >= MAX_RING_RETRIES ? null : now + RING_RETRY_MS;
}

/**
 * The runner to which a full one forwards a ring that was forwarded `forwards` times before; null when every runner has
 * had it, or `MAX_FORWARDS` of them.
 */
export function nextRunner(index: number, runners: number, forwards: number): number | null {
  return forwards + 1 >= Math.min(runners, MAX_FORWARDS) ? null : (index + 1) % runners;
}

/** Whether a lane in which no task has ended should be rung because tasks of another lane have: their keys' limits may have held it back. */
export function ringsOtherLane(dueAt: number | null): boolean {
  return dueAt === READY;
}

/** When a runner has to be awake again after a session. */
export function wakeAfterSession(timeIsUp: boolean, nextDueAt: number | null, now: number): number | null {
  // A ring that came after the session stopped beginning steps may have reached no other runner.
  return timeIsUp ? now : nextDueAt;
}

/** The alarm to set so that it comes at `wantedAt`, `setFor` being the one that is set; null when that one will do. */
export function alarmFor(wantedAt: number, setFor: number | null, now: number): number | null {
  // One that lies in the past is late, or was lost: it is set anew for now, and not put off.
  const overdue = setFor !== null && setFor <= now;
  const at = Math.max(overdue ? now : wantedAt, now + LEAST_DELAY_MS);
  return setFor !== null && setFor <= at && !overdue ? null : at;
}

/** How long a timer for `at` is set, ms. */
export function timerDelay(at: number, now: number): number {
  return Math.min(LONGEST_TIMER_MS, Math.max(LEAST_DELAY_MS, at - now));
}

/** A lane as a cron sweep finds it. */
export type SweptLane = {
  /** When its next work is due; null when nothing waits. */
  readonly dueAt: number | null;
  readonly ready: number;
  readonly held: number;
  readonly maxHeld: number;
};

/** The rings a cron sweep sends for a lane, in case those of its tasks were lost. */
export function sweepRings(
  { dueAt, ready, held, maxHeld }: SweptLane,
  now: number,
): { readonly count: number; readonly at: number } {
  // What is due after the next sweep is that one's.
  if (dueAt === null || dueAt >= now + CRON_SWEEP_MS) return { count: 0, at: now };
  if (dueAt > now) return { count: 1, at: dueAt };
  // Claimable now: by how many nobody knows, because keys have limits of their own.
  const free = Math.max(0, maxHeld - held);
  return { count: Math.min(Math.max(1, ready), free, MAX_SWEEP_RINGS), at: now };
}
