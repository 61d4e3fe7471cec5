import { describe, expect, test } from "vitest";
import type { Json } from "../../../../src/protocol/task.ts";
import { CANVAS_CAPABILITIES } from "../../../../src/providers/local/capabilities.ts";
import { parseRehearsalOptions, REHEARSAL_OPTION_NAMES } from "../../../../src/providers/local/options.ts";
import { Pacer } from "../../../../src/providers/local/pacer.ts";
import { createLocalProvider } from "../../../../src/providers/local/provider.ts";
import { requireFit } from "../../../../src/tasks/model-fit.ts";
import type { MediaJob } from "../../../../src/tasks/ports/media-provider.ts";
import type { JobRequest } from "../../../../src/tasks/task.ts";
import { mediaProviderContract } from "../../../contract/media-provider.ts";
import { ManualClock, settled } from "../../../fixture/manual-clock.ts";
import { readPng } from "../../../fixture/png-reader.ts";
import { RecordingIo } from "../../../fixture/recording-io.ts";

const TASK_ID = "019aa5f0-1c00-7000-8000-000000000001";
/** Turns of the event loop without pauses: painting takes no time on the manual clock. */
const pacer = () => new Pacer(queueMicrotask);

function jobOf(request: Partial<JobRequest> = {}, changes: Partial<MediaJob> = {}): MediaJob {
  return {
    taskId: TASK_ID,
    type: "image",
    model: "canvas",
    attempt: 1,
    idempotencyKey: "key",
    inputs: [],
    credential: null,
    hookUrl: null,
    request: { prompt: "a fox on a hill", n: 1, size: "64x64", seed: 1, ...request },
    ...changes,
  };
}

function providerAt(clock = new ManualClock()) {
  return createLocalProvider({ clock, pacer: pacer() });
}

mediaProviderContract({
  name: "local",
  provider: providerAt,
  job: (n) => jobOf({ n }),
  hopelessJob: jobOf({ providerOptions: { stepz: 5 } }),
});

mediaProviderContract({
  name: "local, rehearsing a job on the other side",
  provider: providerAt,
  job: (n) => jobOf({ n, providerOptions: { upstream: true } }),
  hopelessJob: jobOf({ size: "8x8", providerOptions: { upstream: true } }),
});

describe("the canvas", () => {
  const only = (io: RecordingIo) => [...io.files.values()][0] as Uint8Array;

  test("paints the size asked for, and 1024x1024 when it may choose", async () => {
    for (const [size, width, height] of [
      ["100x70", 100, 70],
      ["auto", 1024, 1024],
      [undefined, 1024, 1024],
    ] as const) {
      const io = new RecordingIo();
      const { size: _, ...request } = jobOf().request;
      const outcome = await providerAt().submit(
        jobOf({}, { request: size === undefined ? request : { ...request, size } }),
        io,
      );
      expect(outcome).toMatchObject({ kind: "done", items: [{ width, height }] });
      expect(readPng(only(io))).toMatchObject({ width, height });
    }
  });

  test("paints the same bytes for the same seed in another task, and other ones without a seed", async () => {
    const paint = async (seed: number | undefined, taskId: string) => {
      const io = new RecordingIo();
      const { seed: _, ...request } = jobOf().request;
      await providerAt().submit(
        jobOf({}, { taskId, request: seed === undefined ? request : { ...request, seed } }),
        io,
      );
      return Buffer.from(only(io)).toString("base64");
    };
    const other = TASK_ID.replace(/1$/, "2");
    expect(await paint(7, TASK_ID)).toBe(await paint(7, other));
    expect(await paint(7, TASK_ID)).not.toBe(await paint(8, TASK_ID));
    expect(await paint(undefined, TASK_ID)).not.toBe(await paint(undefined, other));
    expect(await paint(undefined, TASK_ID)).toBe(await paint(undefined, TASK_ID));
  });

  test("paints n different pictures", async () => {
    const io = new RecordingIo();
    await providerAt().submit(jobOf({ n: 4 }), io);
    expect(new Set([...io.files.values()].map((file) => Buffer.from(file).toString("base64"))).size).toBe(4);
  });

  test("says what it is doing", async () => {
    const io = new RecordingIo();
    await providerAt().submit(jobOf({ n: 2 }), io);
    const messages = [...new Set(io.reports.map((report) => report.message))];
    expect(messages).toEqual(["sketching", "painting 1 of 2", "painting 2 of 2", "finishing"]);
  });

  test("lets the event loop turn at least once for every 8192 pixels, and once more for each painter", async () => {
    let turns = 0;
    const counting = new Pacer((callback) => {
      turns++;
      queueMicrotask(callback);
    });
    const provider = createLocalProvider({ clock: new ManualClock(), pacer: counting });
    await Promise.all(
      [1, 2, 3].map(() =>
        provider.submit(jobOf({ size: "256x256", providerOptions: { steps: 1 } }), new RecordingIo()),
      ),
    );
    expect(turns).toBeGreaterThanOrEqual((3 * 256 * 256) / 8192);
  });

  test("gives no turn to two painters", async () => {
    const turns: (() => void)[] = [];
    const shared = new Pacer((callback) => turns.push(callback));
    const served: number[] = [];
    for (const painter of [1, 2, 3]) shared.turn().then(() => served.push(painter));
    for (let turn = 1; turn <= 3; turn++) {
      expect(turns).toHaveLength(turn);
      turns[turn - 1]?.();
      await Promise.resolve();
      expect(served).toEqual([1, 2, 3].slice(0, turn));
    }
  });

  test("stops between two slices when it is told to", async () => {
    const io = new RecordingIo();
    io.onReport = () => {
      if (io.reports.length === 4) io.abort();
    };
    const job = jobOf({ size: "256x256", providerOptions: { steps: 1 } });
    expect((await providerAt().submit(job, io)).kind).toBe("failed");
    expect(io.reports).toHaveLength(4);
    expect(io.files.size).toBe(0);
  });

  test("refuses another model, a film and a size out of bounds, saying why", async () => {
    const wrong: [MediaJob, string][] = [
      [jobOf({}, { model: "dall-e-3" }), "dall-e-3"],
      [jobOf({}, { type: "video" }), "video"],
      [jobOf({ size: "63x64" }), "63x64"],
      [jobOf({ size: "64x2049" }), "2048"],
      [jobOf({ size: "64 x 64" }), "WxH"],
      [jobOf({ n: 11 }), "1 to 10"],
      [jobOf({ outputFormat: "webp" }), "png"],
    ];
    for (const [job, text] of wrong) {
      const outcome = await providerAt().submit(job, new RecordingIo());
      expect(outcome).toMatchObject({
        kind: "failed",
        failure: { kind: "permanent", code: "invalid_request" },
      });
      expect(JSON.stringify(outcome)).toContain(text);
    }
  });

  test.each(["256x256", "512x512", "1024x1024", "1536x1024", "1024x1536", "1792x1024", "1024x1792", "auto"])(
    "declares that it takes OpenAI's size %s",
    (size) => {
      expect(() =>
        requireFit(CANVAS_CAPABILITIES, { prompt: "x", n: 10, size, outputFormat: "png" }),
      ).not.toThrow();
    },
  );
});

