/** What the suites of the whole store share: tasks that leave work behind, and short ways to claim and finish that work. */

import { type Cancellation, isTerminal, type Json, type TaskType } from "../../../src/protocol/task.ts";
import { type CleanupPayload, cleanupPayload } from "../../../src/tasks/due-work.ts";
import type {
  Claim,
  ClaimedWork,
  TaskDraft,
  WorkClaimOptions,
  WorkOutcome,
} from "../../../src/tasks/ports/task-store.ts";
import { candidateOf, type Task, type TaskWebhook } from "../../../src/tasks/task.ts";
import { NOTHING_SPENT, type StepTransition } from "../../../src/tasks/transition.ts";
import { type Bench, FAILURE, LEASE_MS, scopeOf } from "../store-harness.ts";

/** How long a cleanup is tried. */
export const CLEANUP_LIMIT_MS = 10 * 60_000;
/** How long a delivery is tried. */
export const DELIVERY_LIMIT_MS = 24 * 3_600_000;

type DraftChanges = Partial<TaskDraft> & { keyId?: string; subject?: string };

/** A route of one candidate for each provider. */
export function through(...providers: string[]): Pick<TaskDraft, "route"> {
  return { route: providers.map((provider) => ({ provider, model: `${provider}-model` })) };
}

export function hook(url: string): Pick<TaskDraft, "webhook"> {
  const webhook: TaskWebhook = { url, headers: {}, events: [] };
  return { webhook };
}

export function fail(jobOver: boolean): StepTransition {
  return { kind: "fail", error: FAILURE, jobOver, spent: NOTHING_SPENT };
}

export function nextCandidate(delayMs = 0): StepTransition {
  return { kind: "next_candidate", delayMs, error: FAILURE, spent: NOTHING_SPENT };
}

export function save(state: Json, credential?: string): StepTransition {
  return { kind: "save", state, spent: NOTHING_SPENT, ...(credential !== undefined && { credential }) };
}

export function pend(state: Json, delayMs: number): StepTransition {
  return { kind: "pend", state, delayMs, percent: null, message: null, spent: NOTHING_SPENT };
}

/** Due work, by default cleanups, as much as there is. */
export function claimWork(bench: Bench, options: Partial<WorkClaimOptions> = {}): Promise<ClaimedWork[]> {
  return bench.store.claimWork({
    kind: "cleanup",
    leaseMs: LEASE_MS,
    max: 100,
    maxPerDestination: 100,
    ...options,
  });
}

/** One item, which has to be there. */
export async function claimOneWork(
  bench: Bench,
  options: Partial<WorkClaimOptions> = {},
): Promise<ClaimedWork> {
  const [work] = await claimWork(bench, { max: 1, ...options });
  if (work === undefined) throw new Error("There was no due work to claim");
  return work;
}

export function finish(bench: Bench, { item }: ClaimedWork, outcome: WorkOutcome): Promise<boolean> {
  return bench.store.finishWork(item, outcome);
}

export function again(bench: Bench, work: ClaimedWork, delayMs: number, pauseMs?: number): Promise<boolean> {
  return finish(bench, work, { kind: "again", delayMs, ...(pauseMs !== undefined && { pauseMs }) });
}

/** Finishes a cleanup with its job's bill. */
export function bill(
  bench: Bench,
  work: ClaimedWork,
  billedMicros: number | null,
  cancellation: Cancellation = "immediate",
): Promise<boolean> {
  return finish(bench, work, { kind: "done", bill: { billedMicros, cancellation } });
}

export function payloadOf({ item }: ClaimedWork): CleanupPayload {
  return cleanupPayload(item);
}

/** A task whose first holder has stored the job's reference. Nothing else may be ready in its lane. */
export async function started(
  bench: Bench,
  state: Json,
  changes: DraftChanges = {},
): Promise<{ task: Task; claim: Claim }> {
  const task = await bench.submit(changes);
  const claim = await bench.claimOne({ lane: task.type });
  if (claim.task.id !== task.id) throw new Error("Another task was ready");
  await bench.apply(claim, save(state));
  return { task, claim };
}

/** A task cancelled while its job runs upstream: it leaves a cleanup. */
export async function abandon(bench: Bench, state: Json, changes: DraftChanges = {}): Promise<Task> {
  const { task } = await started(bench, state, changes);
  await bench.store.cancel(scopeOf(task.tenant.keyId), task.id);
  return task;
}

/** A cleanup at each of the destinations, in this order of age. */
export async function abandonAt(bench: Bench, ...providers: string[]): Promise<Task[]> {
  const tasks: Task[] = [];
  for (const provider of providers) {
    tasks.push(await abandon(bench, `job ${tasks.length}`, through(provider)));
    bench.advance(1);
  }
  return tasks;
}

/** A task that ended before it started and leaves word of that for its webhook. */
export async function announced(bench: Bench, url: string): Promise<Task> {
  const task = await bench.submit(hook(url));
  await bench.store.cancel(scopeOf("a"), task.id);
  return task;
}

/** What a lane's counters must be, from the tasks themselves. */
export function countLane(tasks: readonly Task[], lane: TaskType) {
  const counted = { ready: 0, delayed: 0, held: 0 };
  for (const task of tasks) {
    if (task.type !== lane || isTerminal(task.status)) continue;
    if (task.leaseUntil !== null) counted.held++;
    else if (task.dueAt !== null) counted.delayed++;
    else counted.ready++;
  }
  return counted;
}

export function providerOf(task: Task): string {
  return candidateOf(task).provider;
}
