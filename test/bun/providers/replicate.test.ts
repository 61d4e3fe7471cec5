/** Replicate against a fake upstream that is as strict as the real one. Numbers are those of the list of known faults. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { REPLICATE_MODELS } from "../../../src/providers/replicate/models.ts";
import { createReplicate } from "../../../src/providers/replicate/provider.ts";
import { createPlainDownload } from "../../../src/providers/upstream/answers/plain-download.ts";
import { capabilitiesOf } from "../../../src/providers/upstream/requests/model-table.ts";
import type { Credential, MediaJob } from "../../../src/tasks/ports/media-provider.ts";
import type { JobRequest } from "../../../src/tasks/task.ts";
import { mediaProviderContract } from "../../contract/media-provider.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import {
  type FakeReplicate,
  REPLICATE_KEY,
  startFakeReplicate,
  WEBHOOK_SECRET,
} from "../../fixture/providers/fake-replicate.ts";
import { mp4Of } from "../../fixture/providers/films.ts";
import { doneOf, failureIn, finish, pendingOf, step } from "../../fixture/providers/job-steps.ts";
import { inputFile, mediaJob } from "../../fixture/providers/media-job.ts";
import { pngOf } from "../../fixture/providers/pictures.ts";
import { signedHeaders } from "../../fixture/providers/signed-calls.ts";
import { RecordingIo } from "../../fixture/recording-io.ts";
import { recordingLog } from "../../fixture/recording-log.ts";

let upstream: FakeReplicate;
const clock = new ManualClock();

beforeAll(async () => {
  upstream = await startFakeReplicate();
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.reset();
  upstream.states("starting", "processing", "succeeded");
});

function provider({
  log = recordingLog(),
  credentials = [] as Credential[],
  key = REPLICATE_KEY as string | null,
} = {}) {
  return createReplicate({
    accounts: { apiKey: key, baseUrl: `${upstream.origin}/v1`, credentials },
    clock,
    log,
    fetch,
    download: createPlainDownload({ fetch, clock }),
    maxFileBytes: 10_000_000,
  });
}

const SCHNELL = "black-forest-labs/flux-schnell";
const FLUX_2 = "black-forest-labs/flux-2-pro";
const picture = (request: Partial<JobRequest> = {}, job: Partial<MediaJob> = {}) =>
  mediaJob(request, { model: SCHNELL, ...job });
const film = (request: Partial<JobRequest> = {}, job: Partial<MediaJob> = {}) =>
  mediaJob(request, { type: "video", model: "bytedance/seedance-1-pro", ...job });
type Sent = { input: Record<string, unknown>; webhook?: string; webhook_events_filter?: string[] };
const sent = () => (upstream.calls[0]?.json ?? {}) as Sent;
const begun = async (job = film()) => pendingOf(await step(provider(), job)).state;
const posts = () =>
  upstream.calls.filter(({ method, path }) => method === "POST" && path.endsWith("/predictions"));

for (const [name, model] of [
  ["replicate", SCHNELL],
  ["replicate, a picture a job", FLUX_2],
] as const)
  mediaProviderContract({
    name,
    provider,
    job: (n) => picture({ n }, { model }),
    hopelessJob: picture({ further: { output_quality: 200 } }, { model }),
  });

describe("what is sent", () => {
  test("is the model's own input, and Prefer for a picture that may be there at once", async () => {
    const further = { output_quality: 90, go_fast: true, nonsense: 1, moderation: "low" };
    upstream.states("succeeded");
    const { items, usage } = doneOf(
      await step(
        provider(),
        picture({ n: 3, size: "1536x1024", seed: 7, outputFormat: "jpeg", quality: "hd", further }),
      ),
    );
    const [call] = upstream.calls;
    expect(call?.path).toBe("/v1/models/black-forest-labs/flux-schnell/predictions");
    expect(call?.headers).toMatchObject({ authorization: `Bearer ${REPLICATE_KEY}`, prefer: "wait=5" });
    expect(call?.json).toEqual({
      input: {
        prompt: "a red boat",
        num_outputs: 3,
        aspect_ratio: "3:2",
        seed: 7,
        output_format: "jpg",
        output_quality: 90,
        go_fast: true,
      },
    });
    expect([items.length, usage]).toEqual([3, { images: 3 }]);
  });

  test.each([
    [FLUX_2, "1024x1536", { aspect_ratio: "custom", width: 1024, height: 1536 }],
    [FLUX_2, "1000x1500", { aspect_ratio: "2:3" }],
    ["black-forest-labs/flux-1.1-pro", "1792x1024", { aspect_ratio: "16:9" }],
    [SCHNELL, "1024x1024", { aspect_ratio: "1:1" }],
    [SCHNELL, "auto", {}],
  ])("%s makes %s as %j", async (model, size, expected) => {
    pendingOf(await step(provider(), picture({ size }, { model })));
    const { aspect_ratio, width, height } = sent().input;
    expect({
      ...(aspect_ratio !== undefined && { aspect_ratio }),
      ...(width !== undefined && { width, height }),
    }).toEqual(expected);
  });

  test("pictures go where the model wants them", async () => {
    const io = new RecordingIo();
    const inputs = [inputFile(io, pngOf(1)), inputFile(io, pngOf(2))];
    const url = (shade: number) => `data:image/png;base64,${Buffer.from(pngOf(shade)).toString("base64")}`;
    pendingOf(await step(provider(), picture({}, { model: FLUX_2, inputs }), null, io));
    expect(sent().input).toMatchObject({ input_images: [url(1), url(2)], aspect_ratio: "match_input_image" });
    upstream.reset();
    pendingOf(await step(provider(), film({}, { inputs }), null, io));
    expect(sent().input).toMatchObject({ image: url(1), last_frame_image: url(2) });
  });

  test("a film is not waited for: its reference is to be stored at once", async () => {
    pendingOf(await step(provider(), film({ duration: 8, size: "720x1280" })));
    expect(upstream.calls[0]?.headers).not.toHaveProperty("prefer");
    expect(sent()).toEqual({
      input: { prompt: "a red boat", duration: 8, resolution: "720p", aspect_ratio: "9:16" },
    });
  });

  test("every model's sizes, formats, durations and resolutions are taken as they are listed", async () => {
    for (const model of REPLICATE_MODELS) {
      const { sizes } = capabilitiesOf(model);
      const requests: Partial<JobRequest>[] = [
        {},
        ...(sizes.kind === "listed" ? sizes.sizes.map((size) => ({ size })) : []),
        ...Object.keys(model.format?.words ?? {}).map((outputFormat) => ({ outputFormat })),
        ...(model.duration?.values.map((duration) => ({ duration })) ?? []),
        ...(model.resolution?.words.map(({ word }) => ({ further: { resolution: word } })) ?? []),
      ];
      for (const request of requests)
        pendingOf(await step(provider(), mediaJob(request, { model: model.name, type: model.type })));
    }
  });

  test.each<[Partial<JobRequest>, Partial<MediaJob>, string]>([
    [{ duration: 13 }, {}, "2 to 12 seconds"],
    [{ duration: 6 }, { model: "kwaivgi/kling-v2.5-turbo-pro" }, "5 or 10 seconds"],
    [{ further: { resolution: "4k" } }, {}, "480p, 720p, 1080p"],
    [{ further: { camera_fixed: "yes" } }, {}, "camera_fixed must be true or false"],
    [{}, { model: "someone/else" }, "not set up"],
  ])("%j with %j is refused before a call is made", async (request, job, words) => {
    expect(failureIn(await step(provider(), film(request, job)))).toMatchObject({
      kind: "permanent",
      code: "invalid_request",
      message: expect.stringContaining(words),
    });
    expect(upstream.calls).toEqual([]);
  });
});

describe("a prediction", () => {
  test("is asked for after 2 s and ever less often, with the progress its logs tell", async () => {
    const io = new RecordingIo();
    const { outcome, pendings } = await finish(provider(), film({ duration: 6 }), io);
    expect(pendings.map(({ pollAfterMs, progress, message }) => [pollAfterMs, progress, message])).toEqual([
      [2_000, 0, "waiting at Replicate (the model may be starting)"],
      [2_000, 60, "running"],
    ]);
    const { items, usage } = doneOf(outcome);
    expect(items).toMatchObject([{ index: 0, durationSeconds: 6 }]);
    expect(usage).toEqual({ seconds: 6 });
    expect(io.files.get(items[0]?.media.path ?? "")).toEqual(mp4Of());
    expect(JSON.stringify([...io.saved, ...pendings.map(({ state }) => state)])).not.toMatch(/r8_|http/);
  });

  test("that runs long is asked for every 10 s", async () => {
    upstream.states("processing");
    const state = await begun();
    await clock.advance(20_000);
    expect(pendingOf(await step(provider(), film(), state)).pollAfterMs).toBe(5_000);
    await clock.advance(600_000);
    expect(pendingOf(await step(provider(), film(), state)).pollAfterMs).toBe(10_000);
  });

  test.each([
    ["a text", (url: string) => url],
    ["a list", (url: string) => [url]],
    ["an object", (url: string) => ({ video: { url }, seed: 7, name: "film" })],
  ])("may answer with %s", async (_, output) => {
    const state = await begun();
    upstream.script(/GET .*predictions/, {
      change: (body) => ({
        ...body,
        status: "succeeded",
        output: output(`${upstream.origin}/delivery/0.mp4`),
      }),
    });
    doneOf(await step(provider(), film(), state));
  });

  test("may bring a small result within the answer", async () => {
    const output = [`data:image/png;base64,${Buffer.from(pngOf(3)).toString("base64")}`];
    upstream.script(/POST/, { change: (body) => ({ ...body, status: "succeeded", output }) });
    const io = new RecordingIo();
    const { items } = doneOf(await step(provider(), picture(), null, io));
    expect(io.files.get(items[0]?.media.path ?? "")).toEqual(pngOf(3));
  });

  test.each([
    ["failed", "NSFW content detected. Try running it again", { kind: "content_policy" }],
    ["failed", "The input or output was flagged as sensitive. (E005)", { kind: "content_policy" }],
    ["failed", "CUDA out of memory at 10.0.0.3", { kind: "permanent", code: "provider_error" }],
    ["aborted", "deadline", { kind: "permanent", code: "provider_error" }],
    ["canceled", null, { kind: "permanent", code: "provider_error" }],
  ])("that ends as %s (%s) fails, and leaves nothing behind", async (status, error, expected) => {
    const state = await begun();
    upstream.script(/GET .*predictions/, { change: (body) => ({ ...body, status, error, output: null }) });
    expect(failureIn(await step(provider(), film(), state))).toMatchObject({ ...expected, jobOver: true });
  });

  test("whose result was deleted after an hour says so", async () => {
    const state = await begun();
    upstream.script(/GET .*predictions/, {
      change: (body) => ({ ...body, status: "succeeded", output: null, data_removed: true }),
    });
    const failure = failureIn(await step(provider(), film(), state));
    expect(failure).toMatchObject({ kind: "permanent", code: "provider_error", jobOver: true });
    expect(failure.message).toContain("deleted the result");
  });

  test("of which fewer pictures come is completed, with the missing ones as errors", async () => {
    upstream.script(/POST/, {
      change: (body) => ({ ...body, status: "succeeded", output: [`${upstream.origin}/delivery/0.png`] }),
    });
    const { items, errors, usage } = doneOf(await step(provider(), picture({ n: 3 })));
    expect(items).toHaveLength(1);
    expect(errors).toMatchObject([
      { index: 1, code: "provider_error" },
      { index: 2, code: "provider_error" },
    ]);
    expect(usage).toEqual({ images: 1 });
  });
});

describe("when the upstream refuses", () => {
  test.each([
    [401, { detail: `Invalid token ${REPLICATE_KEY}` }, { kind: "permanent", code: "provider_auth" }],
    [402, { title: "Insufficient credit", detail: "…" }, { kind: "permanent", code: "provider_quota" }],
    [404, { detail: "Not found." }, { kind: "permanent", code: "provider_error" }],
    [
      422,
      { title: "Input validation failed", detail: "- input.seed: Must be an integer" },
      { code: "invalid_request" },
    ],
    [
      429,
      { detail: "Request was throttled. Your rate limit resets in ~12s." },
      { kind: "rate_limited", retryAfterMs: 12_000 },
    ],
    [500, "<html></html>", { kind: "transient", code: "provider_error", mayHaveStarted: true }],
    [503, "", { kind: "transient", code: "provider_unavailable", mayHaveStarted: false }],
  ])("%i %j is told as what it is", async (status, body, expected) => {
    upstream.script(/POST/, { status, body, headers: { "retry-after": "12" } });
    const failure = failureIn(await step(provider(), film()));
    expect(failure).toMatchObject(expected);
    expect(failure.message).not.toContain("r8_");
    expect(failure).not.toHaveProperty("jobFailed");
  });

  test("9.8: a lost answer to a film's submit is indeterminate, and to a picture's is not", async () => {
    upstream.script(/POST/, { cut: true });
    expect(failureIn(await step(provider(), film()))).toMatchObject({
      kind: "transient",
      mayHaveStarted: true,
    });
    expect([provider().resubmitSafe("video"), provider().resubmitSafe("image")]).toEqual([false, true]);
  });

  test("9.13: five polls in a row that fail do not fail the film, and begin nothing anew", async () => {
    const state = await begun();
    upstream.script(/GET .*predictions/, ...Array(5).fill({ status: 500, body: "oops" }));
    for (let poll = 0; poll < 5; poll += 1)
      expect(failureIn(await step(provider(), film(), state))).toMatchObject({ kind: "transient" });
    upstream.states("succeeded");
    const running = pendingOf(await step(provider(), film(), state));
    doneOf(await step(provider(), film(), running.state));
    expect(posts()).toHaveLength(1);
  });

  test("9.2: a link that is dead is asked for again, and nothing is made again", async () => {
    const state = await begun();
    upstream.script(/GET .*predictions/, {
      change: (body) => ({ ...body, status: "succeeded", output: `${upstream.origin}/delivery/0.mp4` }),
    });
    upstream.script(/delivery/, { status: 404, body: "gone" });
    expect(failureIn(await step(provider(), film(), state))).toMatchObject({ kind: "transient" });
    doneOf(await step(provider(), film(), state));
    expect(posts()).toHaveLength(1);
  });

  test("9.2: a picture that was there at once, and could not be fetched, is not made again", async () => {
    upstream.states("succeeded");
    upstream.script(/delivery/, { status: 404, body: "gone" });
    const { state } = pendingOf(await step(provider(), picture()));
    doneOf(await step(provider(), picture(), state));
    expect(posts()).toHaveLength(1);
  });

  test("9.14: a status word that nobody knows is running, and is logged once", async () => {
    const log = recordingLog();
    const adapter = provider({ log });
    upstream.states("queued-v2");
    const state = await begun();
    for (let poll = 0; poll < 3; poll += 1) pendingOf(await step(adapter, film(), state));
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toMatchObject({ fields: { word: "queued-v2" } });
  });

  test.each([401, 404])(
    "a poll refused with %i ends the task, and leaves the job to be cancelled",
    async (status) => {
      const state = await begun();
      upstream.script(/GET .*predictions/, { status, body: { detail: "no" } });
      const failure = failureIn(await step(provider(), film(), state));
      expect(failure).toMatchObject({ kind: "permanent" });
      expect(failure).not.toHaveProperty("jobOver");
    },
  );

  test("a state that cannot be read begins nothing", async () => {
    const failure = failureIn(await step(provider(), film(), { prediction: "p1" }));
    expect(failure).toMatchObject({ kind: "permanent", code: "provider_error" });
    expect(upstream.calls).toEqual([]);
  });
});

describe("9.6: several pictures of a model that makes one a job", () => {
  const pictures = (n: number) => picture({ n }, { model: FLUX_2 });

  test("are several predictions, each stored before the next is begun", async () => {
    const io = new RecordingIo();
    upstream.states("starting", "succeeded");
    const first = pendingOf(await step(provider(), pictures(3), null, io));
    expect(posts()).toHaveLength(3);
    expect(upstream.calls[0]?.headers).not.toHaveProperty("prefer");
    expect(io.saved.map((state) => (state as { jobs: unknown[] }).jobs.length)).toEqual([1, 2]);
    expect(doneOf(await step(provider(), pictures(3), first.state, io)).items).toHaveLength(3);
    expect(posts()).toHaveLength(3);
  });

  test("of which one is refused are the others, and the refused one is an error", async () => {
    upstream.states("succeeded");
    upstream.script(
      /POST/,
      { change: (body) => body },
      { change: (body) => ({ ...body, status: "failed", error: "NSFW content detected", output: null }) },
    );
    const { items, errors } = doneOf(await step(provider(), pictures(3)));
    expect(items.map(({ index }) => index)).toEqual([0, 2]);
    expect(errors).toMatchObject([{ index: 1, code: "content_policy_violation" }]);
  });

  test("of which one cannot be begun yet wait for it, and begin no other twice", async () => {
    const io = new RecordingIo();
    upstream.states("processing", "succeeded");
    upstream.script(/POST/, { change: (body) => body }, { status: 429, body: { detail: "throttled" } });
    expect(failureIn(await step(provider(), pictures(3), null, io))).toMatchObject({ kind: "rate_limited" });
    const saved = io.saved.at(-1) ?? null;
    expect(saved).toMatchObject({ jobs: [{ index: 0, count: 1 }] });
    upstream.states("succeeded");
    expect(doneOf(await step(provider(), pictures(3), saved, io)).items).toHaveLength(3);
    expect(posts()).toHaveLength(4);
  });

  test("of which all are refused fail as the last one did", async () => {
    upstream.states("failed");
    upstream.script(
      /POST/,
      ...Array(2).fill({ change: (body: object) => ({ ...body, error: "flagged as sensitive" }) }),
    );
    expect(failureIn(await step(provider(), pictures(2)))).toMatchObject({
      kind: "content_policy",
      jobOver: true,
    });
  });
});

describe("9.10: cancelling", () => {
  const cancel = (state: Parameters<ReturnType<typeof provider>["cancel"]>[1]) =>
    provider().cancel(film(), state, new AbortController().signal);

  test("ends every prediction of the task, and may be repeated", async () => {
    const { state } = pendingOf(await step(provider(), picture({ n: 2 }, { model: FLUX_2 })));
    for (let times = 0; times < 2; times += 1)
      expect(await cancel(state)).toEqual({ cancellation: "immediate", billedMicros: null, askAgain: false });
    expect(upstream.calls.filter(({ path }) => path.endsWith("/cancel"))).toHaveLength(4);
  });

  test("one that has ended, or is not known any more, is no error; one that cannot be asked for is", async () => {
    const state = await begun();
    upstream.script(
      /cancel/,
      { change: (body) => ({ ...body, status: "succeeded" }) },
      { status: 404, body: {} },
    );
    for (let times = 0; times < 2; times += 1)
      expect(await cancel(state)).toMatchObject({ cancellation: "requested" });
    upstream.script(/cancel/, { status: 500, body: "" });
    await expect(cancel(state)).rejects.toThrow("Replicate failed with status 500");
  });

  test("before anything was begun calls nobody", async () => {
    expect(await cancel(null)).toMatchObject({ cancellation: "immediate" });
    expect(upstream.calls).toEqual([]);
  });
});

test("status and cancel use the account that began the job (litellm#19874)", async () => {
  const other = await startFakeReplicate();
  const credential = { name: "other", key: REPLICATE_KEY, baseUrl: `${other.origin}/v1` };
  const job = film({}, { credential });
  const { state } = pendingOf(await step(provider(), job));
  doneOf((await finish(provider(), job)).outcome);
  await provider().cancel(job, state, new AbortController().signal);
  expect(upstream.calls).toEqual([]);
  expect(other.calls.at(-1)?.path).toMatch(/\/cancel$/);
  await other.close();
});

describe("Replicate's calls", () => {
  const body = new TextEncoder().encode('{"id":"p1","status":"succeeded"}');
  const call = (headers: Headers, adapter = provider(), bytes = body) =>
    adapter.hook?.({ headers, body: bytes, signal: new AbortController().signal });
  const signed = (secret = WEBHOOK_SECRET, at = clock.now()) => signedHeaders(secret, body, at);

  test("go to the address the prediction was made with, when it is over", async () => {
    const hookUrl = "https://gateway.example/v1/hooks/replicate/token";
    pendingOf(await step(provider(), film({}, { hookUrl })));
    expect(sent()).toMatchObject({ webhook: hookUrl, webhook_events_filter: ["completed"] });
  });

  test("are hints when they are signed with the account's secret, which is asked for once", async () => {
    const adapter = provider();
    for (let times = 0; times < 3; times += 1)
      expect(await call(await signed(), adapter)).toEqual({ kind: "hint" });
    expect(upstream.calls.map(({ path }) => path)).toEqual(["/v1/webhooks/default/secret"]);
  });

  test("are refused when signature, body, time or id are not theirs", async () => {
    const adapter = provider();
    const other = `whsec_${Buffer.from("another secret of 32 bytes.....").toString("base64")}`;
    const late = await signed(WEBHOOK_SECRET, clock.now() - 301_000);
    const early = await signed(WEBHOOK_SECRET, clock.now() + 301_000);
    const moved = await signed();
    moved.set("webhook-id", "msg_other");
    const unsigned = await signed();
    unsigned.delete("webhook-signature");
    const odd = await signed();
    odd.set("webhook-signature", "v1,!!! v2,abc v1");
    for (const headers of [await signed(other), late, early, moved, unsigned, odd, new Headers()])
      expect(await call(headers, adapter)).toEqual({ kind: "refused" });
    expect(await call(await signed(), adapter, new TextEncoder().encode("{}"))).toEqual({ kind: "refused" });
    // However many come, the secret is not asked for each time.
    expect(upstream.calls).toHaveLength(1);
  });

  test("are taken with the second of two signatures, while a secret is changed", async () => {
    const headers = await signed();
    headers.set(
      "webhook-signature",
      `v1,${Buffer.from("wrong").toString("base64")} ${headers.get("webhook-signature")}`,
    );
    expect(await call(headers)).toEqual({ kind: "hint" });
  });

  test("are verified anew with a secret that was changed, once it is some minutes old", async () => {
    const adapter = provider();
    expect(await call(await signed(), adapter)).toEqual({ kind: "hint" });
    const changed = `whsec_${Buffer.from("the new secret of 32 bytes.....").toString("base64")}`;
    upstream.script(/secret/, { body: { key: changed } });
    expect(await call(await signed(changed), adapter)).toEqual({ kind: "refused" });
    await clock.advance(300_000);
    expect(await call(await signed(changed), adapter)).toEqual({ kind: "hint" });
    // The old secret has no meaning any more, and a day later the secret is asked for whatever comes.
    expect(await call(await signed(), adapter)).toEqual({ kind: "refused" });
  });

  test.each([
    ["is away", { status: 500, body: "" }],
    ["refuses the key", { status: 401, body: {} }],
    ["answers something else", { body: { secret: "x" } }],
    ["answers a web page", { body: "<html></html>" }],
  ])("cannot be judged while the secret's address %s, and can afterwards", async (_, reply) => {
    const adapter = provider();
    upstream.script(/secret/, reply);
    expect(await call(await signed(), adapter)).toEqual({ kind: "unknown" });
    expect(await call(await signed(), adapter)).toEqual({ kind: "hint" });
  });

  test("may come for any of the accounts", async () => {
    const credentials = [{ name: "second", key: REPLICATE_KEY, baseUrl: null }];
    const adapter = provider({
      key: null,
      credentials: [{ name: "first", key: "r8_revoked", baseUrl: null }, ...credentials],
    });
    expect(await call(await signed(), adapter)).toEqual({ kind: "hint" });
  });
});
