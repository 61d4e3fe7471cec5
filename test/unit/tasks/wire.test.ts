/** The event shape: what an event of progress says of the time that is left. */

import { describe, expect, test } from "vitest";
import type { TaskEvent } from "../../../src/tasks/task.ts";
import { toWireEvent, type WireContext } from "../../../src/tasks/wire.ts";
import { queuedTask, runningTask } from "../../fixture/task.ts";

const context: WireContext = { publicUrl: null, tasksMs: 1, now: () => 0 };
const task = runningTask({ progress: 25 });
const event = (changes: Partial<TaskEvent>): TaskEvent => ({
  taskId: task.id,
  seq: 3,
  type: "progress",
  status: "running",
  progress: 25,
  message: null,
  at: (task.startedAt ?? 0) + 5_000,
  keySeq: null,
  subjectSeq: null,
  ...changes,
});
const secondsOf = (told: TaskEvent, after = task) =>
  toWireEvent(told, after, "e.3", context).estimatedSecondsRemaining;

describe("an event of progress", () => {
  test("says the seconds that are left if the rest goes as fast", () => {
    expect(secondsOf(event({}))).toBe(15);
    expect(secondsOf(event({ progress: 90 }))).toBe(1);
  });

  test("says none while nobody can tell, and no other event says any", () => {
    expect(secondsOf(event({ progress: 4 }))).toBeUndefined();
    expect(secondsOf(event({}), queuedTask())).toBeUndefined();
    expect(secondsOf(event({ type: "retrying", status: "queued" }))).toBeUndefined();
  });
});
