/** What the handler of cleanups makes of an item: it asks the job's own provider, and gives nothing up before it was tried. */

import { beforeEach, describe, expect, test } from "vitest";
import { type CleanupPayload, cleanupDraft } from "../../../../../src/tasks/due-work.ts";
import { createCleanupWork } from "../../../../../src/tasks/engine/due-work/cleanup.ts";
import type { WorkHandler } from "../../../../../src/tasks/engine/due-work/runner.ts";
import type { ClaimedWork } from "../../../../../src/tasks/ports/task-store.ts";
import { type RecordingLog, recordingLog } from "../../../../fixture/recording-log.ts";
import { ScriptedProvider } from "../../../../fixture/scripted-provider.ts";
import { runningTask } from "../../../../fixture/task.ts";

const LIMIT_MS = 10 * 60_000;
const task = runningTask({
  route: [
    { provider: "x", model: "new-model" },
    { provider: "y", model: "other" },
  ],
  candidate: 1,
  attempt: 7,
});

function work(payload: Partial<CleanupPayload> = {}, more: Partial<ClaimedWork> & { tries?: number } = {}) {
  const { tries = 0, ...claimed } = more;
  const draft = cleanupDraft(task.id, {
    provider: "x",
    model: "old-model",
    credential: null,
    attempt: 2,
    fence: 1,
    state: "job",
    reported: false,
    costMicros: null,
    ...payload,
  });
  const item = { ...draft, createdAt: 0, giveUpAt: LIMIT_MS, tries, fence: 1 };
  return { item, task, overdue: false, ...claimed } satisfies ClaimedWork;
}

describe("cleanup work", () => {
  let provider: ScriptedProvider;
  let handler: WorkHandler;
  let log: RecordingLog;
  const run = (claimed: ClaimedWork) => handler.run(claimed, new AbortController().signal);
  beforeEach(() => {
    provider = new ScriptedProvider("x");
    const providers = new Map([
      ["x", provider],
      ["y", new ScriptedProvider("y")],
    ]);
    log = recordingLog();
    // In the middle of the jitter: waits are exact.
    handler = createCleanupWork({ providers, log, random: () => 0.5 });
  });

  test("is done for the providers of this process", () => {
    expect(handler.kind).toBe("cleanup");
    expect(handler.destinations()).toEqual(["x", "y"]);
  });

  test("warns of a bill beyond what its task had reserved, with what was billed before", async () => {
    const paid = { ...task, reservedMicros: 1_000, upstreamMicros: 700 };
    provider.cancelResult = { cancellation: "immediate", billedMicros: 300, askAgain: false };
    await run({ ...work(), task: paid });
    expect(log.lines).toEqual([]);
    provider.cancelResult = { cancellation: "immediate", billedMicros: 301, askAgain: false };
    await run({ ...work(), task: paid });
    expect(log.lines).toEqual([
      {
        level: "warn",
        message: "provider billed more than was reserved",
        fields: { taskId: task.id, reservedMicros: 1_000, upstreamMicros: 1_001, overrunMicros: 1 },
      },
    ]);
  });

  test("ends the job at the provider that runs it, under the model and the attempt it was submitted with", async () => {
    await run(work());
    expect(provider.cancels).toMatchObject([
      {
        state: "job",
        job: {
          taskId: task.id,
          type: "image",
          model: "old-model",
          request: task.request,
          attempt: 2,
          idempotencyKey: `${task.id}-2`,
        },
      },
    ]);
  });

  test.each(["immediate", "requested", "unsupported_upstream"] as const)(
    "hands on the bill and how the job ended: %s",
    async (cancellation) => {
      provider.cancelResult = { cancellation, billedMicros: 250, askAgain: false };
      expect(await run(work({ costMicros: 999 }))).toEqual({
        kind: "done",
        bill: { cancellation, billedMicros: 250 },
      });
    },
  );

  test.each([
    { billed: 250.6, known: null, charged: 251 },
    { billed: 0, known: 90, charged: 0 },
    { billed: null, known: 90, charged: 90 },
    { billed: null, known: null, charged: null },
    { billed: -5, known: 90, charged: 90 },
    { billed: Number.NaN, known: 90, charged: 90 },
    { billed: Number.POSITIVE_INFINITY, known: null, charged: null },
  ])(
    "bills $charged where the provider says $billed and the holder $known",
    async ({ billed, known, charged }) => {
      provider.cancelResult = { cancellation: "immediate", billedMicros: billed, askAgain: false };
      expect(await run(work({ costMicros: known }))).toMatchObject({ bill: { billedMicros: charged } });
    },
  );

  test("waits longer each time it has to ask for the bill again, at most a minute", async () => {
    provider.cancelResult = { cancellation: "requested", billedMicros: null, askAgain: true };
    const waits: unknown[] = [];
    for (const tries of [0, 1, 2, 4, 5, 50]) waits.push(await run(work({}, { tries })));
    expect(waits).toEqual(
      [2_000, 4_000, 8_000, 32_000, 60_000, 60_000].map((delayMs) => ({ kind: "again", delayMs })),
    );
  });

  test("waits for the holder that may still hand over a reference, and asks nobody meanwhile", async () => {
    expect(await run(work({ state: null }))).toEqual({ kind: "again", delayMs: 2_000 });
    expect(provider.cancels).toEqual([]);
  });

  test("is over without a reference once the holder has said that its call is over, at what that cost", async () => {
    expect(await run(work({ state: null, reported: true, costMicros: 70 }))).toEqual({
      kind: "done",
      bill: { cancellation: "immediate", billedMicros: 70 },
    });
    expect(provider.cancels).toEqual([]);
  });

  test("fails into another try; only an overdue one ends, at what is known", () => {
    expect(handler.failed(work({}, { tries: 1 }))).toEqual({ kind: "again", delayMs: 4_000 });
    expect(handler.failed(work({ costMicros: 30 }, { overdue: true }))).toEqual({
      kind: "done",
      bill: { cancellation: "requested", billedMicros: 30 },
    });
  });

  test("of a failing provider is a failure of the run", async () => {
    provider.cancelResult = new Error("connection refused");
    await expect(run(work())).rejects.toThrow("connection refused");
  });

  describe("that is overdue", () => {
    test("and was never tried is tried before it is given up", async () => {
      provider.cancelResult = { cancellation: "immediate", billedMicros: 20, askAgain: false };
      expect(await run(work({}, { overdue: true }))).toEqual({
        kind: "done",
        bill: { cancellation: "immediate", billedMicros: 20 },
      });
      expect(provider.cancels).toHaveLength(1);
    });

    test("ends now, whatever the provider would say later", async () => {
      provider.cancelResult = { cancellation: "requested", billedMicros: 40, askAgain: true };
      expect(await run(work({}, { overdue: true }))).toMatchObject({ kind: "done" });
    });

    test("and was tried before ends at what is known", async () => {
      expect(await run(work({ costMicros: 30 }, { overdue: true, tries: 3 }))).toMatchObject({
        kind: "done",
        bill: { billedMicros: 30 },
      });
    });

    test("without a reference ends", async () => {
      expect(await run(work({ state: null }, { overdue: true }))).toMatchObject({ kind: "done" });
    });

    test("and of a provider that this process does not have ends", async () => {
      expect(await run(work({ provider: "gone", costMicros: 30 }, { overdue: true }))).toEqual({
        kind: "done",
        bill: { cancellation: "unsupported_upstream", billedMicros: 30 },
      });
    });

    test("and whose task is gone ends", async () => {
      expect(await run(work({}, { overdue: true, task: null }))).toMatchObject({ kind: "done" });
    });
  });
});
