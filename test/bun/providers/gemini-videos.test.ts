/** Google's films against a fake upstream that is as strict as the real one. Numbers are those of the list of known faults. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { GEMINI_VIDEO_MODELS } from "../../../src/providers/gemini/models.ts";
import { createGemini } from "../../../src/providers/gemini/provider.ts";
import { createPlainDownload } from "../../../src/providers/upstream/answers/plain-download.ts";
import type { Credential } from "../../../src/tasks/ports/media-provider.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import { GEMINI_KEY, interaction, refusal, startFakeGemini } from "../../fixture/providers/fake-gemini.ts";
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
  upstream = await startFakeGemini();
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.reset();
  log = recordingLog();
});

function provider(credentials: readonly Credential[] = []) {
  return createGemini({
    accounts: { apiKey: GEMINI_KEY, baseUrl: `${upstream.origin}/v1beta`, credentials },
    clock,
    log,
    fetch,
    download: createPlainDownload({ fetch, clock }),
    maxFileBytes: 10_000_000,
  });
}

function job(request: Parameters<typeof mediaJob>[0] = {}, more: Parameters<typeof mediaJob>[1] = {}) {
  return mediaJob(request, { type: "video", model: "gemini-omni-1.1-flash", ...more });
}

const BEGIN = /POST .*interactions$/;
const POLL = /GET .*interactions/;
const CANCEL = /cancel$/;
const STATE = { id: "v1_known", seconds: 8 };

function poll(state: object = STATE, io = new RecordingIo()) {
  return provider().poll(job(), JSON.parse(JSON.stringify(state)), io);
}

function formatOf(): unknown {
  const body = upstream.calls[0]?.json as { response_format: unknown } | undefined;
  return body?.response_format;
}

describe("a film", () => {
  test("is begun in the background, polled, fetched with the key and stored", async () => {
    const io = new RecordingIo();
    const outcome = await done(run(provider(), job({ size: "1280x720", duration: 5 }), io));
    expect(upstream.calls.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "POST /v1beta/interactions",
      expect.stringMatching(/^GET \/v1beta\/interactions\/v1_job/),
      expect.stringMatching(/^GET \/v1beta\/interactions\/v1_job/),
      "GET /v1beta/files/film-1:download",
      "GET /storage/film",
    ]);
    expect(upstream.calls[0]?.json).toEqual({
      model: "gemini-omni-1.1-flash",
      input: [{ type: "user_input", content: [{ type: "text", text: "a red boat" }] }],
      response_format: {
        type: "video",
        delivery: "uri",
        duration: "5s",
        aspect_ratio: "16:9",
        resolution: "720p",
      },
      generation_config: { video_config: { task: "text_to_video" } },
      background: true,
    });
    expect(outcome.items).toMatchObject([
      { index: 0, durationSeconds: 5, media: { contentType: "video/mp4", bytes: mp4Of().length } },
    ]);
    expect(outcome.usage).toEqual({ seconds: 5, tokens: { input: 12, output: 57_939, textOutput: 19 } });
  });

  test("is told apart by a reference alone: no key, no address", async () => {
    const { state } = await pending(provider().submit(job(), new RecordingIo()));
    expect(state).toEqual({ id: expect.stringMatching(/^v1_job/), seconds: 8 });
  });

  test.each([
    ["1920x1080", { aspect_ratio: "16:9", resolution: "1080p" }],
    ["1024x1792", { aspect_ratio: "9:16", resolution: "1080p" }],
    ["2160x3840", { aspect_ratio: "9:16", resolution: "4k" }],
    ["640x360", { aspect_ratio: "16:9", resolution: "360p" }],
    ["auto", {}],
  ])("size %s becomes a ratio and a resolution", async (size, expected) => {
    await pending(provider().submit(job({ size }), new RecordingIo()));
    expect(formatOf()).toEqual({ type: "video", delivery: "uri", duration: "8s", ...expected });
  });

  test("resolution and aspect_ratio may be named", async () => {
    const further = { resolution: "4K", aspect_ratio: "9:16" };
    await pending(provider().submit(job({ further, size: "1280x720" }), new RecordingIo()));
    expect(formatOf()).toMatchObject({ resolution: "4k", aspect_ratio: "9:16" });
  });

  test("every model takes every size of its table, and its shortest and longest film", async () => {
    for (const { name, capabilities, shortest, longest } of GEMINI_VIDEO_MODELS) {
      if (capabilities.sizes.kind !== "listed") throw new Error("expected a list");
      for (const size of capabilities.sizes.sizes)
        await pending(provider().submit(job({ size }, { model: name }), new RecordingIo()));
      for (const duration of [shortest, longest, 4.5])
        await pending(provider().submit(job({ duration }, { model: name }), new RecordingIo()));
    }
  });

  test.each([
    [{ duration: 2 }, "from 3 to 15"],
    [{ duration: 16 }, "from 3 to 15"],
    [{ further: { resolution: "8k" } }, "360p, 720p"],
    [{ further: { aspect_ratio: "1:1" } }, "16:9, 9:16"],
  ])("%j is refused before a call is made", async (request, words) => {
    const refused = await failure(provider().submit(job(request), new RecordingIo()));
    expect(refused).toMatchObject({ kind: "permanent", code: "invalid_request" });
    expect(refused.message).toContain(words);
    expect(upstream.calls).toEqual([]);
  });

  test("begins with one picture, or is about several", async () => {
    const io = new RecordingIo();
    const first = inputFile(io, pngOf(1));
    await pending(provider().submit(job({}, { inputs: [first] }), io));
    await pending(provider().submit(job({}, { inputs: [first, inputFile(io, pngOf(2))] }), io));
    expect(upstream.calls[0]?.json).toMatchObject({
      input: [
        {
          content: [
            { type: "image", mime_type: "image/png", data: pngOf(1).toBase64() },
            { type: "text", text: "a red boat" },
          ],
        },
      ],
      generation_config: { video_config: { task: "image_to_video" } },
    });
    expect(upstream.calls[1]?.json).toMatchObject({
      generation_config: { video_config: { task: "reference_to_video" } },
    });
  });
});

describe("beginning a film", () => {
  test.each([
    [{ cut: true } as const, { kind: "transient", mayHaveStarted: true }],
    [
      { status: 500, body: {} },
      { kind: "transient", mayHaveStarted: true },
    ],
    [
      { status: 200, body: { status: "in_progress" } },
      { kind: "transient", mayHaveStarted: true },
    ],
    [
      { status: 200, body: "half a docu" },
      { kind: "transient", mayHaveStarted: true },
    ],
    [refusal(503, "UNAVAILABLE", "overloaded"), { kind: "transient", mayHaveStarted: false }],
    [
      refusal(429, "RESOURCE_EXHAUSTED", "slow", [{ retryDelay: "20s" }]),
      { kind: "rate_limited", retryAfterMs: 20_000 },
    ],
    [
      refusal(400, "INVALID_ARGUMENT", "The prompt was blocked by our safety policies."),
      { kind: "content_policy" },
    ],
    [refusal(400, "INVALID_ARGUMENT", "Bad duration"), { kind: "permanent", code: "invalid_request" }],
  ])("9.8: %j tells whether it may have begun, and never begins twice", async (reply, expected) => {
    upstream.script(BEGIN, reply);
    expect(await failure(provider().submit(job(), new RecordingIo()))).toMatchObject(expected);
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
    await done(run(provider(), job(), new RecordingIo(), STATE));
  });

  test("says that a film has not begun while it waits at Google, and nothing of one that is being made", async () => {
    upstream.script(POLL, { body: interaction("v1_known", "queued") });
    expect(await pending(poll())).toMatchObject({ progress: 0, pollAfterMs: 10_000 });
    upstream.script(POLL, { body: interaction("v1_known", "in_progress") });
    expect(await pending(poll())).not.toHaveProperty("progress");
  });

  test("9.14: a new status word is taken for running, and logged once", async () => {
    const gemini = provider();
    for (let time = 0; time < 3; time += 1) {
      upstream.script(POLL, { body: interaction("v1_known", "daydreaming") });
      await pending(gemini.poll(job(), STATE, new RecordingIo()));
    }
    expect(log.lines.map(({ fields }) => fields)).toEqual([{ provider: "Google", word: "daydreaming" }]);
  });

  test("9.4: a film that ended well without a film was held back: content policy, and nothing is left to cancel", async () => {
    upstream.script(POLL, { body: { ...interaction("v1_known", "completed"), steps: [] } });
    expect(await failure(poll())).toMatchObject({ kind: "content_policy", jobOver: true });
  });

  test.each([
    ["failed", { errors: [{ code: "internal", message: "It broke." }] }, "provider_error", "It broke"],
    [
      "failed",
      { steps: [{ type: "model_output", error: { code: 13, message: "No GPU." } }] },
      "provider_error",
      "No GPU",
    ],
    ["incomplete", {}, "provider_error", "(incomplete)"],
    ["cancelled", {}, "provider_error", "(cancelled)"],
    ["requires_action", {}, "provider_error", "(requires_action)"],
    ["requires_continuation", {}, "provider_error", "(requires_continuation)"],
    ["budget_exceeded", {}, "provider_quota", "no quota left"],
  ])("%s with %j is the end", async (status, more, code, words) => {
    upstream.script(POLL, { body: { ...interaction("v1_known", status), ...more } });
    const failed = await failure(poll());
    expect(failed).toMatchObject({ kind: "permanent", code, jobOver: true });
    expect(failed.message).toContain(words);
  });

  test("a failure in the words of a safety system is content policy", async () => {
    const errors = [{ code: "safety", message: "The video violates our policies." }];
    upstream.script(POLL, { body: { ...interaction("v1_known", "failed"), errors } });
    expect(await failure(poll())).toMatchObject({ kind: "content_policy", jobOver: true });
  });

  test("a film that is not known any more is the end", async () => {
    upstream.script(POLL, refusal(404, "NOT_FOUND", "Requested entity was not found."));
    expect(await failure(poll())).toMatchObject({ kind: "permanent", code: "provider_error" });
  });

  test("uses the account that began it (litellm#19874)", async () => {
    const other = { name: "eu", key: GEMINI_KEY, baseUrl: `${upstream.origin}/v1beta` };
    const gemini = createGemini({
      accounts: { apiKey: "AIzaWrong", baseUrl: "http://127.0.0.1:1", credentials: [other] },
      clock,
      log,
      fetch,
      download: createPlainDownload({ fetch, clock }),
      maxFileBytes: 10_000_000,
    });
    await done(run(gemini, job({}, { credential: other })));
    expect(
      await gemini.cancel(job({}, { credential: other }), STATE, new AbortController().signal),
    ).toMatchObject({
      cancellation: "immediate",
    });
  });
});

describe("the finished film", () => {
  const film = (content: unknown) => ({
    body: { ...interaction("v1_known", "completed"), steps: [{ type: "model_output", content: [content] }] },
  });

  test("9.15: may come within the answer, and is stored while it arrives", async () => {
    const io = new RecordingIo();
    const mp4 = mp4Of(9_000_000);
    upstream.script(POLL, film({ type: "video", mime_type: "video/mp4", data: mp4.toBase64() }));
    const { items } = await done(poll(STATE, io));
    expect(items[0]?.media).toMatchObject({ contentType: "video/mp4", bytes: mp4.length });
  });

  test("an input picture that is repeated is not taken for it", async () => {
    const mp4 = mp4Of();
    upstream.script(POLL, {
      body: {
        ...interaction("v1_known", "completed"),
        steps: [
          { type: "user_input", content: [{ type: "image", data: pngOf(1).toBase64() }] },
          { type: "model_output", content: [{ type: "video", data: mp4.toBase64() }] },
        ],
      },
    });
    expect((await done(poll())).items[0]?.media.bytes).toBe(mp4.length);
  });

  test("that is none is asked for again", async () => {
    upstream.script(POLL, film({ type: "video", data: pngOf(1).toBase64() }));
    expect(await failure(poll())).toMatchObject({ kind: "transient" });
  });

  test("9.2: whose link is dead is polled again instead of being made again", async () => {
    upstream.script(
      POLL,
      film({ type: "video", uri: `${upstream.origin}/v1beta/files/film-1:download?alt=media` }),
    );
    upstream.script(/download/, { status: 404, body: {} });
    const failed = await failure(poll());
    expect(failed).toMatchObject({ kind: "transient", mayHaveStarted: false });
    expect(failed).not.toHaveProperty("jobFailed");
    expect(failed.message).not.toContain("127.0.0.1");
    upstream.script(
      POLL,
      film({ type: "video", uri: `${upstream.origin}/v1beta/files/film-1:download?alt=media` }),
    );
    await done(poll());
    expect(upstream.calls.some(({ method }) => method === "POST")).toBe(false);
  });

  test("is asked for as bytes, where the link leads to its description", async () => {
    upstream.script(POLL, film({ type: "video", uri: `${upstream.origin}/v1beta/files/film-1:download` }));
    await done(poll());
    expect(upstream.calls.at(-2)?.query.get("alt")).toBe("media");
  });

  test("is fetched without the key from a host that is not Google's", async () => {
    const elsewhere = await startFakeGemini();
    upstream.script(POLL, film({ type: "video", uri: `${elsewhere.origin}/storage/film` }));
    await done(poll());
    expect(elsewhere.calls[0]?.headers).not.toHaveProperty("x-goog-api-key");
    await elsewhere.close();
  });
});

describe("cancelling a film", () => {
  const cancel = (state: object | null = STATE) =>
    provider().cancel(job(), JSON.parse(JSON.stringify(state)), new AbortController().signal);

  test("9.10: ends it upstream; a second time, and after its end, there is nothing to end", async () => {
    const id = { ...STATE, id: "v1_to_cancel" };
    expect(await cancel(id)).toEqual({ cancellation: "immediate", billedMicros: null, askAgain: false });
    expect(await cancel(id)).toEqual({ cancellation: "requested", billedMicros: null, askAgain: false });
    expect(upstream.calls[0]).toMatchObject({
      method: "POST",
      path: "/v1beta/interactions/v1_to_cancel/cancel",
    });
  });

  test("that is only noted is said to be asked for", async () => {
    upstream.script(CANCEL, { body: interaction("v1_known", "in_progress") });
    expect((await cancel()).cancellation).toBe("requested");
  });

  test("that fails is tried again by whoever called", async () => {
    upstream.script(CANCEL, { status: 503, body: {} });
    await expect(cancel()).rejects.toThrow("503");
  });

  test("needs a reference", async () => {
    expect((await cancel(null)).cancellation).toBe("unsupported_upstream");
    expect(upstream.calls).toEqual([]);
  });
});
