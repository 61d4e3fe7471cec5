/** fal against a fake queue that is as strict as the real one. Numbers are those of the list of known faults. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Json } from "../../../src/protocol/task.ts";
import { FAL_MODELS } from "../../../src/providers/fal/models.ts";
import { createFal } from "../../../src/providers/fal/provider.ts";
import { createPlainDownload } from "../../../src/providers/upstream/answers/plain-download.ts";
import { capabilitiesOf } from "../../../src/providers/upstream/requests/model-table.ts";
import type { MediaJob } from "../../../src/tasks/ports/media-provider.ts";
import type { JobRequest } from "../../../src/tasks/task.ts";
import { mediaProviderContract } from "../../contract/media-provider.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import { FAL_KEY, type FakeFal, startFakeFal } from "../../fixture/providers/fake-fal.ts";
import { mp4Of } from "../../fixture/providers/films.ts";
import { doneOf, failureIn, finish, pendingOf, step } from "../../fixture/providers/job-steps.ts";
import { inputFile, mediaJob } from "../../fixture/providers/media-job.ts";
import { pngOf } from "../../fixture/providers/pictures.ts";
import { RecordingIo } from "../../fixture/recording-io.ts";
import { recordingLog } from "../../fixture/recording-log.ts";

let upstream: FakeFal;
const clock = new ManualClock();

beforeAll(async () => {
  upstream = await startFakeFal();
});
afterAll(() => upstream.close());
beforeEach(() => upstream.reset());

function provider(log = recordingLog()) {
  return createFal({
    accounts: { apiKey: FAL_KEY, baseUrl: upstream.origin, credentials: [] },
    clock,
    log,
    fetch,
    download: createPlainDownload({ fetch, clock }),
    maxFileBytes: 10_000_000,
    keysUrl: upstream.keysUrl,
  });
}

const SCHNELL = "fal-ai/flux/schnell";
const SEEDANCE = "fal-ai/bytedance/seedance/v1/pro/text-to-video";
const picture = (request: Partial<JobRequest> = {}, job: Partial<MediaJob> = {}) =>
  mediaJob(request, { model: SCHNELL, ...job });
const film = (request: Partial<JobRequest> = {}, job: Partial<MediaJob> = {}) =>
  mediaJob(request, { type: "video", model: SEEDANCE, ...job });
const begun = async (job = film()) => pendingOf(await step(provider(), job)).state;
const posts = () => upstream.calls.filter(({ method }) => method === "POST");
const finished = async (job: MediaJob, io = new RecordingIo()) => (await finish(provider(), job, io)).outcome;

for (const [name, model] of [
  ["fal", SCHNELL],
  ["fal, a picture a job", "fal-ai/flux-2-pro"],
] as const)
  mediaProviderContract({
    name,
    provider,
    job: (n) => picture({ n }, { model }),
    hopelessJob: mediaJob({ outputFormat: "webp" }, { model }),
  });

describe("what is sent", () => {
  test("is the model's own input, under the key as fal wants it", async () => {
    const further = { num_inference_steps: 4, acceleration: "HIGH", nonsense: 1 };
    const { items, usage } = doneOf(
      await finished(
        picture({ n: 3, size: "1536x1024", seed: 7, outputFormat: "jpeg", style: "vivid", further }),
      ),
    );
    const [call] = upstream.calls;
    expect([call?.path, call?.headers.authorization]).toEqual([`/${SCHNELL}`, `Key ${FAL_KEY}`]);
    expect(call?.json).toEqual({
      prompt: "a red boat",
      num_images: 3,
      image_size: { width: 1536, height: 1024 },
      seed: 7,
      output_format: "jpeg",
      num_inference_steps: 4,
      acceleration: "high",
    });
    expect(items).toMatchObject([{ width: 1536, height: 1024 }, {}, {}]);
    // Each begun megapixel of 1024 × 1024 pixels is a whole one.
    expect(usage).toEqual({ images: 3, megapixels: 6 });
  });

  test("pictures go to the endpoint that takes them", async () => {
    const io = new RecordingIo();
    const inputs = [inputFile(io, pngOf(1)), inputFile(io, pngOf(2))];
    const url = (shade: number) => `data:image/png;base64,${Buffer.from(pngOf(shade)).toString("base64")}`;
    doneOf(await finished(picture({}, { model: "fal-ai/flux-2-pro", inputs }), io));
    expect(upstream.calls[0]).toMatchObject({
      path: "/fal-ai/flux-2-pro/edit",
      json: { image_urls: [url(1), url(2)] },
    });
    upstream.reset();
    doneOf(await finished(film({}, { inputs }), io));
    expect(upstream.calls[0]).toMatchObject({
      path: "/fal-ai/bytedance/seedance/v1/pro/image-to-video",
      json: { image_url: url(1), end_image_url: url(2), duration: "5" },
    });
  });

  test("every model's sizes, formats, durations and resolutions are taken as they are listed", async () => {
    upstream.states("COMPLETED");
    for (const model of FAL_MODELS) {
      const { sizes } = capabilitiesOf(model);
      const requests: Partial<JobRequest>[] = [
        { seed: 7 },
        ...(sizes.kind === "listed" ? sizes.sizes.map((size) => ({ size })) : [{ size: "256x2048" }]),
        ...Object.keys(model.format?.words ?? {}).map((outputFormat) => ({ outputFormat })),
        ...(model.duration?.values.map((duration) => ({ duration })) ?? []),
        ...(model.resolution?.words.map(({ word }) => ({ further: { resolution: word } })) ?? []),
      ];
      for (const request of requests)
        doneOf(await finished(mediaJob(request, { model: model.name, type: model.type })));
    }
  });

  test.each<[Partial<JobRequest>, Partial<MediaJob>, string]>([
    [{ duration: 13 }, {}, "2 to 12 seconds"],
    [{ duration: 7 }, { model: "fal-ai/minimax/hailuo-2.3/standard/text-to-video" }, "6 or 10 seconds"],
    [{ further: { resolution: "4k" } }, {}, "480p, 720p, 1080p"],
    [{ outputFormat: "webp" }, { model: SCHNELL, type: "image" }, "png, jpeg"],
    [{}, { model: "fal-ai/else" }, "not set up"],
  ])("%j with %j is refused before a call is made", async (request, job, words) => {
    expect(failureIn(await step(provider(), film(request, job)))).toMatchObject({
      kind: "permanent",
      code: "invalid_request",
      message: expect.stringContaining(words),
    });
    expect(upstream.calls).toEqual([]);
  });
});

describe("a request in the queue", () => {
  test("is asked for at the addresses that it was answered with, and says its place", async () => {
    const io = new RecordingIo();
    const { outcome, pendings } = await finish(provider(), film({ duration: 6 }), io);
    expect(
      upstream.calls.map(({ method, path }) => `${method} ${path.replace(/[0-9a-f-]{36}/, "ID")}`),
    ).toEqual([
      `POST /${SEEDANCE}`,
      "GET /fal-ai/bytedance/requests/ID/status",
      "GET /fal-ai/bytedance/requests/ID/status",
      "GET /fal-ai/bytedance/requests/ID/status",
      "GET /fal-ai/bytedance/requests/ID",
      "GET /files/film.mp4",
    ]);
    expect(pendings.map(({ pollAfterMs, message }) => [pollAfterMs, message])).toEqual([
      [1_000, "waiting in fal's queue, 2 before it"],
      [1_000, "waiting in fal's queue, 1 before it"],
      [1_000, "running"],
    ]);
    const { items, usage } = doneOf(outcome);
    expect(items).toMatchObject([{ index: 0, durationSeconds: 6 }]);
    expect(usage).toEqual({ seconds: 6 });
    expect(io.files.get(items[0]?.media.path ?? "")).toEqual(mp4Of());
    expect(JSON.stringify(pendings.map(({ state }) => state))).not.toMatch(/http|11111111|secret/);
  });

  test("that runs long is asked for ever less often, at least every 10 s", async () => {
    upstream.states("IN_PROGRESS");
    const state = await begun();
    await clock.advance(20_000);
    expect(pendingOf(await step(provider(), film(), state)).pollAfterMs).toBe(5_000);
    await clock.advance(600_000);
    expect(pendingOf(await step(provider(), film(), state)).pollAfterMs).toBe(10_000);
  });

  test.each([
    "https://evil.example/fal-ai/flux/requests/1",
    "http://queue.fal.run/fal-ai/flux/requests/1",
    "https://user:pass@queue.fal.run/requests/1",
    "not an address",
  ])("whose addresses are not fal's (%s) is not asked for: the key stays here", async (url) => {
    upstream.script(/POST/, { change: (body) => ({ ...body, status_url: url }) });
    expect(failureIn(await step(provider(), film()))).toMatchObject({
      kind: "transient",
      mayHaveStarted: true,
    });
  });

  test("at another host of fal's is asked for there", async () => {
    const at = "https://queue.fal.run/fal-ai/flux/requests/1";
    upstream.script(/POST/, {
      change: (body) => ({
        ...body,
        status_url: `${at}/status`,
        response_url: at,
        cancel_url: `${at}/cancel`,
      }),
    });
    expect(JSON.stringify(await begun())).toContain(`${at}/status`);
  });
});

describe("9.3: COMPLETED is not always a success", () => {
  const completed = async (status: number, body: unknown, job = picture()) => {
    upstream.states("COMPLETED");
    upstream.result(status, body);
    return finished(job);
  };

  test("a result of 422 fails, and shows what is wrong", async () => {
    const detail = [
      { loc: ["body", "prompt"], msg: "ensure this value has at most 2000 characters", type: "value_error" },
      { loc: ["body", "seed"], msg: "value is not a valid integer", type: "type_error" },
    ];
    const failure = failureIn(await completed(422, { detail }));
    expect(failure).toMatchObject({ kind: "permanent", code: "invalid_request", jobOver: true });
    expect(failure.message).toContain(
      "ensure this value has at most 2000 characters; value is not a valid integer",
    );
  });

  test.each([
    [
      422,
      {
        detail: [
          { loc: ["body"], msg: "The content could not be processed", type: "content_policy_violation" },
        ],
      },
    ],
    [
      422,
      {
        detail: [
          { loc: [], msg: "x", type: "value_error" },
          { loc: [], msg: "y", type: "content_policy_violation" },
        ],
      },
    ],
  ])("%i with content_policy_violation is one", async (status, body) => {
    expect(failureIn(await completed(status, body))).toMatchObject({ kind: "content_policy", jobOver: true });
  });

  test.each([
    [
      500,
      { detail: "CUDA error: out of memory" },
      { kind: "permanent", code: "provider_error", jobOver: true },
    ],
    [400, { detail: "Request was cancelled" }, { kind: "permanent", code: "provider_error", jobOver: true }],
    [504, "upstream timed out", { kind: "transient", code: "provider_error" }],
    [502, "<html>bad gateway</html>", { kind: "transient", code: "provider_error" }],
    [503, "", { kind: "transient", code: "provider_unavailable" }],
    [429, { detail: "slow down" }, { kind: "rate_limited" }],
    [401, { detail: "no" }, { kind: "permanent", code: "provider_auth" }],
  ])("a result of %i %j is told as what it is", async (status, body, expected) => {
    const failure = failureIn(await completed(status, body));
    expect(failure).toMatchObject(expected);
    if (!("jobOver" in expected)) expect(failure).not.toHaveProperty("jobOver");
  });

  test("black pictures are held-back ones: errors beside others, and a failure where there is no other", async () => {
    const image = { url: `${upstream.origin}/files/0.png`, width: 1_024, height: 1_024 };
    const body = { images: [image, image, image], has_nsfw_concepts: [false, true, false] };
    const some = doneOf(await completed(200, body, picture({ n: 3 })));
    expect(some.items.map(({ index }) => index)).toEqual([0, 1]);
    expect(some.errors).toMatchObject([{ index: 2, code: "content_policy_violation" }]);
    expect(some.usage).toEqual({ images: 2, megapixels: 2 });
    const all = await completed(200, { images: [image], has_nsfw_concepts: [true] });
    expect(failureIn(all)).toMatchObject({ kind: "content_policy", jobOver: true });
  });

  test.each([[{}], [{ images: [] }], [{ images: [{ url: "" }] }], [{ text: "hello" }], [[]], [null]])(
    "a result without files (%j) is none",
    async (body) => {
      expect(failureIn(await completed(200, body))).toMatchObject({
        kind: "permanent",
        code: "provider_error",
        jobOver: true,
      });
    },
  );
});

describe("when the upstream refuses", () => {
  test.each([
    [401, { detail: "Authentication is required" }, {}, { kind: "permanent", code: "provider_auth" }],
    [
      403,
      {
        detail: "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing.",
      },
      {},
      { kind: "permanent", code: "provider_quota" },
    ],
    [403, { detail: "Forbidden" }, {}, { kind: "permanent", code: "provider_auth" }],
    [404, { detail: "Application 'x' not found" }, {}, { kind: "permanent", code: "provider_error" }],
    [
      422,
      { detail: [{ msg: "bad", type: "value_error" }] },
      {},
      { kind: "permanent", code: "invalid_request" },
    ],
    [422, { detail: [{ msg: "bad", type: "content_policy_violation" }] }, {}, { kind: "content_policy" }],
    [
      429,
      { detail: "Too many requests" },
      { "retry-after": "3" },
      { kind: "rate_limited", retryAfterMs: 3_000 },
    ],
    [
      504,
      { detail: "timeout" },
      { "x-fal-request-timeout-type": "user" },
      { kind: "permanent", code: "timeout" },
    ],
    [500, "<html></html>", {}, { kind: "transient", code: "provider_error", mayHaveStarted: true }],
  ])("a submit with %i %j is told as what it is", async (status, body, headers, expected) => {
    upstream.script(/POST/, { status, body, headers: headers as Record<string, string> });
    const failure = failureIn(await step(provider(), film()));
    expect(failure).toMatchObject(expected);
    expect(failure.message).not.toContain("0123456789abcdef");
  });

  test("9.8: a lost answer to a film's submit is indeterminate, and to a picture's is not", async () => {
    upstream.script(/POST/, { cutAfter: '{"status":"IN_QUEUE"' });
    expect(failureIn(await step(provider(), film()))).toMatchObject({
      kind: "transient",
      mayHaveStarted: true,
    });
    expect([provider().resubmitSafe("video"), provider().resubmitSafe("image")]).toEqual([false, true]);
  });

  test("9.13: five polls in a row that fail do not fail the film, and begin nothing anew", async () => {
    let state: Json = await begun();
    upstream.script(/status/, ...Array(5).fill({ status: 500, body: "oops" }));
    for (let poll = 0; poll < 5; poll += 1)
      expect(failureIn(await step(provider(), film(), state))).toMatchObject({ kind: "transient" });
    for (let poll = 0; poll < 2; poll += 1) state = pendingOf(await step(provider(), film(), state)).state;
    doneOf(await step(provider(), film(), state));
    expect(posts()).toHaveLength(1);
  });

  test("9.2: a file that does not come is asked for again, and nothing is made again", async () => {
    upstream.states("COMPLETED");
    const state = await begun();
    upstream.script(/files/, { status: 404, body: "gone" });
    expect(failureIn(await step(provider(), film(), state))).toMatchObject({ kind: "transient" });
    doneOf(await step(provider(), film(), state));
    expect(posts()).toHaveLength(1);
  });

  test("9.14: a status word that nobody knows is running, and is logged once", async () => {
    const log = recordingLog();
    const adapter = provider(log);
    upstream.states("PREEMPTED");
    const state = await begun();
    for (let poll = 0; poll < 3; poll += 1) pendingOf(await step(adapter, film(), state));
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toMatchObject({ fields: { word: "PREEMPTED" } });
  });

  test.each([{ body: {} }, { body: "<html></html>" }, { body: "" }])(
    "a status that is none (%j) may pass",
    async (reply) => {
      const state = await begun();
      upstream.script(/status/, reply);
      expect(failureIn(await step(provider(), film(), state))).toMatchObject({ kind: "transient" });
    },
  );
});

describe("9.10: cancelling", () => {
  const cancel = (state: Json) => provider().cancel(film(), state, new AbortController().signal);

  test("is asked of fal at the request's own address, and may be repeated", async () => {
    const state = await begun();
    for (let times = 0; times < 2; times += 1)
      expect(await cancel(state)).toEqual({ cancellation: "requested", billedMicros: null, askAgain: false });
    expect(upstream.calls.at(-1)).toMatchObject({
      method: "PUT",
      path: expect.stringMatching(/^\/fal-ai\/bytedance\/requests\/[0-9a-f-]{36}\/cancel$/),
    });
  });

  test("of a request that is over, or not known any more, is no error; where the call fails it is one", async () => {
    upstream.states("COMPLETED");
    const state = await begun();
    expect(await cancel(state)).toMatchObject({ cancellation: "requested" });
    upstream.script(/cancel/, { status: 404, body: { status: "NOT_FOUND" } });
    expect(await cancel(state)).toMatchObject({ cancellation: "requested" });
    for (const status of [500, 401]) {
      upstream.script(/cancel/, { status, body: "" });
      await expect(cancel(state)).rejects.toThrow("fal");
    }
  });
});

test("status, result and cancel use the account that began the job (litellm#19874)", async () => {
  const other = await startFakeFal();
  const credential = { name: "other", key: FAL_KEY, baseUrl: other.origin };
  const job = film({}, { credential });
  const { state } = pendingOf(await step(provider(), job));
  doneOf(await finished(job));
  await provider().cancel(job, state, new AbortController().signal);
  expect(upstream.calls).toEqual([]);
  expect(other.calls.at(-1)?.method).toBe("PUT");
  await other.close();
});

describe("fal's calls", () => {
  const body = new TextEncoder().encode('{"request_id":"req-1","status":"OK","payload":{}}');
  const call = (headers: Headers, adapter = provider(), bytes = body) =>
    adapter.hook?.({ headers, body: bytes, signal: new AbortController().signal });

  test("go to the address the request was made with", async () => {
    const hookUrl = "https://gateway.example/v1/hooks/fal/token?x=1&y=2";
    pendingOf(await step(provider(), film({}, { hookUrl })));
    expect(upstream.calls[0]?.query.get("fal_webhook")).toBe(hookUrl);
  });

  test("are hints when they are signed with one of its keys, which are asked for once a day", async () => {
    const adapter = provider();
    for (let times = 0; times < 3; times += 1)
      expect(await call(await upstream.sign(body, clock.now()), adapter)).toEqual({ kind: "hint" });
    expect(upstream.calls.map(({ path }) => path)).toEqual(["/.well-known/jwks.json"]);
    expect(upstream.calls[0]?.headers).not.toHaveProperty("authorization");
    await clock.advance(86_400_000);
    expect(await call(await upstream.sign(body, clock.now()), adapter)).toEqual({ kind: "hint" });
    expect(upstream.calls).toHaveLength(2);
  });

  test("are refused when signature, body, time or names are not theirs", async () => {
    const adapter = provider();
    const signed = () => upstream.sign(body, clock.now());
    const changed = async (name: string, value: string) => {
      const headers = await signed();
      headers.set(name, value);
      return headers;
    };
    for (const headers of [
      await changed("x-fal-webhook-request-id", "req-2"),
      await changed("x-fal-webhook-user-id", "user-2"),
      await changed("x-fal-webhook-signature", "ab".repeat(64)),
      await changed("x-fal-webhook-signature", "not hex"),
      await changed("x-fal-webhook-timestamp", "1e9"),
      await upstream.sign(body, clock.now() - 301_000),
      await upstream.sign(body, clock.now() + 301_000),
      new Headers(),
    ])
      expect(await call(headers, adapter)).toEqual({ kind: "refused" });
    expect(await call(await signed(), adapter, new TextEncoder().encode("{}"))).toEqual({ kind: "refused" });
    expect(upstream.calls).toHaveLength(1);
  });

  test.each([
    ["are away", { status: 500, body: "" }],
    ["are none", { body: { keys: [{ kty: "RSA" }, { kty: "OKP", crv: "Ed25519", x: "short" }, null] } }],
    ["are a web page", { body: "<html></html>" }],
  ])("cannot be judged while its keys %s, and can afterwards", async (_, reply) => {
    const adapter = provider();
    upstream.script(/jwks/, reply);
    expect(await call(await upstream.sign(body, clock.now()), adapter)).toEqual({ kind: "unknown" });
    expect(await call(await upstream.sign(body, clock.now()), adapter)).toEqual({ kind: "hint" });
  });
});
