import { afterEach, describe, expect, test } from "vitest";
import type { StepOutcome } from "../../src/tasks/ports/media-provider.ts";
import { MediaRefusedError, MediaTooLargeError } from "../../src/tasks/ports/media-store.ts";
import { StoreUnavailableError } from "../../src/tasks/ports/store-error.ts";
import { type EngineWorld, engineWorld, MAX_WAIT_MS, SCOPE } from "../fixture/engine-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { pictures, ScriptedProvider } from "../fixture/scripted-provider.ts";

let world: EngineWorld;

afterEach(async () => {
  await world.close();
});

async function started(...args: Parameters<typeof engineWorld>): Promise<EngineWorld> {
  world = await engineWorld(...args);
  world.engine.start();
  return world;
}

async function readLifecycle(taskId: string): Promise<string[]> {
  const followed = await world.store.follow(SCOPE, taskId);
  const log = await world.store.readLog(
    SCOPE,
    taskId,
    { epoch: followed?.position.epoch ?? "", seq: 0 },
    100,
  );
  if (log.outcome !== "events") throw new Error(log.outcome);
  return log.events.map((event) => event.type);
}

describe("a task", () => {
  test("is claimed when it is rung, runs once and completes with its result", async () => {
    const { provider, submit, read } = await started();
    const { id } = await submit();
    const call = await provider.next();
    expect(call).toMatchObject({ kind: "submit", job: { taskId: id, model: "canvas", attempt: 1 } });
    call.answer(pictures());
    await settled();
    expect(await read(id)).toMatchObject({
      status: "completed",
      progress: 100,
      settled: true,
      leaseUntil: null,
    });
    expect(await readLifecycle(id)).toEqual(["queued", "started", "completed"]);
  });

  test("that was created while nobody rang is found at the start", async () => {
    world = await engineWorld();
    const { id } = await world.submit();
    world.engine.start();
    expect((await world.provider.next()).job.taskId).toBe(id);
  });

  test("waits in the queue while as many provider calls as allowed are open", async () => {
    const { provider, submit, read } = await started({ concurrency: { image: 2, video: 1 } });
    const tasks = [await submit(), await submit(), await submit()];
    await settled();
    expect(provider.open).toBe(2);
    expect(await read(tasks[2]?.id ?? "")).toMatchObject({ status: "queued" });
    (await provider.next()).answer(pictures());
    await settled();
    expect(provider.calls.map((call) => call.job.taskId)).toEqual(tasks.map((task) => task.id));
    expect(provider.mostOpen).toBe(2);
  });

  test("whose upstream job runs frees its slot until the poll is due", async () => {
    const { provider, submit, read, clock } = await started({ concurrency: { image: 1, video: 1 } });
    const first = await submit();
    (await provider.next()).answer({
      kind: "pending",
      state: { job: "j1" },
      pollAfterMs: 5_000,
      progress: 30,
    });
    const second = await submit();
    expect((await provider.next()).job.taskId).toBe(second.id);
    expect(await read(first.id)).toMatchObject({ status: "running", progress: 30, state: { job: "j1" } });
    provider.calls[1]?.answer(pictures());
    await clock.advance(4_999);
    expect(provider.calls).toHaveLength(2);
    await clock.advance(1);
    expect(provider.calls[2]).toMatchObject({
      kind: "poll",
      state: { job: "j1" },
      job: { taskId: first.id },
    });
  });

  test("is polled while calls that begin other tasks fill every place for them", async () => {
    const { provider, submit, read, clock } = await started({ concurrency: { image: 1, video: 1 } });
    const job = await submit();
    (await provider.next()).answer({ kind: "pending", state: "job", pollAfterMs: 5_000 });
    await submit();
    const hanging = await provider.next();
    expect(hanging.kind).toBe("submit");
    await clock.advance(5_000);
    const poll = await provider.next();
    expect(poll).toMatchObject({ kind: "poll", job: { taskId: job.id } });
    poll.answer(pictures());
    await settled();
    expect((await read(job.id)).status).toBe("completed");
  });

  test("starts in a place of its own while polls fill theirs, and no more do than there are", async () => {
    const { provider, submit, clock } = await started({ concurrency: { image: 2, video: 1 } });
    for (let index = 0; index < 4; index++) {
      await submit();
      (await provider.next()).answer({ kind: "pending", state: index, pollAfterMs: 5_000 });
    }
    await clock.advance(6_000);
    const polls = [await provider.next(), await provider.next()];
    expect(polls.map(({ kind }) => kind)).toEqual(["poll", "poll"]);
    const waiting = [await submit(), await submit(), await submit()];
    const begun = [await provider.next(), await provider.next()];
    expect(begun.map(({ kind, job }) => [kind, job.taskId])).toEqual(
      waiting.slice(0, 2).map(({ id }) => ["submit", id]),
    );
    await settled();
    expect(provider.open).toBe(4);
    for (const poll of polls) poll.answer(pictures());
    expect([(await provider.next()).kind, (await provider.next()).kind]).toEqual(["poll", "poll"]);
    begun[0]?.answer(pictures());
    expect(await provider.next()).toMatchObject({ kind: "submit", job: { taskId: waiting[2]?.id } });
    expect(provider.mostOpen).toBe(4);
  });

  test("is tried again after a transient failure, and fails after the last attempt", async () => {
    const { provider, submit, read, clock } = await started();
    provider.always = () => ({
      kind: "failed",
      failure: { kind: "transient", code: "provider_unavailable", message: "down" },
    });
    const { id } = await submit();
    await settled();
    expect(await read(id)).toMatchObject({ status: "queued", attempt: 1, message: "down" });
    await clock.advance(1_000);
    expect(await read(id)).toMatchObject({ status: "queued", attempt: 2 });
    await clock.advance(2_000);
    expect(await read(id)).toMatchObject({
      status: "failed",
      attempt: 3,
      error: { code: "provider_unavailable", message: "down" },
    });
    expect(await readLifecycle(id)).toEqual([
      "queued",
      "started",
      "retrying",
      "started",
      "retrying",
      "started",
      "failed",
    ]);
  });

  test("that meets a rate limit waits without using an attempt", async () => {
    const { provider, submit, read, clock } = await started();
    const { id } = await submit();
    const limited = { kind: "rate_limited", message: "slow down", retryAfterMs: 20_000 } as const;
    (await provider.next()).answer({ kind: "failed", failure: limited });
    await settled();
    expect(await read(id)).toMatchObject({ status: "queued", attempt: 0 });
    await clock.advance(20_000);
    expect(provider.calls[1]?.job.attempt).toBe(1);
  });

  test("survives a provider that throws, and tells no client what was thrown", async () => {
    const { provider, submit, read, logged } = await started();
    const { id } = await submit();
    (await provider.next()).explode(new Error("connect https://internal.example/secret"));
    await settled();
    const task = await read(id);
    expect(task).toMatchObject({ status: "queued", attempt: 1 });
    expect(JSON.stringify(task)).not.toContain("internal.example");
    expect(logged).toContain("provider adapter threw");
  });

  test("of a provider that this process does not have is left alone until it may wait no longer", async () => {
    const { submit, read, clock } = await started();
    const { id } = await submit({ route: [{ provider: "elsewhere", model: "canvas" }] });
    await settled();
    expect(await read(id)).toMatchObject({ status: "queued", attempt: 0 });
    await clock.advance(MAX_WAIT_MS);
    await settled();
    expect(await read(id)).toMatchObject({ status: "failed", error: { code: "timeout" }, attempt: 0 });
  });
});

