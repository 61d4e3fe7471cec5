/** Work by alarm inside workerd: the real runners over the deployment's store, with a provider that the test steers. */

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runSchedule } from "../../src/compose/cron-schedule.ts";
import { SLOTS_PER_RUNNER } from "../../src/tasks/engine/steps/step-runner-pool.ts";
import { pause } from "../fixture/patient-provider.ts";
import { RunnerWorld } from "../fixture/runner-world.ts";
import { pictures } from "../fixture/scripted-provider.ts";

const EVERY_MINUTE = "* * * * *";
/** Time enough for a runner to do what it must not do. */
const A_WHILE_MS = 150;
const POLL_MS = 200;
const LATER_MS = 60_000;
const SHORT_LEASE = { leaseMs: 600, renewMs: 100 };

let world: RunnerWorld;
beforeEach(async () => {
  world = await RunnerWorld.open();
});
afterEach(() => world.close());

async function untilOpen(count: number): Promise<void> {
  while (world.provider.open < count) await pause();
}

const createMany = (count: number) => Promise.all(Array.from({ length: count }, () => world.create()));
const pending = () => ({ kind: "pending", state: { job: 1 }, pollAfterMs: POLL_MS }) as const;

describe("a ring", () => {
  test("is answered before any work begins; the work is the alarm's", async () => {
    const { id } = await world.create();
    const [alarm, open] = await world.inside("image/0", async (storage, runner) => {
      await runner.ring(Date.now());
      return [await storage.getAlarm(), world.provider.open];
    });
    expect(alarm).not.toBeNull();
    expect(open).toBe(0);
    const call = await world.provider.next();
    expect(call.job.taskId).toBe(id);
    call.outcome = pictures();
    await world.ended(id);
    expect(await world.eventTypes(id)).toEqual(["queued", "started", "completed"]);
  });

  test("starts as many steps side by side as there are slots, also when several came before the alarm", async () => {
    await createMany(SLOTS_PER_RUNNER + 2);
    await Promise.all([world.ring("image/0"), world.ring("image/0"), world.ring("image/0")]);
    world.maxHeld = SLOTS_PER_RUNNER;
    await untilOpen(SLOTS_PER_RUNNER);
    await pause(A_WHILE_MS);
    expect(world.provider.open).toBe(SLOTS_PER_RUNNER);
  });

  test("that finds more than fits into one runner is forwarded until as many are held as may be", async () => {
    world.maxHeld = 12;
    await createMany(20);
    await world.ring("image/1");
    await untilOpen(12);
    await pause(A_WHILE_MS);
    expect(world.provider.open).toBe(12);
    world.provider.always = () => pictures();
    while ((await world.stat())?.ready !== 0 || (await world.stat())?.held !== 0) await pause();
    expect(world.provider.calls).toHaveLength(20);
    expect(world.provider.mostOpen).toBe(12);
  });

  test("goes around once where every runner is full", async () => {
    world.maxHeld = 10;
    await createMany(12);
    await world.ring("image/0");
    await untilOpen(10);
    // Two runners, both full of what was begun before the limit was lowered.
    world.maxHeld = SLOTS_PER_RUNNER;
    await world.ring("image/0");
    await world.ring("image/1");
    expect(world.provider.open).toBe(10);
  });

  test("for later is kept while the runner hibernates, and while it works", async () => {
    const asleep = await world.create();
    await world.ring("image/0", Date.now() + POLL_MS);
    await evictDurableObject(world.runner("image/0"));
    const first = await world.provider.next();
    expect(first.job.taskId).toBe(asleep.id);
    const working = await world.create();
    await world.ring("image/0", Date.now() + POLL_MS);
    expect(world.provider.open).toBe(1);
    expect((await world.provider.next()).job.taskId).toBe(working.id);
  });

  test("sets an alarm anew that was lost, and puts none off that is overdue", async () => {
    const set = await world.inside("image/99", async (storage, runner) => {
      const alarms: number[] = [];
      // As after the trap of the platform, an alarm in the past that never fires; or one that is late.
      Reflect.set(runner, "ctx", {
        id: { name: "image/99" },
        storage: {
          getAlarm: async () => Date.now() - 5_000,
          setAlarm: async (at: number) => void alarms.push(at),
          sql: storage.sql,
        },
      });
      const now = Date.now();
      await runner.ring(now);
      await runner.ring(now + LATER_MS);
      return alarms.map((at) => at - now);
    });
    expect(set).toHaveLength(2);
    // Never for this very millisecond.
    for (const delay of set) expect(delay).toBeGreaterThanOrEqual(1);
    expect(set[1]).toBeLessThan(LATER_MS);
  });
});

describe("a step that is due later", () => {
  test("wakes a runner that hibernates", async () => {
    const { id } = await world.create();
    await world.ring("image/0");
    (await world.provider.next()).outcome = pending();
    while ((await world.alarmOf("image/0")) === null) await pause();
    await evictDurableObject(world.runner("image/0"));
    const poll = await world.provider.next();
    expect(poll.kind).toBe("poll");
    poll.outcome = pictures();
    await world.ended(id);
  });

  test("is not held up by a step that takes long on the same runner", async () => {
    const [polled] = [await world.create(), await world.create()];
    await world.ring("image/0");
    const calls = [await world.provider.next(), await world.provider.next()];
    for (const call of calls) if (call.job.taskId === polled.id) call.outcome = pending();
    const poll = await world.provider.next();
    expect(poll).toMatchObject({ kind: "poll", job: { taskId: polled.id } });
    expect(world.provider.open).toBe(2);
    poll.outcome = pictures();
    await world.ended(polled.id);
  });

  test("is not held up by a long step that began after the runner had hibernated", async () => {
    await createMany(2);
    await world.ring("image/0");
    for (let index = 0; index < 2; index += 1) {
      (await world.provider.next()).outcome = { ...pending(), pollAfterMs: POLL_MS * (index + 1) };
    }
    while ((await world.alarmOf("image/0")) === null) await pause();
    await evictDurableObject(world.runner("image/0"));
    // The first poll never answers.
    expect((await world.provider.next()).kind).toBe("poll");
    expect((await world.provider.next()).kind).toBe("poll");
    expect(world.provider.open).toBe(2);
  });
});

