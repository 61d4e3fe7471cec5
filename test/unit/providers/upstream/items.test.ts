/** Making the items of a task by several calls, some of them at once. */

import { describe, expect, test } from "vitest";
import type { Json } from "../../../../src/protocol/task.ts";
import { runStep, UpstreamError } from "../../../../src/providers/upstream/calls/upstream-error.ts";
import { type ItemsOrder, type Made, makeItems } from "../../../../src/providers/upstream/jobs/items.ts";
import type { Failure, StepOutcome } from "../../../../src/tasks/ports/media-provider.ts";
import { RecordingIo } from "../../../fixture/recording-io.ts";

const PASSING: Failure = { kind: "transient", code: "provider_error", message: "later" };
const POLICY: Failure = { kind: "content_policy", message: "no" };
const ACCOUNT: Failure = { kind: "permanent", code: "provider_auth", message: "the key" };

type Part = Pick<ItemsOrder, "make"> & Partial<ItemsOrder> & { io: RecordingIo };

function run(order: Part): Promise<StepOutcome> {
  return runStep(() => makeItems({ n: 4, perCall: 1, parallel: 2, provider: "Acme", state: null, ...order }));
}

async function made(io: RecordingIo, index: number): Promise<Made> {
  const media = await io.putMedia(new Uint8Array([index]), "image/png");
  return { items: [{ media }], usage: { images: 1 } };
}