describe("progress", () => {
  test("is stored at most once an interval, the last value winning, and never falls", async () => {
    const { provider, submit, read, clock, store } = await started();
    const { id } = await submit();
    const { io } = await provider.next();
    const before = (await read(id)).seq;
    for (let percent = 1; percent <= 50; percent += 1) io.progress(percent, "painting");
    await settled();
    expect((await read(id)).progress).toBe(1);
    await clock.advance(100);
    expect(await read(id)).toMatchObject({ progress: 50, message: "painting", seq: before + 2 });
    io.progress(20, "painting");
    await clock.advance(100);
    expect((await read(id)).progress).toBe(50);
    expect((await store.get(SCOPE, id))?.task.seq).toBe(before + 2);
  });

  test("is nobody's business after the end", async () => {
    const { provider, submit, read, clock } = await started();
    const { id } = await submit();
    const call = await provider.next();
    call.answer(pictures());
    await settled();
    call.io.progress(50, "late");
    await clock.advance(1_000);
    expect(await read(id)).toMatchObject({ status: "completed", progress: 100, message: null });
  });
});

describe("a lease", () => {
  test("is renewed while a silent provider call is open", async () => {
    const { provider, submit, read, clock } = await started();
    const { id } = await submit();
    await provider.next();
    await clock.advance(60_000);
    expect(provider.calls).toHaveLength(1);
    expect(await read(id)).toMatchObject({ status: "running", fence: 1 });
  });

  test("of a dead worker runs out, and another one picks the job up by its reference", async () => {
    const { provider, submit, read, clock, secondEngine } = await started();
    const { id } = await submit();
    const call = await provider.next();
    await call.io.save({ job: "j1" });
    world.die();
    const second = new ScriptedProvider("local");
    secondEngine(second).start();
    await clock.advance(10_000);
    expect(second.calls[0]).toMatchObject({ kind: "poll", state: { job: "j1" }, job: { attempt: 1 } });
    second.calls[0]?.answer(pictures());
    await settled();
    expect(await read(id)).toMatchObject({ status: "completed", fence: 2 });
    expect(await readLifecycle(id)).toEqual(["queued", "started", "completed"]);
  });

  test("that was taken over refuses every write of its old holder", async () => {
    const { provider, submit, read, clock, secondEngine } = await started();
    const { id } = await submit();
    const stale = await provider.next();
    world.die();
    const second = new ScriptedProvider("local");
    secondEngine(second).start();
    await clock.advance(10_000);
    await expect(stale.io.save({ job: "stale" })).rejects.toThrow("no longer held");
    stale.answer(pictures(1, 999));
    await settled();
    expect(await read(id)).toMatchObject({ status: "running", state: null, result: null });
    expect(stale.io.signal.aborted).toBe(true);
  });

  test("lost in the middle of a submit makes a job that may be paid twice indeterminate", async () => {
    const { provider, submit, read, clock, secondEngine } = await started(
      {},
      new ScriptedProvider("local", false),
    );
    const { id } = await submit();
    await provider.next();
    world.die();
    const second = new ScriptedProvider("local", false);
    secondEngine(second).start();
    await clock.advance(10_000);
    expect(second.calls).toEqual([]);
    expect(await read(id)).toMatchObject({ status: "failed", error: { code: "indeterminate" } });
  });

  test("that cannot be renewed while the store is away lets the call go on, and what it made is kept", async () => {
    const { provider, submit, read, clock, store } = await started();
    const { id } = await submit();
    const call = await provider.next();
    const { renew } = store;
    store.renew = () => Promise.reject(new Error("the database is locked"));
    await clock.advance(60_000);
    expect(call.io.signal.aborted).toBe(false);
    expect(provider.calls).toHaveLength(1);
    store.renew = renew;
    await clock.advance(3_000);
    call.answer(pictures());
    await settled();
    expect(await read(id)).toMatchObject({ status: "completed", fence: 1 });
  });

  test("that ran out before its call began is lost: nothing is begun under it", async () => {
    const { provider, submit, clock, store } = await started();
    const { create, claim } = store;
    // The process is suspended between the claim and the call.
    store.create = async (...args) => {
      const outcome = await create(...args);
      await clock.pause(60_000);
      return outcome;
    };
    store.claim = async (options) => {
      const claims = await claim(options);
      if (claims.length > 0) await clock.pause(60_000);
      return claims;
    };
    await submit();
    await clock.advance(1_000);
    expect(provider.calls).toEqual([]);
  });
});

