/**
 * Works without a queue: a Durable Object of a fixed pool, started by its alarm, which claims what is due in its lane
 * and runs steps side by side. Rings reach it from requests; steps never run in one, because a client that leaves
 * would cancel them. A runner that dies loses nothing: its alarm comes again, leases run out, the cron sweep rings.
 */

import { DurableObject } from "cloudflare:workers";
import type { TaskType } from "../../protocol/task.ts";
import { describeError } from "../../tasks/log.ts";
import type { StepWorker } from "../../tasks/step-worker.ts";
import type { Bindings, RunnerCalls } from "./bindings.ts";
import { partsOf } from "./parts.ts";
import { poolSize, runnerName, STEPS_PER_RUNNER } from "./step-pool.ts";

/** An alarm's handler may run for 15 min; steps begin in the first ten, so that one can end in the rest, ms. */
const WORK_MS = 10 * 60_000;
/** An alarm set for this very millisecond may never fire; this is the least distance, ms. */
const LEAST_DELAY_MS = 1;
const NOTHING_DUE = Number.POSITIVE_INFINITY;

export class StepRunner extends DurableObject<Bindings> implements RunnerCalls {
  /** Wall clock, ms: when the alarm was last set for; nothing is asked of the storage for a later ring. */
  #alarmAt = NOTHING_DUE;
  /** Set while the alarm's handler works: what a ring calls to have one more step begun. False when there is no room. */
  #beginStep: (() => boolean) | null = null;

  /**
   * There is work in this runner's lane at `atMs` (wall clock). A runner that has as much as it may do passes the ring
   * on to the next one; `passed` counts how often that happened.
   */
  async ring(atMs: number, passed = 0): Promise<void> {
    if (atMs > Date.now() || this.#beginStep === null) {
      await this.#wakeAt(atMs);
      return;
    }
    if (this.#beginStep()) return;
    const { lane, index } = this.#place();
    const pool = poolSize(partsOf(this.env).stepWorkerOptions.maxHeld[lane]);
    // All are busy: whoever ends a step goes on with what is due.
    if (passed + 1 >= pool) return;
    await this.env.STEP_RUNNER.getByName(runnerName(lane, (index + 1) % pool)).ring(atMs, passed + 1);
  }

  override async alarm(): Promise<void> {
    this.#alarmAt = NOTHING_DUE;
    const { stepWorker, log } = partsOf(this.env);
    const { lane } = this.#place();
    const until = Date.now() + WORK_MS;
    const chains = new Set<Promise<void>>();
    const changed = { notify: () => {} };
    const begin = () => {
      if (chains.size >= STEPS_PER_RUNNER || Date.now() >= until) return false;
      const chain = this.#chain(stepWorker, lane, until)
        .catch((error: unknown) => {
          log.error("a step could not be run", { lane, cause: describeError(error) });
        })
        .finally(() => {
          chains.delete(chain);
          changed.notify();
        });
      chains.add(chain);
      return true;
    };
    this.#beginStep = begin;
    try {
      for (begin(); chains.size > 0; ) {
        await new Promise<void>((resolve) => {
          changed.notify = resolve;
        });
      }
    } finally {
      this.#beginStep = null;
    }
    const dueAt = await stepWorker.nextDueAt(lane);
    if (dueAt === null) return;
    // Due now and not claimed: as many steps are open as may be. Whoever ends one goes on, unless its time is up too.
    if (dueAt > 0) await this.#wakeAt(dueAt);
    else if (Date.now() >= until) await this.#wakeAt(Date.now());
  }

  /** One step after the other, as long as something is due. */
  async #chain(stepWorker: StepWorker, lane: TaskType, until: number): Promise<void> {
    for (;;) {
      const report = await stepWorker.runNext(lane);
      if (report === null) return;
      if (report.dueAt !== null) await this.#wakeAt(report.dueAt);
      if (Date.now() >= until) return;
    }
  }

  /** What this runner is for stands in its name. */
  #place(): { lane: TaskType; index: number } {
    const [lane, index] = (this.ctx.id.name ?? "").split("/");
    if (lane !== "image" && lane !== "video") throw new Error("A step runner is named after its lane");
    return { lane, index: Number(index) };
  }

  async #wakeAt(atMs: number): Promise<void> {
    const at = Math.max(atMs, Date.now() + LEAST_DELAY_MS);
    if (at >= this.#alarmAt) return;
    const stored = await this.ctx.storage.getAlarm();
    // One that lies in the past fires at once, unless it was lost; then it has to be set anew.
    if (stored !== null && stored <= at && stored > Date.now()) {
      this.#alarmAt = stored;
      return;
    }
    this.#alarmAt = at;
    await this.ctx.storage.setAlarm(at);
  }
}
