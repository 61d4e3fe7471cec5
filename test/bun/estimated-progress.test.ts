/** Progress of jobs whose provider does not say how far they are. */

import { afterEach, expect, test } from "vitest";
import type { StepOutcome } from "../../src/tasks/ports/media-provider.ts";
import { toWireTask } from "../../src/tasks/wire.ts";
import { type EngineWorld, engineWorld, SCOPE } from "../fixture/engine-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { type ProviderCall, pictures, ScriptedProvider } from "../fixture/scripted-provider.ts";

let world: EngineWorld;

afterEach(async () => {
  await world.close();
});

/** A world whose pictures usually take 40 s and films 200 s. */
async function started(usual: { image: number; video: number } | null = { image: 40_000, video: 200_000 }) {
  world = await engineWorld({ leaseMs: 60_000 }, undefined, [], (_, type) => usual?.[type] ?? null);
  world.engine.start();
  const submit = async (changes?: Parameters<EngineWorld["submit"]>[0]) => {
    const task = await world.submit(changes);
    // What nobody follows is not published.
    await world.store.follow(SCOPE, task.id);
    return task;
  };
  return { ...world, submit };
}

/** Ends the open call, and lets what follows from it happen. */
async function answer(call: ProviderCall, outcome: StepOutcome): Promise<void> {
  call.answer(outcome);
  await settled();
}

const FAILED: StepOutcome = {
  kind: "failed",
  failure: { kind: "transient", code: "provider_error", message: "it failed" },
};

function progressOf(taskId: string): number[] {
  return world.updates
    .filter(({ task }) => task.id === taskId)
    .flatMap(({ events }) => events)
    .filter(({ type }) => type === "progress")
    .map(({ progress }) => progress);
}

test("rises evenly while a call is silent, is said to be an estimate, and tells the time that is left", async () => {
  const { clock, provider, submit, read, store } = await started();
  const { id } = await submit();
  const call = await provider.next();
  await clock.advance(10_000);
  expect(await read(id)).toMatchObject({
    progress: 25,
    message: "progress is an estimate: the usual time is 40 s",
  });
  const view = await store.get(SCOPE, id);
  const wire = view && toWireTask(view, { publicUrl: null, tasksMs: 0, now: () => clock.now() });
  expect(wire?.estimatedSecondsRemaining).toBe(30);
  const later = view && toWireTask(view, { publicUrl: null, tasksMs: 0, now: () => clock.now() + 1_500 });
  expect(later?.estimatedSecondsRemaining).toBe(29);
  const silent = view && toWireTask(view, { publicUrl: null, tasksMs: 0, now: () => clock.now() + 80_000 });
  expect(silent?.estimatedSecondsRemaining).toBe(60);
  // Every 2 s and no oftener.
  expect(progressOf(id)).toEqual([5, 10, 15, 20, 25]);
  await answer(call, pictures());
  expect(await read(id)).toMatchObject({ status: "completed", progress: 100, message: null });
});

test("stops at 95 however long it takes, and what does not rise is not written", async () => {
  const { clock, provider, submit, read } = await started();
  const { id } = await submit();
  await provider.next();
  await clock.advance(290_000);
  const written = progressOf(id);
  expect(Math.max(...written)).toBeLessThanOrEqual(95);
  expect(written).toEqual([...new Set(written)].toSorted((one, other) => one - other));
  expect((await read(id)).progress).toBe(94);
});

test("is never lower than what the provider tells on the way, and is not said where it tells more", async () => {
  const { clock, provider, submit, read } = await started();
  const { id } = await submit();
  const call = await provider.next();
  await clock.advance(10_000);
  await clock.advance(100);
  call.io.progress(60, "a first preview is there");
  await settled();
  expect(await read(id)).toMatchObject({ progress: 60, message: "a first preview is there" });
  await clock.advance(10_000);
  expect((await read(id)).progress).toBe(60);
  await clock.advance(10_000);
  expect(await read(id)).toMatchObject({
    progress: 75,
    message: "a first preview is there (progress is an estimate)",
  });
  await clock.advance(100);
  call.io.progress(62, "another one");
  await settled();
  expect(await read(id)).toMatchObject({ progress: 75, message: "another one (progress is an estimate)" });
});

