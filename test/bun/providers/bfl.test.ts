/** Black Forest Labs' pictures against a fake upstream that is as strict as the real one. Numbers are those of the list of known faults. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Json } from "../../../src/protocol/task.ts";
import { FLUX_MODELS } from "../../../src/providers/bfl/models.ts";
import { createFlux } from "../../../src/providers/bfl/provider.ts";
import { createPlainDownload } from "../../../src/providers/upstream/answers/plain-download.ts";
import type { Credential } from "../../../src/tasks/ports/media-provider.ts";
import { mediaProviderContract } from "../../contract/media-provider.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import { BFL_KEY, readyResult, result, startFakeBfl } from "../../fixture/providers/fake-bfl.ts";
import type { FakeUpstream } from "../../fixture/providers/fake-upstream.ts";
import { inputFile, mediaJob } from "../../fixture/providers/media-job.ts";
import { pngOf } from "../../fixture/providers/pictures.ts";
import { done, failure, pending, run } from "../../fixture/providers/steps.ts";
import { RecordingIo } from "../../fixture/recording-io.ts";
import { recordingLog } from "../../fixture/recording-log.ts";

let upstream: FakeUpstream;
let clock = new ManualClock();
let log = recordingLog();

beforeAll(async () => {
  upstream = await startFakeBfl();
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.reset();
  clock = new ManualClock();
  log = recordingLog();
});

function provider(apiKey = BFL_KEY, credentials: readonly Credential[] = []) {
  return createFlux({
    accounts: { apiKey, baseUrl: `${upstream.origin}/v1`, credentials },
    clock,
    log,
    fetch,
    download: createPlainDownload({ fetch, clock }),
    maxFileBytes: 10_000_000,
  });
}

function job(request: Parameters<typeof mediaJob>[0] = {}, more: Parameters<typeof mediaJob>[1] = {}) {
  return mediaJob(request, { model: "flux-2-pro", ...more });
}

const BEGIN = /POST/;
const POLL = /get_result/;
const DELIVERY = /delivery/;

/** The state of a task of one picture whose job was just begun. */
async function begun(): Promise<Json> {
  const { state } = await pending(provider().submit(job(), new RecordingIo()));
  return JSON.parse(JSON.stringify(state));
}

function poll(state: Json, more: Parameters<typeof mediaJob>[1] = {}, io = new RecordingIo()) {
  return provider().poll(job({}, more), state, io);
}

mediaProviderContract({
  name: "bfl",
  provider,
  job: (n) => job({ n }),
  hopelessJob: job({ further: { safety_tolerance: 9 } }),
});