describe("a call that does not end when it is told to", () => {
  test("gives its slot back some seconds after the deadline, and is reported", async () => {
    const { provider, submit, clock } = await started({ concurrency: { image: 1, video: 1 } });
    await submit({ timeoutMs: 5_000 });
    await provider.next();
    await submit();
    await clock.advance(14_000);
    expect(provider.calls).toHaveLength(1);
    await clock.advance(2_000);
    expect(provider.calls).toHaveLength(2);
    expect(world.logged).toContain("provider call did not end when it was told to");
  });
});

describe("the deadline", () => {
  test("ends a running task and aborts its call", async () => {
    const { provider, submit, read, clock } = await started();
    const { id } = await submit({ timeoutMs: 5_000 });
    const { io } = await provider.next();
    await clock.advance(5_500);
    expect(await read(id)).toMatchObject({ status: "failed", error: { code: "timeout" } });
    expect(io.signal.aborted).toBe(true);
  });

  test("runs over all attempts and the waits between them", async () => {
    const { provider, submit, read, clock } = await started();
    const limited = {
      kind: "failed",
      failure: { kind: "rate_limited", message: "later", retryAfterMs: 3_000 },
    } as const;
    // The first attempt was made; what follows is within the deadline that it began.
    provider.always = () => ({
      kind: "failed",
      failure: { kind: "transient", code: "provider_error", message: "500" },
    });
    const { id } = await submit({ timeoutMs: 8_000 });
    await clock.advance(500);
    provider.always = () => limited;
    await clock.advance(9_000);
    expect(await read(id)).toMatchObject({ status: "failed", error: { code: "rate_limit_exceeded" } });
  });

  test("of the queue ends a task that never started", async () => {
    const { submit, read, clock } = await started({ concurrency: { image: 1, video: 1 } });
    await submit();
    const waiting = await submit();
    await clock.advance(MAX_WAIT_MS + 500);
    expect(await read(waiting.id)).toMatchObject({
      status: "failed",
      startedAt: null,
      error: { code: "timeout" },
    });
  });
});

