/** Batches over HTTP where money, limits and pictures to work from are at stake: whatever refuses one, nothing of it is left. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WireAcceptedBatch, WireBatch } from "../../src/protocol/batch.ts";
import type { WireError } from "../../src/protocol/error.ts";
import type { WireTask } from "../../src/protocol/task.ts";
import { CANVAS_CAPABILITIES } from "../../src/providers/local/capabilities.ts";
import { type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { PNG } from "../fixture/media-samples.ts";
import { answer, hang, ScriptedTransport } from "../fixture/scripted-transport.ts";

const BATCHES = "/v1/batches";
const DATA_URL = `data:image/png;base64,${PNG.toBase64()}`;
const ADDRESS = "https://pictures.example.org/fox.png";
const price = { pricing: { kind: "per_image" as const, micros: 40_000 }, created: 1 };
const MODELS = [
  {
    providerModel: "editor",
    capabilities: { ...CANVAS_CAPABILITIES, inputs: { images: 4, mask: true } },
    ...price,
  },
  {
    providerModel: "motion",
    capabilities: { ...CANVAS_CAPABILITIES, type: "video" as const },
    ...price,
    pricing: { kind: "free" as const },
  },
];
const FOX = { type: "image", model: "local/editor", prompt: "a red fox" };

let world: GatewayWorld;
let network: ScriptedTransport;
let served: () => ReturnType<typeof answer> | Promise<ReturnType<typeof answer>>;
beforeEach(async () => {
  served = () => ({ status: 200, headers: new Headers(), body: new Blob([PNG]).stream() });
  network = new ScriptedTransport((url) => (url.href === ADDRESS ? served() : answer(404)));
  world = await gatewayWorld({ models: MODELS, transport: network });
});
afterEach(() => world.close());

const json = async <T>(response: Response) => (await response.json()) as T;
const post = (requests: unknown[], key?: string, headers: Record<string, string> = {}) =>
  world.send("POST", BATCHES, { body: { requests }, headers, ...(key !== undefined && { key }) });
const refused = async (response: Response) => {
  const { error } = await json<WireError>(response);
  return { status: response.status, code: error.code, param: error.param, message: error.message };
};
const files = () => [...world.media.files.keys()];
const many = (count: number, more: object = {}) => Array.from({ length: count }, () => ({ ...FOX, ...more }));

describe("a batch", () => {
  test("holds back what all of its tasks may cost, and says so", async () => {
    const { key } = await world.makeKey({ name: "app", budgets: [{ limit: 0.13, period: "total" }] });
    const taken = await post([...many(3), { type: "video", model: "local/motion", prompt: "waves" }], key);
    expect(taken.status).toBe(200);
    expect(taken.headers.get("x-conduit-reserved")).toBe("0.12");
    const { taskIds } = await json<WireAcceptedBatch>(taken);
    const film = await json<WireTask>(await world.send("GET", `/v1/tasks/${taskIds[3]}`, { key }));
    expect(film.type).toBe("video");
  });

  test("that does not fit into the budget is 402, with what is left of it without the batch", async () => {
    const { key } = await world.makeKey({ name: "app", budgets: [{ limit: 0.1, period: "total" }] });
    expect((await post(many(1), key)).status).toBe(200);
    const { status, code, message } = await refused(await post(many(2), key));
    expect([status, code]).toEqual([402, "budget_exceeded"]);
    expect(message).toContain("may cost $0.08, and $0.06 is left");
    expect(message).toContain("$0.04 is reserved");
    expect((await post(many(1), key)).status).toBe(200);
  });

  test("counts as many requests as it has, or as none", async () => {
    const { key } = await world.makeKey({ name: "app", requestsPerMinute: 6 });
    const first = await post(many(4), key);
    expect(first.headers.get("x-ratelimit-remaining-requests")).toBe("2");
    const second = await post(many(3), key);
    expect(second.headers.get("retry-after")).toBe("10");
    expect(await refused(second)).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
    expect((await post(many(2), key)).status).toBe(200);
    expect(await refused(await post(many(7), key))).toMatchObject({
      status: 400,
      code: "invalid_parameter",
      param: "requests",
    });
  });

  test("has the customer of each request", async () => {
    const { key } = await world.makeKey({ name: "app", customerBudget: { limit: 0.04, period: "total" } });
    expect((await post([...many(1, { user: "ann" }), ...many(1, { user: "bob" })], key)).status).toBe(200);
    const { message } = await refused(
      await post([...many(1, { user: "eve" }), ...many(1, { user: "bob" })], key),
    );
    expect(message).toContain("this customer's");
    expect((await post(many(1, { user: "eve" }), key)).status).toBe(200);
  });

  test("copies the pictures of each request before anything starts", async () => {
    const { id: keyId, key } = await world.makeKey({ name: "app" });
    const requests = [FOX, { ...FOX, image: DATA_URL }, { ...FOX, image: [ADDRESS, DATA_URL] }];
    const { taskIds } = await json<WireAcceptedBatch>(await post(requests, key));
    expect(files()).toHaveLength(3);
    const inputs = await Promise.all(
      taskIds.map(async (id) => (await world.store.get({ keyId, subject: null }, id))?.task.inputs.length),
    );
    expect(inputs).toEqual([0, 1, 2]);
  });

  test.each([
    [
      "a picture that is not there",
      () => [
        { ...FOX, image: DATA_URL },
        { ...FOX, image: "https://pictures.example.org/no.png" },
      ],
      "requests.1.image",
    ],
    [
      "a data URL that is no picture",
      () => [
        { ...FOX, image: DATA_URL },
        { ...FOX, image: "data:image/png;base64,AAAA" },
      ],
      "requests.1.image",
    ],
  ])("is refused for %s, by its name, and leaves no file", async (_, requests, param) => {
    expect(await refused(await post(requests()))).toMatchObject({ status: 400, param });
    expect(files()).toEqual([]);
    expect(await json(await world.send("GET", "/v1/tasks"))).toMatchObject({ data: [] });
    // What a caller does wrong is no failure of ours.
    expect(world.log.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("that the budget refuses after its pictures were copied leaves no file", async () => {
    const { key } = await world.makeKey({ name: "app", budgets: [{ limit: 0.05, period: "total" }] });
    expect(await refused(await post(many(2, { image: DATA_URL }), key))).toMatchObject({ status: 402 });
    expect(files()).toEqual([]);
  });

  test("whose caller goes away while a picture is fetched leaves no file", async () => {
    served = hang;
    const leaving = new AbortController();
    const pending = world.send("POST", BATCHES, {
      body: {
        requests: [
          { ...FOX, image: DATA_URL },
          { ...FOX, image: ADDRESS },
        ],
      },
      signal: leaving.signal,
    });
    await settled();
    leaving.abort();
    await pending.catch(() => undefined);
    await settled();
    expect(files()).toEqual([]);
    expect(await json(await world.send("GET", BATCHES))).toMatchObject({ data: [] });
  });

  test("with pictures that is sent again copies nothing", async () => {
    const headers = { "idempotency-key": "again" };
    const requests = many(2, { image: DATA_URL });
    const first = await json<WireAcceptedBatch>(await post(requests, undefined, headers));
    const again = await post(requests, undefined, headers);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect((await json<WireBatch>(again)).taskIds).toEqual(first.taskIds);
    expect(files()).toHaveLength(2);
  });

  test("is another tenant's to read for nobody", async () => {
    const { batchId } = await json<WireAcceptedBatch>(await post(many(1)));
    const { key } = await world.makeKey({ name: "app" });
    for (const method of ["GET", "DELETE"])
      expect(await refused(await world.send(method, `${BATCHES}/${batchId}`, { key }))).toMatchObject({
        status: 404,
        code: "not_found",
      });
  });
});
