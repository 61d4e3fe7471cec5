/** What `GET /v1/models` says that a create takes is what the gateway takes, for every model of every provider. */

import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import type { JsonSchema, WireModel } from "../../../src/protocol/model.ts";
import type { FilmStudio } from "../../../src/providers/local/film-studio.ts";
import { createOffers } from "../../../src/providers/offers.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import { type PaidGateway, paidGateway } from "../../fixture/providers/paid-gateway.ts";
import { pngOf } from "../../fixture/providers/pictures.ts";
import { scriptedFetch } from "../../fixture/providers/scripted-fetch.ts";
import { recordingLog } from "../../fixture/recording-log.ts";

const NAMES = ["openai", "gemini", "minimax", "replicate", "openrouter", "stability", "bfl", "fal"];
const PROVIDERS = {
  ...Object.fromEntries(NAMES.map((name) => [name, { apiKey: "key-of-a-test" }])),
  mine: {
    kind: "openai-compatible",
    baseUrl: "http://127.0.0.1:9/v1",
    models: [
      { name: "plain", free: true },
      { name: "rich", free: true, sizes: ["512x512"], qualities: ["good"], seed: true, edits: true },
    ],
  },
};
/** Films are offered and never drawn here. */
const STUDIO = {} as FilmStudio;
const PICTURE = `data:image/png;base64,${pngOf(1).toBase64()}`;

const MODELS = createOffers({
  settings: loadConfig({ env: {}, file: JSON.stringify({ providers: PROVIDERS }) }).settings,
  clock: new ManualClock(),
  log: recordingLog(),
  fetch: scriptedFetch().fetch,
  download: () => Promise.reject(new Error("nothing is downloaded here")),
  studio: STUDIO,
}).flatMap(({ provider, models }) => models.map(({ providerModel }) => `${provider.name}/${providerModel}`));

let gateway: PaidGateway;
let models: ReadonlyMap<string, WireModel>;
const ajv = new Ajv2020({ allowUnionTypes: true });

beforeAll(async () => {
  const prices = Object.fromEntries(MODELS.map((name) => [name, { free: true }]));
  gateway = await paidGateway({ providers: PROVIDERS, prices }, STUDIO);
  const { data } = (await (await call("GET", "/v1/models")).json()) as { data: WireModel[] };
  models = new Map(data.map((model) => [model.id, model]));
});
afterAll(() => gateway.close());