describe("a picture", () => {
  test("is begun, polled at the address that came, fetched without the key, and costs what was said", async () => {
    const io = new RecordingIo();
    const outcome = await done(run(provider(), job({ size: "1536x1024", seed: 7, quality: "hd" }), io));
    expect(upstream.calls.map(({ method, path }) => `${method} ${path.replace(/\d+$/, "N")}`)).toEqual([
      "POST /v1/flux-2-pro",
      "GET /us1/v1/get_result",
      "GET /us1/v1/get_result",
      "GET /delivery/job-N",
    ]);
    expect(upstream.calls[0]?.json).toEqual({
      prompt: "a red boat",
      width: 1_536,
      height: 1_024,
      output_format: "png",
      seed: 7,
    });
    expect(upstream.calls.at(-1)?.headers).not.toHaveProperty("x-key");
    expect(outcome).toMatchObject({
      items: [{ index: 0, media: { contentType: "image/png" } }],
      usage: { images: 1, megapixels: 2 },
      costMicros: 45_000,
    });
  });

  test("is kept as a reference, without a key", async () => {
    expect(await begun()).toMatchObject({
      jobs: [{ index: 0, ref: { url: expect.stringContaining("get_result?id=job-") } }],
    });
    expect(JSON.stringify(await begun())).not.toContain(BFL_KEY);
  });

  test("every model takes its whole vocabulary", async () => {
    for (const { name, capabilities, fields } of FLUX_MODELS) {
      for (const outputFormat of capabilities.outputFormats) {
        const { items } = await done(run(provider(), job({ outputFormat }, { model: name })));
        expect(items[0]?.media.contentType).toBe(`image/${outputFormat}`);
      }
      const further = {
        safety_tolerance: 5,
        ...(fields.steps && { guidance: 4.5, steps: 20, prompt_upsampling: false }),
      };
      for (const size of ["64x64", "2048x2048", "1792x1024"])
        await done(run(provider(), job({ size, further }, { model: name })));
    }
  });

  test("input pictures are numbered, as base64 alone", async () => {
    const io = new RecordingIo();
    const inputs = [inputFile(io, pngOf(1)), inputFile(io, pngOf(2))];
    await pending(provider().submit(job({}, { inputs }), io));
    expect(upstream.calls[0]?.json).toMatchObject({
      input_image: pngOf(1).toBase64(),
      input_image_2: pngOf(2).toBase64(),
    });
  });

  test("what the model would refuse is refused by name, before a call is made", async () => {
    const io = new RecordingIo();
    const image = inputFile(io, pngOf(1));
    const cases: [Parameters<typeof job>, string][] = [
      [[{ further: { safety_tolerance: 6 } }], "0 to 5"],
      [[{ further: { steps: 51 } }, { model: "flux-2-flex" }], "1 to 50"],
      [[{}, { inputs: Array(9).fill(image) }], "at most 8"],
      [[{}, { inputs: Array(5).fill(image), model: "flux-2-klein-4b" }], "at most 4"],
      [[{}, { inputs: [image, inputFile(io, pngOf(2), "mask")] }], "no mask"],
      [[{}, { model: "flux-pro" }], "any more"],
    ];
    for (const [args, words] of cases)
      expect(await failure(run(provider(), job(...args), io))).toMatchObject({
        code: "invalid_request",
        message: expect.stringContaining(words),
      });
    expect(upstream.calls).toEqual([]);
  });

  test("uses the account that began it (litellm#19874)", async () => {
    const eu = { name: "eu", key: BFL_KEY, baseUrl: `${upstream.origin}/v1` };
    await done(run(provider("bfl-wrong", [eu]), job({}, { credential: eu })));
    const keys = upstream.calls
      .filter(({ path }) => !path.startsWith("/delivery"))
      .map(({ headers }) => headers["x-key"]);
    expect(new Set(keys)).toEqual(new Set([BFL_KEY]));
  });
});

describe("the address of a job", () => {
  const foreign = "https://evil.example/v1/get_result?id=1";

  test.each([foreign, "http://api.bfl.ai/v1/get_result?id=1", "https://bfl.ai.evil.example/x", "nonsense"])(
    "%s is not the provider's own, and never gets the key",
    async (polling_url) => {
      upstream.script(BEGIN, { body: { id: "job-x", polling_url } });
      const refused = await failure(provider().submit(job(), new RecordingIo()));
      expect(refused).toMatchObject({ kind: "permanent", code: "provider_error" });
      expect(refused.message).not.toContain("example");
      expect(upstream.calls.length).toBe(1);
    },
  );

  test("is judged again at each poll", async () => {
    const state = (await begun()) as { jobs: { ref: { url: string } }[] };
    for (const kept of state.jobs) kept.ref.url = foreign;
    upstream.reset();
    expect(await failure(poll(state as unknown as Json))).toMatchObject({ kind: "permanent" });
    expect(upstream.calls).toEqual([]);
  });

  test("of another region of the provider is followed as it came", async () => {
    const asked: string[] = [];
    const flux = createFlux({
      accounts: { apiKey: BFL_KEY, baseUrl: null, credentials: [] },
      clock,
      log,
      fetch: async (url, init) => {
        asked.push(url);
        const body =
          init.method === "POST"
            ? { id: "a", polling_url: "https://api.us1.bfl.ai/v1/get_result?id=a" }
            : result("a", "Pending");
        return Response.json(body);
      },
      download: () => Promise.reject(new Error("nothing is fetched here")),
      maxFileBytes: 1,
    });
    const { state } = await pending(flux.submit(job(), new RecordingIo()));
    await pending(flux.poll(job(), JSON.parse(JSON.stringify(state)), new RecordingIo()));
    expect(asked).toEqual(["https://api.bfl.ai/v1/flux-2-pro", "https://api.us1.bfl.ai/v1/get_result?id=a"]);
  });

  test("that is missing or beyond all measure is no job", async () => {
    for (const polling_url of [undefined, 7, `${upstream.origin}/${"x".repeat(400)}`]) {
      upstream.script(BEGIN, { body: { id: "job-x", polling_url } });
      expect(await failure(provider().submit(job(), new RecordingIo()))).toMatchObject({ kind: "transient" });
    }
  });
});

