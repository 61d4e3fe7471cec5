/** Money over HTTP: prices, estimates, reservations, budgets and charges, of a model that an operator has priced. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WireError } from "../../src/protocol/error.ts";
import type { WireOwnKey } from "../../src/protocol/key.ts";
import type { WireEstimate, WireModel } from "../../src/protocol/model.ts";
import type { WireAccepted, WireTask } from "../../src/protocol/task.ts";
import { CANVAS_CAPABILITIES } from "../../src/providers/local/capabilities.ts";
import type { StepOutcome } from "../../src/tasks/ports/media-provider.ts";
import { ADMIN_KEY, type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { PNG } from "../fixture/media-samples.ts";
import type { ProviderCall } from "../fixture/scripted-provider.ts";

const ASYNC = "/v1/images/generations/async";
const SYNC = "/v1/images/generations";
const FOX = { prompt: "a red fox", model: "local/canvas" };
const PRICES = {
  "local/canvas": { unit: "image", usd: 0.04, rates: [{ size: "2048x2048", usd: 0.1 }] },
};

let world: GatewayWorld;
beforeEach(async () => {
  world = await gatewayWorld({ env: { CONDUITLLM__PRICES: JSON.stringify(PRICES) } });
});
afterEach(() => world.close());

const json = async <T>(response: Response) => (await response.json()) as T;

/** Ends a call with so many pictures. */
async function paint(call: ProviderCall, pictures = 1, more: Partial<StepOutcome> = {}): Promise<void> {
  const items = await Promise.all(
    Array.from({ length: pictures }, async (_, index) => ({
      index,
      media: await call.io.putMedia(PNG, "image/png"),
    })),
  );
  call.answer({ kind: "done", items, ...more } as StepOutcome);
  await settled();
}

const post = (path: string, body: object, key?: string) =>
  world.send("POST", path, { body, ...(key !== undefined && { key }) });

async function accepted(body: object, key?: string): Promise<{ response: Response; taskId: string }> {
  const response = await post(ASYNC, body, key);
  expect(response.status).toBe(200);
  return { response, taskId: (await json<WireAccepted>(response)).taskId };
}

async function budgetsOf(key: string): Promise<WireOwnKey["budgets"]> {
  return (await json<WireOwnKey>(await world.send("GET", "/v1/key", { key }))).budgets;
}

describe("a price that the operator set", () => {
  test("is shown with its model", async () => {
    const model = await json<WireModel>(await world.send("GET", "/v1/models/local/canvas"));
    expect(model.pricing).toEqual({
      free: false,
      unit: "image",
      usd: 0.1,
      rates: [{ size: "2048x2048", usd: 0.1 }],
      otherUsd: 0.04,
    });
  });

  test("is reserved when a task is accepted, and charged for what came", async () => {
    const { response, taskId } = await accepted({ ...FOX, n: 3 });
    expect(response.headers.get("x-conduit-reserved")).toBe("0.12");
    expect(response.headers.has("x-conduit-cost")).toBe(false);
    const status = await world.send("GET", `/v1/images/generations/${taskId}/status`);
    expect(status.headers.get("x-conduit-reserved")).toBe("0.12");
    await paint(await world.provider.next(), 2);
    const read = await world.send("GET", `/v1/tasks/${taskId}`);
    expect(read.headers.get("x-conduit-cost")).toBe("0.08");
    const task = await json<WireTask>(read);
    expect(task).toMatchObject({ status: "completed", cost: 0.08, settled: true, result: { cost: 0.08 } });
  });

  test("is told in the answer that has the pictures", async () => {
    for (const [path, more, headers] of [
      [SYNC, { size: "2048x2048" }, {}],
      [ASYNC, { size: "2048x2048" }, { prefer: "wait=5" }],
    ] as const) {
      const answer = world.send("POST", path, { body: { ...FOX, ...more }, headers });
      await paint(await world.provider.next());
      const response = await answer;
      expect(response.status).toBe(200);
      expect(response.headers.get("x-conduit-cost")).toBe("0.1");
      expect(response.headers.has("x-conduit-reserved")).toBe(false);
    }
  });

  test("costs nothing when the work fails, and says so", async () => {
    const answer = post(SYNC, FOX);
    const failure = { kind: "permanent", code: "provider_error", message: "no", jobOver: true } as const;
    (await world.provider.next()).answer({ kind: "failed", failure });
    const response = await answer;
    expect(response.status).toBe(502);
    expect(response.headers.get("x-conduit-cost")).toBe("0");
  });

  test("bounds the charge; what the provider billed beyond is recorded and logged", async () => {
    const { taskId } = await accepted(FOX);
    await paint(await world.provider.next(), 1, { costMicros: 90_000 });
    const task = await json<WireTask>(await world.send("GET", `/v1/tasks/${taskId}`));
    expect(task.cost).toBe(0.04);
    const { movements } = await world.store.listMovements("key_bootstrap", { limit: 5, before: null });
    expect(movements).toMatchObject([
      { sourceId: taskId, chargedMicros: 40_000, upstreamMicros: 90_000, overrunMicros: 50_000 },
    ]);
    expect(world.log).toContainEqual({
      level: "warn",
      message: "provider billed more than was reserved",
      fields: {
        taskId,
        provider: "local",
        model: "canvas",
        reservedMicros: 40_000,
        upstreamMicros: 90_000,
        overrunMicros: 50_000,
      },
    });
  });
});

