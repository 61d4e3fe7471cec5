/** MiniMax against a fake upstream that is as strict as the real one. Numbers are those of the list of known faults. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { billTask } from "../../../src/accounts/prices/held-price.ts";
import type { Json } from "../../../src/protocol/task.ts";
import { MINIMAX_VIDEO_MODELS } from "../../../src/providers/minimax/models.ts";
import { createMiniMax } from "../../../src/providers/minimax/provider.ts";
import { createPlainDownload } from "../../../src/providers/upstream/answers/plain-download.ts";
import type { MediaJob } from "../../../src/tasks/ports/media-provider.ts";
import { decide } from "../../../src/tasks/retry-policy.ts";
import type { JobRequest } from "../../../src/tasks/task.ts";
import { NOTHING_SPENT } from "../../../src/tasks/transition.ts";
import { mediaProviderContract } from "../../contract/media-provider.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import {
  type FakeMiniMax,
  failed,
  MINIMAX_KEY,
  startFakeMiniMax,
} from "../../fixture/providers/fake-minimax.ts";
import { mp4Of } from "../../fixture/providers/films.ts";
import { doneOf, failureIn, finish, pendingOf, step } from "../../fixture/providers/job-steps.ts";
import { inputFile, mediaJob } from "../../fixture/providers/media-job.ts";
import { pngOf } from "../../fixture/providers/pictures.ts";
import { RecordingIo } from "../../fixture/recording-io.ts";
import { recordingLog } from "../../fixture/recording-log.ts";
import { queuedTask } from "../../fixture/task.ts";

let upstream: FakeMiniMax;
const clock = new ManualClock();

beforeAll(async () => {
  upstream = await startFakeMiniMax();
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.reset();
  upstream.states("Preparing", "Processing", "Success");
});

function provider(log = recordingLog()) {
  return createMiniMax({
    accounts: { apiKey: MINIMAX_KEY, baseUrl: upstream.origin, credentials: [] },
    clock,
    log,
    fetch,
    download: createPlainDownload({ fetch, clock }),
    maxFileBytes: 10_000_000,
  });
}

const picture = (request: Partial<JobRequest> = {}, job: Partial<MediaJob> = {}) =>
  mediaJob(request, { model: "image-01", ...job });
const film = (request: Partial<JobRequest> = {}, job: Partial<MediaJob> = {}) =>
  mediaJob(request, { type: "video", model: "MiniMax-Hailuo-2.3", ...job });
const sent = () => (upstream.calls[0]?.json ?? {}) as Record<string, unknown>;
const begun = async (job = film()) => pendingOf(await step(provider(), job)).state;
const FILE = { id: "9", since: clock.now(), seconds: 6, file: "176844028768320", width: 1366, height: 768 };

mediaProviderContract({
  name: "minimax",
  provider,
  job: (n) => picture({ n }),
  hopelessJob: picture({ further: { aspect_ratio: "7:5" } }),
});

describe("pictures", () => {
  test("up to nine are made in one call, and the tenth in another", async () => {
    const io = new RecordingIo();
    const { items, usage } = doneOf(await step(provider(), picture({ n: 10, seed: 7 }), null, io));
    expect(upstream.calls.map(({ json }) => (json as { n: number }).n)).toEqual([9, 1]);
    expect(sent()).toEqual({
      model: "image-01",
      prompt: "a red boat",
      n: 9,
      response_format: "base64",
      seed: 7,
    });
    expect([items.length, usage]).toEqual([10, { images: 10 }]);
  });

  test.each([
    ["1024x1024", { width: 1024, height: 1024 }],
    ["1792x1024", { width: 1792, height: 1024 }],
    ["256x256", { aspect_ratio: "1:1" }],
    ["1000x562", { aspect_ratio: "16:9" }],
    ["auto", {}],
  ])("a size is made to the pixel where the model can, else in its shape: %s", async (size, expected) => {
    doneOf(await step(provider(), picture({ size })));
    const { width, height, aspect_ratio } = sent();
    expect({ width, height, aspect_ratio }).toEqual({
      width: undefined,
      height: undefined,
      aspect_ratio: undefined,
      ...expected,
    });
  });

  test("only fields of the model's table are passed on, and OpenAI's vocabulary is left out", async () => {
    const further = { prompt_optimizer: false, moderation: "low", aspect_ratio: "21:9" };
    doneOf(
      await step(
        provider(),
        picture({ quality: "hd", style: "vivid", outputFormat: "png", size: "1024x1024", further }),
      ),
    );
    expect(Object.keys(sent()).sort()).toEqual(
      ["aspect_ratio", "model", "n", "prompt", "prompt_optimizer", "response_format"].sort(),
    );
  });

  test("an input picture is the subject; a mask and a second one are refused before a call is made", async () => {
    const io = new RecordingIo();
    const input = inputFile(io, pngOf(1));
    doneOf(await step(provider(), picture({}, { inputs: [input] }), null, io));
    const [subject] = sent().subject_reference as { type: string; image_file: string }[];
    expect(subject).toEqual({
      type: "character",
      image_file: `data:image/png;base64,${Buffer.from(pngOf(1)).toString("base64")}`,
    });
    upstream.reset();
    for (const inputs of [[input, input], [{ ...input, role: "mask" as const }]])
      expect(failureIn(await step(provider(), picture({}, { inputs }), null, io))).toMatchObject({
        kind: "permanent",
        code: "invalid_request",
      });
    expect(upstream.calls).toEqual([]);
  });

  test("some that were held back are errors of their own, and only the others are counted", async () => {
    upstream.script(/image_generation/, {
      change: (body) => ({
        ...body,
        data: { image_base64: [Buffer.from(pngOf(1)).toString("base64")] },
        metadata: { failed_count: "2", success_count: "1" },
      }),
    });
    const { items, errors, usage } = doneOf(await step(provider(), picture({ n: 3 })));
    expect(items.map(({ index }) => index)).toEqual([0]);
    expect(errors).toMatchObject([
      { index: 1, code: "content_policy_violation" },
      { index: 2, code: "content_policy_violation" },
    ]);
    expect(usage).toEqual({ images: 1 });
  });

  test("all held back is a content failure, though the code says success", async () => {
    upstream.script(/image_generation/, {
      change: (body) => ({ ...body, data: {}, metadata: { failed_count: 1, success_count: 0 } }),
    });
    expect(failureIn(await step(provider(), picture()))).toMatchObject({
      kind: "content_policy",
      jobOver: true,
    });
  });

  test("addresses instead of bytes are fetched", async () => {
    const url = `${upstream.origin}/picture.png`;
    upstream.script(/image_generation/, { change: (body) => ({ ...body, data: { image_urls: [url] } }) });
    upstream.script(/picture\.png/, { body: pngOf(3) });
    const io = new RecordingIo();
    const { items } = doneOf(await step(provider(), picture(), null, io));
    expect(io.files.get(items[0]?.media.path ?? "")).toEqual(pngOf(3));
  });
});

describe("9.1: status 200 with a code and no task", () => {
  test.each([
    [1002, { kind: "rate_limited", retryAfterMs: 60_000 }],
    [1039, { kind: "rate_limited", retryAfterMs: 60_000 }],
    [1004, { kind: "permanent", code: "provider_auth" }],
    [2049, { kind: "permanent", code: "provider_auth" }],
    [1008, { kind: "permanent", code: "provider_quota" }],
    [2056, { kind: "permanent", code: "provider_quota" }],
    [1026, { kind: "content_policy" }],
    [1027, { kind: "content_policy" }],
    [2013, { kind: "permanent", code: "invalid_request" }],
    [1000, { kind: "transient", code: "provider_error" }],
    [1001, { kind: "transient", code: "provider_error" }],
    [1024, { kind: "transient", code: "provider_error" }],
    [77, { kind: "transient", code: "provider_error" }],
  ])("%i is a failure of the submit, of a film and of a picture", async (code, expected) => {
    for (const job of [film(), picture()]) {
      upstream.script(/generation/, failed(code, "something happened"));
      const failure = failureIn(await step(provider(), job));
      expect(failure).toMatchObject(expected);
      // Nothing was begun, so nothing is indeterminate.
      expect(failure).not.toMatchObject({ mayHaveStarted: true });
    }
  });

  test("the message says what to do, and quotes neither key nor address", async () => {
    upstream.script(
      /generation/,
      failed(2013, `invalid params, duration; see https://api.minimax.io/doc ${MINIMAX_KEY}`),
    );
    const { message } = failureIn(await step(provider(), film()));
    expect(message).toContain("MiniMax refused the request: invalid params, duration");
    expect(message).toContain("Change the request");
    expect(message).not.toMatch(/minimax\.io|minimax-key/);
  });

  test("but a code beside a task's id is a film that was begun", async () => {
    upstream.script(/generation/, {
      change: (body) => ({ ...body, base_resp: failed(1001, "slow").body.base_resp }),
    });
    expect(await begun()).toMatchObject({ id: expect.stringMatching(/^\d+$/) });
  });
});

describe("films", () => {
  test("are begun, asked for and retrieved, and are in the media store before they are done", async () => {
    const io = new RecordingIo();
    const { outcome, pendings } = await finish(provider(), film({ size: "1280x720", duration: 10 }), io);
    expect(sent()).toEqual({
      model: "MiniMax-Hailuo-2.3",
      prompt: "a red boat",
      resolution: "768P",
      duration: 10,
    });
    expect(upstream.calls.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "POST /v1/video_generation",
      "GET /v1/query/video_generation",
      "GET /v1/query/video_generation",
      "GET /v1/query/video_generation",
      "GET /v1/files/retrieve",
      "GET /download/176844028768320.mp4",
    ]);
    expect(pendings.map(({ pollAfterMs, message }) => [pollAfterMs, message])).toEqual([
      [20_000, undefined],
      [10_000, "waiting in MiniMax's queue"],
      [10_000, "filming"],
    ]);
    const { items, usage } = doneOf(outcome);
    expect(items).toMatchObject([{ index: 0, width: 1366, height: 768, durationSeconds: 10 }]);
    expect(usage).toEqual({ seconds: 10 });
    expect(io.files.get(items[0]?.media.path ?? "")).toEqual(mp4Of());
    expect(JSON.stringify([...io.saved, ...pendings.map(({ state }) => state)])).not.toMatch(/key|http/);
  });

  test("of the second API are answered with their address", async () => {
    upstream.states("queued", "running", "succeeded");
    const further = { resolution: "2k" };
    const job = film({ duration: 12, size: "1024x1024", further }, { model: "MiniMax-H3" });
    const { outcome } = await finish(provider(), job);
    expect(sent()).toEqual({
      model: "MiniMax-H3",
      content: [{ type: "text", text: "a red boat" }],
      resolution: "2K",
      duration: 12,
      ratio: "1:1",
    });
    expect(doneOf(outcome)).toMatchObject({ items: [{ durationSeconds: 12 }], usage: { seconds: 12 } });
    expect(upstream.calls[1]?.path).toMatch(/^\/v2\/query\/video_generation\/\d+$/);
  });

  test("every model's resolutions and durations are taken as they are listed", async () => {
    for (const { name, resolutions, capabilities } of MINIMAX_VIDEO_MODELS) {
      const io = new RecordingIo();
      const inputs = capabilities.inputs?.required === true ? [inputFile(io, pngOf(1))] : [];
      pendingOf(await step(provider(), film({}, { model: name, inputs }), null, io));
      for (const { word: resolution, seconds } of resolutions)
        for (const duration of seconds)
          pendingOf(await step(provider(), film({ duration, further: { resolution } }, { model: name })));
    }
  });

  test("every size a model lists is one of its resolutions", async () => {
    for (const { name, capabilities } of MINIMAX_VIDEO_MODELS) {
      if (capabilities.sizes.kind !== "listed" || capabilities.inputs?.required === true) continue;
      for (const size of capabilities.sizes.sizes)
        pendingOf(await step(provider(), film({ size }, { model: name })));
    }
  });

  test("pictures are first and last frame, the subject, or parts of the content", async () => {
    const io = new RecordingIo();
    const inputs = [inputFile(io, pngOf(1)), inputFile(io, pngOf(2))];
    const url = (shade: number) => `data:image/png;base64,${Buffer.from(pngOf(shade)).toString("base64")}`;
    pendingOf(await step(provider(), film({}, { model: "MiniMax-Hailuo-02", inputs }), null, io));
    expect(sent()).toMatchObject({ first_frame_image: url(1), last_frame_image: url(2) });
    upstream.reset();
    pendingOf(await step(provider(), film({}, { model: "S2V-01", inputs: inputs.slice(1) }), null, io));
    expect(sent()).toEqual({
      model: "S2V-01",
      prompt: "a red boat",
      subject_reference: [{ type: "character", image: [url(2)] }],
    });
    upstream.reset();
    pendingOf(await step(provider(), film({}, { model: "MiniMax-H3", inputs }), null, io));
    expect(sent()).toMatchObject({
      ratio: "adaptive",
      content: [
        { type: "text" },
        { type: "image_url", image_url: { url: url(1) }, role: "first_frame" },
        { type: "image_url", image_url: { url: url(2) }, role: "last_frame" },
      ],
    });
  });

  test.each<[Partial<JobRequest>, string, string]>([
    [{ duration: 5 }, "MiniMax-Hailuo-2.3", "6 or 10 seconds"],
    [{ duration: 10, size: "1920x1080" }, "MiniMax-Hailuo-2.3", "at 1080P"],
    [{ duration: 10 }, "S2V-01", "duration must be 6"],
    [{ duration: 3 }, "MiniMax-H3", "4 to 15 seconds"],
    [{ further: { resolution: "8K" } }, "MiniMax-Hailuo-02", "512P, 768P, 1080P"],
    [{ further: { resolution: 7 } }, "MiniMax-H3", "768P, 2K"],
    [{ further: { prompt_optimizer: "yes" } }, "MiniMax-Hailuo-02", "prompt_optimizer must be true or false"],
    [{ prompt: "x".repeat(2_001) }, "MiniMax-Hailuo-2.3", "2000 characters"],
    [{}, "S2V-01", "a picture of it"],
    [{}, "T2V-01", "not set up"],
  ])("%j for %s is refused before a call is made", async (request, model, words) => {
    expect(failureIn(await step(provider(), film(request, { model })))).toMatchObject({
      kind: "permanent",
      code: "invalid_request",
      message: expect.stringContaining(words),
    });
    expect(upstream.calls).toEqual([]);
  });

  test("are asked for less often after five minutes, and nothing is made up about their progress", async () => {
    upstream.states("Processing");
    let state = await begun();
    for (let minute = 0; minute < 20; minute += 1) {
      const pending = pendingOf(await step(provider(), film(), state));
      expect(pending).not.toHaveProperty("progress");
      expect(pending.pollAfterMs).toBe(minute > 5 ? 20_000 : 10_000);
      state = pending.state;
      await clock.advance(60_000);
    }
  });
});

describe("9.2: a film that is made but does not come", () => {
  const retrieve = (state: Json = FILE, io = new RecordingIo()) => step(provider(), film(), state, io);

  test.each([
    ["a code", failed(1000, "unknown error")],
    ["a code that is final elsewhere", failed(2013, "invalid params, file_id")],
    ["a refused account", failed(1004, "login fail")],
    ["a limit", failed(1002, "rate limit")],
    ["status 500", { status: 500, body: "oops" }],
    ["status 404", { status: 404, body: "404 page not found" }],
    ["no address", { body: { file: {}, base_resp: { status_code: 0 } } }],
    ["a web page", { body: "<html></html>" }],
  ])("files/retrieve answering %s is tried again, and nothing is begun anew", async (_, reply) => {
    upstream.script(/retrieve/, reply);
    const failure = failureIn(await retrieve());
    expect(["transient", "rate_limited"]).toContain(failure.kind);
    expect(failure).not.toHaveProperty("jobFailed");
    expect(doneOf(await retrieve()).items).toHaveLength(1);
    expect(upstream.calls.filter(({ method }) => method === "POST")).toEqual([]);
  });

  test.each([403, 404, 410])("a link that answers %i is asked for again", async (status) => {
    upstream.script(/download/, { status, body: "<Error>expired</Error>" });
    expect(failureIn(await retrieve())).toMatchObject({ kind: "transient", code: "provider_error" });
    doneOf(await retrieve());
    expect(upstream.calls.filter(({ path }) => path === "/v1/files/retrieve")).toHaveLength(2);
  });

  test("the file is remembered before it is fetched, so that a crash asks for the file alone", async () => {
    const io = new RecordingIo();
    upstream.states("Success");
    upstream.script(/retrieve/, { status: 500, body: "" });
    failureIn(await step(provider(), film(), await begun(), io));
    const [saved] = io.saved;
    expect(saved).toMatchObject({ file: "176844028768320", width: 1366 });
    upstream.reset();
    doneOf(await retrieve(saved));
    expect(upstream.calls[0]?.path).toBe("/v1/files/retrieve");
  });

  test("a link to something that is no film, or to a private network, is no result", async () => {
    upstream.script(/download/, { body: "<html>not found</html>" });
    expect(failureIn(await retrieve())).toMatchObject({ kind: "transient" });
    upstream.script(/retrieve/, {
      body: { file: { download_url: "file:///etc/passwd" }, base_resp: { status_code: 0 } },
    });
    const refused = failureIn(await retrieve());
    expect(refused).toMatchObject({ kind: "permanent", code: "provider_error" });
    expect(refused.message).not.toContain("passwd");
  });
});

describe("9.8: a submit whose outcome is not known", () => {
  test.each([
    ["the connection breaks", { cut: true } as const],
    ["the answer breaks off", { cutAfter: '{"task_id":"17' }],
    ["the answer is a web page", { body: "<html></html>" }],
    ["the answer names no task", { body: { base_resp: { status_code: 0, status_msg: "success" } } }],
    ["the answer is a 502", { status: 502, body: "" }],
  ])("when %s the film fails as indeterminate and is not begun again", async (_, reply) => {
    upstream.script(/video_generation/, reply);
    const adapter = provider();
    const outcome = await step(adapter, film());
    expect(failureIn(outcome)).toMatchObject({ kind: "transient", mayHaveStarted: true });
    expect(adapter.resubmitSafe("video")).toBe(false);
    expect(adapter.resubmitSafe("image")).toBe(true);
    const decision = { outcome, resubmitSafe: false, random: 0.5, spent: NOTHING_SPENT, bill: billTask };
    const policy = { baseMs: 1_000, capMs: 1_000, jitter: 0 };
    const task = queuedTask({ status: "running", attempt: 1 });
    expect(decide({ ...decision, task, policy })).toMatchObject({
      kind: "fail",
      error: { code: "indeterminate" },
    });
  });

  test("an upstream that is not there has begun nothing", async () => {
    const nowhere = { name: "gone", key: "k", baseUrl: "http://127.0.0.1:1" };
    expect(failureIn(await step(provider(), film({}, { credential: nowhere })))).toMatchObject({
      kind: "transient",
      code: "provider_unavailable",
      mayHaveStarted: false,
    });
  });
});

describe("a film that ends without a result", () => {
  test.each([
    [{ code: 1026, words: "content policy" }, { kind: "content_policy" }],
    [{ code: 1027, words: "content policy" }, { kind: "content_policy" }],
    [
      { code: 0, words: "(Fail)" },
      { kind: "permanent", code: "provider_error" },
    ],
    [
      { code: 1024, words: "(Fail)" },
      { kind: "permanent", code: "provider_error" },
    ],
    [
      { code: 1008, words: "no quota" },
      { kind: "permanent", code: "provider_quota" },
    ],
  ])("with %j fails, once and for all", async ({ code, words }, expected) => {
    const state = await begun();
    upstream.script(/query/, {
      body: {
        task_id: "1",
        status: "Fail",
        file_id: "",
        base_resp: { status_code: code, status_msg: "no luck" },
      },
    });
    const failure = failureIn(await step(provider(), film(), state));
    expect(failure).toMatchObject({ ...expected, jobOver: true });
    expect(failure.message).toContain(words);
  });

  test.each([
    ["failed", { code: "1026", message: "input new_sensitive" }, { kind: "content_policy" }],
    ["failed", { code: "internal", message: "GPU on fire" }, { kind: "permanent", code: "provider_error" }],
    ["cancelled", undefined, { kind: "permanent", code: "provider_error" }],
    ["expired", undefined, { kind: "permanent", code: "provider_error" }],
  ])("of the second API, %s with %j", async (status, error, expected) => {
    upstream.states("queued");
    const job = film({}, { model: "MiniMax-H3" });
    const state = await begun(job);
    upstream.script(/query/, { body: { task: { id: "1", status, ...(error && { error }) } } });
    expect(failureIn(await step(provider(), job, state))).toMatchObject({ ...expected, jobOver: true });
  });
});

test("9.13: five polls in a row that fail do not fail the film", async () => {
  const state = await begun();
  upstream.script(/query/, ...Array(5).fill({ status: 500, body: "oops" }));
  for (let poll = 0; poll < 5; poll += 1)
    expect(failureIn(await step(provider(), film(), state))).toMatchObject({ kind: "transient" });
  upstream.states("Success");
  const { outcome } = await finish(provider(), film());
  doneOf(outcome);
});

test.each([
  [failed(1002, "rate limit"), { kind: "rate_limited", retryAfterMs: 60_000 }],
  [failed(1000, "unknown"), { kind: "transient" }],
  [{ body: { base_resp: { status_code: 0 } } }, { kind: "transient" }],
  [failed(2013, "invalid task_id"), { kind: "permanent", code: "provider_error" }],
  [failed(1004, "login fail"), { kind: "permanent", code: "provider_auth" }],
])("a poll answered with %j fails as a poll", async (reply, expected) => {
  const state = await begun();
  upstream.script(/query/, reply);
  const failure = failureIn(await step(provider(), film(), state));
  expect(failure).toMatchObject(expected);
  expect(failure).not.toHaveProperty("jobOver");
});

test("9.14: a status word that nobody knows is running, and is logged once", async () => {
  const log = recordingLog();
  const adapter = provider(log);
  upstream.states("Dreaming");
  const state = await begun();
  for (let poll = 0; poll < 3; poll += 1)
    expect(pendingOf(await step(adapter, film(), state)).message).toContain("filming");
  expect(log.lines).toHaveLength(1);
  expect(log.lines[0]).toMatchObject({ level: "warn", fields: { word: "Dreaming" } });
});

test("9.10: there is no cancel upstream, and it may be asked for any number of times", async () => {
  const state = await begun();
  const calls = upstream.calls.length;
  for (let times = 0; times < 2; times += 1)
    expect(await provider().cancel(film(), state, new AbortController().signal)).toEqual({
      cancellation: "unsupported_upstream",
      billedMicros: null,
      askAgain: false,
    });
  expect(upstream.calls).toHaveLength(calls);
});

test("status and file are asked for by the account that began the film (litellm#19874)", async () => {
  const other = await startFakeMiniMax();
  other.states("Success");
  const credential = { name: "china", key: MINIMAX_KEY, baseUrl: `${other.origin}/v1` };
  const { outcome } = await finish(provider(), film({}, { credential }));
  doneOf(outcome);
  expect(upstream.calls).toEqual([]);
  expect(other.calls.map(({ path }) => path).slice(0, 3)).toEqual([
    "/v1/video_generation",
    "/v1/query/video_generation",
    "/v1/files/retrieve",
  ]);
  await other.close();
});

describe("MiniMax's calls", () => {
  const hookUrl = "https://gateway.example/v1/hooks/minimax/token";
  const call = (text: string) =>
    provider().hook?.({
      headers: new Headers(),
      body: new TextEncoder().encode(text),
      signal: new AbortController().signal,
    });

  test.each(["MiniMax-Hailuo-2.3", "MiniMax-H3"])(
    "go to the address a film of %s was begun with",
    async (model) => {
      upstream.states("queued");
      pendingOf(await step(provider(), film({}, { model, hookUrl })));
      expect(sent().callback_url).toBe(hookUrl);
    },
  );

  test("that bring a challenge are answered with it", async () => {
    expect(await call('{"challenge":"1a3cs1j-601a-118y-ch52-o48911eabc3u"}')).toEqual({
      kind: "reply",
      body: { challenge: "1a3cs1j-601a-118y-ch52-o48911eabc3u" },
    });
  });

  test.each([
    '{"task_id":"115334141465231360","status":"success","file_id":"205258526306433","base_resp":{"status_code":0}}',
    '{"status":"processing"}',
    "{}",
  ])("%s is a hint, whatever it claims", async (text) => {
    expect(await call(text)).toEqual({ kind: "hint" });
  });

  test.each(["", "<html>", "[]", '"x"', "7", '{"challenge":{}}', `{"challenge":"${"x".repeat(2_000)}"}`])(
    "%s is none of theirs",
    async (text) => {
      expect(await call(text)).toEqual({ kind: "refused" });
    },
  );
});