test("is not made up for a model whose progress is measured", async () => {
  const { clock, provider, submit, read } = await started(null);
  const { id } = await submit();
  await provider.next();
  await clock.advance(30_000);
  expect(await read(id)).toMatchObject({ progress: 0, message: null });
  expect(progressOf(id)).toEqual([]);
});

test("of a film comes with each poll that does not say how far it is; 0 means that it has not begun", async () => {
  const { clock, provider, submit, read } = await started();
  const { id } = await submit({ type: "video" });
  const pending = { kind: "pending", state: "job 1", pollAfterMs: 20_000 } as const;
  await answer(await provider.next(), { ...pending, progress: 0 });
  await clock.advance(20_000);
  await answer(await provider.next(), { ...pending, progress: 0, message: "waiting in the queue" });
  expect(await read(id)).toMatchObject({ progress: 0, message: "waiting in the queue" });
  await clock.advance(20_000);
  await answer(await provider.next(), { ...pending, message: "filming" });
  expect(await read(id)).toMatchObject({ progress: 20, message: "filming (progress is an estimate)" });
  await clock.advance(20_000);
  await answer(await provider.next(), { ...pending, progress: 24, message: "filming" });
  expect(await read(id)).toMatchObject({ progress: 24, message: "filming" });
});

test("learns from what was finished: the median of jobs of the same kind", async () => {
  const { clock, provider, submit, read } = await started();
  for (const seconds of [10, 12, 90]) {
    await submit();
    const call = await provider.next();
    await clock.advance(seconds * 1_000);
    await answer(call, pictures());
  }
  const small = await submit();
  await provider.next();
  await clock.advance(6_000);
  expect(await read(small.id)).toMatchObject({ progress: 50, message: expect.stringContaining("12 s") });
  // Of larger pictures nothing is known yet.
  const large = await submit({ request: { prompt: "x", n: 1, size: "4000x4000" } });
  await provider.next();
  await clock.advance(6_000);
  expect(await read(large.id)).toMatchObject({ progress: 15, message: expect.stringContaining("40 s") });
});

test("does not learn from an attempt to which an earlier one may have left finished items", async () => {
  const { clock, provider, submit, read } = await started();
  await submit();
  await answer(await provider.next(), FAILED);
  await clock.advance(1_000);
  await answer(await provider.next(), pictures());
  const { id } = await submit();
  await provider.next();
  await clock.advance(4_000);
  expect((await read(id)).progress).toBe(10);
});

test("begins anew with the next attempt and does not fall", async () => {
  const { clock, provider, submit, read } = await started();
  const { id } = await submit();
  const call = await provider.next();
  await clock.advance(20_000);
  await answer(call, FAILED);
  await clock.advance(1_000);
  await provider.next();
  const before = progressOf(id).length;
  await clock.advance(10_000);
  // One value says again that it is an estimate; the others would not rise.
  expect(await read(id)).toMatchObject({ progress: 50, message: expect.stringContaining("estimate") });
  expect(progressOf(id)).toHaveLength(before + 1);
  await clock.advance(14_000);
  expect((await read(id)).progress).toBe(60);
});

test("is no sign of life: a task on which workers die is a suspect all the same", async () => {
  const { clock, provider, submit, read, die, secondEngine } = await started();
  const { id } = await submit();
  await provider.next();
  await clock.advance(10_000);
  die();
  const second = new ScriptedProvider("local");
  secondEngine(second).start();
  await clock.advance(70_000);
  await second.next();
  expect(await read(id)).toMatchObject({ takeovers: 1 });
  await clock.advance(20_000);
  expect(await read(id)).toMatchObject({ takeovers: 1, message: expect.stringContaining("estimate") });
});
