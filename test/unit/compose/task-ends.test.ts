import { expect, test } from "vitest";
import { TaskEnds } from "../../../src/compose/operations/task-ends.ts";
import { DomainEvents } from "../../../src/events/listeners.ts";
import { MetricsRegistry } from "../../../src/metrics/registry.ts";
import { publishUpdate } from "../../../src/tasks/ports/publisher.ts";
import type { Task, TaskUpdate } from "../../../src/tasks/task.ts";
import { recordingLog } from "../../fixture/recording-log.ts";
import { runningTask } from "../../fixture/task.ts";

const START = 1_000_000;
const UNFOLLOWED = { task: false, key: false, subject: false };

/** What a transition that ended the task, or did not, means for followers. */
function updateOf(task: Task, type: "failed" | "completed" | "progress"): TaskUpdate {
  const { id, seq, status, progress, message, updatedAt } = task;
  const at = task.finishedAt ?? updatedAt;
  return {
    task,
    events: [{ taskId: id, seq, type, status, progress, message, at, keySeq: null, subjectSeq: null }],
    keyEpoch: "e",
    subjectEpoch: null,
    keySeq: 1,
    subjectSeq: null,
    followed: UNFOLLOWED,
  };
}

function setUp() {
  const published: TaskUpdate[] = [];
  const log = recordingLog();
  const metrics = new MetricsRegistry();
  const ends = new TaskEnds(log);
  ends.registerIn(metrics);
  const publisher = new DomainEvents({ publish: (update) => void published.push(update) }, [ends]);
  return { publisher, log, metrics, published };
}

const failed = runningTask({
  status: "failed",
  createdAt: START,
  startedAt: START + 200,
  finishedAt: START + 4_000,
  attempt: 3,
  providerMs: 700,
  error: { code: "provider_error", message: "The provider broke" },
});

test("a task that fails is told to the operator, though nobody follows it", async () => {
  const { publisher, log, metrics, published } = setUp();
  publishUpdate(publisher, updateOf(failed, "failed"));
  expect(published).toEqual([]);
  expect(log.lines).toMatchObject([
    {
      level: "warn",
      message: "task failed",
      fields: {
        taskId: failed.id,
        status: "failed",
        attempts: 3,
        queuedMs: 200,
        totalMs: 4_000,
        providerMs: 700,
        code: "provider_error",
        reason: "The provider broke",
      },
    },
  ]);
  const text = await metrics.render();
  expect(text).toContain(
    'conduit_tasks_ended_total{type="image",outcome="failed",provider="local",code="provider_error"} 1',
  );
  expect(text).toContain('conduit_task_duration_seconds_sum{type="image",outcome="failed"} 4');
});

test("a task that completes is one line, and progress is none", () => {
  const { publisher, log } = setUp();
  publishUpdate(publisher, updateOf(runningTask(), "progress"));
  publishUpdate(publisher, updateOf({ ...failed, status: "completed", error: null }, "completed"));
  expect(log.lines).toMatchObject([{ level: "info", message: "task completed" }]);
});

test("a task that never started waited until its end", () => {
  const { publisher, log } = setUp();
  publishUpdate(publisher, updateOf({ ...failed, startedAt: null }, "failed"));
  expect(log.lines).toMatchObject([{ fields: { queuedMs: 4_000 } }]);
});
