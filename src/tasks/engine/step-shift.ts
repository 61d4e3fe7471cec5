/**
 * One run of a step runner: steps side by side in a number of places, from a look for work to the end of the last step.
 *
 * No work is left lying while there is room for it, because every event has a look of its own: whoever makes work ready
 * rings, what is due later has a moment, and a place that a step gave back looks again - also for work that was ready
 * all the time and could not be claimed because others held as many tasks as may be. A look that finds nothing
 * therefore needs no successor, and a runner that has nothing to do can end.
 */

import { isTerminal, type TaskType } from "../../protocol/task.ts";
import type { Clock, TimerHandle } from "../ports/clock.ts";
import { describeError, type Log } from "../ports/log.ts";
import type { StepReport, StepWorker } from "./step-worker.ts";

/** The moments at which the runner has to look for work; they outlive the shift. */
export interface Moments {
  add(at: number): void;
  take(now: number): boolean;
  next(): number | null;
}

export type StepShiftDependencies = {
  worker: Pick<StepWorker, "start" | "nextDueAt" | "clean">;
  moments: Moments;
  clock: Clock;
  log: Log;
  /** There may be work that has no room here: another runner of the lane shall look. MUST NOT throw. */
  passOn(): void;
  /** Tasks have ended, which may let tasks of the same keys start in the other lane: look there. MUST NOT reject. */
  passOver(): Promise<void>;
};

export type StepShiftOptions = {
  lane: TaskType;
  /** Steps open at once. */
  places: number;
  /** How long steps are begun, ms. */
  workMs: number;
  /** When what is still open is handed back, ms from the start. */
  handBackMs: number;
};

/** The store could not be asked: look again after this, ms. */
const RETRY_MS = 5_000;
/** What is due by this clock may be due by the store's only a little later: look again after this, ms. */
const EARLY_AGAIN_MS = 100;

export class StepShift {
  readonly #dependencies: StepShiftDependencies;
  readonly #options: StepShiftOptions;
  readonly #until: number;
  readonly #stop = new AbortController();
  /** Steps under way. */
  #open = 0;
  /** A claim is under way. */
  #looking = false;
  /** Rung while a claim was under way. */
  #rung = false;
  #cleaning = false;
  /** A moment has come, and nothing was found for it so far. */
  #promised = false;
  /** A task has ended since the other lane was last thought of. */
  #taskEnded = false;
  #ended = false;
  #timer: TimerHandle | null = null;
  #over: (() => void) | null = null;

  constructor(dependencies: StepShiftDependencies, options: StepShiftOptions) {
    this.#dependencies = dependencies;
    this.#options = options;
    this.#until = dependencies.clock.monotonic() + options.workMs;
  }

  /** Whether no more steps are begun: the next shift has to look for what waits. */
  get timeIsUp(): boolean {
    return this.#dependencies.clock.monotonic() >= this.#until;
  }

  /** Looks for work and works until nothing is open any more. Called once; never rejects. */
  async work(): Promise<void> {
    const { clock, moments } = this.#dependencies;
    const handBack = clock.after(this.#options.handBackMs, () => this.#stop.abort());
    this.#promised = moments.take(clock.now());
    this.look();
    this.#arm();
    await new Promise<void>((resolve) => {
      this.#over = resolve;
      this.#endIfIdle();
    });
    this.#ended = true;
    this.#timer?.cancel();
    handBack.cancel();
  }

  /** There is work now. False when it needs another runner: every place is taken, or the time is up. */
  look(): boolean {
    if (this.#ended || this.timeIsUp || this.#free === 0) return false;
    if (this.#looking) this.#rung = true;
    else void this.#look(this.#free);
    return true;
  }

  /** There is work at a moment, wall clock in ms. */
  lookAt(at: number): void {
    this.#dependencies.moments.add(at);
    this.#arm();
  }

  get #free(): number {
    return this.#options.places - this.#open;
  }

  async #look(free: number): Promise<void> {
    const { worker, clock, log, passOn } = this.#dependencies;
    const { lane } = this.#options;
    this.#looking = true;
    try {
      const steps = await worker.start(lane, free, this.#stop.signal);
      for (const { report } of steps) void this.#follow(report);
      // One free place is filled by the one task it was rung for; where several were, more may wait.
      if (steps.length === free && free > 1) passOn();
      if (steps.length === 0) await this.#foundNothing();
      else this.#promised = false;
    } catch (error) {
      log.error("work could not be looked for", { lane, cause: describeError(error) });
      this.lookAt(clock.now() + RETRY_MS);
    }
    this.#looking = false;
    if (this.#rung) {
      this.#rung = false;
      this.#lookOrPassOn();
    }
    this.#endIfIdle();
  }

  async #foundNothing(): Promise<void> {
    const { worker, clock, passOver } = this.#dependencies;
    // A cancel rings too, and then there is a job to end and nothing to claim.
    this.#clean();
    if (this.#taskEnded) {
      this.#taskEnded = false;
      await passOver();
    }
    if (!this.#promised) return;
    this.#promised = false;
    const dueAt = await worker.nextDueAt(this.#options.lane);
    const now = clock.now();
    // 0: as many are held as may be, and each of them looks when it ends.
    if (dueAt !== null && dueAt > 0 && dueAt <= now) this.lookAt(now + EARLY_AGAIN_MS);
  }

  async #follow(report: Promise<StepReport>): Promise<void> {
    this.#open += 1;
    try {
      const { task, dueAt } = await report;
      if (dueAt !== null) this.lookAt(dueAt);
      if (isTerminal(task.status)) this.#taskEnded = true;
    } catch (error) {
      const { lane } = this.#options;
      this.#dependencies.log.error("a step could not be stored", { lane, cause: describeError(error) });
    }
    this.#open -= 1;
    this.#lookOrPassOn();
    this.#endIfIdle();
  }

  #lookOrPassOn(): void {
    if (!this.look()) this.#dependencies.passOn();
  }

  #clean(): void {
    if (this.#cleaning) return;
    this.#cleaning = true;
    void this.#dependencies.worker.clean().finally(() => {
      this.#cleaning = false;
      this.#endIfIdle();
    });
  }

  /** Sets the one timer for the first moment. Once the shift has ended the alarm stands in for it. */
  #arm(): void {
    const { moments, clock } = this.#dependencies;
    this.#timer?.cancel();
    const at = this.#ended ? null : moments.next();
    if (at === null) return;
    this.#timer = clock.after(Math.max(0, at - clock.now()), () => {
      if (moments.take(clock.now())) {
        this.#promised = true;
        this.#lookOrPassOn();
      }
      this.#arm();
    });
  }

  #endIfIdle(): void {
    if (this.#open === 0 && !this.#looking && !this.#cleaning) this.#over?.();
  }
}
