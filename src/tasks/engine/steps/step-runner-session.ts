/**
 * One session of a step runner: steps side by side in a number of slots, from the first claim to the end of the last
 * step. What follows a ring, a claim or a step is decided in scheduling.ts; a runner that has nothing to do can end.
 */

import { isTerminal, type TaskType } from "../../../protocol/task.ts";
import type { Clock, TimerHandle } from "../../ports/clock.ts";
import { describeError, type Log } from "../../ports/log.ts";
import { afterClaim, lookAgainAt, onRing, RUNNER, timerDelay } from "../scheduling.ts";
import type { StepReport, StepWorker } from "./step-worker.ts";

/** When the runner has to look for work, wall clock in ms; it outlives the session. */
export interface DueTimes {
  add(at: number): void;
  /** Forgets what is over by `now`; whether there was anything. */
  take(now: number): boolean;
  /** The first of them, or null. */
  next(): number | null;
}

export type StepRunnerSessionDependencies = {
  /** `clean` may do more than the step worker's. */
  worker: Pick<StepWorker, "start" | "nextDueAt" | "clean">;
  dueTimes: DueTimes;
  clock: Clock;
  log: Log;
  /** There may be work that has no slot here: another runner of the lane shall look. MUST NOT throw. */
  forward(): void;
  /** Tasks have ended, which may let tasks of the same keys start in the other lane: look there. MUST NOT reject. */
  ringOtherLane(): Promise<void>;
};

export type StepRunnerSessionOptions = {
  lane: TaskType;
  /** Steps open at once. */
  slots: number;
  /** How long steps are begun, ms. */
  workMs: number;
  /** When what is still open is handed back, ms from the start. */
  handBackMs: number;
};

export class StepRunnerSession {
  readonly #dependencies: StepRunnerSessionDependencies;
  readonly #options: StepRunnerSessionOptions;
  readonly #until: number;
  readonly #stop = new AbortController();
  /** Steps under way. */
  #open = 0;
  /** A claim is under way. */
  #claiming = false;
  /** Rung while a claim was under way. */
  #rung = false;
  #cleaning = false;
  /** Due work was left while some was being done. */
  #cleanAgain = false;
  /** When the next due work has to be looked for, wall clock in ms; it is among the due times as well. */
  #workAt: number | null = null;
  /** A due time has come, and no claim has brought anything since. */
  #overdue = false;
  /** A task has ended since the other lane was last rung. */
  #taskEnded = false;
  #ended = false;
  #timer: TimerHandle | null = null;
  #over: (() => void) | null = null;

  constructor(dependencies: StepRunnerSessionDependencies, options: StepRunnerSessionOptions) {
    this.#dependencies = dependencies;
    this.#options = options;
    this.#until = dependencies.clock.monotonic() + options.workMs;
  }

  /** Whether no more steps are begun: the next session has to look for what waits. */
  get timeIsUp(): boolean {
    return this.#dependencies.clock.monotonic() >= this.#until;
  }