test("tokens that a provider counts are charged from end to end, also without details (litellm#31142)", async () => {
  await world.close();
  const price = {
    unit: "million_tokens",
    rates: { textInput: 5, imageOutput: 30 },
    most: { image: [{ tokens: 5_000 }] },
  };
  world = await gatewayWorld({ env: { CONDUITLLM__PRICES: JSON.stringify({ "local/canvas": price }) } });
  const { taskId } = await accepted(FOX);
  await paint(await world.provider.next(), 1, { usage: { tokens: { input: 20, output: 4_160 } } });
  const task = await json<WireTask>(await world.send("GET", `/v1/tasks/${taskId}`));
  expect(task.cost).toBe(0.1249);
});

describe("an estimate", () => {
  test("says how long it usually takes: what is known of the model, then what was seen", async () => {
    await world.close();
    const capabilities = { ...CANVAS_CAPABILITIES, measuredProgress: false };
    const silent = {
      providerModel: "canvas",
      capabilities,
      pricing: { kind: "free" as const },
      created: 1_763_000_000,
    };
    world = await gatewayWorld({ models: [silent] });
    const usual = async () => {
      const answer = await post("/v1/estimate", { type: "image", ...FOX });
      return (await json<WireEstimate>(answer)).usualSeconds;
    };
    expect(await usual()).toBe(20);
    await accepted(FOX);
    const call = await world.provider.next();
    await world.clock.advance(4_200);
    await paint(call);
    expect(await usual()).toBe(4.2);
  });

  test("is what the create would reserve, and makes nothing", async () => {
    const response = await post("/v1/estimate", { type: "image", ...FOX, n: 4, size: "2048x2048" });
    expect(response.status).toBe(200);
    expect(await json<WireEstimate>(response)).toMatchObject({
      reserved: 0.4,
      currency: "USD",
      price: { unit: "image", otherUsd: 0.04 },
    });
    expect((await world.store.list({ keyId: "key_bootstrap", subject: null }, { limit: 1 })).tasks).toEqual(
      [],
    );
    expect(
      (await accepted({ ...FOX, n: 4, size: "2048x2048" })).response.headers.get("x-conduit-reserved"),
    ).toBe("0.4");
  });

  test.each<[string, object, number, string, string | undefined]>([
    ["no type", FOX, 400, "missing_parameter", "type"],
    ["a type there is not", { ...FOX, type: "song" }, 400, "invalid_parameter", "type"],
    ["no prompt", { type: "image", model: "local/canvas" }, 400, "missing_parameter", "prompt"],
    ["too many pictures", { ...FOX, type: "image", n: 11 }, 400, "invalid_parameter", "n"],
    [
      "a size the model does not make",
      { ...FOX, type: "image", size: "9x9" },
      400,
      "invalid_parameter",
      "size",
    ],
    ["a model there is not", { ...FOX, type: "image", model: "x/y" }, 404, "model_not_found", "model"],
    ["a model of another type", { ...FOX, type: "video" }, 404, "model_not_found", "model"],
  ])("of %s is refused as the create is", async (_, body, status, code, param) => {
    const response = await post("/v1/estimate", body);
    expect(response.status).toBe(status);
    expect((await json<WireError>(response)).error).toMatchObject({ code, param });
  });

  test("is refused to a key that may not use the model", async () => {
    const { key } = await world.makeKey({ name: "limited", allowedModels: ["dall-e-2"] });
    const response = await post("/v1/estimate", { type: "image", ...FOX }, key);
    expect(response.status).toBe(403);
  });
});

