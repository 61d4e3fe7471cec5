/** The event shape: what an event of progress says of the time that is left. */

import { describe, expect, test } from "vitest";
import type { TaskEvent } from "../../../src/tasks/task.ts";
import {
  toOperatorsWireTask,
  toWholeWireTask,
  toWireEvent,
  type WireContext,
} from "../../../src/tasks/wire.ts";
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

describe("the attempts of a task", () => {
  const over = {
    attempt: 1,
    provider: "openai",
    model: "gpt-image-2",
    credential: "the second account",
    startedAt: 0,
    ms: 5,
    outcome: "retried",
    errorCode: "provider_unavailable",
  } as const;
  const view = { task: runningTask({ attempts: [over] }), queuePosition: null };

  test("are told to its key without the account that was used", () => {
    const { attempts, request } = toWholeWireTask(view, context);
    const { credential: _, ...told } = { ...over, startedAt: "1970-01-01T00:00:00.000Z" };
    expect(attempts).toEqual([told]);
    expect(request).toBeDefined();
  });

  test("are told to an operator with the account, and what was asked for is not", () => {
    const told = toOperatorsWireTask(view, context);
    expect(told.attempts).toMatchObject([{ provider: "openai", credential: "the second account" }]);
    expect(told).not.toHaveProperty("request");
  });
});