  /** Claims and works until nothing is open any more. Called once; never rejects. */
  async work(): Promise<void> {
    const { clock, dueTimes } = this.#dependencies;
    const handBack = clock.after(this.#options.handBackMs, () => this.#stop.abort());
    this.#overdue = dueTimes.take(clock.now());
    this.ring(clock.now());
    this.#arm();
    await new Promise<void>((resolve) => {
      this.#over = resolve;
      this.#endIfIdle();
    });
    this.#ended = true;
    this.#timer?.cancel();
    handBack.cancel();
  }

  /** There is work at `atMs`, wall clock. False when it needs another runner now. */
  ring(atMs: number): boolean {
    const { clock } = this.#dependencies;
    const freeSlots = this.#options.slots - this.#open;
    const accepting = !this.#ended && !this.timeIsUp;
    switch (onRing(atMs, clock.now(), { freeSlots, claiming: this.#claiming, accepting })) {
      case "wait":
        this.#lookAt(atMs);
        return true;
      case "claim":
        void this.#claim(freeSlots);
        return true;
      case "claim_again":
        this.#rung = true;
        return true;
      case "forward":
        return false;
    }
  }

  #ringOrForward(): void {
    const { clock, forward } = this.#dependencies;
    if (!this.ring(clock.now())) forward();
  }

  #lookAt(at: number): void {
    this.#dependencies.dueTimes.add(at);
    this.#arm();
  }

  async #claim(freeSlots: number): Promise<void> {
    const { worker, clock, log, forward } = this.#dependencies;
    const { lane } = this.#options;
    this.#claiming = true;
    let claimed = 0;
    try {
      const steps = await worker.start(lane, freeSlots, this.#stop.signal);
      claimed = steps.length;
      for (const { report } of steps) void this.#follow(report);
      if (claimed === 0) await this.#foundNothing();
      else this.#overdue = false;
    } catch (error) {
      log.error("work could not be looked for", { lane, cause: describeError(error) });
      this.#lookAt(clock.now() + RUNNER.storeRetryMs);
      // That look is for whoever rang meanwhile as well.
      this.#rung = false;
    }
    this.#claiming = false;
    const next = afterClaim(RUNNER, { asked: freeSlots, claimed }, this.#rung);
    this.#rung = false;
    if (next === "ring") this.#ringOrForward();
    else if (next === "forward") forward();
    this.#endIfIdle();
  }

  async #foundNothing(): Promise<void> {
    const { worker, clock, ringOtherLane } = this.#dependencies;
    // A cancel rings the doorbell too: then there may be an upstream job to end and no task to claim.
    this.#clean();
    if (this.#taskEnded) {
      this.#taskEnded = false;
      await ringOtherLane();
    }
    if (!this.#overdue) return;
    this.#overdue = false;
    const dueAt = await worker.nextDueAt(this.#options.lane);
    const at = lookAgainAt(RUNNER, dueAt, clock.now());
    if (at !== null) this.#lookAt(at);
  }

  async #follow(report: Promise<StepReport>): Promise<void> {
    this.#open += 1;
    try {
      const { task, dueAt, leftDelivery } = await report;
      if (dueAt !== null) this.#lookAt(dueAt);
      if (isTerminal(task.status)) this.#taskEnded = true;
      if (leftDelivery) this.#clean({ left: true });
    } catch (error) {
      const { lane } = this.#options;
      this.#dependencies.log.error("a step could not be stored", { lane, cause: describeError(error) });
    }
    this.#open -= 1;
    this.#ringOrForward();
    this.#endIfIdle();
  }

  /** `left`: a step has just left some, which what is under way may have missed. */
  #clean({ left = false } = {}): void {
    if (this.#cleaning) {
      if (left) this.#cleanAgain = true;
      return;
    }
    this.#cleaning = true;
    void this.#dependencies.worker.clean().then((at) => {
      this.#cleaning = false;
      this.#workAt = at;
      if (at !== null) this.#lookAt(at);
      if (this.#cleanAgain) {
        this.#cleanAgain = false;
        this.#clean();
      } else this.#endIfIdle();
    });
  }

  /** Sets the one timer for the first due time. Once the session has ended the alarm stands in for it. */
  #arm(): void {
    const { dueTimes, clock } = this.#dependencies;
    this.#timer?.cancel();
    const at = this.#ended ? null : dueTimes.next();
    if (at === null) return;
    this.#timer = clock.after(timerDelay(at, clock.now()), () => {
      const now = clock.now();
      if (dueTimes.take(now)) {
        // A claim that brings a step would look for no other work.
        if (this.#workAt !== null && this.#workAt <= now) this.#clean();
        this.#overdue = true;
        this.#ringOrForward();
      }
      this.#arm();
    });
  }

  #endIfIdle(): void {
    if (this.#open === 0 && !this.#claiming && !this.#cleaning) this.#over?.();
  }
}
