/** Submitting, where the store's first answer was lost and it was asked twice. */

import { expect, test } from "vitest";
import type { CreateOutcome, TaskDraft } from "../../../src/tasks/ports/task-store.ts";
import { TaskService, type TaskServiceDependencies } from "../../../src/tasks/service.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import { queuedTask } from "../../fixture/task.ts";
import { taskDraft } from "../../fixture/task-draft.ts";

/** A service whose store answers this; the task ids it rang for. */
function serviceOver(create: (draft: TaskDraft) => CreateOutcome) {
  const rung: string[] = [];
  const dependencies = {
    store: { create: async (draft: TaskDraft) => create(draft) },
    doorbell: { ring: (_lane: string, _at: number, task: { id: string }) => rung.push(task.id) },
    clock: new ManualClock(),
  } as unknown as TaskServiceDependencies;
  const limits = { timeoutMs: 1_000, maxAttempts: 3 };
  const service = new TaskService(dependencies, {
    limits: { image: limits, video: limits },
    maxWaitMs: 1_000,
    maxQueuedPerKey: 10,
  });
  return { service, rung };
}

test("a task that the lost first answer made is the caller's own, new, and is rung for", async () => {
  const { service, rung } = serviceOver((draft) => ({
    outcome: "replayed",
    task: { task: queuedTask({ id: draft.id }), queuePosition: 1 },
  }));
  const { view, replayed } = await service.submit(taskDraft({ id: "given by the service" }));
  expect(replayed).toBe(false);
  expect(rung).toEqual([view.task.id]);
});

test("the task of an earlier request is a replay, and is not rung for again", async () => {
  const { service, rung } = serviceOver(() => ({
    outcome: "replayed",
    task: { task: queuedTask(), queuePosition: 1 },
  }));
  expect(await service.submit(taskDraft({ id: "given by the service" }))).toMatchObject({ replayed: true });
  expect(rung).toEqual([]);
});
