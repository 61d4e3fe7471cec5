/** Stability's pictures against a fake upstream that is as strict as the real one. Numbers are those of the list of known faults. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { STABILITY_MODELS } from "../../../src/providers/stability/models.ts";
import { createStability } from "../../../src/providers/stability/provider.ts";
import type { Credential } from "../../../src/tasks/ports/media-provider.ts";
import { mediaProviderContract } from "../../contract/media-provider.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import { STABILITY_KEY, stabilityError, startFakeStability } from "../../fixture/providers/fake-stability.ts";
import type { FakeUpstream } from "../../fixture/providers/fake-upstream.ts";
import { inputFile, mediaJob } from "../../fixture/providers/media-job.ts";
import { pictureOf, pngOf } from "../../fixture/providers/pictures.ts";
import { done, failure, run } from "../../fixture/providers/steps.ts";
import { RecordingIo } from "../../fixture/recording-io.ts";

let upstream: FakeUpstream;

beforeAll(async () => {
  upstream = await startFakeStability();
});
afterAll(() => upstream.close());
beforeEach(() => upstream.reset());

function provider(credentials: readonly Credential[] = []) {
  return createStability({
    accounts: { apiKey: STABILITY_KEY, baseUrl: `${upstream.origin}/v2beta`, credentials },
    clock: new ManualClock(),
    fetch,
  });
}

function job(request: Parameters<typeof mediaJob>[0] = {}, more: Parameters<typeof mediaJob>[1] = {}) {
  return mediaJob(request, { model: "ultra", ...more });
}

const GENERATE = /generate/;
const FILTERED = {
  body: { image: pictureOf("jpeg", 1).toBase64(), finish_reason: "CONTENT_FILTERED", seed: 1 },
};

function fieldsOf(place = 0): Record<string, unknown> {
  return Object.fromEntries(upstream.calls[place]?.form ?? []);
}

mediaProviderContract({
  name: "stability",
  provider,
  job: (n) => job({ n }),
  hopelessJob: job({ further: { style_preset: "vivid" } }),
});

describe("what is sent", () => {
  test("is a form of what the model takes, under the account's key", async () => {
    const request = {
      size: "1792x1024",
      quality: "hd",
      style: "vivid",
      seed: 7,
      outputFormat: "webp",
      further: { style_preset: "Anime", negative_prompt: "people", unknown: 1 },
    };
    const { items, usage } = await done(run(provider(), job(request)));
    expect(upstream.calls[0]).toMatchObject({ method: "POST", path: "/v2beta/stable-image/generate/ultra" });
    expect(fieldsOf()).toEqual({
      prompt: "a red boat",
      aspect_ratio: "16:9",
      output_format: "webp",
      seed: "7",
      style_preset: "anime",
      negative_prompt: "people",
    });
    expect(items[0]?.media.contentType).toBe("image/webp");
    expect(usage).toEqual({ images: 1 });
  });

  test("names the model and the mode where several share an address", async () => {
    await done(run(provider(), job({ further: { cfg_scale: 4.5 } }, { model: "sd3.5-medium" })));
    expect(upstream.calls[0]?.path).toBe("/v2beta/stable-image/generate/sd3");
    expect(fieldsOf()).toMatchObject({ model: "sd3.5-medium", mode: "text-to-image", cfg_scale: "4.5" });
  });

  test("every model takes its whole vocabulary", async () => {
    const ratios = ["1:1", "16:9", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21"];
    for (const { name, capabilities, fields } of STABILITY_MODELS) {
      for (const outputFormat of capabilities.outputFormats)
        await done(run(provider(), job({ outputFormat }, { model: name })));
      for (const aspect_ratio of ratios)
        await done(run(provider(), job({ further: { aspect_ratio } }, { model: name })));
      const further = {
        ...(fields.negative_prompt && { negative_prompt: "fog" }),
        ...(fields.cfg_scale && { cfg_scale: 5 }),
      };
      await done(run(provider(), job({ further, seed: 4_294_967_294, n: 2 }, { model: name })));
    }
  });

  test("with a picture begins from it, in its shape", async () => {
    const io = new RecordingIo();
    const inputs = [inputFile(io, pngOf(1))];
    await done(run(provider(), job({ size: "1024x1024" }, { inputs, model: "sd3.5-large" }), io));
    expect(fieldsOf()).toMatchObject({ mode: "image-to-image", strength: "0.5" });
    expect(fieldsOf()).not.toHaveProperty("aspect_ratio");
    const file = fieldsOf().image as File;
    expect([file.name, file.type, new Uint8Array(await file.arrayBuffer())]).toEqual([
      "image.png",
      "image/png",
      pngOf(1),
    ]);
    await done(run(provider(), job({ further: { strength: 0.8 } }, { inputs }), io));
    expect(fieldsOf(1)).toMatchObject({ strength: "0.8" });
  });

  test("what the model would refuse is refused by name, before a call is made", async () => {
    const io = new RecordingIo();
    const image = inputFile(io, pngOf(1));
    const cases: [Parameters<typeof job>, string][] = [
      [[{ prompt: "a".repeat(10_001) }], "10000 characters"],
      [[{ further: { strength: 0.3 } }], "input picture"],
      [[{ seed: 4_294_967_295 }], "4294967294"],
      [[{ further: { aspect_ratio: "4:3" } }], "1:1, 16:9"],
      [[{ further: { negative_prompt: 7 } }], "a text"],
      [[{}, { inputs: [image], model: "core" }], "prompt alone"],
      [[{}, { inputs: [image, image] }], "one input picture"],
      [[{}, { inputs: [image, inputFile(io, pngOf(2), "mask")] }], "no mask"],
      [[{}, { inputs: [{ ...image, contentType: "image/gif" }] }], "PNG, JPEG or WebP"],
      [[{}, { model: "sd3-large" }], "any more"],
    ];
    for (const [args, words] of cases)
      expect(await failure(run(provider(), job(...args), io))).toMatchObject({
        code: "invalid_request",
        message: expect.stringContaining(words),
      });
    expect(upstream.calls).toEqual([]);
  });

  test("the account the engine chose is the one that is used", async () => {
    const other = { name: "other", key: "sk-other", baseUrl: `${upstream.origin}/v2beta` };
    const refused = await failure(run(provider([other]), job({}, { credential: other })));
    expect(upstream.calls[0]?.headers.authorization).toBe("Bearer sk-other");
    expect(refused).toMatchObject({ code: "provider_auth" });
    expect(refused.message).not.toContain("sk-other");
  });
});

describe("n pictures", () => {
  test("9.6: are a call each, three at once, each with a seed of its own", async () => {
    let letGo = () => {};
    const wait = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    upstream.script(GENERATE, { wait }, { wait }, { wait });
    const outcome = run(provider(), job({ n: 5, seed: 4_294_967_293 }));
    await expect.poll(() => upstream.calls.length).toBe(3);
    letGo();
    const { items } = await done(outcome);
    expect(items.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
    expect(upstream.calls.length).toBe(5);
    const seeds = upstream.calls.map((_, place) => Number(fieldsOf(place).seed));
    expect(seeds.toSorted((one, other) => one - other)).toEqual([1, 2, 3, 4_294_967_293, 4_294_967_294]);
  });

  test("9.6: what was held back is an error of its own, and only what came counts", async () => {
    upstream.script(GENERATE, FILTERED);
    const { items, errors, usage } = await done(run(provider(), job({ n: 4 })));
    expect(items.length).toBe(3);
    expect(errors).toMatchObject([{ code: "content_policy_violation" }]);
    expect(usage).toEqual({ images: 3 });
  });

  test("no finished picture is made twice", async () => {
    const io = new RecordingIo();
    upstream.script(GENERATE, { change: (body) => body }, { status: 500, body: {} });
    const failed = await failure(provider().submit(job({ n: 2 }), io));
    expect(failed).toMatchObject({ kind: "transient", jobFailed: true });
    const { items, usage } = await done(provider().poll(job({ n: 2 }), io.saved.at(-1) ?? null, io));
    expect(items.map(({ index }) => index)).toEqual([0, 1]);
    expect(usage).toEqual({ images: 2 });
    expect(upstream.calls.length).toBe(3);
  });
});

describe("what went wrong is told apart", () => {
  test("9.3: a blurred picture comes with status 200, and is content policy instead of a success", async () => {
    upstream.script(GENERATE, FILTERED);
    expect(await failure(run(provider(), job()))).toMatchObject({ kind: "content_policy", jobOver: true });
  });

  test.each([
    [stabilityError(403, "content_moderation", "Your request was flagged."), { kind: "content_policy" }],
    [stabilityError(403, "forbidden", "no"), { kind: "permanent", code: "provider_auth" }],
    [stabilityError(401, "unauthorized", "no"), { kind: "permanent", code: "provider_auth" }],
    [stabilityError(402, "payment_required", "You lack sufficient credits"), { code: "provider_quota" }],
    [
      stabilityError(400, "bad_request", "prompt: is required"),
      { kind: "permanent", code: "invalid_request" },
    ],
    [stabilityError(413, "payload_too_large", "too large"), { kind: "permanent", code: "invalid_request" }],
    [stabilityError(422, "invalid_language", "English is the only language"), { code: "invalid_request" }],
    [stabilityError(429, "rate_limit_exceeded", "slow"), { kind: "rate_limited", retryAfterMs: 60_000 }],
    [
      { ...stabilityError(429, "rate_limit_exceeded"), headers: { "retry-after": "12" } },
      { retryAfterMs: 12_000 },
    ],
    [stabilityError(404, "not_found", "gone"), { kind: "permanent", code: "provider_error" }],
    [stabilityError(500, "internal_error", "oops"), { kind: "transient", code: "provider_error" }],
    [
      { status: 503, body: "<html>" },
      { kind: "transient", code: "provider_unavailable" },
    ],
    [{ body: "<html>" }, { kind: "transient" }],
    [{ body: "" }, { kind: "transient" }],
    [{ body: { finish_reason: "SUCCESS", seed: 1 } }, { kind: "transient" }],
    [{ body: { image: pngOf(1).toBase64(), finish_reason: "ERROR", seed: 1 } }, { kind: "transient" }],
    [{ body: { image: "PGh0bWw+", finish_reason: "SUCCESS" } }, { kind: "transient" }],
    [{ cut: true } as const, { kind: "transient", code: "provider_unavailable", mayHaveStarted: true }],
    [{ cutAfter: '{"image":"iVBORw0KGgo' }, { kind: "transient" }],
  ])("%j", async (reply, expected) => {
    upstream.script(GENERATE, reply);
    expect(await failure(run(provider(), job()))).toMatchObject(expected);
  });

  test("a reason is quoted without key, address and picture (bifrost#1312)", async () => {
    const data = pngOf(1).toBase64();
    upstream.script(
      GENERATE,
      stabilityError(400, "bad_request", `image: ${data}`, `see https://x.example ${STABILITY_KEY}`),
    );
    const { message } = await failure(run(provider(), job()));
    expect(message).toContain("image:");
    expect(message).not.toMatch(/x\.example|sk-fake/);
    expect(message).not.toContain(data.slice(0, 48));
  });
});

test("pictures may be made again where the outcome is unknown; there is no job to cancel", async () => {
  expect(provider().resubmitSafe("image")).toBe(true);
  expect(provider().resubmitSafe("video")).toBe(false);
  expect(await provider().cancel(job(), null, new AbortController().signal)).toEqual({
    cancellation: "unsupported_upstream",
    billedMicros: null,
    askAgain: false,
  });
});