describe("cancel", () => {
  test("of a waiting task is free and final, and nobody is asked to cancel anything", async () => {
    const { service, provider, submit, clock } = await started({ concurrency: { image: 1, video: 1 } });
    await submit();
    const { id } = await submit({ reservedMicros: 80_000 });
    const { task } = await service.cancel(SCOPE, id);
    expect(task).toMatchObject({
      status: "cancelled",
      settled: true,
      costMicros: 0,
      cancellation: "immediate",
    });
    await clock.advance(5_000);
    expect(provider.cancels).toEqual([]);
  });

  test("reaches the provider's job and charges what it billed, within the reservation, once", async () => {
    const { service, provider, submit, read, clock } = await started();
    const { id } = await submit({ reservedMicros: 80_000 });
    (await provider.next()).answer({ kind: "pending", state: { job: "j1" }, pollAfterMs: 60_000 });
    await settled();
    provider.cancelResult = { cancellation: "requested", billedMicros: 100_000, askAgain: false };
    expect((await service.cancel(SCOPE, id)).task).toMatchObject({ status: "cancelled", settled: false });
    await clock.advance(500);
    expect(provider.cancels).toMatchObject([{ state: { job: "j1" } }]);
    expect(await read(id)).toMatchObject({ settled: true, costMicros: 80_000, cancellation: "requested" });
    await clock.advance(3_600_000);
    expect(provider.cancels).toHaveLength(1);
  });

  test("aborts an open call at once, and the reference it still learned is cancelled too", async () => {
    const { service, provider, submit, read } = await started();
    const { id } = await submit({ reservedMicros: 80_000 });
    const call = await provider.next();
    await service.cancel(SCOPE, id);
    expect(call.io.signal.aborted).toBe(true);
    call.answer({ kind: "pending", state: { job: "late" }, pollAfterMs: 1_000 });
    await settled();
    expect(provider.cancels).toMatchObject([{ state: { job: "late" } }]);
    expect(await read(id)).toMatchObject({ status: "cancelled", settled: true, costMicros: 0 });
  });

  test("of a call that stops empty-handed settles at once and free", async () => {
    const { service, provider, submit, read } = await started();
    const { id } = await submit({ reservedMicros: 80_000 });
    const call = await provider.next();
    await service.cancel(SCOPE, id);
    call.explode(new Error("aborted"));
    await settled();
    expect(await read(id)).toMatchObject({ status: "cancelled", settled: true, costMicros: 0 });
    expect(provider.cancels).toEqual([]);
  });

  test("keeps asking a provider that does not answer, and lets go after ten minutes", async () => {
    const { service, provider, submit, read, clock } = await started();
    const { id } = await submit({ reservedMicros: 80_000 });
    (await provider.next()).answer({ kind: "pending", state: { job: "j1" }, pollAfterMs: 60_000 });
    await settled();
    provider.cancelResult = new Error("unreachable");
    await service.cancel(SCOPE, id);
    await clock.advance(60_000);
    expect(provider.cancels.length).toBeGreaterThan(2);
    expect(await read(id)).toMatchObject({ settled: false });
    await clock.advance(11 * 60_000);
    expect(await read(id)).toMatchObject({ settled: true, costMicros: 0 });
  });

  test("answers the same when repeated, and a conflict once the task has completed", async () => {
    const { service, provider, submit } = await started();
    const { id } = await submit();
    await service.cancel(SCOPE, id);
    expect((await service.cancel(SCOPE, id)).task.status).toBe("cancelled");
    const other = await submit();
    await settled();
    provider.calls.find((call) => call.job.taskId === other.id)?.answer(pictures());
    await settled();
    await expect(service.cancel(SCOPE, other.id)).rejects.toMatchObject({ code: "task_already_finished" });
  });
});

