/** The progress of one step: what the provider tells, or an estimate where it tells nothing, written at a bounded rate. */

import { cutMessage } from "../../cut-message.ts";
import type { Clock, TimerHandle } from "../../ports/clock.ts";
import type { StepOutcome } from "../../ports/media-provider.ts";
import { type Publisher, publishUpdate } from "../../ports/publisher.ts";
import type { Lease, TaskStore } from "../../ports/task-store.ts";
import { clampPercent } from "../../reducer.ts";
import type { Task } from "../../task.ts";
import type { StepTransition } from "../../transition.ts";
import { estimatedPercent, estimateMessage } from "../progress-estimate.ts";
import type { UsualDurations } from "../usual-durations.ts";

type Pending = Extract<StepOutcome, { kind: "pending" }>;
type Progress = Extract<StepTransition, { kind: "progress" }>;

export type StepProgressDependencies = {
  store: Pick<TaskStore, "advance">;
  publisher: Publisher;
  clock: Clock;
  /** The least time between two stored values, ms. */
  progressIntervalMs: number;
  /** The least time between two stored estimates, ms. */
  estimateIntervalMs: number;
  /** How long jobs usually take. Absent: progress is never estimated. */
  durations?: Pick<UsualDurations, "usualMs"> | undefined;
};

export class StepProgress {
  readonly #lease: Lease;
  readonly #dependencies: StepProgressDependencies;
  readonly #lost: () => void;
  /** How long the attempt usually takes, ms; null where nothing is estimated. */
  readonly #usualMs: number | null;
  /** Monotonic, ms: when the attempt began, as far as the store's clock says. */
  readonly #since: number;
  /** As it was stored when the step began. */
  readonly #stored: number;
  /** The last value that the provider told. */
  #told: { percent: number; message: string | null } = { percent: 0, message: null };
  /** The last estimate; null before the first. */
  #estimated: number | null = null;
  #waiting: Progress | null = null;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #timer: TimerHandle | null = null;
  #estimateTimer: TimerHandle | null = null;
  #inFlight = false;
  #ended = false;

  /** `lost` is called when a write is refused: the task is not held any more. */
  constructor(task: Task, lease: Lease, dependencies: StepProgressDependencies, lost: () => void) {
    this.#lease = lease;
    this.#dependencies = dependencies;
    this.#lost = lost;
    this.#usualMs = dependencies.durations?.usualMs(task) ?? null;
    const elapsedMs = Math.max(0, task.updatedAt - (task.attemptStartedAt ?? task.updatedAt));
    this.#stored = task.progress;
    this.#since = dependencies.clock.monotonic() - elapsedMs;
  }

  /** Nothing is written any more. */
  end(): void {
    this.#ended = true;
    this.#waiting = null;
    this.#timer?.cancel();
    this.#timer = null;
    this.#estimateTimer?.cancel();
    this.#estimateTimer = null;
  }

  /**
   * The provider tells how far it is. What a step tells on the way, such as items that are finished, is the least there is: an
   * estimate beyond it stands.
   */
  told(percent: number, message: string | null): void {
    if (this.#ended) return;
    this.#told = { percent: clampPercent(percent), message: message === null ? null : cutMessage(message) };
    const estimate = this.#usualMs === null ? null : this.#estimated;
    this.#note(
      estimate === null || estimate <= this.#told.percent
        ? { kind: "progress", ...this.#told }
        : { kind: "progress", ...this.#withEstimate(estimate, this.#told.message) },
    );
  }

  /** Reports estimates while a call is open, at most one per `estimateIntervalMs` and only when it has risen. */
  estimateWhileSilent(): void {
    if (this.#usualMs === null || this.#ended) return;
    const { clock, estimateIntervalMs } = this.#dependencies;
    this.#estimateTimer = clock.after(estimateIntervalMs, () => {
      this.#noteEstimate();
      this.estimateWhileSilent();
    });
  }

  /** The outcome of a poll with an estimate where it does not say how far the job is; what it says stands. */
  completed(outcome: Pending): Pending {
    const percent = this.#estimate();
    if (percent === null || outcome.progress !== undefined) return outcome;
    const { percent: progress, message } = this.#withEstimate(percent, outcome.message ?? null);
    return { ...outcome, progress, message };
  }

  #estimate(): number | null {
    const elapsedMs = this.#dependencies.clock.monotonic() - this.#since;
    return this.#usualMs === null ? null : estimatedPercent(elapsedMs, this.#usualMs);
  }

  #noteEstimate(): void {
    const percent = this.#estimate();
    // The first one says that it is an estimate, however far an earlier attempt was.
    const shown = this.#estimated === null ? 0 : Math.max(this.#estimated, this.#stored);
    if (percent === null || percent <= Math.max(shown, this.#told.percent)) return;
    this.#estimated = percent;
    // It takes the place of what was told and is not written yet, and still says that the work goes on.
    const instead = this.#waiting !== null && this.#waiting.estimated !== true;
    this.#note({
      kind: "progress",
      ...this.#withEstimate(percent, this.#told.message),
      ...(!instead && { estimated: true }),
    });
  }

  #withEstimate(percent: number, told: string | null): { percent: number; message: string } {
    return { percent, message: cutMessage(estimateMessage(told, this.#usualMs ?? 0)) };
  }

  /** The last value wins: what comes faster than the interval replaces what still waits. */
  #note(progress: Progress): void {
    if (this.#ended) return;
    this.#waiting = progress;
    if (this.#inFlight || this.#timer !== null) return;
    const { clock, progressIntervalMs } = this.#dependencies;
    const waitMs = this.#writtenAt + progressIntervalMs - clock.monotonic();
    if (waitMs <= 0) {
      this.#write();
      return;
    }
    this.#timer = clock.after(waitMs, () => {
      this.#timer = null;
      this.#write();
    });
  }

  #write(): void {
    const progress = this.#waiting;
    if (progress === null || this.#ended) return;
    this.#waiting = null;
    this.#inFlight = true;
    const { store, publisher, clock } = this.#dependencies;
    this.#writtenAt = clock.monotonic();
    store
      .advance(this.#lease, progress)
      .then((outcome) => {
        if (outcome.applied) publishUpdate(publisher, outcome.update);
        // After the step returned, its own last transition has ended the lease: nothing is lost then.
        else if (!this.#ended) this.#lost();
      })
      .catch(() => {
        // A progress value that could not be stored is superseded by the next one.
      })
      .finally(() => {
        this.#inFlight = false;
        if (this.#waiting !== null) this.#note(this.#waiting);
      });
  }
}
