/** Due work of the kind `cleanup`: cancels an upstream job that a task left behind, asks for its bill, settles it once. */

import { cleanupPayload } from "../../due-work.ts";
import type { Log } from "../../ports/log.ts";
import type { Credential, MediaJob, MediaProvider } from "../../ports/media-provider.ts";
import type { ClaimedWork, WorkOutcome } from "../../ports/task-store.ts";
import { backoffMs, type RetryPolicy } from "../../retry-policy.ts";
import type { Task } from "../../task.ts";
import { overrunOf } from "../../transition.ts";
import type { WorkHandler } from "./runner.ts";

export type CleanupWorkDependencies = {
  providers: ReadonlyMap<string, MediaProvider>;
  log: Pick<Log, "warn">;
  /** 0 ≤ n < 1, for jitter. */
  random?: () => number;
};

/** Cancel calls of one provider open at once; they take no slot of a lane. */
const MAX_PER_PROVIDER = 4;
/** A provider's cancel call may take this long, ms. */
const CANCEL_TIMEOUT_MS = 10_000;
/** Bills come late: ask after 2 s, then twice as long each time, at most every minute. */
const ASK_AGAIN: RetryPolicy = { baseMs: 2_000, capMs: 60_000, jitter: 0.2 };

export function createCleanupWork({
  providers,
  log,
  random = Math.random,
}: CleanupWorkDependencies): WorkHandler {
  const again = ({ item }: ClaimedWork): WorkOutcome => ({
    kind: "again",
    delayMs: backoffMs(item.tries + 1, ASK_AGAIN, random()),
  });
  /** The job counts as ended, at what is known of its bill. */
  const done = (
    work: ClaimedWork,
    cancellation: "immediate" | "requested" | "unsupported_upstream",
    told: number | null = null,
  ): WorkOutcome => {
    const billedMicros = told ?? cleanupPayload(work.item).costMicros;
    warnOfOverrun(work.task, billedMicros ?? 0, log);
    return { kind: "done", bill: { cancellation, billedMicros } };
  };
  return {
    kind: "cleanup",
    timeoutMs: CANCEL_TIMEOUT_MS,
    maxPerDestination: MAX_PER_PROVIDER,
    destinations: () => [...providers.keys()],
    async run(work, signal) {
      const { state, reported, provider: name } = cleanupPayload(work.item);
      // No reference: either the stale holder has said that its call is over, or it may still hand one over.
      if (state === null) return reported || work.overdue ? done(work, "immediate") : again(work);
      const provider = providers.get(name);
      // Only overdue work comes to a process that does not have the provider. Nothing is given up before it was tried.
      if (provider === undefined || work.task === null) return done(work, "unsupported_upstream");
      if (work.overdue && work.item.tries > 0) return done(work, "requested");
      const credential = credentialOf(provider, work);
      // The account that started the job is not configured here: perhaps in another process, or again soon.
      if (credential === undefined) return work.overdue ? done(work, "unsupported_upstream") : again(work);
      const result = await provider.cancel(jobOf(work, credential), state, signal);
      if (result.askAgain && !work.overdue) return again(work);
      return done(work, result.cancellation, wholeAmount(result.billedMicros));
    },
    failed: (work) => (work.overdue ? done(work, "requested") : again(work)),
  };
}

/** What a job left behind is billed comes on top of what the task came to before. */
function warnOfOverrun(task: Task | null, billedMicros: number, log: Pick<Log, "warn">): void {
  if (task === null || billedMicros === 0) return;
  const upstreamMicros = (task.upstreamMicros ?? 0) + billedMicros;
  const { id: taskId, reservedMicros } = task;
  const overrunMicros = overrunOf({ reservedMicros, upstreamMicros });
  if (overrunMicros === 0) return;
  const fields = { taskId, reservedMicros, upstreamMicros, overrunMicros };
  log.warn("provider billed more than was reserved", fields);
}

/** Undefined when the job's account is not among the provider's. */
function credentialOf({ accounts }: MediaProvider, { item }: ClaimedWork): Credential | null | undefined {
  const { credential } = cleanupPayload(item);
  return credential === null ? null : accounts?.find(({ name }) => name === credential);
}

function jobOf({ item, task }: ClaimedWork, credential: Credential | null): MediaJob {
  if (task === null) throw new Error("The cleanup's task is gone");
  const { model, attempt } = cleanupPayload(item);
  return {
    taskId: task.id,
    type: task.type,
    model,
    request: task.request,
    attempt,
    idempotencyKey: `${task.id}-${attempt}`,
    inputs: task.inputs,
    credential,
    hookUrl: null,
  };
}

/** Null for what is no amount of money: adapters pass on what other people's services say. */
function wholeAmount(micros: number | null): number | null {
  return micros !== null && Number.isFinite(micros) && micros >= 0 ? Math.round(micros) : null;
}