describe("a key's budget", () => {
  test("refuses what does not fit, and says the limit, what is reserved and what is left", async () => {
    const { key } = await world.makeKey({ name: "app", budgets: [{ limit: 0.1 }] });
    const unused = { granted: 0, charged: 0, reserved: 0, left: 0.1, resetsAt: null, reached: null };
    expect(await budgetsOf(key)).toEqual([{ limit: 0.1, period: "total", ...unused }]);
    await accepted(FOX, key);
    await accepted(FOX, key);
    const refused = await post(ASYNC, FOX, key);
    expect(refused.status).toBe(402);
    expect(refused.headers.has("x-conduit-reserved")).toBe(false);
    const { error } = await json<WireError>(refused);
    expect(error).toMatchObject({ code: "budget_exceeded", type: "insufficient_quota" });
    for (const amount of [
      "may cost $0.04",
      "$0.02 is left",
      "budget of $0.1",
      "$0.08 is reserved",
      "$0 was charged",
    ])
      expect(error.message).toContain(amount);
    await paint(await world.provider.next());
    expect(await budgetsOf(key)).toMatchObject([{ charged: 0.04, reserved: 0.04, left: 0.02 }]);
  });

  test("that is used up still reads: tasks, media, models, the key itself, and estimates", async () => {
    const { key } = await world.makeKey({ name: "app", budgets: [{ limit: 0.04, period: "total" }] });
    const { taskId } = await accepted(FOX, key);
    await paint(await world.provider.next());
    expect((await post(ASYNC, FOX, key)).status).toBe(402);
    expect((await post(SYNC, FOX, key)).status).toBe(402);
    const read = await world.send("GET", `/v1/tasks/${taskId}`, { key });
    expect(read.status).toBe(200);
    const url = (await json<WireTask>(read)).result?.images?.[0]?.url ?? "";
    for (const path of ["/v1/tasks", "/v1/models", "/v1/key", new URL(url).pathname])
      expect((await world.send("GET", path, { key })).status).toBe(200);
    expect((await post("/v1/estimate", { type: "image", ...FOX }, key)).status).toBe(200);
    expect(await budgetsOf(key)).toMatchObject([{ charged: 0.04, left: 0 }]);
  });

  test("is seen by administrators, raised and lifted by them", async () => {
    const { id, key } = await world.makeKey({ name: "app", budgets: [{ limit: 0 }] });
    expect((await post(ASYNC, FOX, key)).status).toBe(402);
    const admin = (method: string, body?: object) =>
      world.send(method, `/admin/v1/keys/${id}`, { key: ADMIN_KEY, ...(body && { body }) });
    expect(await json(await admin("GET"))).toMatchObject({ budgets: [{ limit: 0, period: "total" }] });
    await admin("PATCH", { name: "renamed" });
    expect((await post(ASYNC, FOX, key)).status).toBe(402);
    await admin("PATCH", { budgets: [{ limit: 0.05 }] });
    expect((await post(ASYNC, FOX, key)).status).toBe(200);
    expect((await post(ASYNC, FOX, key)).status).toBe(402);
    expect(await json(await admin("PATCH", { budgets: null }))).toMatchObject({ budgets: [] });
    expect((await post(ASYNC, FOX, key)).status).toBe(200);
    expect(await budgetsOf(key)).toEqual([]);
  });

  test.each<[object, string]>([
    [{ budgets: [{ limit: -1 }] }, "budgets.0.limit"],
    [{ budgets: [{ limit: "5" }] }, "budgets.0.limit"],
    [{ budgets: [{ limit: 5, period: "hourly" }] }, "budgets.0.period"],
    [{ budgets: [{ limit: 0.000_000_1 }] }, "budgets.0.limit"],
    [{ budgets: [{ limit: 1_000_000_001 }] }, "budgets.0.limit"],
    [{ budgets: [{ limit: 5 }, { limit: 6 }] }, "budgets"],
    [{ budgets: { limit: 5 } }, "budgets"],
    [{ budgets: [{ limit: 5, currency: "EUR" }] }, "budgets.0.currency"],
  ])("is not made of %j", async (draft, param) => {
    const response = await world.send("POST", "/admin/v1/keys", {
      key: ADMIN_KEY,
      body: { name: "x", ...draft },
    });
    expect(response.status).toBe(400);
    expect((await json<WireError>(response)).error.param).toBe(param);
  });

  test("is kept through a hundred requests at once", async () => {
    const { key } = await world.makeKey({ name: "app", budgets: [{ limit: 0.41 }] });
    const statuses = await Promise.all(
      Array.from({ length: 100 }, async () => (await post(ASYNC, FOX, key)).status),
    );
    expect(statuses.filter((status) => status === 200)).toHaveLength(10);
    expect(statuses.filter((status) => status === 402)).toHaveLength(90);
  });
});

describe("a free model", () => {
  test("reserves and costs nothing, and says nothing of it", async () => {
    await world.close();
    world = await gatewayWorld();
    const { response } = await accepted(FOX);
    expect(response.headers.has("x-conduit-reserved")).toBe(false);
    expect(await json(await post("/v1/estimate", { type: "image", ...FOX }))).toEqual({
      reserved: 0,
      currency: "USD",
      usualSeconds: null,
      price: { free: true },
    });
  });
});
