/** Work driven by QStash alone, on good days and on bad ones. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { isTerminal } from "../../src/protocol/task.ts";
import type { StepOutcome } from "../../src/tasks/ports/media-provider.ts";
import type { Task } from "../../src/tasks/task.ts";
import { Faults, NO_FAULTS } from "../fixture/qstash/faults.ts";
import {
  KEY_IDS,
  NARROW_KEY_ID,
  type QStashWorld,
  type QStashWorldOptions,
  qstashWorld,
} from "../fixture/qstash-world.ts";
import { type ProviderCall, pictures } from "../fixture/scripted-provider.ts";
import { createSeededRandom } from "../fixture/seeded-random.ts";

const HOUR_MS = 3_600_000;
/** Until then nothing but rings drives the work. */
const BEFORE_SWEEP_MS = 59_000;
/** Two lanes of eight. */
const MAX_HELD = 16;
const TERMINAL = new Set(["completed", "failed", "cancelled"]);

let world: QStashWorld;

beforeEach(() => {
  // The QStash client speaks to the console when a call fails.
  for (const method of ["error", "warn"] as const) vi.spyOn(console, method).mockImplementation(() => {});
});

afterEach(async () => {
  await world.close();
  vi.restoreAllMocks();
});

describe("on a good day", () => {
  test("a picture costs one message", async () => {
    world = await qstashWorld();
    world.provider.always = () => pictures();
    const { id } = await world.submit("image");
    await world.untilEnded([id], BEFORE_SWEEP_MS);
    await world.untilSilent();
    expect((await world.read(id)).status).toBe("completed");
    expect(world.emulator.counts).toMatchObject({ published: 1, deliveries: 1, delivered: 1, retries: 0 });
  });

  test("a video costs one message and one for every poll, each delivered when the poll is due", async () => {
    world = await qstashWorld();
    const polledAt: number[] = [];
    const startedAt = world.clock.now();
    world.provider.always = () => {
      polledAt.push(world.clock.now() - startedAt);
      return polledAt.length === 4 ? pictures() : pending(3_000);
    };
    const { id } = await world.submit("video");
    await world.untilEnded([id], BEFORE_SWEEP_MS);
    await world.untilSilent();
    expect(polledAt.length).toBe(4);
    for (const [index, at] of polledAt.entries()) expect(at).toBeGreaterThanOrEqual(index * 3_000);
    expect(world.emulator.counts).toMatchObject({ published: 4, deliveries: 4, delivered: 4 });
  });

  test("a transient failure is tried again by a ring of its own", async () => {
    world = await qstashWorld();
    world.provider.always = ({ job }) =>
      job.attempt < 3
        ? { kind: "failed", failure: { kind: "transient", code: "provider_error", message: "busy" } }
        : pictures();
    const { id } = await world.submit("image");
    await world.untilEnded([id], BEFORE_SWEEP_MS);
    expect(await world.read(id)).toMatchObject({ status: "completed", attempt: 3 });
    await world.untilSilent();
    expect(world.emulator.counts.published).toBe(3);
  });

  test("a ring for a task that was cancelled finds nothing, and nothing is lost", async () => {
    world = await qstashWorld();
    world.provider.always = () => pictures();
    const task = await world.submit("image");
    await world.service.cancel({ keyId: task.tenant.keyId, subject: null }, task.id);
    await world.untilSilent();
    expect(world.provider.calls).toEqual([]);
    expect((await world.read(task.id)).status).toBe("cancelled");
    expect(world.emulator.counts).toMatchObject({ dead: 0, retries: 0 });
  });

  test("a sweep rings for nothing while what is ready waits for its key's own limit", async () => {
    world = await qstashWorld();
    for (let count = 0; count < 20; count += 1) await world.submit("image", NARROW_KEY_ID);
    await world.clock.advance(1_000);
    await world.provider.next();
    const { published } = world.emulator.counts;
    for (let minute = 0; minute < 10; minute += 1) {
      await world.clock.advance(60_000);
      await world.sweep();
    }
    expect(world.provider.open).toBe(1);
    expect(world.emulator.counts.published).toBe(published);
  });

  test("more tasks than may run at once go on by themselves, with at most two messages for a task", async () => {
    world = await qstashWorld({ maxHeld: 3 });
    answerCalls(world, () => ({ afterMs: 1_500, outcome: () => pictures() }));
    const tasks = await submitMany(world, 60);
    await world.untilEnded(tasks, BEFORE_SWEEP_MS);
    await world.untilSilent();
    // Three in each of the two lanes.
    expect(world.provider.mostOpen).toBe(6);
    expect(world.provider.calls.length).toBe(60);
    expect(world.emulator.counts.published).toBeLessThanOrEqual(120);
  });
});

