/** The other processes that work on the same store: what they are told, and what they tell. */

import { TASK_TYPES, type TaskType } from "../../protocol/task.ts";
import type { Clock } from "../ports/clock.ts";
import type { InstanceBus } from "../ports/instance-bus.ts";

/** What an engine says to the others. Calls MUST NOT throw; a message may be lost, the others' sweeps find what it was about. */
export interface OtherWorkers {
  /** This process is full, and there may be work left in the lane. */
  workLeft(lane: TaskType): void;
  /** A task was ended that this process does not hold: whoever holds it should stop its call. */
  ended(taskId: string): void;
}

/** What an engine hears from the others. */
export interface WorkListener {
  /** There may be work in the lane. */
  wake(lane: TaskType): void;
  /** A task was ended elsewhere. */
  stopEnded(taskId: string): void;
}

/** Others that can be told nothing: only the store connects them. */
export const SILENT_WORKERS: OtherWorkers = { workLeft: () => {}, ended: () => {} };

const CHANNEL = "work";
/** A burst of rings is one message; the last one is told at its end, ms. */
const RING_PAUSE_MS = 20;

/** Others within reach of a bus. */
export class BusWorkers implements OtherWorkers {
  readonly #bus: InstanceBus;
  readonly #clock: Pick<Clock, "after">;
  /** Lanes told of within the pause; true: to be told again at its end. */
  readonly #told = new Map<TaskType, boolean>();

  constructor(bus: InstanceBus, clock: Pick<Clock, "after">) {
    this.#bus = bus;
    this.#clock = clock;
  }

  /** Resolves once messages arrive. */
  listen(listener: WorkListener): Promise<void> {
    return this.#bus.subscribe(CHANNEL, (message) => {
      const [word, subject = ""] = message.split(" ", 2);
      const lane = TASK_TYPES.find((type) => type === subject);
      if (word === "ring" && lane !== undefined) listener.wake(lane);
      if (word === "ended") listener.stopEnded(subject);
    });
  }

  workLeft(lane: TaskType): void {
    if (this.#told.has(lane)) {
      this.#told.set(lane, true);
      return;
    }
    this.#told.set(lane, false);
    this.#bus.publish(CHANNEL, `ring ${lane}`);
    this.#clock.after(RING_PAUSE_MS, () => {
      const again = this.#told.get(lane) === true;
      this.#told.delete(lane);
      if (again) this.workLeft(lane);
    });
  }

  ended(taskId: string): void {
    this.#bus.publish(CHANNEL, `ended ${taskId}`);
  }
}
