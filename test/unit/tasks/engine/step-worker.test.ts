import { afterEach, describe, expect, test } from "vitest";
import { billTask } from "../../../../src/accounts/prices/held-price.ts";
import { StepWorker, type StepWorkerOptions } from "../../../../src/tasks/engine/steps/step-worker.ts";
import type { MediaProvider } from "../../../../src/tasks/ports/media-provider.ts";
import { StoreUnavailableError } from "../../../../src/tasks/ports/store-error.ts";
import type { TaskStore } from "../../../../src/tasks/ports/task-store.ts";
import { type EngineWorld, engineWorld, OPTIONS, SCOPE } from "../../../fixture/engine-world.ts";
import { settled } from "../../../fixture/manual-clock.ts";
import { pictures, ScriptedProvider } from "../../../fixture/scripted-provider.ts";

const TASK_TIMEOUT_MS = 300_000;

let world: EngineWorld;
afterEach(() => world.close());

/** The world's own engine never starts: whoever works here is a step worker. */
async function open(provider?: ScriptedProvider): Promise<EngineWorld> {
  world = await engineWorld({}, provider);
  return world;
}

function workerOf(
  options: Partial<StepWorkerOptions> = {},
  store: TaskStore = world.store,
  providers: ReadonlyMap<string, MediaProvider> = new Map([["local", world.provider]]),
): StepWorker {
  const { media, clock, updates, logged } = world;
  const line = (message: string) => logged.push(message);
  return new StepWorker(
    {
      store,
      media,
      providers,
      publisher: { publish: (update) => updates.push(update) },
      bill: billTask,
      clock,
      log: { debug: () => {}, info: line, warn: line, error: line },
      random: () => 0.5,
    },
    { ...OPTIONS, maxHeld: { image: 50, video: 50 }, ...options },
  );
}

/** The world's store, of which some methods are not reached while `down`. */
function troubled(...methods: (keyof TaskStore)[]) {
  const trouble = { down: true, failed: 0 };
  const store = new Proxy(world.store, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return (...args: unknown[]) => {
        if (!trouble.down || !methods.includes(name as keyof TaskStore)) return method.apply(target, args);
        trouble.failed += 1;
        return Promise.reject(new StoreUnavailableError("broken", "the store is away"));
      };
    },
  });
  return { trouble, store };
}

const eventTypes = async (taskId: string) => {
  const { epoch } = await world.read(taskId);
  const log = await world.store.readLog(SCOPE, taskId, { epoch, seq: 0 }, 100);
  return log.outcome === "events" ? log.events.map(({ type }) => type) : [];
};

describe("one step", () => {
  test("is claimed, run and stored; then nothing is left to do", async () => {
    const { provider, submit, read } = await open();
    const { id } = await submit();
    const worker = workerOf();
    const running = worker.runNext("image");
    const call = await provider.next();
    expect(call).toMatchObject({ kind: "submit", job: { taskId: id, attempt: 1 } });
    call.answer(pictures(1, 40_000));
    const report = await running;
    expect(report).toMatchObject({ task: { id, status: "completed" }, dueAt: null });
    expect(await read(id)).toMatchObject({ status: "completed", leaseUntil: null });
    expect(await eventTypes(id)).toEqual(["queued", "started", "completed"]);
    expect(await worker.runNext("image")).toBeNull();
    expect(world.clock.pendingTimers).toBe(0);
  });

  test("is of its own lane", async () => {
    const { submit } = await open();
    await submit({ type: "video" });
    expect(await workerOf().runNext("image")).toBeNull();
    expect(await workerOf().nextDueAt("video")).toBe(0);
  });

  test("of a job that goes on says when the next one is due, and nothing is due before", async () => {
    const { provider, submit, clock, read } = await open();
    const { id } = await submit();
    const worker = workerOf();
    const running = worker.runNext("image");
    (await provider.next()).answer({
      kind: "pending",
      state: { job: "up-1" },
      pollAfterMs: 2_000,
    });
    const report = await running;
    const dueAt = clock.now() + 2_000;
    expect(report).toMatchObject({ task: { id, status: "running" }, dueAt });
    expect(await worker.nextDueAt("image")).toBe(dueAt);
    expect(await worker.runNext("image")).toBeNull();
    await clock.advance(2_000);
    const polling = worker.runNext("image");
    const poll = await provider.next();
    expect(poll).toMatchObject({ kind: "poll", state: { job: "up-1" } });
    poll.answer(pictures());
    await polling;
    expect((await read(id)).status).toBe("completed");
  });

  test("that failed for now says when the next attempt is due", async () => {
    const { provider, submit, clock } = await open();
    await submit();
    const running = workerOf().runNext("image");
    (await provider.next()).answer({
      kind: "failed",
      failure: { kind: "transient", code: "provider_error", message: "busy", mayHaveStarted: false },
    });
    expect(await running).toMatchObject({ task: { status: "queued" }, dueAt: clock.now() + 1_000 });
  });

  test("is none for a worker without the task's provider, which leaves it to one that has it", async () => {
    const { submit, read, provider } = await open();
    const { id } = await submit();
    expect(await workerOf({}, world.store, new Map()).runNext("image")).toBeNull();
    expect(await read(id)).toMatchObject({ status: "queued", attempt: 0 });
    provider.always = () => pictures();
    await workerOf().runNext("image");
    expect(await read(id)).toMatchObject({ status: "completed" });
  });

  test("is told to whoever follows", async () => {
    const { provider, submit, store, updates } = await open();
    const { id } = await submit();
    await store.follow(SCOPE, id);
    provider.always = () => pictures();
    await workerOf().runNext("image");
    expect(updates.flatMap(({ events }) => events.map(({ type }) => type))).toEqual(["started", "completed"]);
  });
});