describe("on a bad day", () => {
  test.each([1, 2, 3])(
    "200 tasks end once each, whatever the queue does to its messages (seed %i)",
    async (seed) => {
      const faults = new Faults(seed, { duplicate: 0.25, drop: 0.1, late: 0.25, swap: 0.25 });
      world = await qstashWorld({ faults, line: brokenLine(seed) });
      const watch = workThrough(world, seed);
      const tasks = await submitMany(world, 200);
      await world.untilEnded(tasks, 6 * HOUR_MS);
      const counted = { ...(await tally(world, tasks)), ...watch, ...world.emulator.counts };
      console.info(`seed ${seed}: ${JSON.stringify(counted)}`);
      expect(counted).toMatchObject({ tasks: 200, lost: 0, doubled: 0, twiceAtOnce: 0 });
      expect(watch.mostOpen).toBeLessThanOrEqual(MAX_HELD);
      // The bad day was one.
      for (const fault of ["duplicated", "dropped", "late", "swapped", "retries"] as const) {
        expect(world.emulator.counts[fault]).toBeGreaterThan(10);
      }
    },
  );

  test("200 tasks whose rings were all lost are found by the sweep", async () => {
    const faults = new Faults(4, { ...NO_FAULTS, drop: 1 });
    world = await qstashWorld({ faults });
    const watch = workThrough(world, 4);
    const tasks = await submitMany(world, 200);
    await world.clock.advance(600_000);
    expect(watch.calls).toBe(0);
    faults.rates = NO_FAULTS;
    await world.untilEnded(tasks, HOUR_MS);
    expect(await tally(world, tasks)).toEqual({ tasks: 200, lost: 0, doubled: 0 });
  });

  test("200 tasks are accepted while QStash is away, health says so, and they are worked off when it is back", async () => {
    world = await qstashWorld();
    const watch = workThrough(world, 5);
    world.api.trouble = { kind: "refuse", status: 503, times: 100_000 };
    const tasks = await submitMany(world, 200);
    await world.clock.advance(5_000);
    expect(world.doorbell.health()).toMatchObject({ status: "degraded", ringsSent: 0, ringsFailed: 200 });
    expect(watch.calls).toBe(0);
    world.api.trouble = null;
    await world.untilEnded(tasks, HOUR_MS);
    expect(world.doorbell.health().status).toBe("ok");
    expect(await tally(world, tasks)).toEqual({ tasks: 200, lost: 0, doubled: 0 });
  });

  test("a gateway that breaks at every delivery gets word of it, and the task is rung for once more", async () => {
    let broken = true;
    world = await qstashWorld({
      line: async (deliver) => (broken ? new Response("crash", { status: 500 }) : deliver()),
    });
    world.provider.always = () => pictures();
    const { id } = await world.submit("image");
    // The first try and QStash's three others: 12 s, 148 s and half an hour apart.
    await world.clock.advance(2_000_000);
    expect(world.emulator.deadLetters).toMatchObject([{ retried: 3, status: 500 }]);
    expect(world.emulator.counts.failureCallbacks).toBe(1);
    broken = false;
    await world.untilSilent();
    expect((await world.read(id)).status).toBe("completed");
    expect(world.log.lines).toContainEqual({
      level: "error",
      message: "queue gave up on a ring",
      fields: expect.objectContaining({ taskId: id, rungAgain: true }),
    });
  });
});

type Watch = { calls: number; mostOpen: number; twiceAtOnce: number };

/** Answers every provider call after a while, with what the seed has for it, and watches who is worked on. */
function workThrough(worked: QStashWorld, seed: number): Watch {
  const random = createSeededRandom(seed);
  const open = new Map<string, number>();
  const watch: Watch = { calls: 0, mostOpen: 0, twiceAtOnce: 0 };
  answerCalls(worked, (call) => {
    const { taskId } = call.job;
    const already = open.get(taskId) ?? 0;
    if (already > 0) watch.twiceAtOnce += 1;
    open.set(taskId, already + 1);
    watch.calls += 1;
    watch.mostOpen = Math.max(watch.mostOpen, worked.provider.open);
    return {
      // One call in ten outlasts its lease unless it is renewed.
      afterMs: random.next() < 0.1 ? 70_000 : random.below(8_000),
      outcome: () => {
        open.set(taskId, (open.get(taskId) ?? 1) - 1);
        return outcomeOf(call, random.next());
      },
    };
  });
  return watch;
}

/** Pictures come at once or fail in passing; videos are asked for again until they are there. */
function outcomeOf(call: ProviderCall, chance: number): StepOutcome {
  if (chance < 0.1) {
    return { kind: "failed", failure: { kind: "transient", code: "provider_error", message: "busy" } };
  }
  if (call.job.type === "video" && chance < 0.6) return pending(2_000);
  return pictures();
}

function answerCalls(
  worked: QStashWorld,
  plan: (call: ProviderCall) => { afterMs: number; outcome: () => StepOutcome },
): void {
  worked.provider.each((call) => {
    const { afterMs, outcome } = plan(call);
    worked.clock.after(afterMs, () => call.answer(outcome()));
  });
}

function pending(pollAfterMs: number): StepOutcome {
  return { kind: "pending", state: { job: "upstream" }, pollAfterMs };
}

/** A line between queue and gateway that breaks before or after the work, as the seed has it. */
function brokenLine(seed: number): NonNullable<QStashWorldOptions["line"]> {
  const random = createSeededRandom(seed + 1_000);
  return async (deliver) => {
    const chance = random.next();
    if (chance < 0.05) return new Response("gone before", { status: 502 });
    const response = await deliver();
    return chance < 0.1 ? new Response("gone after", { status: 502 }) : response;
  };
}

async function submitMany(worked: QStashWorld, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const { id } = await worked.submit(index % 2 === 0 ? "image" : "video", KEY_IDS[index % KEY_IDS.length]);
    ids.push(id);
  }
  return ids;
}

/** Of these tasks: which never ended, and which say more than once in their log that they did. */
async function tally(worked: QStashWorld, taskIds: readonly string[]) {
  let lost = 0;
  let doubled = 0;
  for (const taskId of taskIds) {
    const task = await worked.read(taskId);
    if (!isTerminal(task.status)) lost += 1;
    if ((await terminalEvents(worked, task)) !== 1) doubled += 1;
  }
  return { tasks: taskIds.length, lost, doubled };
}

async function terminalEvents(worked: QStashWorld, task: Task): Promise<number> {
  const scope = { keyId: task.tenant.keyId, subject: null };
  const log = await worked.store.readLog(scope, task.id, { epoch: task.epoch, seq: 0 }, 1_000);
  if (log.outcome !== "events") throw new Error(log.outcome);
  return log.events.filter(({ type }) => TERMINAL.has(type)).length;
}
