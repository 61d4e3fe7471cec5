/** A lane of the engine: how much of it is in use, and the one timer for when its next work is due. */

import type { TaskType } from "../../protocol/task.ts";
import type { Clock, TimerHandle } from "../ports/clock.ts";
import { timerDelay } from "./scheduling.ts";

export class Lane {
  readonly type: TaskType;
  readonly concurrency: number;
  /** Tasks that are held now. */
  held = 0;
  /** A claim is under way. */
  claiming = false;
  /** Rung while a claim was under way or no slot was free. */
  rung = false;
  readonly #clock: Clock;
  readonly #due: (lane: Lane) => void;
  #timer: TimerHandle | null = null;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(type: TaskType, concurrency: number, clock: Clock, due: (lane: Lane) => void) {
    this.type = type;
    this.concurrency = concurrency;
    this.#clock = clock;
    this.#due = due;
  }

  get freeSlots(): number {
    return this.concurrency - this.held;
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