describe("several steps", () => {
  test("begin side by side, no more than were asked for", async () => {
    const { provider, submit } = await open();
    for (let index = 0; index < 4; index += 1) await submit();
    const steps = await workerOf().start("image", 3);
    expect([steps.length, provider.open]).toEqual([3, 3]);
    for (const call of provider.calls) call.answer(pictures());
    await Promise.all(steps.map(({ report }) => report));
  });

  test("of any number of workers are together no more than the deployment may hold", async () => {
    const { provider, submit } = await open();
    for (let index = 0; index < 12; index += 1) await submit();
    const workers = Array.from({ length: 6 }, () => workerOf({ maxHeld: { image: 4, video: 4 } }));
    const started = await Promise.all(workers.map((worker) => worker.start("image", 3)));
    expect(started.flat()).toHaveLength(4);
    expect(await workers[0]?.runNext("image")).toBeNull();
    const [first] = provider.calls;
    first?.answer(pictures());
    await settled();
    // The place is anybody's.
    expect(await workers[5]?.start("image", 3)).toHaveLength(1);
    provider.each((call) => call.answer(pictures()));
    await settled();
    expect(provider.mostOpen).toBe(4);
  });
});

describe("a lease", () => {
  test("is renewed under a provider that is silent for minutes", async () => {
    const { provider, submit, clock, read } = await open();
    const { id } = await submit();
    const worker = workerOf();
    const running = worker.runNext("image");
    const call = await provider.next();
    for (let second = 0; second < 120; second += 1) {
      await clock.advance(1_000);
      expect((await worker.sweep()).requeued).toBe(0);
    }
    expect(call.io.signal.aborted).toBe(false);
    call.answer(pictures());
    await running;
    expect((await read(id)).status).toBe("completed");
    expect(provider.calls).toHaveLength(1);
  });

  test("of a worker that died runs out, and another one goes on", async () => {
    const { provider, submit, clock, read, store } = await open();
    const { id } = await submit();
    // Claimed by somebody of whom nothing is heard again.
    await store.claim({ lane: "image", leaseMs: OPTIONS.leaseMs, max: 1, maxHeld: 1 });
    const worker = workerOf({ maxHeld: { image: 1, video: 1 } });
    expect(await worker.runNext("image")).toBeNull();
    await clock.advance(OPTIONS.leaseMs);
    expect(await worker.sweep()).toEqual({ requeued: 1, dueAt: { image: 0, video: null } });
    provider.always = () => pictures();
    await worker.runNext("image");
    expect(await read(id)).toMatchObject({ status: "completed", attempt: 1 });
    expect((await eventTypes(id)).filter((type) => type === "completed")).toHaveLength(1);
  });

  test.each<[string, (taskId: string, worker: StepWorker) => Promise<unknown>]>([
    ["a cancel elsewhere", (taskId) => world.store.cancel(SCOPE, taskId)],
    [
      "the deadline",
      async (_, worker) => {
        await world.clock.advance(TASK_TIMEOUT_MS - 1_000);
        await world.clock.pause(1_000);
        await worker.sweep();
      },
    ],
  ])("lost by %s ends the call at the next renewal, and what it learned ends the job", async (_, lose) => {
    const { provider, submit, clock, store, read } = await open();
    const { id } = await submit();
    const worker = workerOf();
    const running = worker.runNext("image");
    const call = await provider.next();
    await lose(id, worker);
    expect(call.io.signal.aborted).toBe(false);
    await clock.advance(OPTIONS.renewMs);
    expect(call.io.signal.aborted).toBe(true);
    const ended = await read(id);
    expect(["cancelled", "failed"]).toContain(ended.status);

    call.answer({ kind: "pending", state: { job: "late" }, pollAfterMs: 1_000 });
    expect(await running).toMatchObject({ task: { id }, dueAt: null });
    expect(provider.cancels).toMatchObject([{ job: { taskId: id }, state: { job: "late" } }]);
    expect(await read(id)).toMatchObject({ status: ended.status, settled: true });
    expect(await store.nextWorkIn("cleanup")).toBeNull();
  });

  test("lost is noticed by the first progress that is refused, without waiting for the renewal", async () => {
    const { provider, submit, store } = await open();
    const { id } = await submit();
    const running = workerOf().runNext("image");
    const call = await provider.next();
    await store.cancel(SCOPE, id);
    call.io.progress(10);
    await settled();
    expect(call.io.signal.aborted).toBe(true);
    call.explode(new Error("aborted"));
    await running;
  });
});