describe("shutdown", () => {
  test("lets a step that finishes in time finish", async () => {
    const { provider, submit, read, engine, clock } = await started();
    const { id } = await submit();
    const call = await provider.next();
    const stopped = engine.stop();
    call.answer(pictures());
    await clock.advance(10);
    await stopped;
    expect(await read(id)).toMatchObject({ status: "completed" });
  });

  test("claims nothing more, and hands back what does not finish within the bound", async () => {
    const { provider, submit, read, engine, clock, secondEngine } = await started({
      concurrency: { image: 1, video: 1 },
    });
    const { id } = await submit();
    const waiting = await submit();
    const call = await provider.next();
    const stopped = engine.stop();
    await clock.advance(1_000);
    expect(call.io.signal.aborted).toBe(true);
    call.explode(new Error("aborted"));
    await clock.advance(10);
    await stopped;
    expect(await read(id)).toMatchObject({ status: "running", leaseUntil: null, submitUnknown: true });
    expect(await read(waiting.id)).toMatchObject({ status: "queued" });
    const second = new ScriptedProvider("local");
    secondEngine(second).start();
    await settled();
    expect(second.calls.map((each) => each.job.taskId)).toEqual([id, waiting.id]);
  });

  test("is not held up by a provider that does not listen, and refuses what it writes later", async () => {
    const { provider, submit, read, engine, clock } = await started();
    const { id } = await submit();
    const call = await provider.next();
    const stopped = engine.stop();
    await clock.advance(2_000);
    await stopped;
    expect(await read(id)).toMatchObject({ leaseUntil: null });
    await expect(call.io.save({ job: "late" })).rejects.toThrow();
    expect(await read(id)).toMatchObject({ state: null });
  });
});

describe("a store that fails for a while", () => {
  test("delays the claim and loses nothing", async () => {
    world = await engineWorld();
    const { provider, submit, clock, store, engine } = world;
    const { claim } = store;
    store.claim = () => Promise.reject(new Error("the disk is full"));
    const { id } = await submit();
    engine.start();
    await settled();
    expect(provider.calls).toEqual([]);
    store.claim = claim;
    await clock.advance(1_000);
    expect(provider.calls[0]?.job.taskId).toBe(id);
  });

  test("delays the end of a finished step, which is not run again", async () => {
    const { provider, submit, read, clock, store } = await started();
    const { id } = await submit();
    const call = await provider.next();
    const advance = store.advance.bind(store);
    store.advance = () => Promise.reject(new Error("the disk is full"));
    call.answer(pictures());
    await settled();
    store.advance = advance;
    await clock.advance(1_000);
    expect(await read(id)).toMatchObject({ status: "completed" });
    expect(provider.calls).toHaveLength(1);
  });
});

describe("a store that fails for longer than a lease lasts", () => {
  test("loses no task and no finished work: each job is made once and ends once", async () => {
    const { provider, submit, read, clock, store } = await started({ concurrency: { image: 1, video: 1 } });
    const ids = [(await submit()).id, (await submit()).id];
    const call = await provider.next();
    const { advance, claim, renew, sweep } = store;
    const down = () => Promise.reject(new StoreUnavailableError("full", "the disk is full"));
    Object.assign(store, { advance: down, claim: down, renew: down, sweep: down });
    call.answer(pictures());
    await clock.advance(30_000);
    expect(provider.calls).toHaveLength(1);
    // The sweep finds the store up again before the outcome's next try does.
    Object.assign(store, { claim, renew, sweep });
    await clock.advance(500);
    Object.assign(store, { advance });
    provider.always = () => pictures();
    await clock.advance(10_000);
    for (const id of ids) {
      expect(await read(id)).toMatchObject({ status: "completed", attempt: 1 });
      expect(await readLifecycle(id)).toEqual(["queued", "started", "completed"]);
      expect(provider.calls.filter(({ job }) => job.taskId === id)).toHaveLength(1);
    }
  });
});

