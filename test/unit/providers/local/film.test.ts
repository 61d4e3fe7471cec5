import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, test } from "vitest";
import { createTurnStudio, type FilmStudio } from "../../../../src/providers/local/film-studio.ts";
import { Pacer } from "../../../../src/providers/local/pacer.ts";
import { createLocalProvider } from "../../../../src/providers/local/provider.ts";
import type { MediaJob } from "../../../../src/tasks/ports/media-provider.ts";
import type { JobRequest } from "../../../../src/tasks/task.ts";
import { ManualClock } from "../../../fixture/manual-clock.ts";
import { RecordingIo } from "../../../fixture/recording-io.ts";
import { readWebm } from "../../../fixture/webm-reader.ts";

const TASK_ID = "019aa5f0-1c00-7000-8000-000000000001";
const WASM = createRequire(import.meta.url).resolve("@jsquash/webp/codec/enc/webp_enc_simd.wasm");
const wasm = async () => new WebAssembly.Module(readFileSync(WASM));
const studio = createTurnStudio(wasm, new Pacer(queueMicrotask));

function jobOf(request: Partial<JobRequest> = {}, changes: Partial<MediaJob> = {}): MediaJob {
  return {
    taskId: TASK_ID,
    type: "video",
    model: "motion",
    attempt: 1,
    idempotencyKey: "key",
    inputs: [],
    credential: null,
    isLastAttempt: false,
    hookUrl: null,
    request: { prompt: "a fox on a hill", n: 1, size: "64x64", seed: 1, duration: 1, fps: 10, ...request },
    ...changes,
  };
}

function providerAt(clock = new ManualClock(), films: FilmStudio | undefined = studio) {
  return createLocalProvider({ clock, pacer: new Pacer(queueMicrotask), studio: films });
}

const onlyFile = (io: RecordingIo) => [...io.files.values()][0] as Uint8Array;

/** A studio whose film fails where it is told to. */
function failingStudio(where: "open" | "draw" | "finish"): FilmStudio & { closed: number } {
  const failing = {
    closed: 0,
    async open() {
      if (where === "open") throw new Error("no thread");
      return {
        async drawUntil() {
          if (where === "draw") throw new Error("the thread died");
          return true;
        },
        async finish(): Promise<Uint8Array<ArrayBuffer>> {
          throw new Error("no file");
        },
        close() {
          failing.closed += 1;
        },
      };
    },
  };
  return failing;
}