describe("a worker that has to stop", () => {
  test("aborts its calls and hands their tasks back, claimable at once", async () => {
    const { provider, submit, read } = await open();
    const { id } = await submit();
    const stop = new AbortController();
    const worker = workerOf();
    const [step] = await worker.start("image", 1, stop.signal);
    const call = await provider.next();
    stop.abort();
    expect(call.io.signal.aborted).toBe(true);
    call.explode(new Error("aborted"));
    expect(await step?.report).toMatchObject({ task: { id, leaseUntil: null } });
    expect(await worker.nextDueAt("image")).toBe(0);
    provider.always = () => pictures();
    await worker.runNext("image");
    expect(await read(id)).toMatchObject({ status: "completed", attempt: 1 });
  });

  test("keeps the picture that came with the stop", async () => {
    const { provider, submit, read } = await open();
    const { id } = await submit();
    const stop = new AbortController();
    const [step] = await workerOf().start("image", 1, stop.signal);
    stop.abort();
    (await provider.next()).answer(pictures());
    await step?.report;
    expect((await read(id)).status).toBe("completed");
  });

  test("begins no call for what it claims after that", async () => {
    const { provider, submit } = await open();
    await submit();
    const [step] = await workerOf().start("image", 1, AbortSignal.abort());
    await step?.report;
    expect(provider.calls).toEqual([]);
    expect(await workerOf().nextDueAt("image")).toBe(0);
  });
});

describe("a sweep", () => {
  test("ends what waited too long, tells who follows, and says when each lane's next work is due", async () => {
    const { submit, clock, store, updates, read } = await open();
    const late = await submit();
    await store.follow(SCOPE, late.id);
    await clock.advance(60_000);
    await submit({ type: "video" });
    const report = await workerOf().sweep();
    expect(report).toEqual({ requeued: 0, dueAt: { image: null, video: 0 } });
    expect((await read(late.id)).status).toBe("failed");
    expect(updates.at(-1)?.events.map(({ type }) => type)).toEqual(["failed"]);
  });

  test("takes more than one bounded step where there is more to do", async () => {
    const { submit, clock, store } = await open();
    for (let index = 0; index < 450; index += 1) await submit();
    await clock.advance(60_000);
    await workerOf().sweep();
    expect((await store.stats())[0]).toEqual({ lane: "image", ready: 0, delayed: 0, held: 0 });
  });
});

