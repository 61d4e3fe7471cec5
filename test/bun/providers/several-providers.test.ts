/** Several paid providers behind one gateway, as a client sees them. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { GEMINI_KEY, startFakeGemini } from "../../fixture/providers/fake-gemini.ts";
import { OPENROUTER_KEY, startFakeOpenRouter } from "../../fixture/providers/fake-openrouter.ts";
import { STABILITY_KEY, startFakeStability } from "../../fixture/providers/fake-stability.ts";
import type { FakeUpstream } from "../../fixture/providers/fake-upstream.ts";
import { type PaidGateway, paidGateway } from "../../fixture/providers/paid-gateway.ts";
import { pictureOf } from "../../fixture/providers/pictures.ts";

let gemini: FakeUpstream;
let openRouter: FakeUpstream;
let stability: FakeUpstream;
let gateway: PaidGateway;

beforeAll(async () => {
  [gemini, openRouter, stability] = await Promise.all([
    startFakeGemini(),
    startFakeOpenRouter(),
    startFakeStability(),
  ]);
  gateway = await paidGateway({
    providers: {
      gemini: { apiKey: GEMINI_KEY, baseUrl: `${gemini.origin}/v1beta` },
      openrouter: { apiKey: OPENROUTER_KEY, baseUrl: `${openRouter.origin}/api/v1` },
      stability: { apiKey: STABILITY_KEY, baseUrl: `${stability.origin}/v2beta` },
    },
  });
});
afterAll(async () => {
  await gateway.close();
  await Promise.all([gemini.close(), openRouter.close(), stability.close()]);
});

async function call(
  path: string,
  body?: unknown,
): Promise<{ status: number; json: Record<string, unknown> }> {
  const response = await fetch(`${gateway.url}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      authorization: `Bearer ${gateway.key}`,
      "content-type": "application/json",
      prefer: "wait=20",
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

test("each model has its full name and its provider's own, and example names lead to what took their place", async () => {
  const { json } = await call("/v1/models");
  const models = json.data as { id: string; aliasOf: string | null }[];
  const aliasOf = Object.fromEntries(models.map((model) => [model.id, model.aliasOf]));
  expect(aliasOf).toMatchObject({
    "gemini/gemini-nano-banana-2.1": null,
    "gemini-nano-banana-2.1": "gemini/gemini-nano-banana-2.1",
    "openrouter/bytedance/seedance-2.0": null,
    "bytedance/seedance-2.0": "openrouter/bytedance/seedance-2.0",
    "stability/core": null,
    "stable-image-core": "stability/core",
    "sora-2": "gemini/gemini-omni-1.1-flash",
  });
});

test("9.6: of four pictures three came: the task is completed with an error, and stored before", async () => {
  stability.script(/core/, {
    body: { image: pictureOf("jpeg", 1).toBase64(), finish_reason: "CONTENT_FILTERED", seed: 1 },
  });
  const { status, json } = await call("/v1/images/generations/async", {
    model: "stable-image-core",
    prompt: "a red boat",
    n: 4,
    size: "1024x1024",
  });
  expect(status).toBe(200);
  expect(json).toMatchObject({ status: "completed" });
  const result = json.result as { images: { url: string }[]; errors: { code: string }[] };
  expect(result.images.length).toBe(3);
  expect(result.errors).toMatchObject([{ code: "content_policy_violation" }]);
  for (const { url } of result.images) {
    const picture = await fetch(url);
    expect(picture.headers.get("content-type")).toBe("image/png");
  }
});

test("a picture of Google's answers a client of OpenAI's", async () => {
  const { status, json } = await call("/v1/images/generations", {
    model: "gemini-nano-banana-2.1",
    prompt: "a red boat",
    quality: "hd",
    response_format: "b64_json",
  });
  expect(status).toBe(200);
  const [picture] = json.data as { b64_json: string }[];
  expect(picture?.b64_json.startsWith("iVBORw0KGgo")).toBe(true);
});

test("9.8: a film of which nobody knows whether it was begun is not begun again", async () => {
  openRouter.script(/POST/, { cut: true });
  const { json } = await call("/v1/videos/generations/async", {
    model: "bytedance/seedance-2.0",
    prompt: "a red boat",
    duration: 5,
  });
  expect(json).toMatchObject({ status: "failed", errorCode: "indeterminate" });
  expect(openRouter.calls.length).toBe(1);
});

test("a duration that the model does not make is refused by name, and nothing is called", async () => {
  gemini.reset();
  const { status, json } = await call("/v1/videos/generations/async", {
    model: "sora-2",
    prompt: "a red boat",
    duration: 60,
  });
  expect(status).toBe(400);
  expect(json.error).toMatchObject({ param: "duration", message: expect.stringContaining("3 to 15") });
  expect(gemini.calls).toEqual([]);
});

test.each([
  ["image", "gemini-nano-banana-2.1", { aspect_ratio: "7:3" }],
  ["video", "sora-2", { aspect_ratio: "1:1" }],
  ["video", "bytedance/seedance-2.0", { aspect_ratio: "7:3" }],
  ["image", "stable-image-core", { style_preset: "vivid" }],
  ["image", "stable-image-core", { unknown: 1 }],
])(
  "an option of %s that %s does not take is refused before a task is made: %j",
  async (type, model, provider_options) => {
    const { status, json } = await call(`/v1/${type}s/generations/async`, {
      model,
      prompt: "a boat",
      provider_options,
    });
    expect(status).toBe(400);
    expect(json.error).toMatchObject({ code: "invalid_parameter", param: "provider_options" });
  },
);

test("no key stands in any line of the log", () => {
  const lines = JSON.stringify(gateway.log.lines);
  expect(lines).not.toMatch(/AIzaFake|sk-or-v1|sk-fake/);
});