describe("local/motion", () => {
  test("draws a film of the size, length and rate asked for, and says so in the result", async () => {
    const io = new RecordingIo();
    const outcome = await providerAt().submit(jobOf({ size: "96x64", duration: 1.5, fps: 12 }), io);
    expect(outcome).toMatchObject({
      kind: "done",
      costMicros: 0,
      items: [
        {
          index: 0,
          width: 96,
          height: 64,
          durationSeconds: 1.5,
          fps: 12,
          media: { contentType: "video/webm" },
        },
      ],
    });
    expect(await readWebm(onlyFile(io))).toMatchObject({ width: 96, height: 64, frames: 18, codec: "vp8" });
  });

  test("takes four seconds of 640x360 at 24 frames a second when it may choose", async () => {
    const { size: _, duration: __, fps: ___, ...request } = jobOf().request;
    const orders: unknown[] = [];
    const watched: FilmStudio = {
      open: (order) => {
        orders.push(order);
        return Promise.reject(new Error("enough"));
      },
    };
    for (const size of [{}, { size: "auto" }])
      await providerAt(undefined, watched)
        .submit(jobOf({}, { request: { ...request, ...size } }), new RecordingIo())
        .catch(() => {});
    expect(orders).toEqual(
      Array(2).fill(expect.objectContaining({ width: 640, height: 360, frames: 96, fps: 24 })),
    );
  });

  test("draws the same film for the same seed in another task, and another one without a seed", async () => {
    const other = TASK_ID.replace(/1$/, "2");
    const draw = async (seed: number | undefined, taskId: string) => {
      const io = new RecordingIo();
      const { seed: _, ...request } = jobOf().request;
      await providerAt().submit(
        jobOf({}, { taskId, request: seed === undefined ? request : { ...request, seed } }),
        io,
      );
      return Buffer.from(onlyFile(io)).toString("base64");
    };
    expect(await draw(7, TASK_ID)).toBe(await draw(7, other));
    expect(await draw(7, TASK_ID)).not.toBe(await draw(8, TASK_ID));
    expect(await draw(undefined, TASK_ID)).not.toBe(await draw(undefined, other));
    expect(await draw(undefined, TASK_ID)).toBe(await draw(undefined, TASK_ID));
  });

  test("counts its progress in frames", async () => {
    const io = new RecordingIo();
    await providerAt().submit(jobOf({ fps: 4 }), io);
    expect(io.reports).toEqual([
      { percent: 0, message: "sketching" },
      { percent: 24, message: "drew 1 of 4 frames" },
      { percent: 49, message: "drew 2 of 4 frames" },
      { percent: 73, message: "drew 3 of 4 frames" },
      { percent: 98, message: "drew 4 of 4 frames" },
    ]);
  });

  test("stops within a frame when it is told to, stores nothing, and draws the whole film when it is picked up", async () => {
    const io = new RecordingIo();
    io.onReport = () => {
      if (io.reports.length === 4) io.abort();
    };
    expect(await providerAt().submit(jobOf(), io)).toMatchObject({
      kind: "failed",
      failure: { kind: "transient", jobFailed: true },
    });
    expect(io.reports).toHaveLength(4);
    expect(io.files.size).toBe(0);
    const again = new RecordingIo();
    expect(await providerAt().submit(jobOf({}, { attempt: 2 }), again)).toMatchObject({ kind: "done" });
    expect((await readWebm(onlyFile(again))).frames).toBe(10);
  });

  test("refuses what lies beyond its bounds, saying why", async () => {
    const wrong: [MediaJob, string][] = [
      [jobOf({ duration: 0.5 }), "from 1 to 10"],
      [jobOf({ duration: 11 }), "from 1 to 10"],
      [jobOf({ fps: 31 }), "from 1 to 30"],
      [jobOf({ size: "1920x1080" }), "1920x1080"],
      [jobOf({ size: "1280x1280" }), "1280x720"],
      [jobOf({ size: "65x64" }), "even"],
      [jobOf({ size: "64 x 64" }), "64 x 64"],
      [jobOf({ n: 2 }), "n must be 1"],
      [jobOf({ providerOptions: { stepz: 5 } }), "stepz"],
      [jobOf({}, { model: "canvas" }), "canvas"],
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

  test("rehearses failures as the canvas does", async () => {
    const run = (fail: string, attempt = 1) =>
      providerAt().submit(
        jobOf({ providerOptions: { steps: 5, fail_at: 3, fail } }, { attempt }),
        new RecordingIo(),
      );
    expect(await run("transient")).toMatchObject({ failure: { kind: "transient" } });
    expect(await run("transient", 2)).toMatchObject({ kind: "done" });
    expect(await run("permanent")).toMatchObject({ failure: { kind: "permanent" } });
    expect(await run("content_policy")).toMatchObject({ failure: { kind: "content_policy" } });
    expect(await run("rate_limit")).toMatchObject({ failure: { kind: "rate_limited" } });
  });

  test("waits after every step when it is to be slow", async () => {
    const clock = new ManualClock();
    const io = new RecordingIo();
    const running = providerAt(clock).submit(jobOf({ providerOptions: { steps: 2, step_ms: 1000 } }), io);
    for (let step = 1; step <= 2; step++) {
      while (clock.pendingTimers === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(io.reports.at(-1)?.message).toBe(`drew ${step * 5} of 10 frames`);
      await clock.advance(1000);
    }
    expect((await running).kind).toBe("done");
  });

  test("behaves like a job on the other side when asked to", async () => {
    const clock = new ManualClock();
    const provider = providerAt(clock);
    const job = jobOf({ providerOptions: { upstream: true, steps: 2, step_ms: 1000 } });
    const io = new RecordingIo();
    let outcome = await provider.submit(job, io);
    while (outcome.kind === "pending") {
      await clock.advance(1000);
      outcome = await provider.poll(job, outcome.state, io);
    }
    expect(outcome.kind).toBe("done");
    expect((await readWebm(onlyFile(io))).frames).toBe(10);
  });

  test.each(["open", "draw", "finish"] as const)(
    "gives its session back when the studio fails to %s",
    async (where) => {
      const failing = failingStudio(where);
      await expect(providerAt(undefined, failing).submit(jobOf(), new RecordingIo())).rejects.toThrow(
        /no |died/,
      );
      expect(failing.closed).toBe(where === "open" ? 0 : 1);
    },
  );

  test("is not there without a studio", async () => {
    const provider = createLocalProvider({ clock: new ManualClock() });
    expect(await provider.submit(jobOf(), new RecordingIo())).toMatchObject({
      failure: { kind: "permanent", code: "invalid_request" },
    });
  });
});
