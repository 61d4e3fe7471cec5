import { afterEach, describe, expect, test } from "vitest";
import type { CancelResult } from "../../src/tasks/ports/media-provider.ts";
import { StoreUnavailableError } from "../../src/tasks/ports/store-error.ts";
import { LAST_TAKEOVERS } from "../../src/tasks/transition.ts";
import { type EngineWorld, engineWorld, SCOPE } from "../fixture/engine-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { pictures, ScriptedProvider } from "../fixture/scripted-provider.ts";

const ONE_AT_A_TIME = { concurrency: { image: 1, video: 1 } };
const locked = () => Promise.reject(new StoreUnavailableError("locked", "the database is locked"));

let world: EngineWorld;

afterEach(async () => {
  await world.close();
});

async function started(...args: Parameters<typeof engineWorld>): Promise<EngineWorld> {
  world = await engineWorld(...args);
  world.engine.start();
  return world;
}

describe("a process", () => {
  test("that was stopped for longer than a lease goes on with its own work", async () => {
    const { provider, submit, read, clock } = await started();
    const { id } = await submit();
    const call = await provider.next();
    await clock.pause(20_000);
    await clock.advance(10_000);
    expect(provider.calls).toHaveLength(1);
    expect(call.io.signal.aborted).toBe(false);
    call.answer(pictures());
    await settled();
    expect(await read(id)).toMatchObject({ status: "completed", fence: 1 });
  });

  test("that was stopped, and whose first renewal fails, leaves its own work to the next", async () => {
    const { provider, submit, clock, store } = await started();
    await submit();
    const call = await provider.next();
    const { renew } = store;
    await clock.advance(2_900);
    // The machine slept: the wall clock went on, the monotonic one did not.
    clock.sleep(20_000);
    Object.assign(store, { renew: locked });
    await clock.advance(500);
    Object.assign(store, { renew });
    await clock.advance(10_000);
    expect(provider.calls).toHaveLength(1);
    expect(call.io.signal.aborted).toBe(false);
  });

  test("that could not renew for longer than its lease takes nothing over from itself", async () => {
    const { provider, submit, read, clock, store } = await started();
    const { id } = await submit();
    const stale = await provider.next();
    const { renew } = store;
    Object.assign(store, { renew: locked });
    await clock.advance(30_000);
    Object.assign(store, { renew });
    await clock.advance(10_000);
    expect(provider.calls).toHaveLength(1);
    expect(stale.io.signal.aborted).toBe(false);
    stale.answer(pictures());
    await settled();
    expect(await read(id)).toMatchObject({ status: "completed", fence: 1 });
  });

  test("that starts late ends what is past its deadline instead of working on it", async () => {
    const { provider, submit, read, clock, secondEngine } = await started();
    const { id } = await submit();
    (await provider.next()).answer({ kind: "pending", state: { job: "j1" }, pollAfterMs: 1_000 });
    await settled();
    world.die();
    await clock.pause(3_600_000);
    const second = new ScriptedProvider("local");
    secondEngine(second).start();
    await settled();
    expect(second.calls).toEqual([]);
    expect(await read(id)).toMatchObject({ status: "failed", error: { code: "timeout" } });
  });
});

describe("a task claimed with the end of another", () => {
  test("has its whole lease, so that one failed renewal does not end it", async () => {
    const { provider, submit, clock, store } = await started(ONE_AT_A_TIME);
    await submit();
    await submit();
    const first = await provider.next();
    await clock.advance(30_000);
    first.answer(pictures());
    const second = await provider.next();
    const { renew } = store;
    Object.assign(store, { renew: locked });
    await clock.advance(3_000);
    Object.assign(store, { renew });
    await clock.advance(10_000);
    expect(second.io.signal.aborted).toBe(false);
  });

  test("is begun at once though the other's late report cannot be stored", async () => {
    const { provider, submit, store } = await started(ONE_AT_A_TIME);
    const lost = await submit();
    const next = await submit();
    const call = await provider.next();
    await store.cancel(SCOPE, lost.id);
    Object.assign(store, { reportLate: locked });
    call.answer(pictures());
    await settled();
    expect(provider.calls[1]?.job.taskId).toBe(next.id);
  });
});

