/** The console's list of tasks: pages of the gateway's list under a filter, kept up to date by events. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ConduitClient as Client, type ConduitClient, type TaskFilter } from "../../../src/client/index.ts";
import { cancelByFilter } from "../../../src/console/tasks/bulk.ts";
import { TaskList } from "../../../src/console/tasks/task-list.ts";
import type { TaskStatus, WireEvent, WireTask } from "../../../src/protocol/task.ts";

/** So long events are collected. */
const SHOWN_MS = 200;

function taskOf(number: number, fields: Partial<WireTask> = {}): WireTask {
  const taskId = `01a00000-0000-7000-8000-${String(number).padStart(12, "0")}`;
  const at = "2026-11-30T12:00:00.000Z";
  const shown = {
    type: "image",
    status: "running",
    progress: 10,
    message: null,
    model: "local/canvas",
  } as const;
  return { taskId, task_id: taskId, created: at, updated: at, metadata: {}, ...shown, ...fields } as WireTask;
}

function eventOf(number: number, status: TaskStatus, fields: Partial<WireEvent> = {}): WireEvent {
  const type = status === "running" ? "started" : status;
  const { taskId } = taskOf(number);
  const at = "2026-11-30T12:00:05.000Z";
  return { id: "e", taskId, seq: 2, type, status, progress: 50, message: "painting", at, ...fields };
}

