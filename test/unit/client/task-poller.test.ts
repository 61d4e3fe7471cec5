/** Reading many tasks: lists first, the rest alone, and what ends or refuses it. */

import { afterEach, describe, expect, test } from "vitest";
import { TaskPoller } from "../../../src/client/following/task-poller.ts";
import { Requester } from "../../../src/client/transport/requester.ts";
import type { WireTask } from "../../../src/protocol/task.ts";
import { ManualClock, settled } from "../../fixture/manual-clock.ts";
import { type Asked, refusing, type ScriptedAnswer, ScriptedFetch } from "../../fixture/scripted-fetch.ts";

const idOf = (index: number) => `task-${String(index).padStart(4, "0")}`;
let poller: TaskPoller | null = null;
afterEach(() => poller?.clear());

/** A gateway with so many unfinished tasks, in pages. */
class Gateway {
  readonly tasks = new Map<string, WireTask>();

  constructor(count: number) {
    for (let index = 0; index < count; index += 1) this.set(index, { status: "running", progress: 10 });
  }

  set(index: number, change: Partial<WireTask>): void {
    const taskId = idOf(index);
    this.tasks.set(taskId, { message: null, ...this.tasks.get(taskId), taskId, ...change } as WireTask);
  }

  readonly answer = ({ path }: Asked): ScriptedAnswer => {
    const url = new URL(path, "http://gateway.test");
    if (url.pathname !== "/v1/tasks") {
      const task = this.tasks.get(url.pathname.split("/").at(-1) ?? "");
      return task === undefined ? refusing(404, "task_not_found")() : Response.json(task);
    }
    const unfinished = [...this.tasks.values()].filter(({ status }) => status === "running");
    const from = Number(url.searchParams.get("after") ?? 0);
    const data = unfinished.slice(from, from + 100);
    const after = String(from + 100);
    return Response.json({ data, hasMore: from + 100 < unfinished.length, after });
  };
}

function polling(count: number, answer: (asked: Asked) => ScriptedAnswer) {
  const network = new ScriptedFetch(answer);
  const clock = new ManualClock();
  const options = { virtualKey: "condt_a", baseUrl: "http://gateway.test", fetch: network.fetch, clock };
  const read = new Map<string, number>();
  const refused: string[] = [];
  const gaveUp: unknown[] = [];
  const made = new TaskPoller(new Requester({ ...options, random: () => 1 }), {
    read: (taskId, { progress }) => {
      const news = read.get(taskId) !== progress;
      read.set(taskId, progress);
      return news;
    },
    refused: (taskId) => void refused.push(taskId),
    gaveUp: (error) => void gaveUp.push(error),
  });
  poller = made;
  for (let index = 0; index < count; index += 1) made.add(idOf(index));
  return { network, clock, read, refused, gaveUp, made };
}

/** A round's requests come one after another. */
async function rounds(clock: ManualClock, ms: number): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await settled();
  await clock.advance(ms);
  for (let turn = 0; turn < 5; turn += 1) await settled();
}

describe("reading many tasks", () => {
  test("takes a request for each hundred of them, and one for each that has ended", async () => {
    const gateway = new Gateway(1_000);
    const { network, clock, read } = polling(1_000, gateway.answer);
    await rounds(clock, 0);
    expect(read.size).toBe(1_000);
    expect(network.asked).toHaveLength(10);
    gateway.set(7, { status: "completed", progress: 100 });
    gateway.set(8, { progress: 60 });
    await rounds(clock, 1_000);
    expect([read.get(idOf(7)), read.get(idOf(8))]).toEqual([100, 60]);
    expect(network.asked.slice(10).filter(({ path }) => !path.includes("?"))).toHaveLength(1);
    await rounds(clock, 1_000);
    expect(network.asked.filter(({ path }) => path.endsWith(idOf(7)))).toHaveLength(1);
  });

  test("slows down while there is no news", async () => {
    const { network, clock } = polling(1, new Gateway(1).answer);
    await rounds(clock, 0);
    const waits: number[] = [];
    for (let before = clock.now(); waits.length < 5; ) {
      const count = network.asked.length;
      while (network.asked.length === count) await rounds(clock, 500);
      waits.push(clock.now() - before);
      before = clock.now();
    }
    expect(waits).toEqual([1_000, 1_000, 2_000, 4_000, 5_000]);
  });

  test("reads each alone where the key may list none, and forgets what it may not read", async () => {
    const gateway = new Gateway(5);
    const { network, clock, read, refused } = polling(6, (asked) =>
      asked.path.startsWith("/v1/tasks?") ? refusing(403, "permission_denied")() : gateway.answer(asked),
    );
    await rounds(clock, 0);
    expect([read.size, refused]).toEqual([5, [idOf(5)]]);
    await rounds(clock, 1_000);
    expect(network.asked.filter(({ path }) => path.startsWith("/v1/tasks?"))).toHaveLength(1);
  });

  test("outlives a gateway that is away for a minute, and gives up one that is away for five", async () => {
    const gateway = new Gateway(6);
    const { network, clock, read, gaveUp, made } = polling(6, () => new TypeError("fetch failed"));
    await rounds(clock, 60_000);
    network.answers = [gateway.answer];
    await rounds(clock, 5_000);
    expect([read.size, gaveUp]).toEqual([6, []]);
    network.answers = [() => new TypeError("fetch failed")];
    await rounds(clock, 310_000);
    expect(gaveUp).toEqual([expect.objectContaining({ name: "ConnectionError" })]);
    expect(clock.pendingTimers).toBe(0);
    made.remove(idOf(0));
  });
});