describe("a provider that lies", () => {
  const LIES: Readonly<Record<string, unknown>> = {
    nothing: undefined,
    "a text": "done",
    "an outcome of no known kind": { kind: "finished", items: [] },
    "a finished job without items": { kind: "done" },
    "items that are none": {
      kind: "done",
      items: [null, 7, { index: 0 }, { index: 0, media: { path: "" } }],
    },
    "items of places nobody asked for": {
      kind: "done",
      items: [-1, 1, 0.5, Number.NaN, "0"].map((index) => ({
        index,
        media: { path: "x.png", contentType: "image/png", bytes: 1 },
      })),
    },
    "a running job without a reference": { kind: "pending", state: null, pollAfterMs: 10 },
    "a reference that is no JSON": { kind: "pending", state: { size: 10n }, pollAfterMs: 10 },
    "a reference of 9 kB": { kind: "pending", state: "x".repeat(9_000), pollAfterMs: 10 },
    "a failure of no known kind": { kind: "failed", failure: { kind: "sulking", message: "no" } },
    "no failure": { kind: "failed" },
    "a result beyond what a task may hold": {
      kind: "done",
      items: [
        {
          index: 0,
          revisedPrompt: "x".repeat(300_000),
          media: { path: "x.png", contentType: "image/png", bytes: 1 },
        },
      ],
    },
  };

  for (const [what, answer] of Object.entries(LIES)) {
    test(`by ${what} fails its task once and for all, and is not asked to do it again`, async () => {
      const { provider, submit, read, logged, clock } = await started();
      const { id } = await submit({ reservedMicros: 80_000 });
      (await provider.next()).answer(answer as StepOutcome);
      await settled();
      expect(await read(id)).toMatchObject({
        status: "failed",
        error: { code: "provider_error" },
        costMicros: 0,
        settled: true,
        attempt: 1,
      });
      expect(logged.join()).toMatch(/answered wrongly|could not be stored/);
      await clock.advance(60_000);
      expect(provider.calls).toHaveLength(1);
      expect((await readLifecycle(id)).filter((type) => type === "failed")).toHaveLength(1);
    });
  }

  for (const costMicros of [Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, -5, "12"]) {
    test(`about its bill (${costMicros}) is paid what was agreed`, async () => {
      const { provider, submit, read } = await started();
      const { id } = await submit({ reservedMicros: 80_000 });
      (await provider.next()).answer({ ...pictures(), costMicros } as StepOutcome);
      await settled();
      expect(await read(id)).toMatchObject({ status: "completed", costMicros: 80_000 });
    });
  }

  test("about some of its items keeps its task to the good ones", async () => {
    const { provider, submit, read } = await started();
    const { id } = await submit({ request: { prompt: "a red fox", n: 3 }, reservedMicros: 90_000 });
    const good = { path: "x.png", contentType: "image/png", bytes: 1 };
    (await provider.next()).answer({
      kind: "done",
      items: [
        { index: 2, media: good, width: Number.NaN },
        { index: 0, media: good, width: 64 },
        { index: 0, media: good },
        { index: 9, media: good },
      ],
      errors: [{ index: 1, code: "no_such_code", message: 5 }],
    } as unknown as StepOutcome);
    await settled();
    expect(await read(id)).toMatchObject({
      status: "completed",
      costMicros: 60_000,
      result: {
        items: [
          { index: 0, media: good, width: 64 },
          { index: 2, media: good },
        ],
        errors: [{ index: 1, code: "provider_error", message: "The provider gave no reason" }],
      },
    });
  });

  test("about when to ask again is asked at the usual time", async () => {
    const { provider, submit, clock } = await started();
    await submit();
    const answer = {
      kind: "pending",
      state: { job: "j" },
      pollAfterMs: Number.NaN,
      progress: Number.NaN,
    } as const;
    (await provider.next()).answer(answer);
    await settled();
    await clock.advance(1_999);
    expect(provider.calls).toHaveLength(1);
    await clock.advance(1);
    expect(provider.calls).toHaveLength(2);
  });

  test("about its progress moves nothing backwards and writes no novel", async () => {
    const { provider, submit, read, clock } = await started();
    const { id } = await submit();
    const { io } = await provider.next();
    io.progress(40);
    await clock.advance(100);
    for (const percent of [Number.NaN, Number.POSITIVE_INFINITY, -7]) {
      io.progress(percent, "x".repeat(100_000));
      await clock.advance(100);
      expect((await read(id)).progress).toBe(40);
    }
    expect((await read(id)).message).toHaveLength(1_000);
  });

  test("by saving more than 8 kB is not run again", async () => {
    const { provider, submit, read, clock } = await started();
    const { id } = await submit();
    const call = await provider.next();
    const refused = call.io.save("x".repeat(9_000)).catch((error: Error) => error);
    await settled();
    call.explode((await refused) as Error);
    await clock.advance(60_000);
    expect(await read(id)).toMatchObject({ status: "failed", error: { code: "provider_error" } });
    expect(provider.calls).toHaveLength(1);
  });
});

