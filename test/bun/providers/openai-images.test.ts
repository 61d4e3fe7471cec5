/** OpenAI's images against a fake upstream that is as strict as the real one. Numbers are those of the list of known faults. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { OPENAI_MODELS } from "../../../src/providers/openai/models.ts";
import { createImagesApi } from "../../../src/providers/openai/provider.ts";
import { createPlainDownload } from "../../../src/providers/upstream/answers/plain-download.ts";
import type { Credential, Failure, MediaJob, StepOutcome } from "../../../src/tasks/ports/media-provider.ts";
import { mediaProviderContract } from "../../contract/media-provider.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import {
  completedEvent,
  FAKE_KEY,
  type FakeOpenAi,
  partialEvent,
  startFakeOpenAi,
} from "../../fixture/providers/fake-openai.ts";
import { inputFile, mediaJob } from "../../fixture/providers/media-job.ts";
import { pictureOf, pngOf } from "../../fixture/providers/pictures.ts";
import { RecordingIo } from "../../fixture/recording-io.ts";

let upstream: FakeOpenAi;
const clock = new ManualClock();

beforeAll(async () => {
  upstream = await startFakeOpenAi();
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.calls.length = 0;
});

function provider(credentials: readonly Credential[] = []) {
  return createImagesApi({
    name: "openai",
    title: "OpenAI",
    accounts: { apiKey: FAKE_KEY, baseUrl: upstream.baseUrl, credentials },
    usualBaseUrl: "https://api.openai.invalid/v1",
    models: OPENAI_MODELS,
    clock,
    fetch,
    download: createPlainDownload({ fetch, clock }),
    maxFileBytes: 10_000_000,
  });
}

function submit(job: MediaJob, io = new RecordingIo()): Promise<StepOutcome> {
  return provider().submit(job, io);
}

async function done(outcome: Promise<StepOutcome>) {
  const ended = await outcome;
  if (ended.kind !== "done") throw new Error(`expected done, got ${JSON.stringify(ended)}`);
  return ended;
}

async function failure(outcome: Promise<StepOutcome>): Promise<Failure> {
  const ended = await outcome;
  if (ended.kind !== "failed") throw new Error(`expected failed, got ${JSON.stringify(ended)}`);
  return ended.failure;
}

mediaProviderContract({
  name: "openai",
  provider,
  job: (n) => mediaJob({ n }),
  hopelessJob: mediaJob({ further: { output_compression: 50 } }),
});

mediaProviderContract({
  name: "openai, a picture a call",
  provider,
  job: (n) => mediaJob({ n, outputFormat: "svg" }),
  hopelessJob: mediaJob({ outputFormat: "jpeg", background: "transparent" }),
});

describe("what is sent", () => {
  test("is the model, the prompt and what the caller named, under the account's key", async () => {
    await done(
      submit(
        mediaJob({
          n: 2,
          size: "1536x864",
          quality: "xhigh",
          background: "transparent",
          outputFormat: "webp",
          user: "user-7",
          further: { moderation: "low", output_compression: 80, complexity: "high", nonsense: 1 },
        }),
      ),
    );
    expect(upstream.calls[0]?.operation).toBe("generations");
    expect(upstream.calls[0]?.fields).toEqual({
      model: "gpt-image-2.6-flare",
      prompt: "a red boat",
      n: 2,
      size: "1536x864",
      quality: "xhigh",
      background: "transparent",
      output_format: "webp",
      safety_identifier: "user-7",
      moderation: "low",
      output_compression: 80,
      complexity: "high",
    });
  });

  test("9.5: response_format=url, which these models refuse, is left out, and the bytes are stored", async () => {
    const io = new RecordingIo();
    const { items } = await done(submit(mediaJob({ responseFormat: "url" }), io));
    expect(upstream.calls[0]?.fields).not.toHaveProperty("response_format");
    expect(items[0]?.media).toMatchObject({ contentType: "image/png" });
    expect(io.files.get(items[0]?.media.path ?? "")?.length).toBe(items[0]?.media.bytes);
  });

  test.each([
    ["standard", "medium"],
    ["hd", "high"],
    ["low", "low"],
  ])("dall-e's words are translated: quality %s is %s, and style is left out", async (quality, expected) => {
    await done(submit(mediaJob({ quality, style: "vivid" })));
    expect(upstream.calls[0]?.fields.quality).toBe(expected);
    expect(upstream.calls[0]?.fields).not.toHaveProperty("style");
  });

  test.each([
    ["256x256", "1024x1024"],
    ["512x512", "1024x1024"],
    ["1792x1024", "1792x1024"],
    ["272x816", "544x1632"],
    ["auto", "auto"],
  ])("a size too small for the model is enlarged in its shape: %s becomes %s", async (size, expected) => {
    await done(submit(mediaJob({ size })));
    expect(upstream.calls[0]?.fields.size).toBe(expected);
  });

  test("provider_options are the same as fields of the request", async () => {
    await done(submit(mediaJob({ providerOptions: { moderation: "low" } })));
    expect(upstream.calls[0]?.fields.moderation).toBe("low");
  });

  test("every model's whole vocabulary is taken", async () => {
    for (const { name, capabilities } of OPENAI_MODELS) {
      for (const quality of capabilities.qualities)
        await done(submit(mediaJob({ quality }, { model: name })));
      for (const outputFormat of capabilities.outputFormats)
        await done(submit(mediaJob({ outputFormat }, { model: name })));
      for (const background of capabilities.backgrounds)
        await done(submit(mediaJob({ background }, { model: name })));
    }
  });

  test("a GIF has frames, and an SVG comes one a call", async () => {
    const io = new RecordingIo();
    const gif = await done(
      submit(mediaJob({ outputFormat: "gif", further: { frame_count: 4, frame_duration_ms: 100 } }), io),
    );
    expect(gif.items[0]?.media.contentType).toBe("image/gif");
    const svg = await done(submit(mediaJob({ outputFormat: "svg", n: 2 }), io));
    expect(svg.items.map(({ media }) => media.contentType)).toEqual(["image/svg+xml", "image/svg+xml"]);
    expect(upstream.calls.map(({ fields }) => fields.n)).toEqual([1, 1, 1]);
  });

  test.each([
    [{ outputFormat: "jpeg", background: "transparent" }, "png or webp"],
    [{ further: { output_compression: 10 } }, "jpeg or webp"],
    [{ further: { frame_count: 4 } }, "output_format gif"],
    [{ outputFormat: "gif", further: { frame_count: 40 } }, "from 2 to 16"],
  ])("%j is refused before a call is made", async (request, words) => {
    expect(await failure(submit(mediaJob(request)))).toMatchObject({
      kind: "permanent",
      code: "invalid_request",
      message: expect.stringContaining(words),
    });
    expect(upstream.calls).toEqual([]);
  });

  test("the account the engine chose is the one that is used", async () => {
    const other = { name: "other", key: "sk-other-key", baseUrl: null };
    const refused = await failure(
      provider([other]).submit(mediaJob({}, { credential: other }), new RecordingIo()),
    );
    expect(upstream.calls[0]?.headers.authorization).toBe("Bearer sk-other-key");
    expect(refused).toMatchObject({ kind: "permanent", code: "provider_auth" });
    expect(refused.message).not.toMatch(/sk-|platform\.openai/);
  });
});

describe("edits", () => {
  test("several pictures and a mask go out as one form (litellm#26552, bifrost#2283)", async () => {
    const io = new RecordingIo();
    const [one, two, mask] = [pngOf(1), pngOf(2), pngOf(3)];
    const inputs = [inputFile(io, one), inputFile(io, two), inputFile(io, mask, "mask")];
    await done(submit(mediaJob({ size: "1024x1024", further: { moderation: "low" } }, { inputs }), io));
    const [call] = upstream.calls;
    expect(call?.operation).toBe("edits");
    expect(call?.files.map(({ name, fileName, type }) => [name, fileName, type])).toEqual([
      ["image[]", "image-1.png", "image/png"],
      ["image[]", "image-2.png", "image/png"],
      ["mask", "mask.png", "image/png"],
    ]);
    expect(call?.files.map(({ bytes }) => bytes)).toEqual([one, two, mask]);
    // The edits know no `moderation`.
    expect(call?.fields).not.toHaveProperty("moderation");
  });

  test("one picture has the plain name, and a large one is sent while it is read", async () => {
    const io = new RecordingIo();
    const big = new Uint8Array(6_000_000).fill(7);
    await done(submit(mediaJob({}, { inputs: [inputFile(io, big, "image", "image/webp")] }), io));
    expect(upstream.calls[0]?.files).toMatchObject([{ name: "image", fileName: "image-1.webp" }]);
    expect(upstream.calls[0]?.files[0]?.bytes.length).toBe(big.length);
  });

  test("a picture that is no longer kept ends the task, and says so", async () => {
    const gone = { path: "gone", contentType: "image/png", bytes: 3, role: "image" } as const;
    expect(await failure(submit(mediaJob({}, { inputs: [gone] })))).toMatchObject({
      kind: "permanent",
      code: "invalid_request",
      message: expect.stringContaining("Send it again"),
    });
    expect(upstream.calls).toEqual([]);
  });

  test("what the model would refuse is refused before a call is made", async () => {
    const io = new RecordingIo();
    const mask = inputFile(io, pngOf(1), "mask");
    const image = inputFile(io, pngOf(1));
    const cases: [Parameters<typeof mediaJob>, string][] = [
      [[{}, { inputs: [mask] }], "needs a picture"],
      [[{}, { inputs: [image, mask, mask] }], "One mask"],
      [[{}, { inputs: [image, { ...mask, contentType: "image/jpeg" }] }], "must be a PNG"],
      [[{}, { inputs: Array(17).fill(image) }], "up to 16"],
      [[{}, { inputs: [{ ...image, contentType: "image/gif" }] }], "PNG, JPEG or WebP"],
      [[{ outputFormat: "gif" }, { inputs: [image, mask] }], "takes no mask"],
    ];
    for (const [job, words] of cases) {
      expect(await failure(submit(mediaJob(...job), io))).toMatchObject({
        code: "invalid_request",
        message: expect.stringContaining(words),
      });
    }
    expect(upstream.calls).toEqual([]);
  });
});

describe("what an answer used", () => {
  test("is counted though output_tokens_details is missing (litellm#31142)", async () => {
    const { usage } = await done(submit(mediaJob({ n: 2 })));
    expect(usage).toEqual({
      images: 2,
      tokens: { input: 13, textInput: 13, imageInput: 0, output: 2_112, imageOutput: 2_112 },
    });
  });

  test.each([
    [
      {
        input_tokens: 50,
        input_tokens_details: {
          text_tokens: 10,
          image_tokens: 40,
          cached_tokens_details: { image_tokens: 30, text_tokens: 5 },
        },
        output_tokens: 100,
        output_tokens_details: { image_tokens: 90, text_tokens: 10 },
      },
      {
        input: 50,
        textInput: 10,
        imageInput: 40,
        cachedTextInput: 5,
        cachedImageInput: 30,
        output: 100,
        textOutput: 10,
        imageOutput: 90,
      },
    ],
    [
      { input_tokens: 5, total_tokens: 105 },
      { input: 5, output: 100, imageOutput: 100 },
    ],
    [{ input_tokens: "5", output_tokens: -1 }, {}],
    [undefined, undefined],
  ])("%j is read as far as it makes sense", async (usage, tokens) => {
    upstream.script({ kind: "pictures", change: (answer) => ({ ...answer, usage }) });
    expect((await done(submit(mediaJob()))).usage?.tokens).toEqual(tokens);
  });

  test("of several calls is added up, and an SVG's author counts as text", async () => {
    const svg_usage = {
      input_tokens: 100,
      output_tokens: 1_000,
      reasoning_tokens: 10,
      total_tokens: 1_100,
      model: "x",
    };
    upstream.script({ kind: "pictures", change: (answer) => ({ ...answer, svg_usage }) });
    const { usage } = await done(submit(mediaJob({ n: 2, outputFormat: "svg" })));
    expect(usage).toEqual({
      images: 2,
      tokens: {
        input: 126,
        textInput: 126,
        imageInput: 0,
        output: 3_112,
        textOutput: 1_000,
        imageOutput: 2_112,
      },
    });
  });
});

describe("when the upstream fails", () => {
  const error = (code: string, message = "no", type = "invalid_request_error") => ({
    error: { message, type, code, param: null },
  });

  test.each([
    [400, error("content_policy_violation", "Your request was rejected as a result of our safety system.")],
    [400, error("moderation_blocked", "Rejected by the safety system.", "image_generation_user_error")],
    [400, error("", "Your request was rejected by our safety system.", "image_generation_user_error")],
  ])("moderation (%i %j) is the caller's to change, and is told so", async (status, body) => {
    upstream.script({ kind: "status", status, body });
    const refused = await failure(submit(mediaJob()));
    expect(refused).toMatchObject({ kind: "content_policy", jobOver: true });
    expect(refused.message).toContain("Change the prompt");
  });

  test("429 insufficient_quota is not waited for", async () => {
    upstream.script({
      kind: "status",
      status: 429,
      body: error("insufficient_quota", "You exceeded your current quota", "insufficient_quota"),
    });
    expect(await failure(submit(mediaJob()))).toMatchObject({ kind: "permanent", code: "provider_quota" });
  });

  test("a rate limit waits as long as it is asked to, and uses no attempt", async () => {
    upstream.script({
      kind: "status",
      status: 429,
      body: error("rate_limit_exceeded", "images per min (IPM)"),
      headers: { "retry-after": "12" },
    });
    const limited = await failure(submit(mediaJob()));
    expect(limited).toMatchObject({ kind: "rate_limited", retryAfterMs: 12_000 });
    expect(limited).not.toHaveProperty("jobFailed");
  });

  test.each([500, 502, 503])("status %i may pass", async (status) => {
    upstream.script({ kind: "status", status, body: "<html>oops</html>" });
    expect(await failure(submit(mediaJob()))).toMatchObject({ kind: "transient" });
  });

  test.each([
    ["an error in it", JSON.stringify(error("server_error", "failed", "server_error")), "transient"],
    ["moderation in it", JSON.stringify(error("moderation_blocked")), "content_policy"],
    ["a web page", "<html></html>", "transient"],
    ["half a document", '{"created":1,"data":[{"b64_json":"iVBORw0KGgo', "transient"],
    ["nothing in it", "", "transient"],
    ["another shape", '{"images":[]}', "transient"],
    ["no picture", '{"data":[]}', "permanent"],
    ["a picture that is none", `{"data":[{"b64_json":"${btoa("<html>no picture</html>")}"}]}`, "transient"],
  ])("status 200 with %s is a failure", async (_, body, kind) => {
    upstream.script({ kind: "raw", body });
    const io = new RecordingIo();
    expect(await failure(submit(mediaJob(), io))).toMatchObject({ kind });
  });

  test("a cut before and within the answer may have started the work", async () => {
    upstream.script({ kind: "cut" }, { kind: "cut", after: '{"created":1,"data":[{"b64_json":"iVBORw0KGgo' });
    for (let round = 0; round < 2; round += 1) {
      expect(await failure(submit(mediaJob()))).toMatchObject({ kind: "transient", mayHaveStarted: true });
    }
  });

  test("an upstream that is not there says so, and has started nothing", async () => {
    const gone = await startFakeOpenAi();
    await gone.close();
    const nowhere = { name: "gone", key: "k", baseUrl: gone.baseUrl };
    const refused = await failure(submit(mediaJob({}, { credential: nowhere })));
    expect(refused).toMatchObject({ kind: "transient", code: "provider_unavailable", mayHaveStarted: false });
    expect(refused.message).not.toContain("127.0.0.1");
  });

  test("9.6: of four pictures made one a call, one that is refused is missing and the others come", async () => {
    upstream.script(
      { kind: "pictures", change: (answer) => answer },
      { kind: "status", status: 400, body: error("moderation_blocked") },
    );
    const { items, errors } = await done(submit(mediaJob({ n: 4, outputFormat: "svg" })));
    expect(items.map(({ index }) => index)).toEqual([0, 2, 3]);
    expect(errors).toMatchObject([{ index: 1, code: "content_policy_violation" }]);
    expect(upstream.calls).toHaveLength(4);
  });

  test("pictures that came before a failure are kept, and only the missing ones are made again", async () => {
    upstream.script({ kind: "pictures", change: (answer) => answer }, { kind: "status", status: 500 });
    const io = new RecordingIo();
    const job = mediaJob({ n: 3, outputFormat: "svg" });
    expect(await failure(submit(job, io))).toMatchObject({ kind: "transient", jobFailed: true });
    const { items } = await done(provider().poll(job, io.saved.at(-1) ?? null, io));
    expect(items.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(upstream.calls).toHaveLength(4);
  });

  test("fewer pictures than asked for are those that came, and errors for the others", async () => {
    upstream.script({
      kind: "pictures",
      change: (answer) => ({ ...answer, data: (answer.data as unknown[]).slice(1) }),
    });
    const { items, errors } = await done(submit(mediaJob({ n: 3 })));
    expect(items).toHaveLength(2);
    expect(errors).toMatchObject([{ index: 2, code: "provider_error" }]);
  });

  test("9.15: an answer of 20 MB is stored while it is read", async () => {
    upstream.script({ kind: "large", bytes: 20_000_000 });
    const io = new RecordingIo();
    const { items } = await done(submit(mediaJob(), io));
    expect(items[0]?.media.bytes).toBeGreaterThan(20_000_000);
  });
});

describe("streaming", () => {
  class WatchedIo extends RecordingIo {
    readonly previews: { index: number; partial: number; contentType: string; bytes: Uint8Array }[] = [];
    preview = (preview: WatchedIo["previews"][number]) => {
      this.previews.push(preview);
    };
  }
  const asked = mediaJob({ partialImages: 2 });

  test("is asked for when the caller wants previews and somebody can see them", async () => {
    await done(submit(asked, new WatchedIo()));
    await done(submit(asked, new RecordingIo()));
    await done(submit(mediaJob({ partialImages: 2, n: 2 }), new WatchedIo()));
    await done(submit(mediaJob({ partialImages: 2, outputFormat: "gif" }), new WatchedIo()));
    expect(upstream.calls.map(({ fields }) => fields.stream)).toEqual([
      true,
      undefined,
      undefined,
      undefined,
    ]);
    expect(upstream.calls[0]?.fields.partial_images).toBe(2);
  });

  test("gives previews as progress and as pictures, and then the picture with what it used (new-api#1234)", async () => {
    const io = new WatchedIo();
    const { items, usage } = await done(submit(asked, io));
    expect(io.previews.map(({ index, partial, contentType }) => [index, partial, contentType])).toEqual([
      [0, 0, "image/png"],
      [0, 1, "image/png"],
    ]);
    expect(io.previews[1]?.bytes).toEqual(pictureOf("png", 101));
    expect(io.reports.map(({ percent }) => percent)).toEqual([31, 63]);
    expect(items).toHaveLength(1);
    expect(io.files.size).toBe(1);
    expect(usage?.tokens?.imageOutput).toBe(1_056);
  });

  test("of an edit has other names for its events", async () => {
    const io = new WatchedIo();
    const inputs = [inputFile(io, pngOf(1))];
    await done(submit(mediaJob({ partialImages: 1 }, { inputs }), io));
    expect(io.previews).toHaveLength(1);
  });

  test("may end before all previews came", async () => {
    upstream.script({
      kind: "events",
      events: [completedEvent("generations"), partialEvent("generations", 0)],
    });
    expect((await done(submit(asked, new WatchedIo()))).items).toHaveLength(1);
  });

  test.each([
    ["ends in order without a picture", [partialEvent("generations", 0)], "transient"],
    ["ends at once", [], "transient"],
    [
      "brings an error",
      [["error", { type: "error", error: { code: "server_error", message: "x" } }]],
      "transient",
    ],
    [
      "is moderated",
      [["error", { type: "error", error: { code: "moderation_blocked", message: "x" } }]],
      "content_policy",
    ],
    ["is limited", [["error", { error: { code: "rate_limit_exceeded", message: "x" } }]], "rate_limited"],
    ["brings half an event", [["image_generation.completed", '{"b64_json":"iVBO']], "transient"],
    ["brings an empty picture", [["image_generation.completed", { b64_json: "" }]], "transient"],
  ] as const)("is a failure when it %s", async (_, events, kind) => {
    upstream.script({ kind: "events", events });
    expect(await failure(submit(asked, new WatchedIo()))).toMatchObject({ kind });
  });

  test("is a failure that may have cost something when it is cut", async () => {
    const [name, data] = partialEvent("generations", 0);
    const after = `event: ${name}\ndata: ${JSON.stringify(data)}\n\nevent: image_generation.completed\ndata: {"b64_json":"iVBORw0KGgo`;
    upstream.script({ kind: "cut", after, type: "text/event-stream" });
    expect(await failure(submit(asked, new WatchedIo()))).toMatchObject({
      kind: "transient",
      mayHaveStarted: true,
    });
  });

  test("passes over events of a later version, comments and the end mark of other servers", async () => {
    const [name, data] = completedEvent("generations");
    const body = `: hello\n\nevent: image_generation.note\ndata: {"type":"image_generation.note"}\n\ndata: [DONE]\n\nevent: ${name}\r\ndata: ${JSON.stringify(data)}\r\n\r\n`;
    upstream.script({ kind: "raw", body, type: "text/event-stream" });
    expect((await done(submit(asked, new WatchedIo()))).items).toHaveLength(1);
  });

  test("takes a document from a server that does not stream", async () => {
    const document = { data: [{ b64_json: pictureOf("png", 3).toBase64() }] };
    upstream.script({ kind: "raw", body: JSON.stringify(document) });
    expect((await done(submit(asked, new WatchedIo()))).items).toHaveLength(1);
  });
});
