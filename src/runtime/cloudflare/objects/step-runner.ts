/**
 * Works without a queue: a Durable Object of a fixed pool, started by its alarm, which claims what is due in its lane
 * and runs steps side by side. Rings reach it from requests; steps never run in one, because a client that leaves
 * would cancel them. A runner that crashes loses nothing: its alarm is retried, leases expire, the cron sweep rings.
 */

import { DurableObject } from "cloudflare:workers";
import type { DurableObjectState } from "@cloudflare/workers-types";
import { workerOf } from "../../../compose/operations/deployment-worker.ts";
import { TASK_TYPES, type TaskType } from "../../../protocol/task.ts";
import {
  alarmFor,
  nextRunner,
  RUNNER,
  ringsOtherLane,
  wakeAfterSession,
} from "../../../tasks/engine/scheduling.ts";
import {
  HAND_BACK_MS,
  poolSize,
  type RunnerAddress,
  runnerAddress,
  runnerName,
  SLOTS_PER_RUNNER,
  workMs,
} from "../../../tasks/engine/steps/step-runner-pool.ts";
import { StepRunnerSession } from "../../../tasks/engine/steps/step-runner-session.ts";
import { describeError, type Log } from "../../../tasks/ports/log.ts";
import type { Bindings, RunnerCalls } from "../bindings.ts";
import { partsOf } from "../parts.ts";
import { StepRunnerDueTimes } from "./step-runner-due-times.ts";

export class StepRunner extends DurableObject<Bindings> implements RunnerCalls {
  readonly #dueTimes: StepRunnerDueTimes;
  /** Set while the alarm's handler works. An alarm that comes due meanwhile waits for its end. */
  #session: StepRunnerSession | null = null;

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    this.#dueTimes = new StepRunnerDueTimes(ctx.storage.sql);
  }

  /**
   * There is work in this runner's lane at `atMs` (wall clock). A runner that has no slot for it forwards the ring to
   * the next one; `forwards` counts how often that happened.
   */
  async ring(atMs: number, forwards = 0): Promise<void> {
    const now = Date.now();
    if (this.#session === null) {
      if (atMs > now) this.#dueTimes.add(atMs);
      await this.#wakeAt(Math.max(atMs, now));
    } else if (!this.#session.ring(atMs)) await this.#forward(forwards);
  }

  override async alarm(): Promise<void> {
    const session = this.#beginSession(this.#address());
    this.#session = session;
    await session.work();
    this.#session = null;
    const wakeAt = wakeAfterSession(session.timeIsUp, this.#dueTimes.next(), Date.now());
    if (wakeAt !== null) await this.#wakeAt(wakeAt);
  }

  #beginSession(address: RunnerAddress): StepRunnerSession {
    const parts = partsOf(this.env);
    const { clock, log } = parts;
    const { lane, index } = address;
    return new StepRunnerSession(
      {
        worker: workerOf(parts, (pending) => this.ctx.waitUntil(pending)),
        dueTimes: this.#dueTimes,
        clock,
        log,
        forward: () => void this.#forwardOrLookAgain(lane, log),
        ringOtherLane: () => this.#ringOtherLane(address),
      },
      { lane, slots: SLOTS_PER_RUNNER, workMs: workMs(index, this.#pool(lane)), handBackMs: HAND_BACK_MS },
    );
  }

  async #forwardOrLookAgain(lane: TaskType, log: Log): Promise<void> {
    try {
      await this.#forward(0);
    } catch (error) {
      log.warn("a step runner could not be rung", { lane, cause: describeError(error) });
      await this.ring(Date.now() + RUNNER.storeRetryMs);
    }
  }

  async #forward(forwards: number): Promise<void> {
    const { lane, index } = this.#address();
    const next = nextRunner(index, this.#pool(lane), forwards);
    if (next !== null) await this.#runner({ lane, index: next }).ring(Date.now(), forwards + 1);
  }

  async #ringOtherLane({ lane, index }: RunnerAddress): Promise<void> {
    const { stepWorker, log } = partsOf(this.env);
    for (const other of TASK_TYPES) {
      if (other === lane) continue;
      try {
        if (!ringsOtherLane(await stepWorker.nextDueAt(other))) continue;
        await this.#runner({ lane: other, index: index % this.#pool(other) }).ring(Date.now());
      } catch (error) {
        log.warn("the other lane could not be rung", { lane: other, cause: describeError(error) });
      }
    }
  }

  #runner(address: RunnerAddress) {
    return this.env.STEP_RUNNER.getByName(runnerName(address));
  }

  #pool(lane: TaskType): number {
    return poolSize(partsOf(this.env).stepWorkerOptions.maxHeld[lane]);
  }

  /** What this runner is for stands in its name. */
  #address(): RunnerAddress {
    return runnerAddress(this.ctx.id.name);
  }

  async #wakeAt(atMs: number): Promise<void> {
    const at = alarmFor(atMs, await this.ctx.storage.getAlarm(), Date.now());
    if (at !== null) await this.ctx.storage.setAlarm(at);
  }
}