describe("a provider's cancel call", () => {
  async function cancelled(cancel: () => Promise<CancelResult>): Promise<string> {
    const { provider, submit, service } = await started();
    const { id } = await submit({ reservedMicros: 80_000 });
    (await provider.next()).answer({ kind: "pending", state: { job: "j1" }, pollAfterMs: 60_000 });
    await settled();
    provider.cancel = cancel;
    await service.cancel(SCOPE, id);
    await settled();
    return id;
  }

  test("that never ends is asked again, and others are not held up by it", async () => {
    let calls = 0;
    const id = await cancelled(() => {
      calls += 1;
      if (calls === 1) return new Promise<CancelResult>(() => {});
      return Promise.resolve({ cancellation: "immediate", billedMicros: 5_000, askAgain: false });
    });
    await world.clock.advance(60_000);
    expect(await world.read(id)).toMatchObject({ settled: true, costMicros: 5_000 });
  });

  test("that never ends does not hold up a shutdown by more than the grace of a call", async () => {
    await cancelled(() => new Promise<CancelResult>(() => {}));
    let stopped = false;
    void world.engine.stop().then(() => {
      stopped = true;
    });
    await settled();
    await world.clock.advance(1_000);
    expect(stopped).toBe(true);
  });

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY])(
    "that bills %d bills nothing",
    async (billedMicros) => {
      const id = await cancelled(async () => ({ cancellation: "immediate", billedMicros, askAgain: false }));
      expect(await world.read(id)).toMatchObject({ settled: true, costMicros: 0 });
    },
  );

  test("that bills parts of a micro-dollar bills whole ones", async () => {
    const id = await cancelled(async () => ({
      cancellation: "immediate",
      billedMicros: 5_000.4,
      askAgain: false,
    }));
    expect(await world.read(id)).toMatchObject({ settled: true, costMicros: 5_000 });
  });
});

describe("a cancelled task", () => {
  test.each([
    [undefined, 0],
    [30_000, 30_000],
  ])("whose finished work was being stored, and was billed at %s, is charged %d", async (billed, charged) => {
    const { provider, submit, read, store } = await started();
    const { id } = await submit({ reservedMicros: 80_000 });
    const call = await provider.next();
    await store.cancel(SCOPE, id);
    call.answer(pictures(1, billed));
    await settled();
    expect(await read(id)).toMatchObject({ status: "cancelled", settled: true, costMicros: charged });
  });

  test("that is not settled yet cannot be purged, and the message tells what to wait for", async () => {
    const { provider, submit, service } = await started();
    const { id } = await submit();
    await provider.next();
    await service.cancel(SCOPE, id);
    await expect(service.purge(SCOPE, id)).rejects.toThrow("wait until its `settled` is true");
  });
});

describe("a task on which two workers died without getting on", () => {
  /** Claims everything and lets the leases run out, as a process does that dies of one of its tasks. */
  async function dieOnAll(times: number): Promise<void> {
    const { store, clock } = world;
    for (let time = 0; time < times; time++) {
      await store.claim({ lane: "image", leaseMs: 1_000, max: 10 });
      await clock.advance(1_000);
      await store.sweep(10);
    }
  }

  test("is worked on alone, one after the other, and nothing else is begun meanwhile", async () => {
    world = await engineWorld({ concurrency: { image: 3, video: 3 } });
    const { provider, submit, engine, read, clock } = world;
    const suspects = [await submit(), await submit()];
    await dieOnAll(2);
    engine.start();
    await clock.advance(9_900);
    // A process that dies before does so of something else.
    expect(provider.calls).toEqual([]);
    await clock.advance(200);
    const first = await provider.next();
    const innocent = await submit();
    await clock.advance(30_000);
    expect(provider.open).toBe(1);
    first.answer(pictures());
    const second = await provider.next();
    expect([first, second].map(({ job }) => job.taskId).sort()).toEqual(suspects.map(({ id }) => id).sort());
    await clock.advance(1_000);
    expect(provider.open).toBe(1);
    second.answer(pictures());
    const third = await provider.next();
    expect(third.job.taskId).toBe(innocent.id);
    third.answer(pictures());
    await settled();
    for (const { id } of suspects)
      expect(await read(id)).toMatchObject({ status: "completed", takeovers: LAST_TAKEOVERS });
  });

  test("fails when it goes on ending the processes that are alone with it", async () => {
    world = await engineWorld();
    const { submit, read, store, clock } = world;
    const { id } = await submit();
    // Nobody has worked on it alone so far: whatever ends the processes may be something else.
    await dieOnAll(10);
    expect(await read(id)).toMatchObject({ status: "running", takeovers: 2 });
    const [claim] = await store.claim({ lane: "image", leaseMs: 1_000, max: 1 });
    await store.advance(claim!.lease, { kind: "begin_suspect" });
    await clock.advance(1_000);
    await store.sweep(10);
    const task = await read(id);
    expect(task).toMatchObject({ status: "failed", error: { code: "provider_error" } });
    expect(task.error?.message).toContain("ended 3 times in a row");
  });
});

