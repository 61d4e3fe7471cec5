/**
 * A lane of the engine: how much of it is in use, and the one timer for when its next work is due. Steps that begin an
 * attempt have places of their own, and polls as many again: neither a provider that answers after a minute nor one that
 * hangs keeps the jobs of the others from being asked for, and polls, however many are due, keep no task from its start.
 */

import type { TaskType } from "../../protocol/task.ts";
import type { Clock, TimerHandle } from "../ports/clock.ts";
import type { StepKind } from "../ports/task-store.ts";
import { timerDelay } from "./scheduling.ts";

export class Lane {
  readonly type: TaskType;
  /** A claim is under way. */
  claiming = false;
  /** Rung while a claim was under way or no place for a start was free. */
  rung = false;
  readonly #places: number;
  readonly #open: Record<StepKind, number> = { start: 0, poll: 0 };
  readonly #clock: Clock;
  readonly #due: (lane: Lane) => void;
  #timer: TimerHandle | null = null;
  #timerAt = Number.POSITIVE_INFINITY;

  /** `places`: steps of each kind that may be open at once. */
  constructor(type: TaskType, places: number, clock: Clock, due: (lane: Lane) => void) {
    this.type = type;
    this.#places = places;
    this.#clock = clock;
    this.#due = due;
  }

  /** Steps that are open now. */
  get held(): number {
    return this.#open.start + this.#open.poll;
  }

  /** How many more steps of a kind may be open. */
  free(kind: StepKind): number {
    return Math.max(0, this.#places - this.#open[kind]);
  }

  /** How many more of whatever kind. */
  get freeSlots(): number {
    return this.free("start") + this.free("poll");
  }

  /** A step is open. */
  take(kind: StepKind): void {
    this.#open[kind] += 1;
  }

  /** A step is over. */
  giveBack(kind: StepKind): void {
    this.#open[kind] -= 1;
  }

  /** Calls back at the earliest of the times asked for since the last call. */
  arm(atMs: number): void {
    if (atMs >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = atMs;
    this.#timer = this.#clock.after(timerDelay(atMs, this.#clock.now()), () => {
      this.disarm();
      this.#due(this);
    });
  }

  disarm(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }
}