describe("a media store that fails", () => {
  const BYTES = new Uint8Array([1]);

  test("for a moment gets the picture again, without a second call of the provider", async () => {
    const { provider, submit, read, clock, media } = await started();
    const { id } = await submit();
    const call = await provider.next();
    const put = media.put;
    media.put = () => Promise.reject(new Error("no space left on device"));
    const stored = call.io.putMedia(BYTES, "image/png");
    await clock.advance(3_000);
    media.put = put;
    await clock.advance(1_000);
    call.answer({ kind: "done", items: [{ index: 0, media: await stored }] });
    await settled();
    expect(await read(id)).toMatchObject({ status: "completed", attempt: 1 });
    expect(provider.calls).toHaveLength(1);
  });

  test("for good fails the attempt, tells no client what was thrown, and lets go when the task is cancelled", async () => {
    const { provider, submit, read, clock, media, service } = await started();
    const { id } = await submit();
    const call = await provider.next();
    await settled();
    media.put = () => Promise.reject(new Error("EIO, /var/lib/conduit"));
    const first = call.io.putMedia(BYTES, "image/png").catch((error: Error) => error);
    await clock.advance(10_000);
    call.explode((await first) as Error);
    await settled();
    const waiting = await read(id);
    expect(waiting).toMatchObject({ status: "queued", attempt: 1 });
    expect(JSON.stringify(waiting)).not.toContain("/var/lib");

    await clock.advance(1_000);
    const second = await provider.next();
    const stored = second.io.putMedia(BYTES, "image/png");
    const refused = expect(stored).rejects.toThrow("no longer held");
    await service.cancel(SCOPE, id);
    await refused;
  });

  test("because the file is too large is not asked again, and neither is the provider", async () => {
    const { provider, submit, read, clock, media } = await started();
    const { id } = await submit();
    const call = await provider.next();
    media.put = () => Promise.reject(new MediaTooLargeError(1));
    call.explode(
      await call.io.putMedia(BYTES, "image/png").then(
        () => new Error("stored"),
        (error) => error,
      ),
    );
    await clock.advance(60_000);
    expect(await read(id)).toMatchObject({ status: "failed", error: { code: "provider_error" } });
    expect(provider.calls).toHaveLength(1);
  });

  test("because the file is no picture is not asked again, and says so without an address", async () => {
    const { provider, submit, read, clock, media } = await started();
    const { id } = await submit();
    const call = await provider.next();
    media.put = () => Promise.reject(new MediaRefusedError("is no picture of a kind that is known here"));
    call.explode(
      await call.io.putMedia(BYTES, "image/png").then(
        () => new Error("stored"),
        (error) => error,
      ),
    );
    await clock.advance(60_000);
    expect(await read(id)).toMatchObject({
      status: "failed",
      error: {
        code: "provider_error",
        message: "The provider sent a file that is no picture of a kind that is known here",
      },
    });
    expect(provider.calls).toHaveLength(1);
  });
});

describe("a task that waits for a slot of its key", () => {
  test("starts soon after the key's last task of the other lane has ended", async () => {
    const { provider, submit, clock, store } = await started();
    await store.updateKey("key_a", { maxConcurrentTasks: 1 }, clock.now());
    await submit({ type: "video" });
    const video = await provider.next();
    const image = await submit();
    await clock.advance(10_000);
    expect(provider.calls).toHaveLength(1);
    video.answer(pictures());
    await clock.advance(1_000);
    expect((await provider.next()).job.taskId).toBe(image.id);
  });

  test("starts soon after its limit was raised", async () => {
    const { provider, submit, clock, store } = await started();
    await store.updateKey("key_a", { maxConcurrentTasks: 1 }, clock.now());
    await submit();
    await submit();
    await clock.advance(10_000);
    expect(provider.calls).toHaveLength(1);
    await store.updateKey("key_a", { maxConcurrentTasks: 2 }, clock.now());
    await clock.advance(1_000);
    expect(provider.calls).toHaveLength(2);
  });
});
