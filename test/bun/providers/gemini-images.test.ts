/** Google's pictures against a fake upstream that is as strict as the real one. Numbers are those of the list of known faults. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { GEMINI_IMAGE_MODELS } from "../../../src/providers/gemini/models.ts";
import { createGemini } from "../../../src/providers/gemini/provider.ts";
import { createPlainDownload } from "../../../src/providers/upstream/answers/plain-download.ts";
import type { Credential } from "../../../src/tasks/ports/media-provider.ts";
import { mediaProviderContract } from "../../contract/media-provider.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import { GEMINI_KEY, pictureAnswer, refusal, startFakeGemini } from "../../fixture/providers/fake-gemini.ts";
import type { FakeUpstream } from "../../fixture/providers/fake-upstream.ts";
import { inputFile, mediaJob } from "../../fixture/providers/media-job.ts";
import { pngOf } from "../../fixture/providers/pictures.ts";
import { done, failure, run } from "../../fixture/providers/steps.ts";
import { RecordingIo } from "../../fixture/recording-io.ts";
import { recordingLog } from "../../fixture/recording-log.ts";

let upstream: FakeUpstream;
const clock = new ManualClock();

beforeAll(async () => {
  upstream = await startFakeGemini();
});
afterAll(() => upstream.close());
beforeEach(() => upstream.reset());

function provider(credentials: readonly Credential[] = []) {
  return createGemini({
    accounts: { apiKey: GEMINI_KEY, baseUrl: `${upstream.origin}/v1beta`, credentials },
    clock,
    log: recordingLog(),
    fetch,
    download: createPlainDownload({ fetch, clock }),
    maxFileBytes: 10_000_000,
  });
}

function job(request: Parameters<typeof mediaJob>[0] = {}, more: Parameters<typeof mediaJob>[1] = {}) {
  return mediaJob(request, { model: "gemini-nano-banana-2.1", ...more });
}

const GENERATE = /generateContent/;

function configOf(place = 0): unknown {
  const body = upstream.calls[place]?.json as { generationConfig: { imageConfig: unknown } };
  return body.generationConfig.imageConfig;
}

mediaProviderContract({
  name: "gemini images",
  provider,
  job: (n) => job({ n }),
  hopelessJob: job({ further: { aspect_ratio: "7:3" } }),
});

describe("what is sent", () => {
  test("is the prompt and the shape, under the account's key", async () => {
    const io = new RecordingIo();
    const { items } = await done(
      run(provider(), job({ size: "1792x1024", quality: "hd", style: "vivid" }), io),
    );
    expect(io.files.get(items[0]?.media.path ?? "")).toBeDefined();
    expect(upstream.calls[0]).toMatchObject({
      path: "/v1beta/models/gemini-nano-banana-2.1:generateContent",
      json: {
        contents: [{ role: "user", parts: [{ text: "a red boat" }] }],
        generationConfig: {
          responseModalities: ["IMAGE"],
          imageConfig: { aspectRatio: "16:9", imageSize: "1K" },
        },
      },
    });
  });

  test.each([
    ["1024x1024", { aspectRatio: "1:1", imageSize: "1K" }],
    ["1024x1536", { aspectRatio: "2:3", imageSize: "1K" }],
    ["3840x2160", { aspectRatio: "16:9", imageSize: "4K" }],
    ["2048x2048", { aspectRatio: "1:1", imageSize: "2K" }],
    ["auto", {}],
  ])("size %s becomes a ratio and a named size", async (size, expected) => {
    await done(run(provider(), job({ size })));
    expect(configOf()).toEqual(expected);
  });

  test("a model of one size is sent none", async () => {
    await done(run(provider(), job({ size: "1024x1024" }, { model: "gemini-3.1-flash-lite-image" })));
    expect(configOf()).toEqual({ aspectRatio: "1:1" });
  });

  test("aspect_ratio goes before the size's shape, and an unknown one is refused before a call is made", async () => {
    await done(run(provider(), job({ size: "1024x1024", further: { aspect_ratio: "21:9" } })));
    expect(configOf()).toEqual({ aspectRatio: "21:9", imageSize: "1K" });
    expect(await failure(run(provider(), job({ providerOptions: { aspect_ratio: "5:1" } })))).toMatchObject({
      code: "invalid_request",
      message: expect.stringContaining("1:1"),
    });
    expect(upstream.calls.length).toBe(1);
  });

  test("every model takes every ratio of its table, and its smallest and largest size", async () => {
    for (const { name, ratios, capabilities } of GEMINI_IMAGE_MODELS) {
      for (const ratio of ratios)
        await done(run(provider(), job({ further: { aspect_ratio: ratio } }, { model: name })));
      if (capabilities.sizes.kind !== "range") throw new Error("expected a range");
      const side = Math.floor(Math.sqrt(capabilities.sizes.maxPixels ?? 1));
      for (const size of ["256x256", `${side}x${side}`])
        await done(run(provider(), job({ size }, { model: name })));
    }
  });

  test("input pictures go before the prompt, a large one while it is read", async () => {
    const io = new RecordingIo();
    const [small, large] = [pngOf(1), new Uint8Array(5_000_000).fill(9)];
    const inputs = [inputFile(io, small), inputFile(io, large, "image", "image/jpeg")];
    await done(run(provider(), job({}, { inputs }), io));
    expect(upstream.calls[0]?.json).toMatchObject({
      contents: [
        {
          parts: [
            { inlineData: { mimeType: "image/png", data: small.toBase64() } },
            { inlineData: { mimeType: "image/jpeg", data: large.toBase64() } },
            { text: "a red boat" },
          ],
        },
      ],
    });
  });

  test("a mask, too many pictures and other files are refused by name, before a call is made", async () => {
    const io = new RecordingIo();
    const image = inputFile(io, pngOf(1));
    const cases = [
      [[image, inputFile(io, pngOf(2), "mask")], "no mask"],
      [Array(15).fill(image), "up to 14"],
      [[{ ...image, contentType: "image/gif" }], "PNG, JPEG"],
    ] as const;
    for (const [inputs, words] of cases)
      expect((await failure(run(provider(), job({}, { inputs }), io))).message).toContain(words);
    expect(upstream.calls).toEqual([]);
  });

  test("the account the engine chose is used, with its own address", async () => {
    const other = { name: "other", key: "AIzaOtherKey", baseUrl: `${upstream.origin}/v1beta/` };
    const refused = await failure(run(provider([other]), job({}, { credential: other })));
    expect(upstream.calls[0]?.headers["x-goog-api-key"]).toBe("AIzaOtherKey");
    expect(refused).toMatchObject({ kind: "permanent", code: "provider_auth" });
    expect(refused.message).not.toContain("AIza");
  });
});

describe("n pictures", () => {
  test("9.6: are a call each, and what was blocked is an error of its own", async () => {
    upstream.script(GENERATE, { body: blockedCandidate("IMAGE_SAFETY") });
    const { items, errors, usage } = await done(run(provider(), job({ n: 4 })));
    expect(upstream.calls.length).toBe(4);
    expect(items.length).toBe(3);
    expect(errors).toMatchObject([{ code: "content_policy_violation" }]);
    expect(usage?.images).toBe(3);
  });

  test("9.6: when all are blocked the task fails", async () => {
    upstream.script(GENERATE, ...Array(4).fill({ body: blockedCandidate("SAFETY") }));
    expect(await failure(run(provider(), job({ n: 4 })))).toMatchObject({
      kind: "content_policy",
      jobOver: true,
    });
  });

  test("no finished picture is made twice", async () => {
    const io = new RecordingIo();
    upstream.script(GENERATE, { change: (body) => body }, { change: (body) => body }, { status: 500 });
    const failed = await failure(provider().submit(job({ n: 3 }), io));
    expect(failed).toMatchObject({ kind: "transient", jobFailed: true });
    const { items } = await done(provider().poll(job({ n: 3 }), io.saved.at(-1) ?? null, io));
    expect(items.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(upstream.calls.length).toBe(4);
  });
});

function blockedCandidate(finishReason: string): unknown {
  return { candidates: [{ finishReason, finishMessage: "Unable to show the generated image.", index: 0 }] };
}

describe("what went wrong is told apart", () => {
  test.each([
    ["a blocked prompt", { promptFeedback: { blockReason: "PROHIBITED_CONTENT" }, usageMetadata: {} }],
    ["a blocked picture", blockedCandidate("IMAGE_PROHIBITED_CONTENT")],
    ["a recitation", blockedCandidate("IMAGE_RECITATION")],
  ])("%s is content policy though the status is 200", async (_, body) => {
    upstream.script(GENERATE, { body });
    expect(await failure(run(provider(), job()))).toMatchObject({ kind: "content_policy" });
  });

  test("words instead of a picture are no success", async () => {
    upstream.script(GENERATE, {
      body: { candidates: [{ content: { parts: [{ text: "I cannot draw." }] }, finishReason: "NO_IMAGE" }] },
    });
    expect(await failure(run(provider(), job()))).toMatchObject({
      kind: "permanent",
      code: "provider_error",
    });
  });

  test.each([
    [
      refusal(429, "RESOURCE_EXHAUSTED", "slow", [{ retryDelay: "34.5s" }]),
      { kind: "rate_limited", retryAfterMs: 34_500 },
    ],
    [refusal(429, "RESOURCE_EXHAUSTED", "slow"), { kind: "rate_limited" }],
    [
      { ...refusal(429, "RESOURCE_EXHAUSTED", "slow"), headers: { "retry-after": "7" } },
      { retryAfterMs: 7_000 },
    ],
    [
      refusal(429, "RESOURCE_EXHAUSTED", "Quota exceeded for metric: x, limit: 0"),
      { code: "provider_quota" },
    ],
    [refusal(403, "PERMISSION_DENIED", "no"), { code: "provider_auth" }],
    [refusal(400, "FAILED_PRECONDITION", "User location is not supported"), { code: "provider_auth" }],
    [refusal(400, "INVALID_ARGUMENT", "Bad things"), { code: "invalid_request" }],
    [refusal(404, "NOT_FOUND", "models/x is not found"), { code: "provider_error" }],
    [refusal(500, "INTERNAL", "oops"), { kind: "transient", mayHaveStarted: true }],
    [refusal(503, "UNAVAILABLE", "The model is overloaded."), { kind: "transient", mayHaveStarted: false }],
    [{ status: 502, body: "<html>Bad gateway</html>" }, { kind: "transient" }],
    [
      { status: 200, body: "<html>Hello</html>" },
      { kind: "transient", mayHaveStarted: true },
    ],
    [{ status: 200, body: "" }, { kind: "transient" }],
    [{ status: 200, body: { nothing: true } }, { kind: "transient" }],
    [{ cut: true } as const, { kind: "transient", code: "provider_unavailable" }],
    [{ cutAfter: '{"candidates":[{"content":{"parts":[{"inlineData":{"data":"iVBOR' }, { kind: "transient" }],
  ])("%j", async (reply, expected) => {
    upstream.script(GENERATE, reply);
    const io = new RecordingIo();
    expect(await failure(provider().submit(job(), io))).toMatchObject(expected);
  });

  test("no message quotes the prompt's pictures or the key (bifrost#1312)", async () => {
    const data = pngOf(1).toBase64();
    upstream.script(
      GENERATE,
      refusal(400, "INVALID_ARGUMENT", `Invalid value ${data} for key ${GEMINI_KEY}`),
    );
    const { message } = await failure(run(provider(), job()));
    expect(message).not.toContain(data.slice(0, 40));
    expect(message).not.toContain(GEMINI_KEY);
  });
});

describe("what an answer used", () => {
  test("is its pictures and tokens, thoughts with the text", async () => {
    const { usage } = await done(run(provider(), job()));
    expect(usage).toEqual({
      images: 1,
      tokens: { input: 8, textInput: 8, output: 1_340, textOutput: 220, imageOutput: 1_120 },
    });
  });

  test("is never priced as nothing where the details are missing (litellm#31142)", async () => {
    upstream.script(GENERATE, {
      change: (body) => ({ ...body, usageMetadata: { promptTokenCount: 8, candidatesTokenCount: 1_120 } }),
    });
    const { usage } = await done(run(provider(), job()));
    expect(usage?.tokens).toMatchObject({ output: 1_120, imageOutput: 1_120 });
  });
});

test("a thought's picture is not taken for the result, and a signature of megabytes does not matter", async () => {
  const io = new RecordingIo();
  const [thought, picture] = [pngOf(1), pngOf(2)];
  const answer = pictureAnswer(3) as { candidates: unknown[] };
  answer.candidates = [
    {
      content: {
        parts: [
          {
            inlineData: { mimeType: "image/png", data: picture.toBase64() },
            thoughtSignature: "AAAA".repeat(500_000),
          },
          { inlineData: { mimeType: "image/png", data: thought.toBase64() }, thought: true },
        ],
      },
      finishReason: "STOP",
    },
  ];
  upstream.script(GENERATE, { body: answer });
  const { items } = await done(run(provider(), job(), io));
  expect(io.files.get(items[0]?.media.path ?? "")).toEqual(picture);
});

test("9.15: a picture of 20 MB is stored while it arrives", async () => {
  const png = pngOf(1);
  const whole = new Uint8Array(20_000_001);
  whole.set(png);
  upstream.script(GENERATE, {
    body: {
      candidates: [
        { content: { parts: [{ inlineData: { mimeType: "image/png", data: whole.toBase64() } }] } },
      ],
    },
  });
  const { items } = await done(run(provider(), job()));
  expect(items[0]?.media.bytes).toBe(whole.length);
});

test("pictures may be made again where the outcome is unknown, films may not", () => {
  expect(provider().resubmitSafe("image")).toBe(true);
  expect(provider().resubmitSafe("video")).toBe(false);
});
