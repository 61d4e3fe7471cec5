/**
 * Ends what terminal states left behind upstream: cancels the provider's job, asks for the bill, settles once. Items
 * are claimed from the store like steps, so they survive any process.
 */

import type { Clock } from "../ports/clock.ts";
import { describeError, type Log } from "../ports/log.ts";
import type { MediaJob, MediaProvider } from "../ports/media-provider.ts";
import type { CleanupItem, CleanupOutcome, TaskStore } from "../ports/task-store.ts";
import { backoffMs, type RetryPolicy } from "../retry-policy.ts";

export type CleanerDependencies = {
  store: Pick<TaskStore, "claimCleanups" | "finishCleanup" | "nextCleanupAt">;
  providers: ReadonlyMap<string, MediaProvider>;
  clock: Clock;
  log: Log;
  random?: () => number;
};

/** Cancel calls open at once; they take no slot of a lane. */
const CONCURRENCY = 4;
/** A provider's cancel call may take this long, ms. */
const CANCEL_TIMEOUT_MS = 10_000;
/** Bills come late: ask after 2 s, then twice as long each time, at most every minute. */
const ASK_AGAIN: RetryPolicy = { baseMs: 2_000, capMs: 60_000, jitter: 0.2 };

export class Cleaner {
  readonly #dependencies: CleanerDependencies;
  readonly #leaseMs: number;
  #rung = false;
  #working: Promise<void> | null = null;
  #stopped = false;
  /** Ends the calls under way. */
  readonly #calls = new Set<AbortController>();

  constructor(dependencies: CleanerDependencies, options: { leaseMs: number }) {
    this.#dependencies = dependencies;
    // A cleanup claim is not renewed: it must outlast one cancel call.
    this.#leaseMs = Math.max(options.leaseMs, CANCEL_TIMEOUT_MS * 2);
  }

  /** There may be an item now. */
  ring(): void {
    this.#rung = true;
    if (this.#working !== null || this.#stopped) return;
    this.#working = this.#drain().finally(() => {
      this.#working = null;
      if (this.#rung) this.ring();
    });
  }

  /** Looks whether an item is due. */
  async sweep(): Promise<void> {
    const at = await this.#dependencies.store.nextCleanupAt();
    if (at !== null && at <= this.#dependencies.clock.now()) this.ring();
  }

  /** Resolves once nothing is worked on: what was due is done, as far as `stop` did not end it before. */
  async drained(): Promise<void> {
    while (this.#working !== null) await this.#working;
  }

  /** Takes no further items, and puts off those whose call is still under way after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    this.#rung = false;
    const grace = this.#dependencies.clock.after(graceMs, () => {
      for (const call of this.#calls) call.abort(new Error("the process is shutting down"));
    });
    await this.#working;
    grace.cancel();
  }

  async #drain(): Promise<void> {
    const { store, log } = this.#dependencies;
    try {
      while (!this.#stopped) {
        this.#rung = false;
        const items = await store.claimCleanups({ leaseMs: this.#leaseMs, max: CONCURRENCY });
        if (items.length === 0) return;
        await Promise.all(items.map((item) => this.#clean(item)));
      }
    } catch (error) {
      log.error("cleanup failed", { cause: describeError(error) });
    }
  }

  async #clean(item: CleanupItem): Promise<void> {
    const { store, log } = this.#dependencies;
    const outcome = await this.#outcome(item);
    try {
      await store.finishCleanup(item, outcome);
    } catch (error) {
      // Its claim runs out, and it is done again; the items beside it go on.
      log.error("cleanup could not be stored", { taskId: item.taskId, cause: describeError(error) });
    }
  }

  async #outcome(item: CleanupItem): Promise<CleanupOutcome> {
    const { clock, log, providers } = this.#dependencies;
    const known = item.late?.costMicros ?? null;
    const settled: CleanupOutcome = { kind: "settled", cancellation: "immediate", billedMicros: known };
    if (item.state === null) {
      // No reference: either the stale holder has said that its call is over, or it may still hand one over.
      return item.late !== null || clock.now() >= item.giveUpAt ? settled : this.#again(item);
    }
    const provider = providers.get(item.provider);
    if (provider === undefined || clock.now() >= item.giveUpAt) {
      return { kind: "settled", cancellation: "unsupported_upstream", billedMicros: known };
    }
    const call = new AbortController();
    this.#calls.add(call);
    const timer = clock.after(CANCEL_TIMEOUT_MS, () => call.abort(new Error("cancel timed out")));
    try {
      const result = await unlessAborted(call.signal, provider.cancel(jobOf(item), item.state, call.signal));
      if (result.askAgain) return this.#again(item);
      const billedMicros = wholeAmount(result.billedMicros) ?? known;
      return { kind: "settled", cancellation: result.cancellation, billedMicros };
    } catch (error) {
      log.warn("provider did not cancel", {
        taskId: item.taskId,
        provider: item.provider,
        cause: describeError(error),
      });
      return this.#again(item);
    } finally {
      timer.cancel();
      this.#calls.delete(call);
    }
  }

  #again(item: CleanupItem): CleanupOutcome {
    const random = (this.#dependencies.random ?? Math.random)();
    return { kind: "again", delayMs: backoffMs(item.tries + 1, ASK_AGAIN, random) };
  }
}

function jobOf(item: CleanupItem): MediaJob {
  return {
    taskId: item.taskId,
    type: item.type,
    model: item.providerModel,
    request: item.request,
    attempt: item.attempt,
    idempotencyKey: `${item.taskId}-${item.attempt}`,
  };
}

/** Null for what is no amount of money: adapters pass on what other people's services say. */
function wholeAmount(micros: number | null): number | null {
  return micros !== null && Number.isFinite(micros) && micros >= 0 ? Math.round(micros) : null;
}

/** The call's answer; rejects once the signal aborts, also when the call does not listen to it. */
function unlessAborted<T>(signal: AbortSignal, call: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    call.then(resolve, reject);
  });
}