/** Calls that end when the test says so. */
function heldCalls(io: RecordingIo) {
  const open = new Map<number, (end: Failure | null) => void>();
  const begun: number[] = [];
  const make = (_: number, index: number) =>
    new Promise<Made>((resolve, reject) => {
      begun.push(index);
      open.set(index, (failure) => {
        open.delete(index);
        if (failure === null) made(io, index).then(resolve, reject);
        else reject(new UpstreamError(failure));
      });
    });
  const end = async (index: number, failure: Failure | null = null) => {
    open.get(index)?.(failure);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { open, begun, make, end };
}

function indexesIn(state: Json | undefined): number[] {
  return (state as { items: { index: number }[] }).items.map(({ index }) => index);
}

test("no more calls are open at once than are allowed, and all items come in their order", async () => {
  const io = new RecordingIo();
  const calls = heldCalls(io);
  const outcome = run({ io, make: calls.make });
  expect(calls.begun).toEqual([0, 1]);
  await calls.end(1);
  expect(calls.begun).toEqual([0, 1, 2]);
  await calls.end(2);
  await calls.end(3);
  await calls.end(0);
  expect(await outcome).toMatchObject({
    kind: "done",
    items: [{ index: 0 }, { index: 1 }, { index: 2 }, { index: 3 }],
    errors: [],
    usage: { images: 4 },
  });
  expect(io.reports.map(({ percent }) => percent)).toEqual([23, 47, 71]);
});

test("every finished item is saved at once, whichever came first, and is not made again", async () => {
  const io = new RecordingIo();
  const calls = heldCalls(io);
  const first = run({ io, make: calls.make });
  await calls.end(1);
  expect(io.saved.map(indexesIn)).toEqual([[1]]);
  await calls.end(0, PASSING);
  await calls.end(2);
  expect(await first).toMatchObject({ kind: "failed", failure: { ...PASSING, jobFailed: true } });
  expect(calls.begun).toEqual([0, 1, 2]);

  const again: number[] = [];
  const outcome = await run({
    io,
    state: io.saved.at(-1) ?? null,
    make: (_, index) => {
      again.push(index);
      return made(io, index);
    },
  });
  expect(again).toEqual([0, 3]);
  expect(outcome).toMatchObject({
    kind: "done",
    items: [{ index: 0 }, { index: 1 }, { index: 2 }, { index: 3 }],
    usage: { images: 4 },
  });
});

test("a first call that fails leaves no state, so that the whole step is tried again", async () => {
  const io = new RecordingIo();
  const outcome = await run({ io, make: () => Promise.reject(new UpstreamError(PASSING)) });
  expect(outcome).toEqual({ kind: "failed", failure: PASSING });
  expect(io.saved).toEqual([]);
});

describe("some of n fail", () => {
  test("9.6: what came is the result, and what was refused is an error of its own", async () => {
    const io = new RecordingIo();
    const outcome = await run({
      io,
      make: (_, index) => (index === 2 ? Promise.reject(new UpstreamError(POLICY)) : made(io, index)),
    });
    expect(outcome).toMatchObject({
      kind: "done",
      items: [{ index: 0 }, { index: 1 }, { index: 3 }],
      errors: [{ index: 2, code: "content_policy_violation", message: "no" }],
      usage: { images: 3 },
    });
  });

  test("9.6: when all are refused the task fails, and there is nothing to cancel", async () => {
    const io = new RecordingIo();
    const outcome = await run({ io, make: () => Promise.reject(new UpstreamError(POLICY)) });
    expect(outcome).toEqual({ kind: "failed", failure: { ...POLICY, jobOver: true } });
  });

  test("what is wrong with the account is not tried with the remaining items", async () => {
    const io = new RecordingIo();
    let calls = 0;
    const outcome = await run({
      io,
      n: 10,
      make: () => {
        calls += 1;
        return Promise.reject(new UpstreamError(ACCOUNT));
      },
    });
    expect(outcome).toMatchObject({ kind: "failed", failure: ACCOUNT });
    expect(calls).toBe(2);
  });

  test("at the last attempt an item whose failure could have passed is an error, and the others are kept", async () => {
    const io = new RecordingIo();
    const outcome = await run({
      io,
      lastAttempt: true,
      make: (_, index) => (index === 1 ? Promise.reject(new UpstreamError(PASSING)) : made(io, index)),
    });
    expect(outcome).toMatchObject({ kind: "done", items: [{ index: 0 }] });
    if (outcome.kind !== "done") throw new Error("expected done");
    const indexes = [...outcome.items, ...(outcome.errors ?? [])].map(({ index }) => index);
    expect(indexes.sort()).toEqual([0, 1, 2, 3]);
    expect(outcome.errors).toContainEqual({ index: 1, code: "provider_error", message: "later" });
  });
});

test("a rate limit is waited for at the last attempt too, which it does not use up", async () => {
  const io = new RecordingIo();
  const limited: Failure = { kind: "rate_limited", message: "slowly" };
  const outcome = await run({
    io,
    lastAttempt: true,
    make: (_, index) => (index === 1 ? Promise.reject(new UpstreamError(limited)) : made(io, index)),
  });
  expect(outcome).toEqual({ kind: "failed", failure: { ...limited, jobFailed: true } });
});

test("saves follow one another, so that an older state never replaces a newer one", async () => {
  const io = new RecordingIo();
  const saves: (() => void)[] = [];
  const kept: number[] = [];
  io.save = (state) => {
    kept.push(indexesIn(state).length);
    return new Promise((resolve) => {
      saves.push(resolve);
    });
  };
  const media = await io.putMedia(new Uint8Array([1]), "image/png");
  const outcome = run({ io, n: 4, parallel: 3, make: async () => ({ items: [{ media }] }) });
  await new Promise((resolve) => setImmediate(resolve));
  expect(kept.length).toBe(1);
  while (saves.length > 0) {
    saves.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await outcome).toMatchObject({ kind: "done" });
  expect(kept).toEqual(kept.toSorted((one, other) => one - other));
});

test("what is no failure of the provider is thrown once the open calls have ended", async () => {
  const io = new RecordingIo();
  const calls = heldCalls(io);
  const outcome = run({
    io,
    make: async (count, index) => {
      if (index === 0) throw new Error("the lease is lost");
      return calls.make(count, index);
    },
  });
  const thrown = expect(outcome).rejects.toThrow("the lease is lost");
  await calls.end(1);
  await thrown;
  expect(io.saved.map(indexesIn)).toEqual([[1]]);
});
