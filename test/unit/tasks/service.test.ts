/** Submitting, where the store's first answer was lost and it was asked twice. */

import { expect, test } from "vitest";
import type { CreateOutcome, ListQuery, TaskDraft } from "../../../src/tasks/ports/task-store.ts";
import { TaskService, type TaskServiceDependencies } from "../../../src/tasks/service.ts";
import type { TenantScope } from "../../../src/tasks/task.ts";
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

test("many tasks that are cancelled together are rung for once a lane", async () => {
  const tasks = [
    queuedTask({ id: "newest" }),
    queuedTask({ id: "a film", type: "video" }),
    queuedTask({ id: "oldest" }),
  ];
  const rung: string[] = [];
  const dropped: string[] = [];
  const dependencies = {
    store: {
      list: async (_scope: TenantScope, { statuses, limit }: ListQuery) => ({
        tasks: statuses?.includes("queued") && limit > 1 ? tasks.map((task) => ({ task })) : [],
        hasMore: false,
      }),
      cancel: async (_scope: TenantScope, id: string) => ({
        outcome: "cancelled",
        update: { task: tasks.find((task) => task.id === id), events: [] },
      }),
    },
    doorbell: { ring: (lane: string, _at: number, task: { id: string }) => rung.push(`${lane} ${task.id}`) },
    dropHeld: (id: string) => dropped.push(id),
    clock: new ManualClock(),
  } as unknown as TaskServiceDependencies;
  const limits = { timeoutMs: 1_000, maxAttempts: 3 };
  const options = { limits: { image: limits, video: limits }, maxWaitMs: 1_000, maxQueuedPerKey: 10 };
  const outcome = await new TaskService(dependencies, options).cancelMany({ keyId: "a", subject: null }, {});
  expect(outcome).toEqual({ taskIds: ["newest", "a film", "oldest"], hasMore: false });
  expect(rung).toEqual(["image oldest", "video a film"]);
  expect(dropped).toEqual(["newest", "a film", "oldest"]);
});