describe("work that waits for a slot", () => {
  test("is begun when a step ends, on any runner, and none polls for it", async () => {
    // Jobs of tests before are to be ended later, for which runners would wake.
    for (const name of ["image/0", "image/1"]) {
      await world.inside(name, (storage) => {
        storage.sql.exec("DELETE FROM moments");
        return storage.deleteAlarm();
      });
    }
    world.maxHeld = 1;
    const first = await world.create();
    await world.ring("image/0");
    const call = await world.provider.next();
    const second = await world.create();
    await world.ring("image/1");
    await pause(A_WHILE_MS);
    expect(await world.alarmOf("image/1")).toBeNull();
    expect(world.provider.open).toBe(1);
    call.outcome = pictures();
    const next = await world.provider.next();
    expect(next.job.taskId).toBe(second.id);
    next.outcome = pictures();
    await world.ended(first.id);
    await world.ended(second.id);
    expect(await world.alarmOf("image/0")).toBeNull();
  });

  test("is begun when the step in the slot is cancelled", async () => {
    world.maxHeld = 1;
    const held = await world.create();
    await world.ring("image/0");
    await world.provider.next();
    const waiting = await world.create();
    await world.parts.tasks.cancel(world.scope, held.id);
    expect((await world.provider.next()).job.taskId).toBe(waiting.id);
  });

  test("is begun when the step in the slot is to be polled later", async () => {
    world.maxHeld = 1;
    await createMany(2);
    await world.ring("image/0");
    (await world.provider.next()).outcome = { ...pending(), pollAfterMs: 60_000 };
    expect((await world.provider.next()).kind).toBe("submit");
  });

  test("of a key is begun when the key's last task of the other lane ends", async () => {
    await world.parts.store.updateKey(world.scope.keyId, { maxConcurrentTasks: 1 }, Date.now());
    const video = await world.create({ type: "video" });
    await world.ring("video/0");
    const call = await world.provider.next();
    const image = await world.create();
    await world.ring("image/7");
    await pause(A_WHILE_MS);
    expect(world.provider.open).toBe(1);
    expect(await world.alarmOf("image/7")).toBeNull();
    call.outcome = pictures();
    expect((await world.provider.next()).job.taskId).toBe(image.id);
    await world.ended(video.id);
  });
});

describe("work that lasts longer than a runner's time", () => {
  /** Longer than any runner begins steps, shorter than it lets them go on. */
  const LATER_MS = 11 * 60_000;

  /** A runner at the end of its time, with one step open. */
  async function lateRunner() {
    let passedMs = 0;
    Reflect.set(world.parts, "clock", {
      ...world.parts.clock,
      monotonic: () => performance.now() + passedMs,
    });
    const { id } = await world.create();
    await world.ring("image/0");
    const call = await world.provider.next();
    passedMs = LATER_MS;
    return { id, call };
  }

  test("is begun by another runner, and what is open ends", async () => {
    const { id, call } = await lateRunner();
    const next = await world.create();
    await world.ring("image/0");
    expect((await world.provider.next()).job.taskId).toBe(next.id);
    expect([call.aborted, world.provider.open]).toEqual([false, 2]);
    call.outcome = pictures();
    expect((await world.ended(id)).status).toBe("completed");
  });

  test("that was never rung for is found when the runner's last step ends", async () => {
    const { call } = await lateRunner();
    const next = await world.create();
    call.outcome = pictures();
    expect((await world.provider.next()).job.taskId).toBe(next.id);
  });
});

describe("a task that is cancelled while a runner works on it", () => {
  test("stops the silent call when the lease is renewed", async () => {
    world.lease = SHORT_LEASE;
    const { id } = await world.create();
    await world.ring("image/0");
    const call = await world.provider.next();
    await world.parts.store.cancel(world.scope, id);
    while (!call.aborted) await pause();
    expect(await world.eventTypes(id)).toEqual(["queued", "started", "cancelled"]);
  });
});

describe("a runner that is restarted in the midst of its steps", () => {
  test("loses no task: leases run out, the cron sweep rings, and each ends once", async () => {
    world.lease = SHORT_LEASE;
    const tasks = await createMany(4);
    await world.ring("image/0");
    await untilOpen(4);
    await runInDurableObject(world.runner("image/0"), (_, state) => state.abort("restarted by a test")).catch(
      () => {},
    );
    // Its calls have ended with it, and say nothing any more.
    world.provider.open = 0;
    world.provider.always = () => pictures();
    while ((await world.stat())?.held !== 0 || (await world.stat())?.ready !== 0) {
      await pause(50);
      await runSchedule(EVERY_MINUTE, world.parts);
    }
    for (const { id } of tasks) {
      await world.ended(id);
      expect(await world.eventTypes(id)).toEqual(["queued", "started", "completed"]);
    }
  });
});