describe("rehearsing", () => {
  const FAIL_AT_3 = { steps: 5, fail_at: 3 };

  test("a slow job waits after every step, and its progress follows the steps", async () => {
    const clock = new ManualClock();
    const io = new RecordingIo();
    let done = false;
    const running = providerAt(clock)
      .submit(jobOf({ providerOptions: { steps: 4, step_ms: 1000 } }), io)
      .then(() => {
        done = true;
      });
    const seen: number[] = [];
    for (let step = 0; step < 4; step++) {
      await turnsUntil(() => clock.pendingTimers === 1);
      seen.push(io.reports.at(-1)?.percent ?? -1);
      expect(done).toBe(false);
      await clock.advance(1000);
    }
    await running;
    expect(seen).toEqual([24, 49, 73, 73]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("a wait ends at once when the job is stopped, and leaves no timer", async () => {
    const clock = new ManualClock();
    const io = new RecordingIo();
    const running = providerAt(clock).submit(jobOf({ providerOptions: { step_ms: 60_000 } }), io);
    await turnsUntil(() => clock.pendingTimers === 1);
    io.abort();
    expect((await running).kind).toBe("failed");
    expect(clock.pendingTimers).toBe(0);
  });

  test("a transient failure happens on the first attempt only, or on as many as are asked for", async () => {
    const run = (attempt: number, more: Record<string, Json> = {}) =>
      providerAt().submit(
        jobOf({ providerOptions: { ...FAIL_AT_3, ...more } }, { attempt }),
        new RecordingIo(),
      );
    expect(await run(1)).toMatchObject({
      kind: "failed",
      failure: { kind: "transient", code: "provider_unavailable" },
    });
    expect(await run(2)).toMatchObject({ kind: "done" });
    expect(await run(3, { fail_attempts: 3 })).toMatchObject({ kind: "failed" });
    expect(await run(4, { fail_attempts: 3 })).toMatchObject({ kind: "done" });
  });

  test.each([
    ["permanent", { kind: "permanent", code: "provider_error" }],
    ["content_policy", { kind: "content_policy" }],
  ])("a %s failure is final on any attempt", async (fail, failure) => {
    for (const attempt of [1, 5]) {
      const outcome = await providerAt().submit(
        jobOf({ providerOptions: { ...FAIL_AT_3, fail } }, { attempt }),
        new RecordingIo(),
      );
      expect(outcome).toMatchObject({ kind: "failed", failure });
    }
  });

  test("a rate limit turns the job away as often as asked, though no attempt is used and the process restarts", async () => {
    const job = jobOf({
      providerOptions: { steps: 5, fail_at: 2, fail: "rate_limit", fail_attempts: 2, retry_after_ms: 250 },
    });
    let state: Json = null;
    const outcomes: string[] = [];
    for (let run = 0; run < 3; run++) {
      const io = new RecordingIo();
      const outcome =
        state === null ? await providerAt().submit(job, io) : await providerAt().poll(job, state, io);
      outcomes.push(outcome.kind);
      if (outcome.kind === "failed")
        expect(outcome.failure).toMatchObject({ kind: "rate_limited", retryAfterMs: 250 });
      state = io.saved.at(-1) ?? state;
    }
    expect(outcomes).toEqual(["failed", "failed", "done"]);
  });

  test("a failure after finished pictures keeps them", async () => {
    const job = jobOf({ n: 2, providerOptions: { steps: 4, fail_at: 4 } });
    const first = new RecordingIo();
    expect((await providerAt().submit(job, first)).kind).toBe("failed");
    expect(first.files.size).toBe(1);
    const second = new RecordingIo();
    const outcome = await providerAt().poll({ ...job, attempt: 2 }, first.saved.at(-1) ?? null, second);
    expect(outcome).toMatchObject({ kind: "done", items: [{ index: 0 }, { index: 1 }] });
    expect(second.files.size).toBe(1);
  });

  test("a job on the other side is polled by the clock until it is done", async () => {
    const clock = new ManualClock();
    const provider = providerAt(clock);
    const job = jobOf({ providerOptions: { upstream: true, steps: 4, step_ms: 1000, poll_ms: 700 } });
    const io = new RecordingIo();
    let outcome = await provider.submit(job, io);
    const seen: (number | undefined)[] = [];
    while (outcome.kind === "pending") {
      expect(outcome.pollAfterMs).toBe(700);
      seen.push(outcome.progress);
      await clock.advance(1000);
      outcome = await provider.poll(job, outcome.state, io);
    }
    expect(outcome.kind).toBe("done");
    expect(seen).toEqual([0, 23, 47, 71]);
    expect(io.files.size).toBe(1);
  });

  test("a job on the other side that failed is started anew by the next attempt", async () => {
    const clock = new ManualClock();
    const provider = providerAt(clock);
    const job = jobOf({ providerOptions: { upstream: true, steps: 4, step_ms: 1000, fail_at: 2 } });
    const io = new RecordingIo();
    const begun = await provider.submit(job, io);
    if (begun.kind !== "pending") throw new Error("expected pending");
    await clock.advance(1000);
    expect(await provider.poll(job, begun.state, io)).toMatchObject({
      kind: "failed",
      failure: { kind: "transient" },
    });
    const retried = { ...job, attempt: 2 };
    let outcome = await provider.poll(retried, begun.state, io);
    expect(outcome).toMatchObject({ kind: "pending", progress: 0 });
    for (let poll = 0; poll < 4 && outcome.kind === "pending"; poll++) {
      await clock.advance(1000);
      outcome = await provider.poll(retried, outcome.state, io);
    }
    expect(outcome.kind).toBe("done");
  });

  test("cancelling is immediate and costs nothing", async () => {
    expect(await providerAt().cancel(jobOf(), null, new AbortController().signal)).toEqual({
      cancellation: "immediate",
      billedMicros: 0,
      askAgain: false,
    });
  });
});

describe("provider_options", () => {
  test("have defaults, and null counts as absent", () => {
    const nothing = parseRehearsalOptions();
    expect(nothing).toMatchObject({ steps: 10, stepMs: 0, failAt: null, failAttempts: 1, upstream: false });
    expect(
      parseRehearsalOptions(Object.fromEntries(REHEARSAL_OPTION_NAMES.map((name) => [name, null]))),
    ).toEqual(nothing);
  });

  test("take their bounds and refuse what lies beyond them", () => {
    const bounds = {
      steps: [1, 1000],
      step_ms: [0, 60_000],
      fail_attempts: [1, 100],
      poll_ms: [10, 60_000],
    } as const;
    for (const [name, [low, high]] of Object.entries(bounds)) {
      for (const value of [low, high]) expect(typeof parseRehearsalOptions({ [name]: value })).toBe("object");
      for (const value of [low - 1, high + 1, low + 0.5, "5", true, [low], {}])
        expect(parseRehearsalOptions({ [name]: value })).toContain(
          `provider_options.${name} must be an integer from ${low} to ${high}`,
        );
    }
  });

  test.each<[Record<string, Json>, string]>([
    [{ stepz: 1 }, '"stepz" came'],
    [{ constructor: 1 }, '"constructor" came'],
    [{ fail: "slowly" }, '"slowly" came'],
    [{ fail: 3 }, "transient, permanent"],
    [{ upstream: "yes" }, "true or false"],
    [{ steps: 3, fail_at: 4 }, "must not be above steps (3)"],
  ])("refuse %j and say what was expected", (given, text) => {
    expect(parseRehearsalOptions(given)).toContain(text);
  });

  test("that name a failure without a step mean the first", () => {
    expect(parseRehearsalOptions({ fail: "permanent" })).toMatchObject({ failAt: 1 });
  });
});

/** Lets the painter work until something is so. */
async function turnsUntil(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !holds(); turn++) await settled();
  if (!holds()) throw new Error("it never came to pass");
}
