/** OpenRouter's films against a fake upstream that is as strict as the real one. Numbers are those of the list of known faults. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FILM_MODELS } from "../../../src/providers/openrouter/models.ts";
import { createOpenRouter } from "../../../src/providers/openrouter/provider.ts";
import { createPlainDownload } from "../../../src/providers/upstream/answers/plain-download.ts";
import type { Credential } from "../../../src/tasks/ports/media-provider.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import {
  filmJob,
  LISTED_MODELS,
  OPENROUTER_KEY,
  openRouterError,
  startFakeOpenRouter,
} from "../../fixture/providers/fake-openrouter.ts";
import type { FakeUpstream } from "../../fixture/providers/fake-upstream.ts";
import { mp4Of } from "../../fixture/providers/films.ts";
import { inputFile, mediaJob } from "../../fixture/providers/media-job.ts";
import { pngOf } from "../../fixture/providers/pictures.ts";
import { done, failure, pending, run } from "../../fixture/providers/steps.ts";
import { RecordingIo } from "../../fixture/recording-io.ts";
import { recordingLog } from "../../fixture/recording-log.ts";

let upstream: FakeUpstream;
const clock = new ManualClock();
let log = recordingLog();

beforeAll(async () => {
  upstream = await startFakeOpenRouter();
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.reset();
  log = recordingLog();
});

function provider(apiKey = OPENROUTER_KEY, credentials: readonly Credential[] = []) {
  return createOpenRouter({
    accounts: { apiKey, baseUrl: `${upstream.origin}/api/v1`, credentials },
    clock,
    log,
    fetch,
    download: createPlainDownload({ fetch, clock }),
    maxFileBytes: 10_000_000,
  });
}

function job(request: Parameters<typeof mediaJob>[0] = {}, more: Parameters<typeof mediaJob>[1] = {}) {
  return mediaJob(request, { type: "video", model: "bytedance/seedance-2.0", ...more });
}

const BEGIN = /POST .*videos$/;
const POLL = /GET .*videos\/[^/]+$/;
const CONTENT = /content$/;
const STATE = { id: "gen-vid-known", seconds: 5 };

function submit(request: Parameters<typeof job>[0] = {}, more: Parameters<typeof job>[1] = {}) {
  return provider().submit(job(request, more), new RecordingIo());
}

function poll(state: object = STATE) {
  return provider().poll(job(), JSON.parse(JSON.stringify(state)), new RecordingIo());
}

describe("the table of models", () => {
  test.each(FILM_MODELS.map((model) => [model.name, model] as const))(
    "%s is as OpenRouter lists it",
    (name, model) => {
      const listed = LISTED_MODELS.find(({ id }) => id === name);
      expect(model.durations).toEqual(listed?.supported_durations?.toSorted((one, other) => one - other));
      expect(model.resolutions.toSorted()).toEqual(listed?.supported_resolutions?.toSorted());
      expect(model.ratios.toSorted()).toEqual(listed?.supported_aspect_ratios?.toSorted());
      expect(model.capabilities.inputs?.images).toBe(listed?.supported_frame_images?.length ?? 0);
      expect(model.sound).toBe(listed?.generate_audio === true);
      expect(model.capabilities.seed).toBe(listed?.seed === true);
      expect(model.durations).toContain(model.usualSeconds);
    },
  );

  test("leaves out what makes no film from a prompt, and what its maker has ended", () => {
    const known = new Set(FILM_MODELS.map(({ name }) => name));
    expect(LISTED_MODELS.map(({ id }) => id).filter((id) => !known.has(id))).toEqual([
      "black-forest-labs/flux-video-upscale",
      "openai/sora-2-pro",
      "runway/aleph-2",
    ]);
  });
});

describe("a film", () => {
  test("is begun, polled and fetched with the key, and costs what OpenRouter says", async () => {
    const outcome = await done(run(provider(), job({ size: "1280x720", duration: 6, seed: 7 })));
    expect(
      upstream.calls.map(({ method, path }) => `${method} ${path.replace(/gen-vid[^/]+/, "ID")}`),
    ).toEqual([
      "POST /api/v1/videos",
      "GET /api/v1/videos/ID",
      "GET /api/v1/videos/ID",
      "GET /api/v1/videos/ID",
      "GET /api/v1/videos/ID/content",
    ]);
    expect(upstream.calls[0]?.json).toEqual({
      model: "bytedance/seedance-2.0",
      prompt: "a red boat",
      duration: 6,
      aspect_ratio: "16:9",
      resolution: "720p",
      seed: 7,
    });
    expect(outcome).toMatchObject({
      items: [{ index: 0, durationSeconds: 6, media: { contentType: "video/mp4", bytes: mp4Of().length } }],
      usage: { seconds: 6 },
      costMicros: 420_000,
    });
  });

  test("is told apart by a reference alone: no key, no address", async () => {
    const { state, pollAfterMs } = await pending(submit());
    expect(state).toEqual({ id: expect.stringMatching(/^gen-vid-/), seconds: 5 });
    expect(pollAfterMs).toBe(10_000);
  });

  test("every model takes every size and duration of its table", async () => {
    for (const { name, capabilities, durations } of FILM_MODELS) {
      if (capabilities.sizes.kind !== "listed") throw new Error("expected a list");
      for (const size of capabilities.sizes.sizes) await pending(submit({ size }, { model: name }));
      for (const duration of durations) await pending(submit({ duration }, { model: name }));
      await pending(submit({ seed: 1 }, { model: name }));
    }
  });

  test.each([
    ["3840x2160", "bytedance/seedance-2.0", { aspect_ratio: "16:9", resolution: "4K" }],
    ["854x480", "bytedance/seedance-2.5", { aspect_ratio: "16:9", resolution: "480p" }],
    ["1440x2560", "minimax/hailuo-3", { aspect_ratio: "9:16", resolution: "2K" }],
    ["720x720", "kwaivgi/kling-v3.0-pro", { aspect_ratio: "1:1", resolution: "720p" }],
  ])("size %s of %s becomes a ratio and a resolution", async (size, model, expected) => {
    await pending(submit({ size }, { model }));
    expect(upstream.calls[0]?.json).toMatchObject(expected);
  });

  test("a size that is in its list is the nearest to itself, for every model", async () => {
    for (const { capabilities, resolutions, ratios, name } of FILM_MODELS) {
      if (capabilities.sizes.kind !== "listed") throw new Error("expected a list");
      const shapes: string[] = [];
      for (const size of capabilities.sizes.sizes) {
        upstream.reset();
        await pending(submit({ size }, { model: name }));
        const body = upstream.calls[0]?.json as { aspect_ratio: string; resolution: string };
        shapes.push(`${body.resolution} ${body.aspect_ratio}`);
      }
      expect(shapes).toEqual(resolutions.flatMap((lines) => ratios.map((ratio) => `${lines} ${ratio}`)));
    }
  });

  test("resolution, aspect_ratio and generate_audio may be named", async () => {
    const further = { resolution: "4k", aspect_ratio: "21:9", generate_audio: false };
    await pending(submit({ further }));
    expect(upstream.calls[0]?.json).toMatchObject({ ...further, resolution: "4K" });
  });

  test.each([
    [{ duration: 5 }, "google/veo-3.1", "one of 4, 6, 8"],
    [{ duration: 4.5 }, "bytedance/seedance-2.0", "one of 4, 5"],
    [{ further: { resolution: "4K" } }, "kwaivgi/kling-v3.0-pro", "720p"],
    [{ further: { aspect_ratio: "2:1" } }, "kwaivgi/kling-v3.0-pro", "16:9"],
    [{ further: { generate_audio: "yes" } }, "google/veo-3.1", "true or false"],
    [{}, "no/such-model", "any more"],
  ])("%j for %s is refused before a call is made", async (request, model, words) => {
    const refused = await failure(submit(request, { model }));
    expect(refused).toMatchObject({ kind: "permanent", code: "invalid_request" });
    expect(refused.message).toContain(words);
    expect(upstream.calls).toEqual([]);
  });

  test("begins with one picture and ends with another, where the model takes both", async () => {
    const io = new RecordingIo();
    const inputs = [inputFile(io, pngOf(1)), inputFile(io, pngOf(2), "image", "image/webp")];
    await pending(provider().submit(job({}, { inputs }), io));
    expect(upstream.calls[0]?.json).toMatchObject({
      frame_images: [
        {
          type: "image_url",
          image_url: { url: `data:image/png;base64,${pngOf(1).toBase64()}` },
          frame_type: "first_frame",
        },
        {
          type: "image_url",
          image_url: { url: `data:image/webp;base64,${pngOf(2).toBase64()}` },
          frame_type: "last_frame",
        },
      ],
    });
    const refused = await failure(provider().submit(job({}, { inputs, model: "minimax/hailuo-2.3" }), io));
    expect(refused.message).toContain("at most 1");
  });
});

describe("beginning a film", () => {
  test.each([
    [{ cut: true } as const, { kind: "transient", mayHaveStarted: true }],
    [openRouterError(500, "oops"), { kind: "transient", mayHaveStarted: true }],
    [openRouterError(502, "Provider returned error"), { kind: "transient", mayHaveStarted: true }],
    [
      { status: 202, body: { status: "pending" } },
      { kind: "transient", mayHaveStarted: true },
    ],
    [
      { status: 200, body: "<html>" },
      { kind: "transient", mayHaveStarted: true },
    ],
    [openRouterError(503, "No provider"), { kind: "transient", mayHaveStarted: false }],
    [
      { ...openRouterError(429, "slow"), headers: { "retry-after": "9" } },
      { kind: "rate_limited", retryAfterMs: 9_000 },
    ],
    [openRouterError(402, "Insufficient credits"), { code: "provider_quota" }],
    [openRouterError(403, "Key limit exceeded"), { code: "provider_auth" }],
    [
      openRouterError(403, "Blocked", { reasons: ["violence"], flagged_input: "…" }),
      { kind: "content_policy" },
    ],
    [openRouterError(403, "Your input was flagged by moderation"), { kind: "content_policy" }],
    [openRouterError(400, "The prompt was rejected by the content filter"), { kind: "content_policy" }],
    [openRouterError(400, "duration must be one of 4, 6, 8"), { kind: "permanent", code: "invalid_request" }],
    [openRouterError(404, "No endpoints found"), { kind: "permanent", code: "provider_error" }],
  ])("9.8: %j tells whether it may have begun, and never begins twice", async (reply, expected) => {
    upstream.script(BEGIN, reply);
    expect(await failure(submit())).toMatchObject(expected);
    expect(upstream.calls.length).toBe(1);
    expect(provider().resubmitSafe("video")).toBe(false);
  });
});

describe("polling a film", () => {
  test("9.13: five failures of the poll are none of the film", async () => {
    upstream.script(POLL, ...Array(5).fill({ status: 500, body: {} }));
    for (let time = 0; time < 5; time += 1) {
      const failed = await failure(poll());
      expect(failed).toMatchObject({ kind: "transient" });
      expect(failed).not.toHaveProperty("jobFailed");
    }
    await done(poll());
  });

  test("progress that is said is taken, and none is made up", async () => {
    upstream.script(POLL, { body: filmJob("gen-vid-known", "in_progress") });
    expect(await pending(poll())).not.toHaveProperty("progress");
    upstream.script(POLL, { body: { ...filmJob("gen-vid-known", "in_progress"), progress: 42 } });
    expect((await pending(poll())).progress).toBe(42);
  });

  test("9.14: a new status word is taken for running, and logged once", async () => {
    const openRouter = provider();
    for (let time = 0; time < 3; time += 1) {
      upstream.script(POLL, { body: filmJob("gen-vid-known", "upscaling") });
      await pending(openRouter.poll(job(), STATE, new RecordingIo()));
    }
    expect(log.lines.map(({ fields }) => fields)).toEqual([{ provider: "OpenRouter", word: "upscaling" }]);
  });

  test.each([
    ["failed", "The model broke.", "provider_error"],
    ["cancelled", undefined, "provider_error"],
    ["expired", undefined, "provider_error"],
  ])("%s is the end, with its reason", async (status, error, code) => {
    upstream.script(POLL, { body: { ...filmJob("gen-vid-known", status), error } });
    const failed = await failure(poll());
    expect(failed).toMatchObject({ kind: "permanent", code, jobOver: true });
    expect(failed.message).toContain(error === undefined ? status : "The model broke");
  });

  test("9.4: a film that was held back is content policy", async () => {
    const error = "The generated video was blocked by the provider's content moderation.";
    upstream.script(POLL, { body: { ...filmJob("gen-vid-known", "failed"), error } });
    expect(await failure(poll())).toMatchObject({ kind: "content_policy", jobOver: true });
  });

  test("no failure quotes an address or the key", async () => {
    const error = `see https://internal.example/x?key=${OPENROUTER_KEY}`;
    upstream.script(POLL, { body: { ...filmJob("gen-vid-known", "failed"), error } });
    const { message } = await failure(poll());
    expect(message).not.toMatch(/internal\.example|sk-or/);
  });

  test("9.2: whose content cannot be had is polled again instead of being made again", async () => {
    upstream.script(CONTENT, { status: 410, body: {} });
    const failed = await failure(poll());
    expect(failed).toMatchObject({ kind: "transient" });
    expect(failed).not.toHaveProperty("jobFailed");
    await done(poll());
    expect(upstream.calls.some(({ method }) => method === "POST")).toBe(false);
  });

  test("an address in the answer is not followed", async () => {
    upstream.script(POLL, {
      body: {
        ...filmJob("gen-vid-known", "completed"),
        polling_url: "https://evil.example/x",
        unsigned_urls: ["https://evil.example/film"],
      },
    });
    await done(poll());
    expect(upstream.calls.at(-1)).toMatchObject({ path: "/api/v1/videos/gen-vid-known/content" });
  });

  test("uses the account that began it (litellm#19874)", async () => {
    const eu = { name: "eu", key: OPENROUTER_KEY, baseUrl: `${upstream.origin}/api/v1` };
    await done(run(provider("sk-or-wrong", [eu]), job({}, { credential: eu })));
    expect(new Set(upstream.calls.map(({ headers }) => headers.authorization))).toEqual(
      new Set([`Bearer ${OPENROUTER_KEY}`]),
    );
  });
});

describe("what a film cost", () => {
  test.each([
    [{ cost: 0.123456, is_byok: false }, 123_456],
    [{ cost: 0, is_byok: false }, 0],
    [{ cost: 0.01, is_byok: true }, undefined],
    [{ cost: null }, undefined],
    [{ cost: -1 }, undefined],
    [{ cost: "1" }, undefined],
    [undefined, undefined],
  ])("%j is %s micro-dollars", async (usage, expected) => {
    upstream.script(POLL, { body: { ...filmJob("gen-vid-known", "completed"), usage } });
    expect((await done(poll())).costMicros).toBe(expected);
  });
});

describe("cancelling a film", () => {
  const cancel = () => provider().cancel(job(), STATE, new AbortController().signal);

  test("9.10: cannot be done at OpenRouter; its bill is asked for until it is known", async () => {
    upstream.script(POLL, { body: filmJob("gen-vid-known", "in_progress") });
    const unsupported = { cancellation: "unsupported_upstream" };
    expect(await cancel()).toEqual({ ...unsupported, billedMicros: null, askAgain: true });
    expect(await cancel()).toEqual({ ...unsupported, billedMicros: 350_000, askAgain: false });
    upstream.script(POLL, openRouterError(404, "Not found"));
    expect(await cancel()).toEqual({ ...unsupported, billedMicros: null, askAgain: false });
  });

  test("that cannot be looked at now is tried again by whoever called", async () => {
    upstream.script(POLL, { status: 503, body: {} });
    await expect(cancel()).rejects.toThrow("503");
  });
});
