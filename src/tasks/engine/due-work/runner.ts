/**
 * Runs due work of one kind: claims it from the store under a lease, a bounded number at once for each destination, lets
 * its handler do it, and writes what came of it. Items survive any process; a destination that hangs fills its own places.
 */

import type { WorkItem, WorkKind } from "../../due-work.ts";
import type { Clock } from "../../ports/clock.ts";
import { describeError, type Log } from "../../ports/log.ts";
import type { ClaimedWork, TaskStore, WorkOutcome } from "../../ports/task-store.ts";

/** What is to be done about one kind of due work. */
export interface WorkHandler {
  readonly kind: WorkKind;
  /** How long one run may take, ms; its signal aborts then, and the item is tried again. */
  readonly timeoutMs: number;
  /** Runs open at once in this process, whatever their destinations. Absent: 32. */
  readonly maxOpen?: number;
  /** Runs of one destination at once, by all processes together. */
  readonly maxPerDestination: number;
  /** The destinations this process can serve; undefined: all. */
  destinations(): readonly string[] | undefined;
  /** Does it once. A throw is a failure of the destination. MUST stop soon after the signal aborts. */
  run(work: ClaimedWork, signal: AbortSignal): Promise<WorkOutcome>;
  /** What becomes of an item whose run failed, or did not end in time. */
  failed(work: ClaimedWork): WorkOutcome;
}

export type WorkRunnerDependencies = {
  store: Pick<TaskStore, "claimWork" | "finishWork" | "nextWorkIn">;
  clock: Clock;
  log: Log;
};

/** Runs open at once in this process where the handler sets no bound. */
const MAX_OPEN = 32;
/** A lease outlasts its run by this factor: it is not renewed. */
const LEASE_FACTOR = 2;

export class WorkRunner {
  readonly #dependencies: WorkRunnerDependencies;
  readonly #handler: WorkHandler;
  readonly #leaseMs: number;
  readonly #open = new Set<AbortController>();
  #claiming = false;
  #rung = false;
  #stopped = false;
  #triedAgainAt: number | null = null;
  #idle: (() => void)[] = [];

  constructor(dependencies: WorkRunnerDependencies, handler: WorkHandler, options: { leaseMs: number }) {
    this.#dependencies = dependencies;
    this.#handler = handler;
    this.#leaseMs = Math.max(options.leaseMs, handler.timeoutMs * LEASE_FACTOR);
  }

  /** There may be an item now. */
  ring(): void {
    if (this.#stopped) return;
    this.#rung = true;
    if (!this.#claiming) void this.#claim();
  }

  /** Looks whether an item is due; rejects when the store cannot be asked. */
  async sweep(): Promise<void> {
    const { kind } = this.#handler;
    if ((await this.#dependencies.store.nextWorkIn(kind, this.#handler.destinations())) === 0) this.ring();
  }

  /** When the first of the items that it has put off is to be tried again (wall clock, ms); null when it has put off none. */
  get triedAgainAt(): number | null {
    return this.#triedAgainAt;
  }

  /** Resolves once nothing is worked on: what was due is done, as far as `stop` did not end it before. */
  drained(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Takes no further items, and puts off those whose run is still open after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    this.#rung = false;
    const grace = this.#dependencies.clock.after(graceMs, () => {
      for (const run of this.#open) run.abort(new Error("the process is shutting down"));
    });
    await this.drained();
    grace.cancel();
  }

  async #claim(): Promise<void> {
    const { store, log } = this.#dependencies;
    const { kind, maxPerDestination, maxOpen = MAX_OPEN } = this.#handler;
    this.#claiming = true;
    try {
      while (this.#rung && !this.#stopped && this.#open.size < maxOpen) {
        this.#rung = false;
        const destinations = this.#handler.destinations();
        const claimed = await store.claimWork({
          kind,
          leaseMs: this.#leaseMs,
          max: maxOpen - this.#open.size,
          maxPerDestination,
          ...(destinations !== undefined && { destinations }),
        });
        // What a claim brings after the stop is left to its lease: whoever works then takes it over.
        if (this.#stopped) break;
        for (const work of claimed) void this.#run(work);
      }
    } catch (error) {
      log.error("due work could not be claimed", { kind, cause: describeError(error) });
    }
    this.#claiming = false;
    this.#noteIdle();
  }

  async #run(work: ClaimedWork): Promise<void> {
    const { store, log } = this.#dependencies;
    const run = new AbortController();
    this.#open.add(run);
    const outcome = await this.#outcome(work, run);
    try {
      await store.finishWork(work.item, outcome);
      if (outcome.kind === "again") this.#notePutOff(outcome);
    } catch (error) {
      // Its claim runs out, and it is done again; the items beside it go on.
      log.error("due work could not be stored", { ...named(work.item), cause: describeError(error) });
    }
    this.#open.delete(run);
    // A place of its destination is free.
    this.ring();
    this.#noteIdle();
  }

  #notePutOff({ delayMs, pauseMs = 0 }: Extract<WorkOutcome, { kind: "again" }>): void {
    const at = this.#dependencies.clock.now() + Math.max(delayMs, pauseMs);
    this.#triedAgainAt = Math.min(at, this.#triedAgainAt ?? at);
  }

  async #outcome(work: ClaimedWork, run: AbortController): Promise<WorkOutcome> {
    const { clock, log } = this.#dependencies;
    const { timeoutMs } = this.#handler;
    const timer = clock.after(timeoutMs, () => run.abort(new Error(`no end within ${timeoutMs} ms`)));
    try {
      return await unlessAborted(run.signal, this.#handler.run(work, run.signal));
    } catch (error) {
      log.warn("due work failed", { ...named(work.item), cause: describeError(error) });
      return this.#handler.failed(work);
    } finally {
      timer.cancel();
    }
  }

  #isIdle(): boolean {
    return this.#open.size === 0 && !this.#claiming;
  }

  #noteIdle(): void {
    if (!this.#isIdle()) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

function named({ kind, destination, taskId }: WorkItem): Record<string, string> {
  return { kind, destination, taskId };
}

/** The run's answer; rejects once the signal aborts, also when the run does not listen to it. */
function unlessAborted<T>(signal: AbortSignal, run: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    run.then(resolve, reject);
  });
}