describe("n pictures", () => {
  test("9.6: are a job each with a seed of its own, and what was held back is an error of its own", async () => {
    const io = new RecordingIo();
    const { state } = await pending(provider().submit(job({ n: 4, seed: 5 }), io));
    expect(upstream.calls.map(({ json }) => (json as { seed: number }).seed).toSorted()).toEqual([
      5, 6, 7, 8,
    ]);
    upstream.script(POLL, {
      body: result("x", "Content Moderated", { details: { "Moderation Reasons": ["Violence"] } }),
    });
    const outcome = await done(run(provider(), job({ n: 4 }), io, JSON.parse(JSON.stringify(state))));
    expect(outcome.items.length).toBe(3);
    expect(outcome.errors).toMatchObject([
      { code: "content_policy_violation", message: expect.stringContaining("Violence") },
    ]);
    expect(outcome).toMatchObject({ usage: { images: 3, megapixels: 3 }, costMicros: 90_000 });
  });

  test("beyond what may run at once wait for the others", async () => {
    upstream.script(
      BEGIN,
      { change: (body) => body },
      { change: (body) => body },
      { status: 429, body: { detail: "limit" } },
    );
    const io = new RecordingIo();
    const refused = await failure(provider().submit(job({ n: 3 }), io));
    expect(refused).toMatchObject({ kind: "rate_limited" });
    expect(refused).not.toHaveProperty("jobFailed");
    const state = io.saved.at(-1) ?? null;
    expect((state as { jobs: unknown[] }).jobs.length).toBe(2);
    expect((await done(run(provider(), job({ n: 3 }), io, state))).items.length).toBe(3);
    expect(upstream.calls.filter(({ method }) => method === "POST").length).toBe(4);
  });
});

describe("beginning a picture", () => {
  test.each([
    [
      {
        status: 422,
        body: { detail: [{ loc: ["body", "width"], msg: "Input should be a multiple of 16", type: "x" }] },
      },
      { code: "invalid_request" },
    ],
    [{ status: 400, body: { detail: "Bad" } }, { code: "invalid_request" }],
    [{ status: 402, body: { detail: "Insufficient credits" } }, { code: "provider_quota" }],
    [{ status: 403, body: { detail: "Not authenticated" } }, { code: "provider_auth" }],
    [{ status: 404, body: { detail: "Not Found" } }, { code: "provider_error" }],
    [{ status: 429, body: { detail: "slow" } }, { kind: "rate_limited" }],
    [
      { status: 429, body: {}, headers: { "retry-after": "3" } },
      { kind: "rate_limited", retryAfterMs: 3_000 },
    ],
    [
      { status: 500, body: "" },
      { kind: "transient", mayHaveStarted: true },
    ],
    [
      { status: 503, body: "" },
      { kind: "transient", mayHaveStarted: false },
    ],
    [
      { status: 200, body: "<html>" },
      { kind: "transient", mayHaveStarted: true },
    ],
    [{ cut: true } as const, { kind: "transient", mayHaveStarted: true }],
  ])("%j", async (reply, expected) => {
    upstream.script(BEGIN, reply);
    expect(await failure(provider().submit(job(), new RecordingIo()))).toMatchObject(expected);
  });
});