function call(method: string, path: string, body?: object): Promise<Response> {
  return fetch(`${gateway.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

function modelOf(name: string): WireModel {
  const model = models.get(name);
  if (model === undefined) throw new Error(`${name} is not offered`);
  return model;
}

type Properties = Record<string, JsonSchema & { enum?: unknown[]; minimum?: number; maximum?: number }>;

/** Requests that say something of a field: around every bound that its schema names. */
function samples({ id, parameters, capabilities }: WireModel): Record<string, unknown>[] {
  const properties = parameters.properties as Properties;
  const base: Record<string, unknown> = { model: id, prompt: "a red boat" };
  if (capabilities.inputs?.required === true) base.image = PICTURE;
  const bodies: Record<string, unknown>[] = [base, { prompt: "x" }, { model: id }, { ...base, prompt: " " }];
  const of = (field: string, ...values: unknown[]) =>
    bodies.push(...values.map((value) => ({ ...base, [field]: value })));
  for (const [field, schema] of Object.entries(properties)) {
    if (schema.enum !== undefined) of(field, ...schema.enum, "nonsense", 12_345.5);
    const { minimum, maximum } = schema;
    if (minimum !== undefined) of(field, minimum, minimum - 1, "nonsense");
    if (maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER) of(field, maximum, maximum + 1);
    if (schema.type === "boolean") of(field, true, "nonsense");
  }
  const { maxLength } = properties.prompt as { maxLength?: number };
  if (maxLength !== undefined)
    of("prompt", "ä".repeat(maxLength), "😀".repeat(maxLength), "x".repeat(maxLength + 1));
  of("prompt", "with a\u0000 in it", "two\nlines");
  of(
    "size",
    "auto",
    "nonsense",
    512,
    ...(capabilities.sizes.kind === "range" ? [capabilities.sizes.default] : []),
  );
  of("metadata", {}, { a: "b" }, { a: 1 }, { "": "b" }, "nonsense");
  of("metadata", Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, "v"])));
  of("user", "me", "", 5);
  of("provider_options", { made_up_by_a_test: 1 }, "nonsense");
  const most = capabilities.inputs?.images ?? 0;
  const pictures = (count: number) => Array.from({ length: count }, () => PICTURE);
  of("image", PICTURE, { image_url: "https://example.com/x.png" }, [], 5, pictures(most + 1));
  if (most > 0)
    of("image", pictures(most), { task_id: "01a20108-7f50-7000-8000-000000000000", index: 0 }, { index: 0 });
  if (most > 0 && capabilities.inputs?.required !== true) {
    of("images", [PICTURE], pictures(most + 1));
    // Films know no masks at all, and what is not known is not looked at.
    if (capabilities.type === "image") {
      of("mask", PICTURE);
      bodies.push({ ...base, image: PICTURE, mask: PICTURE });
    }
  }
  return bodies;
}

async function isTaken(type: string, body: object): Promise<{ taken: boolean; message: string }> {
  const response = await call("POST", "/v1/estimate", { type, ...body });
  const text = await response.text();
  if (response.status !== 200 && response.status !== 400 && response.status !== 404)
    throw new Error(`${response.status} ${text.slice(0, 300)}`);
  return { taken: response.status === 200, message: text };
}

test.each(MODELS)("%s takes what its schema takes, and refuses what it refuses", async (name) => {
  const model = modelOf(name);
  const fits: ValidateFunction = ajv.compile(model.parameters);
  const other: string[] = [];
  let taken = 0;
  for (const body of samples(model)) {
    const gatewaySays = await isTaken(model.capabilities.type, body);
    if (gatewaySays.taken) taken += 1;
    if (gatewaySays.taken !== fits(body))
      other.push(`${JSON.stringify(body).slice(0, 200)} ${gatewaySays.message.slice(0, 200)}`);
  }
  expect(other).toEqual([]);
  expect(taken).toBeGreaterThan(3);
});

test.each(MODELS)("%s has a default for what it says that it takes", (name) => {
  const { durations, fps, sizes } = modelOf(name).capabilities;
  for (const rule of [durations, fps]) {
    if (rule?.kind === "listed") expect(rule.values).toContain(rule.default);
    if (rule?.kind === "range") {
      expect(rule.default).toBeGreaterThanOrEqual(rule.min);
      expect(rule.default).toBeLessThanOrEqual(rule.max);
    }
  }
  if (sizes.kind === "listed") expect(sizes.sizes.length).toBeGreaterThan(0);
});

test("a model read alone has the schema of the list, and another name of it has that name", async () => {
  const listed = modelOf("openai/gpt-image-2");
  const alone = (await (await call("GET", "/v1/models/openai/gpt-image-2")).json()) as WireModel;
  expect(alone).toEqual(listed);
  const alias = modelOf("gpt-image-2").parameters.properties as Properties;
  expect(alias.model).toEqual({ const: "gpt-image-2" });
});

test("a schema tells sizes, seconds, pictures and options as the model has them", () => {
  const properties = (name: string) => modelOf(name).parameters.properties as Properties;
  expect(properties("local/canvas")).toMatchObject({
    size: { default: "1024x1024", description: "auto or WxH with sides from 64 to 2048 pixels" },
    n: { minimum: 1, maximum: 10, default: 1 },
    provider_options: { properties: { steps: {} }, additionalProperties: false },
  });
  expect(properties("local/canvas")).not.toHaveProperty("image");
  expect(properties("local/canvas")).not.toHaveProperty("duration");
  expect(properties("local/motion")).toMatchObject({ duration: { minimum: 1, maximum: 10, default: 4 } });
  expect(properties("minimax/MiniMax-Hailuo-2.3")).toMatchObject({
    duration: { enum: [6, 10], default: 6 },
    image: { description: expect.stringContaining("at most 1, each of at most 20 MiB") },
  });
  expect(properties("openai/gpt-image-2")).toMatchObject({
    quality: { enum: expect.arrayContaining(["low", "high"]) },
    mask: { $ref: "#/$defs/picture" },
    moderation: {},
  });
});

test.each([
  ["minimax/MiniMax-Hailuo-2.3", { duration: 10, size: "1920x1080" }, "duration"],
  ["minimax/MiniMax-Hailuo-2.3", { duration: 10, resolution: "1080P" }, "duration"],
  ["minimax/MiniMax-Hailuo-2.3", { resolution: "8K" }, "resolution"],
  ["minimax/MiniMax-Hailuo-2.3", { prompt: "x".repeat(2_001) }, "prompt"],
  ["minimax/MiniMax-Hailuo-2.3", { prompt_optimizer: "often" }, "prompt_optimizer"],
  ["minimax/S2V-01", {}, "image"],
  ["stability/core", { seed: 4_294_967_295 }, "seed"],
  ["stability/core", { aspect_ratio: "7:3" }, "aspect_ratio"],
  ["openrouter/bytedance/seedance-2.0", { aspect_ratio: "7:3" }, "aspect_ratio"],
] as const)("%s refuses %j before a task is made, naming %s", async (name, fields, param) => {
  const { type } = modelOf(name).capabilities;
  const response = await call("POST", "/v1/estimate", { type, model: name, prompt: "a red boat", ...fields });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { param } });
});