describe("a provider that limits the rate", () => {
  const limited = {
    kind: "failed",
    failure: { kind: "rate_limited", message: "slow", retryAfterMs: 20_000 },
  } as const;

  test("turns away what it was called for, and nothing else of its queue is started meanwhile", async () => {
    const { provider, submit, read, clock } = await started();
    provider.always = () => limited;
    const tasks = await Promise.all(Array.from({ length: 20 }, () => submit()));
    await settled();
    await clock.advance(19_000);
    expect(provider.calls.length).toBeLessThanOrEqual(3);
    for (const { id } of tasks) expect(await read(id)).toMatchObject({ status: "queued", startedAt: null });
    provider.always = () => pictures();
    await clock.advance(5_000);
    for (const { id } of tasks) expect(await read(id)).toMatchObject({ status: "completed", attempt: 1 });
  });

  test("uses up the time that waiting may take, and not the task's own deadline", async () => {
    const { provider, submit, read, clock } = await started();
    provider.always = () => limited;
    const { id } = await submit({ timeoutMs: 1_000 });
    await settled();
    await clock.advance(35_000);
    expect(await read(id)).toMatchObject({ status: "queued", startedAt: null, attempt: 0 });
    await clock.advance(10_000);
    expect(await read(id)).toMatchObject({ status: "failed", error: { code: "rate_limit_exceeded" } });
  });
});

describe("a provider that is away", () => {
  const away = {
    kind: "failed",
    failure: { kind: "transient", code: "provider_unavailable", message: "no route" },
  } as const;

  test("costs its tasks no attempts once that is known, and all are made when it is back", async () => {
    const { provider, submit, read, clock } = await started();
    provider.always = () => away;
    const tasks = await Promise.all(Array.from({ length: 30 }, () => submit()));
    await settled();
    await clock.advance(20_000);
    expect(provider.calls.length).toBeLessThan(40);
    provider.always = () => pictures();
    await clock.advance(15_000);
    const ends = await Promise.all(tasks.map(async ({ id }) => (await read(id)).status));
    expect(ends).toEqual(tasks.map(() => "completed"));
  });
});

describe("a process whose clock is not the store's", () => {
  test.each([100, 5_000, 60_000, -100, -5_000, -60_000])(
    "by %i ms polls a film as often as it should",
    async (skewMs) => {
      world = await engineWorld();
      const { submit, read, clock, secondEngine, store } = world;
      const counted = { claim: 0, nextDueIn: 0, advance: 0 };
      for (const method of ["claim", "nextDueIn", "advance"] as const) {
        const plain = store[method].bind(store) as (...args: unknown[]) => unknown;
        Object.assign(store, {
          [method]: (...args: unknown[]) => {
            counted[method] += 1;
            return plain(...args);
          },
        });
      }
      const film = new ScriptedProvider("local");
      let polls = 0;
      film.always = ({ kind }) => {
        if (kind === "poll") polls += 1;
        return polls === 3 ? pictures() : { kind: "pending", state: { job: "j" }, pollAfterMs: 2_000 };
      };
      const { id } = await submit();
      secondEngine(film, {}, skewMs).start();
      await settled();
      await clock.advance(6_500);
      expect(await read(id)).toMatchObject({ status: "completed" });
      expect(polls).toBe(3);
      expect(counted.advance).toBe(4);
      // As many as with the store's own clock: two at the start, and those that the polls are due by.
      expect(counted.claim).toBe(6);
    },
  );
});
