/**
 * Works without a queue: a Durable Object of a fixed pool, started by its alarm, which claims what is due in its lane
 * and runs steps side by side. Rings reach it from requests; steps never run in one, because a client that leaves
 * would cancel them. A runner that crashes loses nothing: its alarm is retried, leases expire, the cron sweep rings.
 */

import { DurableObject } from "cloudflare:workers";
import type { DurableObjectState } from "@cloudflare/workers-types";
import { TASK_TYPES, type TaskType } from "../../../protocol/task.ts";
import {
  HAND_BACK_MS,
  parseRunnerName,
  poolSize,
  type RunnerSlot,
  runnerName,
  STEPS_PER_RUNNER,
  workMs,
} from "../../../tasks/engine/step-pool.ts";
import { StepShift } from "../../../tasks/engine/step-shift.ts";
import { describeError, type Log } from "../../../tasks/ports/log.ts";
import type { Bindings, RunnerCalls } from "../bindings.ts";
import { partsOf } from "../parts.ts";
import { StepMoments } from "./step-moments.ts";

/**
 * An alarm set for the current millisecond may never fire (seen with workerd of wrangler 4.156); the least distance,
 * ms.
 */
const LEAST_DELAY_MS = 1;
/**
 * A ring is passed on so often at most. When that many are full, the next slot among them that is free takes the work.
 */
const MAX_PASSES = 16;
/** Another runner could not be rung: this one looks itself, after this, ms. */
const PASS_AGAIN_MS = 5_000;

export class StepRunner extends DurableObject<Bindings> implements RunnerCalls {
  readonly #moments: StepMoments;
  /** Set while the alarm's handler works. An alarm that comes due meanwhile waits for its end. */
  #shift: StepShift | null = null;

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    this.#moments = new StepMoments(ctx.storage.sql);
  }

  /**
   * There is work in this runner's lane at `atMs` (wall clock). A runner that has as much as it may do passes the ring
   * on to the next one; `passed` counts how often that happened.
   */
  async ring(atMs: number, passed = 0): Promise<void> {
    const now = Date.now();
    if (this.#shift === null) {
      if (atMs > now) this.#moments.add(atMs);
      await this.#wakeAt(Math.max(atMs, now));
    } else if (atMs > now) this.#shift.lookAt(atMs);
    else if (!this.#shift.look()) await this.#passOn(passed);
  }

  override async alarm(): Promise<void> {
    const shift = this.#beginShift(this.#slot());
    this.#shift = shift;
    await shift.work();
    this.#shift = null;
    const next = this.#moments.next();
    // What came when no step could be begun any more may not have found another runner.
    if (shift.timeIsUp) await this.#wakeAt(Date.now());
    else if (next !== null) await this.#wakeAt(next);
  }

  #beginShift(slot: RunnerSlot): StepShift {
    const { stepWorker, clock, log } = partsOf(this.env);
    const { lane, index } = slot;
    return new StepShift(
      {
        worker: stepWorker,
        moments: this.#moments,
        clock,
        log,
        passOn: () => void this.#passOnOrLookAgain(lane, log),
        passOver: () => this.#passOver(slot),
      },
      { lane, places: STEPS_PER_RUNNER, workMs: workMs(index, this.#pool(lane)), handBackMs: HAND_BACK_MS },
    );
  }

  async #passOnOrLookAgain(lane: TaskType, log: Log): Promise<void> {
    try {
      await this.#passOn(0);
    } catch (error) {
      log.warn("a step runner could not be rung", { lane, cause: describeError(error) });
      await this.ring(Date.now() + PASS_AGAIN_MS);
    }
  }

  async #passOn(passed: number): Promise<void> {
    const { lane, index } = this.#slot();
    const pool = this.#pool(lane);
    if (passed + 1 >= Math.min(pool, MAX_PASSES)) return;
    await this.#runner({ lane, index: (index + 1) % pool }).ring(Date.now(), passed + 1);
  }

  async #passOver({ lane, index }: RunnerSlot): Promise<void> {
    const { stepWorker, log } = partsOf(this.env);
    for (const other of TASK_TYPES) {
      if (other === lane) continue;
      try {
        if ((await stepWorker.nextDueAt(other)) !== 0) continue;
        await this.#runner({ lane: other, index: index % this.#pool(other) }).ring(Date.now());
      } catch (error) {
        log.warn("the other lane could not be rung", { lane: other, cause: describeError(error) });
      }
    }
  }

  #runner(slot: RunnerSlot) {
    return this.env.STEP_RUNNER.getByName(runnerName(slot));
  }

  #pool(lane: TaskType): number {
    return poolSize(partsOf(this.env).stepWorkerOptions.maxHeld[lane]);
  }

  /** The runner's lane and index, from its name. */
  #slot(): RunnerSlot {
    return parseRunnerName(this.ctx.id.name);
  }

  async #wakeAt(atMs: number): Promise<void> {
    const now = Date.now();
    const stored = await this.ctx.storage.getAlarm();
    // One that lies in the past is late, or was lost: it is set anew for now, and not put off.
    const overdue = stored !== null && stored <= now;
    const at = Math.max(overdue ? now : atMs, now + LEAST_DELAY_MS);
    if (stored !== null && stored <= at && !overdue) return;
    await this.ctx.storage.setAlarm(at);
  }
}