describe("the list of tasks", () => {
  /** What the gateway has, by number. */
  let gateway: Map<number, WireTask>;
  let asked: string[];
  let client: ConduitClient;
  let list: TaskList;

  beforeEach(() => {
    vi.useFakeTimers();
    gateway = new Map();
    asked = [];
    client = new Client({
      virtualKey: "condt_x",
      baseUrl: "http://gateway.test",
      maxRetries: 0,
      fetch: async (url) => {
        const { pathname, searchParams } = new URL(url);
        asked.push(pathname + (searchParams.get("after") ? " after" : ""));
        const numbers = [...gateway.keys()].sort((one, other) => other - one);
        const all = numbers.map((number) => gateway.get(number) as WireTask);
        if (pathname !== "/v1/tasks") {
          const found = all.find(({ taskId }) => pathname.endsWith(taskId));
          return found === undefined
            ? Response.json({ error: { code: "x" } }, { status: 404 })
            : Response.json(found);
        }
        const wanted = searchParams.get("status")?.split(",");
        const after = searchParams.get("after");
        const rest = all
          .filter(({ status }) => wanted === undefined || wanted.includes(status))
          .filter(({ taskId }) => after === null || taskId < after);
        const data = rest.slice(0, 100);
        return Response.json({ data, hasMore: rest.length > 100, after: data.at(-1)?.taskId ?? null });
      },
    });
  });
  afterEach(() => {
    list.close();
    vi.useRealTimers();
  });

  const has = (...tasks: WireTask[]) => {
    for (const task of tasks) gateway.set(Number(task.taskId.slice(-12)), task);
  };
  const numbers = () => list.state().tasks.map(({ taskId }) => Number(taskId.slice(-12)));
  async function opened(filter: TaskFilter = {}): Promise<void> {
    list = new TaskList(client, filter);
    list.more();
    await vi.advanceTimersByTimeAsync(SHOWN_MS);
    asked.length = 0;
  }
  async function hears(...events: WireEvent[]): Promise<void> {
    for (const event of events) list.heard(event);
    await vi.advanceTimersByTimeAsync(SHOWN_MS);
  }

  it("shows of a known task what its events say, without asking", async () => {
    has(taskOf(1));
    await opened();
    await hears(
      eventOf(1, "running", { type: "progress", progress: 40 }),
      eventOf(1, "failed", { error: "no" }),
    );
    expect(list.state().tasks[0]).toMatchObject({
      status: "failed",
      error: "no",
      finished: expect.any(String),
    });
    await hears(eventOf(1, "running", { type: "progress", progress: 99 }));
    expect(list.state().tasks[0]).toMatchObject({ status: "failed", progress: 50 });
    expect(asked).toEqual([]);
  });

  it("puts a new task at its place, also when its progress comes in the same moment", async () => {
    has(taskOf(1), taskOf(3));
    await opened();
    has(taskOf(2), taskOf(4));
    await hears(
      eventOf(2, "queued"),
      eventOf(4, "queued"),
      eventOf(4, "running", { type: "progress", progress: 20 }),
    );
    expect(numbers()).toEqual([4, 3, 2, 1]);
    expect(asked).toHaveLength(2);
  });

  it("asks for a page where many tasks are new at once", async () => {
    await opened();
    const many = Array.from({ length: 40 }, (_, index) => index + 1);
    has(...many.map((number) => taskOf(number)));
    await hears(...many.map((number) => eventOf(number, "queued")));
    expect(list.state().tasks).toHaveLength(40);
    expect(asked).toEqual(["/v1/tasks"]);
  });

  it("under a filter drops what no longer fits, and takes in what does now", async () => {
    has(taskOf(1, { status: "failed" }), taskOf(2), taskOf(3, { status: "failed", type: "video" }));
    await opened({ status: "running", type: "image" });
    has(taskOf(4), taskOf(5, { type: "video" }));
    await hears(eventOf(2, "completed"), eventOf(4, "running"), eventOf(5, "running"), eventOf(1, "failed"));
    expect(numbers()).toEqual([4]);
  });

  it("leaves out tasks that are further down than was loaded", async () => {
    has(...Array.from({ length: 150 }, (_, index) => taskOf(index + 1)));
    await opened();
    await hears(eventOf(7, "completed"));
    expect(numbers().at(-1)).toBe(51);
    list.more();
    await vi.advanceTimersByTimeAsync(0);
    expect([numbers().length, list.state().hasMore]).toEqual([150, false]);
  });

  it("after a gap in the news reads again what it shows, and goes on to the oldest afterwards", async () => {
    has(...Array.from({ length: 250 }, (_, index) => taskOf(index + 1)));
    await opened();
    list.more();
    await vi.advanceTimersByTimeAsync(0);
    expect(numbers()).toHaveLength(200);
    gateway.delete(200);
    has(taskOf(251), taskOf(100, { status: "completed" }));
    list.refresh();
    await vi.advanceTimersByTimeAsync(0);
    expect([numbers()[0], numbers().includes(200), numbers().length]).toEqual([251, false, 200]);
    expect(list.state().tasks.find(({ taskId }) => taskId === taskOf(100).taskId)?.status).toBe("completed");
    list.more();
    await vi.advanceTimersByTimeAsync(0);
    expect([numbers().at(-1), list.state().hasMore]).toEqual([1, false]);
  });

  it("says why a page did not come, keeps what it has, and asks again", async () => {
    has(taskOf(1));
    await opened();
    const answer = vi.spyOn(client.tasks, "list").mockRejectedValueOnce(new Error("away"));
    list.refresh();
    await vi.advanceTimersByTimeAsync(0);
    expect(list.state()).toMatchObject({ error: { message: "away" }, isLoading: false });
    expect(numbers()).toEqual([1]);
    answer.mockRestore();
    list.refresh();
    await vi.advanceTimersByTimeAsync(0);
    expect(list.state().error).toBeNull();
  });
});

describe("cancelling all of a filter", () => {
  it("cancels nothing where the filter lets no unfinished task through", async () => {
    const asked: unknown[] = [];
    const client = new Client({
      virtualKey: "condt_x",
      baseUrl: "http://gateway.test",
      fetch: async (_, { body }) => {
        asked.push(JSON.parse(String(body)));
        return Response.json({ cancelled: 2, hasMore: false });
      },
    });
    expect(await cancelByFilter(client, { status: ["failed"], type: "image" })).toBe(0);
    expect(asked).toEqual([]);
    expect(await cancelByFilter(client, { status: ["failed", "queued"], type: "image" })).toBe(2);
    expect(asked).toEqual([{ status: ["queued"], type: "image" }]);
  });
});
