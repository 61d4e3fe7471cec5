import { beforeEach, expect, test } from "vitest";
import { LocalEnds } from "../../../src/tasks/local-ends.ts";
import { publishUpdate } from "../../../src/tasks/ports/publisher.ts";
import type { Task, TaskUpdate, TenantScope } from "../../../src/tasks/task.ts";
import { ManualClock, settled } from "../../fixture/manual-clock.ts";
import { ScriptedLogs } from "../../fixture/scripted-logs.ts";

const KEY: TenantScope = { keyId: "key_a", subject: null };
const COMPARED_EVERY_MS = 5_000;

let logs: ScriptedLogs;
let clock: ManualClock;
let ends: LocalEnds;
let heard: (string | TaskUpdate)[];
let reads: string[];
let warnings: string[];

beforeEach(() => {
  logs = new ScriptedLogs();
  clock = new ManualClock();
  [heard, reads, warnings] = [[], [], []];
  ends = new LocalEnds({
    publisher: { publish: (update) => heard.push(update), committed: ({ task }) => heard.push(task.status) },
    store: {
      positions: (ids) => logs.positions(ids),
      get: async ({ keyId }, id) => {
        reads.push(id);
        const task = logs.task(id);
        return task.tenant.keyId === keyId ? { task, queuePosition: null } : null;
      },
    },
    clock,
    log: { debug: () => {}, info: () => {}, error: () => {}, warn: (message) => warnings.push(message) },
  });
});

/** What the wait has come to so far. */
async function outcomeOf(waiting: Promise<Task | null>): Promise<Task["status"] | "nothing" | "waiting"> {
  let outcome: Task["status"] | "nothing" | "waiting" = "waiting";
  void waiting.then((task) => {
    outcome = task?.status ?? "nothing";
  });
  await settled();
  return outcome;
}

test("a wait resolves with the task as it ended, and reads nothing for it", async () => {
  const { id } = logs.create().task;
  const waiting = ends.untilEnded(KEY, id, 60_000);
  await settled();
  publishUpdate(ends, logs.advance(id, "started"));
  expect([await outcomeOf(waiting), ends.isAwaited(id)]).toEqual(["waiting", true]);
  publishUpdate(ends, logs.advance(id, "completed"));
  expect([await outcomeOf(waiting), ends.isAwaited(id)]).toEqual(["completed", false]);
  expect([reads, heard]).toEqual([[], ["running", "completed"]]);
  expect(logs.hasSubscribers(id)).toBe(false);
});

test("a task that ended before the wait is to be read at once, also one that ended long ago within 5 s", async () => {
  const { id } = logs.create().task;
  publishUpdate(ends, logs.advance(id, "cancelled"));
  expect(await outcomeOf(ends.untilEnded(KEY, id, 60_000))).toBe("nothing");
  for (let other = 0; other < 1_100; other += 1)
    publishUpdate(ends, logs.advance(logs.create().task.id, "failed"));
  const waiting = ends.untilEnded(KEY, id, 60_000);
  expect(await outcomeOf(waiting)).toBe("waiting");
  await clock.advance(COMPARED_EVERY_MS);
  expect(await outcomeOf(waiting)).toBe("cancelled");
});

test("a task that is not there, or another's, is waited for until the comparison finds that", async () => {
  const { id } = logs.create().task;
  const others = ends.untilEnded({ keyId: "key_b", subject: null }, id, 60_000);
  const nobodys = ends.untilEnded(KEY, "019aa5f0-1c00-7000-8000-00000000ffff", 60_000);
  expect([await outcomeOf(others), await outcomeOf(nobodys)]).toEqual(["waiting", "waiting"]);
  await clock.advance(COMPARED_EVERY_MS);
  expect([await outcomeOf(others), await outcomeOf(nobodys)]).toEqual(["nothing", "nothing"]);
});

test("a wait resolves with nothing when the time is up, the caller leaves, its key is gone or the process stops", async () => {
  const { id } = logs.create().task;
  const late = ends.untilEnded(KEY, id, 1_000);
  await clock.advance(1_000);
  expect(await outcomeOf(late)).toBe("nothing");

  const aborter = new AbortController();
  const left = ends.untilEnded(KEY, id, 60_000, aborter.signal);
  expect(await outcomeOf(left)).toBe("waiting");
  aborter.abort();
  expect(await outcomeOf(left)).toBe("nothing");

  const revoked = ends.untilEnded(KEY, id, 60_000);
  ends.closeKey("key_b");
  expect(await outcomeOf(revoked)).toBe("waiting");
  ends.closeKey("key_a");
  expect(await outcomeOf(revoked)).toBe("nothing");

  const stopped = ends.untilEnded(KEY, id, 60_000);
  ends.close();
  expect(await outcomeOf(stopped)).toBe("nothing");
  expect(await outcomeOf(ends.untilEnded(KEY, id, 60_000))).toBe("nothing");
});

test("an end that nobody announced is found by the comparison with the store, which reads only what changed", async () => {
  const { id } = logs.create().task;
  const waiting = ends.untilEnded(KEY, id, 60_000);
  await settled();
  logs.advance(id, "started");
  await clock.advance(3 * COMPARED_EVERY_MS);
  expect([await outcomeOf(waiting), reads]).toEqual(["waiting", [id]]);
  logs.failing = true;
  await clock.advance(COMPARED_EVERY_MS);
  expect(warnings).toHaveLength(1);
  logs.failing = false;
  logs.advance(id, "failed");
  await clock.advance(COMPARED_EVERY_MS);
  expect(await outcomeOf(waiting)).toBe("failed");
  await clock.advance(60_000);
  expect(clock.pendingTimers).toBe(0);
});