describe("cleaning up", () => {
  /** Tasks that are cancelled while their jobs run upstream. */
  async function leaveJobs(count: number, worker: StepWorker): Promise<void> {
    world.provider.always = () => ({ kind: "pending", state: { job: 1 }, pollAfterMs: 60_000 });
    for (let index = 0; index < count; index += 1) {
      const { id } = await world.submit();
      await worker.runNext("image");
      await world.store.cancel(SCOPE, id);
    }
  }

  test("ends every job that is due, however many there are", async () => {
    const { provider, store } = await open();
    const worker = workerOf();
    await leaveJobs(11, worker);
    await worker.clean();
    expect(provider.cancels).toHaveLength(11);
    expect(await store.nextWorkIn("cleanup")).toBeNull();
  });

  test("begins no more cancel calls after half a minute, and the next run goes on", async () => {
    const { provider, store, clock } = await open();
    const worker = workerOf();
    await leaveJobs(24, worker);
    // Nobody ever answers; each call is given up after ten seconds, four at a time.
    const silent = new Map<string, MediaProvider>([
      ["local", Object.assign(new ScriptedProvider("local"), { cancel: () => new Promise<never>(() => {}) })],
    ]);
    let over = false;
    const cleaning = workerOf({}, store, silent)
      .clean()
      .then(() => {
        over = true;
      });
    await settled();
    await clock.advance(29_000);
    expect(over).toBe(false);
    await clock.advance(13_000);
    await cleaning;
    await worker.clean();
    expect(provider.cancels.length).toBeGreaterThan(0);
  });

  test("says when the next try is due, where that is before the next sweep", async () => {
    const { provider, clock } = await open();
    const worker = workerOf();
    await leaveJobs(1, worker);
    provider.cancelResult = { cancellation: "requested", billedMicros: null, askAgain: true };
    const at = await worker.clean();
    expect(at).toBeGreaterThan(clock.now());
    expect(at).toBeLessThan(clock.now() + 60_000);
    await clock.advance((at ?? 0) - clock.now());
    provider.cancelResult = { cancellation: "immediate", billedMicros: 0, askAgain: false };
    expect(await worker.clean()).toBeNull();
    expect(provider.cancels).toHaveLength(2);
  });
});

describe("while the store is down", () => {
  test("a claim rejects and holds nothing", async () => {
    const { submit } = await open();
    await submit();
    const { store } = troubled("claim");
    await expect(workerOf({}, store).runNext("image")).rejects.toBeInstanceOf(StoreUnavailableError);
    expect((await world.store.stats())[0]).toMatchObject({ ready: 1, held: 0 });
  });

  test("an outcome is kept and stored as soon as it can be", async () => {
    const { provider, submit, clock, read } = await open();
    const { id } = await submit();
    const { store, trouble } = troubled("advance", "renew");
    provider.always = () => pictures();
    const running = workerOf({}, store).runNext("image");
    await settled();
    await clock.advance(5_000);
    expect(trouble.failed).toBeGreaterThan(3);
    trouble.down = false;
    await clock.advance(1_000);
    expect(await running).toMatchObject({ task: { id, status: "completed" } });
    expect((await read(id)).status).toBe("completed");
  });

  test("an outcome that cannot be stored before the deadline rejects, and the sweep finds the task", async () => {
    const { provider, submit, clock, read } = await open();
    const { id } = await submit();
    const { store } = troubled("advance", "renew");
    provider.always = () => pictures();
    const failed = expect(workerOf({}, store).runNext("image")).rejects.toBeInstanceOf(StoreUnavailableError);
    await settled();
    await clock.advance(TASK_TIMEOUT_MS + 1_000);
    await failed;
    await workerOf().sweep();
    expect(await read(id)).toMatchObject({ status: "failed", error: { code: "timeout" } });
    expect((await eventTypes(id)).filter((type) => type === "failed")).toHaveLength(1);
  });

  test("a step that cannot renew lets its call go on, and what it made is kept", async () => {
    const { provider, submit, clock } = await open();
    await submit();
    const { store, trouble } = troubled("renew");
    const running = workerOf({}, store).runNext("image");
    const call = await provider.next();
    await clock.advance(OPTIONS.leaseMs * 2);
    expect(trouble.failed).toBeGreaterThan(1);
    expect(call.io.signal.aborted).toBe(false);
    call.answer(pictures());
    expect(await running).toMatchObject({ task: { status: "completed" } });
  });

  test("cleaning up waits for the next time", async () => {
    await open();
    const { store } = troubled("nextWorkIn");
    await workerOf({}, store).clean();
    expect(world.logged).toContain("due work could not be done");
  });
});
