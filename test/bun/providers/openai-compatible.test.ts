/** A provider that is added by its address alone. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import { createOffers } from "../../../src/providers/offers.ts";
import { DownloadError } from "../../../src/providers/upstream/answers/download.ts";
import type { MediaProvider, StepOutcome } from "../../../src/tasks/ports/media-provider.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import { FAKE_KEY, type FakeOpenAi, startFakeOpenAi } from "../../fixture/providers/fake-openai.ts";
import { inputFile, mediaJob } from "../../fixture/providers/media-job.ts";
import { pngOf } from "../../fixture/providers/pictures.ts";
import { RecordingIo } from "../../fixture/recording-io.ts";
import { recordingLog } from "../../fixture/recording-log.ts";

let upstream: FakeOpenAi;
/** What was fetched from other addresses than the provider's own. */
const elsewhere: string[] = [];
const clock = new ManualClock();

beforeAll(async () => {
  upstream = await startFakeOpenAi({ strict: false });
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.calls.length = 0;
});

function offerOf(provider: Record<string, unknown>) {
  const file = { providers: { mine: { kind: "openai-compatible", baseUrl: upstream.baseUrl, ...provider } } };
  const { settings } = loadConfig({ env: {}, file: JSON.stringify(file) });
  const download = async (url: string) => {
    elsewhere.push(url);
    throw new DownloadError("forbidden");
  };
  const offers = createOffers({ settings, clock, log: recordingLog(), fetch, download });
  const offer = offers.find(({ provider: { name } }) => name === "mine");
  if (offer === undefined) throw new Error("the provider is not offered");
  return offer;
}

const FREE = { name: "sdxl", free: true };

async function run(
  provider: MediaProvider,
  request: Parameters<typeof mediaJob>[0],
  io = new RecordingIo(),
  inputs = false,
) {
  const files = inputs ? [inputFile(io, pngOf(1))] : [];
  const outcome = await provider.submit(mediaJob(request, { model: "sdxl", inputs: files }), io);
  return { outcome, io };
}

function doneOf(outcome: StepOutcome) {
  if (outcome.kind !== "done") throw new Error(`expected done, got ${JSON.stringify(outcome)}`);
  return outcome;
}

describe("an added provider", () => {
  test("offers the models the settings name, free or at their price, under its own name", () => {
    const { models } = offerOf({
      models: [
        FREE,
        { name: "flux/pro", pricePerImage: 0.055, maxN: 1, sizes: ["1024x1024"], aliases: ["flux"] },
      ],
    });
    expect(models.map(({ providerModel, pricing, aliases }) => [providerModel, pricing, aliases])).toEqual([
      ["sdxl", { kind: "free" }, []],
      ["flux/pro", { kind: "per_image", micros: 55_000 }, ["flux"]],
    ]);
    expect(models[1]?.capabilities).toMatchObject({
      maxN: 1,
      sizes: { kind: "listed", sizes: ["1024x1024"] },
    });
  });

  test("is sent what its settings say it takes, and no key where it has none", async () => {
    const { provider } = offerOf({
      models: [{ ...FREE, seed: true, qualities: ["hd"], furtherFields: ["steps"] }],
    });
    const request = {
      size: "512x512",
      quality: "hd",
      style: "vivid",
      seed: 7,
      user: "u",
      further: { steps: 5, other: 1 },
    };
    doneOf((await run(provider, request)).outcome);
    expect(upstream.calls[0]?.fields).toEqual({
      model: "sdxl",
      prompt: "a red boat",
      n: 1,
      size: "512x512",
      quality: "hd",
      seed: 7,
      steps: 5,
      response_format: "b64_json",
    });
    expect(upstream.calls[0]?.headers).not.toHaveProperty("authorization");
  });

  test("is called with its key, and may be told nothing of a response format", async () => {
    const { provider } = offerOf({ apiKey: FAKE_KEY, models: [{ ...FREE, responseFormat: "none" }] });
    doneOf((await run(provider, {})).outcome);
    expect(upstream.calls[0]?.headers.authorization).toBe(`Bearer ${FAKE_KEY}`);
    expect(upstream.calls[0]?.fields).not.toHaveProperty("response_format");
  });

  test("9.6: of a model that makes one picture a call, four are four calls", async () => {
    const { provider } = offerOf({ models: [{ ...FREE, imagesPerCall: 1 }] });
    const { items } = doneOf((await run(provider, { n: 4 })).outcome);
    expect(items).toHaveLength(4);
    expect(upstream.calls.map(({ fields }) => fields.n)).toEqual([1, 1, 1, 1]);
  });

  test("may answer with addresses, whose files are stored before the step ends", async () => {
    upstream.files.set("one.png", { status: 200, bytes: pngOf(50) });
    upstream.script({
      kind: "raw",
      body: JSON.stringify({
        data: [{ url: `${upstream.baseUrl}/files/one.png`, revised_prompt: "a red boat at sea" }],
      }),
    });
    const { provider } = offerOf({ models: [{ ...FREE, responseFormat: "url" }] });
    const { outcome, io } = await run(provider, {});
    expect(doneOf(outcome).items).toMatchObject([{ index: 0, revisedPrompt: "a red boat at sea" }]);
    expect([...io.files.values()]).toEqual([pngOf(50)]);
  });

  test("whose link is dead fails, without the address in the message", async () => {
    upstream.script({
      kind: "raw",
      body: JSON.stringify({ data: [{ url: `${upstream.baseUrl}/files/gone.png` }] }),
    });
    const { provider } = offerOf({ models: [FREE] });
    const { outcome } = await run(provider, {});
    expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "transient", mayHaveStarted: true } });
    expect(JSON.stringify(outcome)).not.toContain("127.0.0.1");
  });

  test("has results at its own address, whatever network that is on, and elsewhere only where that is allowed", async () => {
    const url = "http://10.0.0.1/one.png";
    upstream.script({ kind: "raw", body: JSON.stringify({ data: [{ url }] }) });
    const { outcome } = await run(offerOf({ models: [FREE] }).provider, {});
    expect(outcome).toMatchObject({ failure: { kind: "permanent", code: "provider_error" } });
    expect(elsewhere).toEqual([url]);
  });

  test("takes input pictures only where its settings say so", async () => {
    const without = await run(offerOf({ models: [FREE] }).provider, {}, new RecordingIo(), true);
    expect(without.outcome).toMatchObject({ failure: { kind: "permanent", code: "invalid_request" } });
    const { provider } = offerOf({ models: [{ ...FREE, edits: true }] });
    doneOf((await run(provider, {}, new RecordingIo(), true)).outcome);
    expect(upstream.calls).toMatchObject([{ operation: "edits" }]);
  });

  test("names itself in a failure", async () => {
    upstream.script({
      kind: "status",
      status: 422,
      body: { detail: [{ msg: "size must be 512x512", loc: ["body", "size"] }] },
    });
    const { outcome } = await run(offerOf({ models: [FREE] }).provider, {});
    expect(outcome).toMatchObject({
      failure: {
        code: "invalid_request",
        message: expect.stringMatching(/^mine refused the request: size must be 512x512/),
      },
    });
  });
});
