/** Ephemeral keys over HTTP: how they are made, what they may never have more of than their parent, and when they die. */

import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hashKey } from "../../src/accounts/keys/plain-key.ts";
import type {
  WireClientSecret,
  WireEphemeralKey,
  WireEphemeralKeyPage,
  WireOwnEphemeralKey,
} from "../../src/protocol/ephemeral-key.ts";
import type { WireError } from "../../src/protocol/error.ts";
import type { WireAccepted } from "../../src/protocol/task.ts";
import { ADMIN_KEY, BOOTSTRAP_KEY, type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";

const MINT = "/v1/auth/ephemeral-keys";
const SECRETS = "/v1/realtime/client_secrets";
const ASYNC = "/v1/images/generations/async";
const FOX = { prompt: "a red fox", model: "local/canvas" };
const PLAIN = /^ek_[A-Za-z0-9]{43}$/;

let world: GatewayWorld;
beforeEach(async () => {
  world = await gatewayWorld();
});
afterEach(() => world.close());

async function mint(body: object = {}, key: string = BOOTSTRAP_KEY): Promise<WireEphemeralKey> {
  const response = await world.send("POST", MINT, { body, key });
  expect(response.status).toBe(200);
  return (await response.json()) as WireEphemeralKey;
}

async function refusal(response: Response): Promise<[number, string, string | null]> {
  const { error } = (await response.json()) as WireError;
  return [response.status, error.code, error.param];
}

const refusedMint = async (body: object, key: string = BOOTSTRAP_KEY) =>
  refusal(await world.send("POST", MINT, { body, key }));
const statusOf = async (key: string) => refusal(await world.send("GET", "/v1/tasks", { key }));

async function create(key: string, body: object = FOX): Promise<string> {
  const response = await world.send("POST", ASYNC, { body, key });
  expect(response.status).toBe(200);
  return ((await response.json()) as WireAccepted).taskId;
}

describe("taking one back", () => {
  const takeBack = (id: string, key: string = BOOTSTRAP_KEY) =>
    world.send("DELETE", `${MINT}/${id}`, { key });
  const list = async (query = "", key: string = BOOTSTRAP_KEY) => {
    const response = await world.send("GET", `${MINT}${query}`, { key });
    expect(response.status).toBe(200);
    return (await response.json()) as WireEphemeralKeyPage;
  };

  test("refuses it at once, whatever was remembered of it, and leaves its tasks and the others of its subject", async () => {
    const [one, other] = [await mint({ subject: "ann" }), await mint({ subject: "ann" })];
    const taskId = await create(one.key);
    const gone = await takeBack(one.id.toUpperCase());
    expect([gone.status, await gone.json()]).toEqual([200, { id: one.id, deleted: true }]);
    expect(await statusOf(one.key)).toEqual([401, "invalid_api_key", null]);
    expect((await world.send("GET", `/v1/tasks/${taskId}`, { key: other.key })).status).toBe(200);
    expect(await refusal(await takeBack(one.id))).toEqual([404, "not_found", null]);
  });

  test("works for a key that came with a task and for a client secret, by the SHA-256 of what leaked", async () => {
    const body = { ...FOX, access_token: {} };
    const accepted = (await (await world.send("POST", ASYNC, { body })).json()) as WireAccepted;
    const secret = (await (await world.send("POST", SECRETS, { body: {} })).json()) as WireClientSecret;
    for (const plain of [accepted.accessToken ?? "", secret.value]) {
      expect((await takeBack(await hashKey(plain))).status).toBe(200);
      expect((await statusOf(plain))[0]).toBe(401);
    }
    expect((await list()).data).toEqual([]);
  });

  test("is for its parent alone", async () => {
    const made = await mint();
    const { key } = await world.makeKey({ name: "another" });
    expect(await refusal(await takeBack(made.id, key))).toEqual([404, "not_found", null]);
    expect((await takeBack(made.id, made.key)).status).toBe(403);
    expect((await world.send("GET", MINT, { key: made.key })).status).toBe(403);
    expect((await list("", key)).data).toEqual([]);
    for (const id of ["x", "%00", "0".repeat(64)])
      expect(await refusal(await takeBack(id))).toEqual([404, "not_found", null]);
  });

  test("is found in the list of those that have not expired, without the plain key", async () => {
    const [first, second, short] = [
      await mint({ subject: "ann" }),
      await mint(),
      await mint({ ttl_seconds: 10 }),
    ];
    const { key: _, ...told } = first;
    const pages = [await list("?limit=1")];
    for (let { hasMore, after } = pages[0]!; hasMore; { hasMore, after } = pages.at(-1)!)
      pages.push(await list(`?limit=1&after=${after}`));
    const rows = pages.flatMap(({ data }) => data);
    expect(rows.map(({ id }) => id).sort()).toEqual([first.id, second.id, short.id].sort());
    expect(rows.at(-1)?.id).toBe(short.id);
    const created = new Date(world.clock.now()).toISOString();
    expect(rows.find(({ id }) => id === first.id)).toEqual({ ...told, created });
    await world.clock.advance(10_000);
    expect((await list()).data.map(({ id }) => id)).not.toContain(short.id);
    for (const query of ["?limit=0", "?after=x"])
      expect((await world.send("GET", MINT + query, {})).status).toBe(400);
  });
});

describe("making one", () => {
  test("answers the plain key, once, with what it may do and until when", async () => {
    const made = await mint({ ttl_seconds: 60, subject: "user-1" });
    expect(made).toEqual({
      id: await hashKey(made.key),
      key: expect.stringMatching(PLAIN),
      expiresAt: new Date(world.clock.now() + 60_000).toISOString(),
      subject: "user-1",
      permissions: { canGenerateImages: true, canGenerateVideos: true, canUseRealtimeAudio: true },
      allowedModels: null,
      maxPriority: "high",
      tasks: [],
    });
  });

  test("without a body of wishes makes one for ten minutes, of a subject of its own", async () => {
    const [one, other] = [await mint(), await mint()];
    expect(one.expiresAt).toBe(new Date(world.clock.now() + 600_000).toISOString());
    expect(one.subject).not.toBe(other.subject);
  });

  test.each([
    [{ ttl_seconds: 9 }, "ttl_seconds"],
    [{ ttl_seconds: 7_201 }, "ttl_seconds"],
    [{ ttl_seconds: 60.5 }, "ttl_seconds"],
    [{ subject: "" }, "subject"],
    [{ subject: "x".repeat(129) }, "subject"],
    [{ subject: "a\nb" }, "subject"],
    [{ tasks: ["none"] }, "tasks.0"],
    [{ permissions: { canFly: true } }, "permissions.canFly"],
    [{ allowed_models: ["a*b"] }, "allowed_models.0"],
    [{ max_priority: "urgent" }, "max_priority"],
    [{ budgets: [] }, "budgets"],
  ])("refuses %j, naming the field", async (body, param) => {
    expect(await refusedMint(body)).toEqual([400, "invalid_parameter", param]);
  });

  test("takes at most a hundred tasks", async () => {
    const ids = (count: number) => Array<string>(count).fill("0192F0C1-2d3e-7abc-8def-0123456789ab");
    expect(await refusedMint({ tasks: ids(101) })).toEqual([400, "invalid_parameter", "tasks"]);
    expect((await mint({ tasks: ids(100) })).tasks).toEqual(["0192f0c1-2d3e-7abc-8def-0123456789ab"]);
  });

  test("needs a virtual key: an ephemeral one makes no further ones", async () => {
    const { key } = await mint();
    expect(await refusedMint({}, key)).toEqual([403, "permission_denied", null]);
    const secret = await world.send("POST", SECRETS, { body: {}, key });
    expect(await refusal(secret)).toEqual([403, "permission_denied", null]);
  });

  test("the plain key stands in no line of the log, and the store keeps its hash alone", async () => {
    const { key } = await mint({ subject: "user-1" });
    const response = await world.send("GET", `/v1/events?access_token=${key}`, { key: null });
    expect(response.status).toBe(200);
    await response.body?.cancel();
    expect(JSON.stringify(world.log)).not.toContain(key.slice(3));
    expect(await world.store.findEphemeralKey(key)).toBeNull();
  });
});

describe("it has what its parent has, or less", () => {
  const PARENT = {
    name: "parent",
    permissions: { canGenerateImages: true },
    allowedModels: ["local/*", "gpt-image-1"],
    maxPriority: "normal",
  };

  test.each([
    [{ permissions: { canGenerateVideos: true } }, "permission_denied", "permissions.canGenerateVideos"],
    [{ allowed_models: ["local/canvas", "gpt-*"] }, "model_not_allowed", "allowed_models.1"],
    [{ allowed_models: ["*"] }, "model_not_allowed", "allowed_models.0"],
    [{ max_priority: "high" }, "permission_denied", "max_priority"],
  ])("so %j is refused by name", async (body, code, param) => {
    const { key } = await world.makeKey(PARENT);
    expect(await refusedMint(body, key)).toEqual([403, code, param]);
  });

  test("what is left out is the parent's", async () => {
    const { key } = await world.makeKey(PARENT);
    expect(await mint({}, key)).toMatchObject({
      permissions: { canGenerateImages: true, canGenerateVideos: false, canUseRealtimeAudio: false },
      maxPriority: "normal",
    });
    expect((await mint({ permissions: { canGenerateVideos: false } }, key)).permissions).toEqual({
      canGenerateImages: false,
      canGenerateVideos: false,
      canUseRealtimeAudio: false,
    });
  });

  test("a narrowed one is held to it", async () => {
    const { key } = await mint({
      permissions: { canGenerateImages: true },
      allowed_models: ["local/other"],
      max_priority: "low",
    });
    const post = (path: string, body: object) => world.send("POST", path, { body, key });
    expect(await refusal(await post("/v1/videos/generations/async", FOX))).toEqual([
      403,
      "permission_denied",
      null,
    ]);
    expect(await refusal(await post(ASYNC, FOX))).toEqual([403, "model_not_allowed", "model"]);
    const { key: slow } = await mint({ max_priority: "low" });
    const urgent = await world.send("POST", ASYNC, { body: { ...FOX, priority: "normal" }, key: slow });
    expect(await refusal(urgent)).toEqual([403, "permission_denied", "priority"]);
  });

  test("what is taken from the parent later is taken from it too", async () => {
    const parent = await world.makeKey({ name: "parent" });
    const { key } = await mint({ allowed_models: ["local/*"] }, parent.key);
    await world.send("PATCH", `/admin/v1/keys/${parent.id}`, {
      key: ADMIN_KEY,
      body: {
        allowedModels: ["local/motion"],
        permissions: { canUseRealtimeAudio: false },
        maxPriority: "low",
      },
    });
    const own = (await (await world.send("GET", "/v1/key", { key })).json()) as WireOwnEphemeralKey;
    expect(own).toMatchObject({
      allowedModels: ["local/motion"],
      maxPriority: "low",
      permissions: { canGenerateImages: true, canUseRealtimeAudio: false },
    });
  });
});

test("it reads what it may do, and nothing of its parent", async () => {
  const parent = await world.makeKey({ name: "The shop's key", budgets: [{ limit: 5 }] });
  const granted = await create(parent.key);
  const { key } = await mint({ ttl_seconds: 60, subject: "user-1", tasks: [granted] }, parent.key);
  const answer = await world.send("GET", "/v1/key", { key });
  expect(await answer.json()).toEqual({
    ephemeral: true,
    subject: "user-1",
    tasks: [granted],
    expiresAt: new Date(world.clock.now() + 60_000).toISOString(),
    allowedModels: null,
    maxPriority: "high",
    permissions: { canGenerateImages: true, canGenerateVideos: true, canUseRealtimeAudio: true },
  });
});

describe("its money is its parent's", () => {
  const PRICES = { "local/canvas": { unit: "image", usd: 0.04 } };
  beforeEach(async () => {
    await world.close();
    world = await gatewayWorld({ env: { CONDUITLLM__PRICES: JSON.stringify(PRICES) } });
  });

  test("and what others have spent of it is not told", async () => {
    const parent = await world.makeKey({ name: "parent", budgets: [{ limit: 0.1 }] });
    const [one, other] = [await mint({}, parent.key), await mint({}, parent.key)];
    await create(one.key);
    await create(one.key);
    const response = await world.send("POST", ASYNC, { body: FOX, key: other.key });
    const { error } = (await response.json()) as WireError;
    expect([response.status, error.code]).toEqual([402, "budget_exceeded"]);
    expect(error.message).toContain("$0.04");
    expect(error.message).not.toMatch(/0\.1|0\.08|0\.02/);
  });

  test("and its customer is its subject, with the budget of one", async () => {
    const parent = await world.makeKey({ name: "parent", customerBudget: { limit: 0.05, period: "total" } });
    const { key } = await mint({ subject: "user-1" }, parent.key);
    await create(key, { ...FOX, user: "somebody else" });
    expect(await refusal(await world.send("POST", ASYNC, { body: FOX, key }))).toEqual([
      402,
      "budget_exceeded",
      null,
    ]);
    await create((await mint({ subject: "user-2" }, parent.key)).key);
  });
});

describe("its end", () => {
  test("comes with its time, and is told as what it is", async () => {
    const { key } = await mint({ ttl_seconds: 10 });
    expect((await world.send("GET", "/v1/tasks", { key })).status).toBe(200);
    await world.clock.advance(10_000);
    expect(await statusOf(key)).toEqual([401, "expired_api_key", null]);
    const late = await world.send("POST", ASYNC, { body: FOX, key });
    expect(await refusal(late)).toEqual([401, "expired_api_key", null]);
  });

  test("ends none of its tasks and no open stream", async () => {
    const { key } = await mint({ ttl_seconds: 10 });
    const taskId = await create(key);
    const stream = await world.send("GET", `/v1/tasks/${taskId}/events?access_token=${key}`, { key: null });
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    await world.clock.advance(120_000);
    await world.send("DELETE", `/v1/tasks/${taskId}`);
    let text = "";
    for (let read = await reader.read(); !read.done; read = await reader.read()) text += read.value;
    expect(text).toContain("event: cancelled");
  });

  test.each([
    ["disabled", 403, "key_disabled"],
    ["deleted", 401, "invalid_api_key"],
    ["expired", 401, "expired_api_key"],
    ["rotated", 401, "invalid_api_key"],
  ])("comes with that of its parent: %s", async (how, status, code) => {
    const parent = await world.makeKey({ name: "parent" });
    const { key } = await mint({ ttl_seconds: 7_200 }, parent.key);
    expect((await world.send("GET", "/v1/tasks", { key })).status).toBe(200);
    const stream = await world.send("GET", "/v1/events", { key });
    const ended = stream.text();
    const one = `/admin/v1/keys/${parent.id}`;
    const admin = { key: ADMIN_KEY };
    const expiresAt = new Date(world.clock.now() + 1_000).toISOString();
    if (how === "disabled") await world.send("PATCH", one, { ...admin, body: { enabled: false } });
    if (how === "deleted") await world.send("DELETE", one, admin);
    if (how === "expired") await world.send("PATCH", one, { ...admin, body: { expiresAt } });
    if (how === "rotated") await world.send("POST", `${one}/rotate`, admin);
    await world.clock.advance(2_000);
    expect(await statusOf(key)).toEqual([status, code, null]);
    await settled();
    await ended;
  });

  test("found out within a minute where another process disabled the parent", async () => {
    const parent = await world.makeKey({ name: "parent" });
    const { key } = await mint({ ttl_seconds: 7_200 }, parent.key);
    const ended = (await world.send("GET", "/v1/events", { key })).text();
    await world.store.updateKey(parent.id, { enabled: false }, world.clock.now());
    await world.clock.advance(60_000);
    await ended;
    expect(await statusOf(key)).toEqual([403, "key_disabled", null]);
  });

  test("the parent's going off between two requests is seen by the create step", async () => {
    const parent = await world.makeKey({ name: "parent" });
    const { key } = await mint({}, parent.key);
    await create(key);
    await world.store.updateKey(parent.id, { enabled: false }, world.clock.now());
    expect(await refusal(await world.send("POST", ASYNC, { body: FOX, key }))).toEqual([
      403,
      "key_disabled",
      null,
    ]);
  });
});

describe("OpenAI's spelling", () => {
  const secret = async (body: object, key: string = BOOTSTRAP_KEY) =>
    world.send("POST", SECRETS, { body, key });

  test("answers value, expires_at and the session as it was configured", async () => {
    const session = { type: "realtime", model: "gpt-realtime", instructions: "Be brief." };
    const response = await secret({ expires_after: { anchor: "created_at", seconds: 60 }, session });
    const answer = (await response.json()) as WireClientSecret;
    expect(answer).toEqual({
      value: expect.stringMatching(PLAIN),
      expires_at: Math.floor(world.clock.now() / 1_000) + 60,
      session: {
        ...session,
        object: "realtime.session",
        id: expect.stringMatching(/^sess_[A-Za-z0-9]{21}$/),
      },
    });
  });

  test("is what OpenAI's own library reads", async () => {
    const openai = new OpenAI({
      apiKey: BOOTSTRAP_KEY,
      baseURL: "http://gateway.test:8787/v1",
      fetch: (url, init) => Promise.resolve(world.app.fetch(new Request(url as string, init as RequestInit))),
    });
    const made = await openai.realtime.clientSecrets.create({ session: { type: "transcription" } });
    expect(made.value).toMatch(PLAIN);
    expect(made.expires_at).toBe(Math.floor(world.clock.now() / 1_000) + 600);
    expect(made.session).toMatchObject({ type: "transcription", object: "realtime.transcription_session" });
  });

  test("makes a key for voice alone, and for the model it names", async () => {
    const { value } = (await (
      await secret({ session: { model: "gpt-realtime" }, subject: "user-1" })
    ).json()) as WireClientSecret;
    const own = (await (await world.send("GET", "/v1/key", { key: value })).json()) as WireOwnEphemeralKey;
    expect(own.permissions).toEqual({
      canGenerateImages: false,
      canGenerateVideos: false,
      canUseRealtimeAudio: true,
    });
    expect(own.allowedModels).toEqual(["gpt-realtime"]);
  });

  test("keeps the session with the key", async () => {
    const session = { model: "gpt-realtime", tools: [{ type: "function", name: "f" }] };
    const { value } = (await (await secret({ session })).json()) as WireClientSecret;
    const hash = new Bun.CryptoHasher("sha256").update(value).digest("hex");
    expect((await world.store.findEphemeralKey(hash))?.session).toEqual({ ...session, type: "realtime" });
  });

  test.each([
    [{ expires_after: { seconds: 5 } }, "expires_after.seconds"],
    [{ expires_after: { anchor: "now" } }, "expires_after.anchor"],
    [{ session: [] }, "session"],
    [{ session: { instructions: "x".repeat(32_768) } }, "session"],
    [{ session: { type: "dance" } }, "session.type"],
    [{ session: { model: 7 } }, "session.model"],
    [{ session: { model: "*" } }, "session.model"],
    [{ ttl_seconds: 60 }, "ttl_seconds"],
  ])("refuses %#, naming the field", async (body, param) => {
    expect(await refusal(await secret(body))).toEqual([400, "invalid_parameter", param]);
  });

  test("is refused to a key without voice, and for a model that the key may not use", async () => {
    const { key: mute } = await world.makeKey({ name: "mute", permissions: { canGenerateImages: true } });
    expect(await refusal(await secret({}, mute))).toEqual([403, "permission_denied", null]);
    const { key: bound } = await world.makeKey({ name: "bound", allowedModels: ["local/*"] });
    expect(await refusal(await secret({ session: { model: "gpt-realtime" } }, bound))).toEqual([
      403,
      "model_not_allowed",
      "session.model",
    ]);
  });
});