describe("polling a picture", () => {
  test("9.13: five failures of the poll are none of the picture", async () => {
    const state = await begun();
    upstream.script(POLL, ...Array(5).fill({ status: 500, body: "" }));
    for (let time = 0; time < 5; time += 1) {
      const failed = await failure(poll(state));
      expect(failed).toMatchObject({ kind: "transient" });
      expect(failed).not.toHaveProperty("jobFailed");
    }
    await done(run(provider(), job(), new RecordingIo(), state));
    expect(upstream.calls.filter(({ method }) => method === "POST").length).toBe(1);
  });

  test("9.14: a new status word is taken for running, and logged once", async () => {
    const state = await begun();
    const flux = provider();
    for (let time = 0; time < 3; time += 1) {
      upstream.script(POLL, { body: result("x", "Simmering") });
      await pending(flux.poll(job(), state, new RecordingIo()));
    }
    expect(log.lines.map(({ fields }) => fields)).toEqual([
      { provider: "Black Forest Labs", word: "Simmering" },
    ]);
  });

  test("progress that is said is taken, and none is made up", async () => {
    const state = await begun();
    upstream.script(POLL, { body: result("x", "Pending", { progress: 0.5 }) });
    expect((await pending(poll(state))).progress).toBe(50);
    upstream.script(POLL, { body: result("x", "Pending") });
    expect(await pending(poll(state))).not.toHaveProperty("progress");
  });

  test.each(["Request Moderated", "Content Moderated"])("%s is content policy", async (status) => {
    const state = await begun();
    upstream.script(POLL, { body: result("x", status) });
    expect(await failure(poll(state))).toMatchObject({ kind: "content_policy", jobOver: true });
  });

  test.each(["Error", "Task not found"])(
    "%s: the picture is made again by the next attempt",
    async (status) => {
      const io = new RecordingIo();
      const state = await begun();
      upstream.script(POLL, {
        body: result("x", status, { details: { error: "GPU https://x.example fell over" } }),
      });
      const failed = await failure(poll(state, {}, io));
      expect(failed).toMatchObject({ kind: "transient", jobFailed: true });
      expect(failed.message).not.toContain("x.example");
      await done(run(provider(), job(), io, io.saved.at(-1) ?? null));
      expect(upstream.calls.filter(({ method }) => method === "POST").length).toBe(2);
    },
  );

  test("at the last attempt that is the end", async () => {
    const state = await begun();
    upstream.script(POLL, { body: result("x", "Error") });
    expect(await failure(poll(state, { isLastAttempt: true }))).toMatchObject({
      kind: "transient",
      jobFailed: true,
    });
  });

  test("9.2: a dead link is asked for anew; after ten minutes, when links die, the picture is made again", async () => {
    const state = await begun();
    const dead = { body: readyResult("x", `${upstream.origin}/delivery/job-1`) };
    upstream.script(POLL, dead, dead);
    upstream.script(DELIVERY, { status: 403, body: "expired" }, { status: 403, body: "expired" });
    const early = await failure(poll(state));
    expect(early).toMatchObject({ kind: "transient" });
    expect(early).not.toHaveProperty("jobFailed");
    await clock.advance(600_001);
    const late = await failure(poll(state));
    expect(late).toMatchObject({ kind: "transient", jobFailed: true });
    expect(late.message).not.toContain("127.0.0.1");
  });

  test("a ready picture without a link is asked for anew", async () => {
    const state = await begun();
    upstream.script(POLL, { body: result("x", "Ready") });
    expect(await failure(poll(state))).toMatchObject({ kind: "transient" });
  });
});

test("what a picture cost may not be said", async () => {
  upstream.script(BEGIN, { change: ({ id, polling_url }) => ({ id, polling_url }) });
  const outcome = await done(run(provider(), job()));
  expect(outcome).not.toHaveProperty("costMicros");
  expect(outcome.usage).toEqual({ images: 1 });
});

test("9.10: there is no cancel upstream; what was begun is billed", async () => {
  const cancel = async (state: Json) => provider().cancel(job(), state, new AbortController().signal);
  const unsupported = { cancellation: "unsupported_upstream", askAgain: false };
  expect(await cancel(await begun())).toEqual({ ...unsupported, billedMicros: 30_000 });
  expect(await cancel(null)).toEqual({ ...unsupported, billedMicros: null });
});

test("pictures may be made again where the outcome is unknown", () => {
  expect(provider().resubmitSafe("image")).toBe(true);
  expect(provider().resubmitSafe("video")).toBe(false);
});
