/** The key that comes with a new task: what it opens, and that no task is without its answer. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WireError } from "../../src/protocol/error.ts";
import type { OpenAiVideo, OpenAiVideoList } from "../../src/protocol/openai-videos.ts";
import type { WireAccepted, WireTask, WireTaskPage } from "../../src/protocol/task.ts";
import { CANVAS_CAPABILITIES, MOTION_CAPABILITIES } from "../../src/providers/local/capabilities.ts";
import { StoreUnavailableError } from "../../src/tasks/ports/store-error.ts";
import { ADMIN_KEY, BOOTSTRAP_KEY, type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { PNG } from "../fixture/media-samples.ts";

const ASYNC = "/v1/images/generations/async";
const FOX = { prompt: "a red fox", model: "local/canvas" };
const WITH_TOKEN = { ...FOX, access_token: { ttl_seconds: 60 } };

const free = { pricing: { kind: "free" as const }, created: 1 };
const MODELS = [
  { providerModel: "canvas", capabilities: CANVAS_CAPABILITIES, ...free },
  {
    providerModel: "editor",
    capabilities: { ...CANVAS_CAPABILITIES, inputs: { images: 1, mask: false } },
    ...free,
  },
  { providerModel: "motion", capabilities: MOTION_CAPABILITIES, ...free },
];

let world: GatewayWorld;
beforeEach(async () => {
  world = await gatewayWorld({ models: MODELS });
});
afterEach(() => world.close());

type WithToken = WireAccepted & { accessToken: string; accessTokenExpiresAt: string };

async function create(body: object = WITH_TOKEN, headers: Record<string, string> = {}): Promise<WithToken> {
  const response = await world.send("POST", ASYNC, { body, headers });
  expect(response.status).toBe(200);
  return (await response.json()) as WithToken;
}

async function refusal(response: Response): Promise<[number, string, string | null]> {
  const { error } = (await response.json()) as WireError;
  return [response.status, error.code, error.param];
}

const countTasks = async () =>
  ((await (await world.send("GET", "/v1/tasks")).json()) as WireTaskPage).data.length;

test("a create that asks for one answers it and its end", async () => {
  const response = await world.send("POST", ASYNC, { body: WITH_TOKEN });
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(await response.json()).toMatchObject({
    accessToken: expect.stringMatching(/^ek_[A-Za-z0-9]{43}$/),
    accessTokenExpiresAt: new Date(world.clock.now() + 60_000).toISOString(),
  });
});

test("one that does not say for how long is valid for an hour; a create that asks for none answers none", async () => {
  const { accessTokenExpiresAt } = await create({ ...FOX, access_token: {} });
  expect(accessTokenExpiresAt).toBe(new Date(world.clock.now() + 3_600_000).toISOString());
  expect(await create(FOX)).not.toHaveProperty("accessToken");
  expect(await create({ ...FOX, access_token: null })).not.toHaveProperty("accessToken");
});

test("the answer to Prefer: wait has it too", async () => {
  const waiting = create(WITH_TOKEN, { prefer: "wait=5" });
  const call = await world.provider.next();
  const media = await call.io.putMedia(PNG, "image/png");
  call.answer({ kind: "done", items: [{ index: 0, media }] });
  expect(await waiting).toMatchObject({ status: "completed", accessToken: expect.any(String) });
});

test("a form asks for it as well", async () => {
  for (const [name, value] of [
    ["access_token", '{"ttl_seconds":60}'],
    ["access_token[ttl_seconds]", "60"],
  ] as const) {
    const form = new FormData();
    form.set("prompt", "a red fox");
    form.set("model", "local/canvas");
    form.set(name, value);
    const response = await world.app.fetch(
      new Request(`http://gateway.test:8787${ASYNC}`, {
        method: "POST",
        headers: { authorization: `Bearer ${BOOTSTRAP_KEY}` },
        body: form,
      }),
    );
    expect(await response.json()).toMatchObject({
      accessTokenExpiresAt: new Date(world.clock.now() + 60_000).toISOString(),
    });
  }
});

test.each([
  [{ access_token: "yes" }, "access_token"],
  [{ access_token: { ttl_seconds: 9 } }, "access_token.ttl_seconds"],
  [{ access_token: { ttl_seconds: 7_201 } }, "access_token.ttl_seconds"],
  [{ access_token: { subject: "other" } }, "access_token.subject"],
])("refuses %j, naming the field", async (fields, param) => {
  const response = await world.send("POST", ASYNC, { body: { ...FOX, ...fields } });
  expect(await refusal(response)).toEqual([400, "invalid_parameter", param]);
});

test.each(["/v1/images/generations", "/v1/images/edits", "/v1/videos"])(
  "%s, whose answer has no place for it, says where it belongs",
  async (path) => {
    const response = await world.send("POST", path, { body: WITH_TOKEN });
    expect(await refusal(response)).toEqual([400, "invalid_parameter", "access_token"]);
  },
);

describe("the key", () => {
  test("reads, follows, lists and cancels its task", async () => {
    const { taskId, accessToken: key } = await create();
    await create(FOX);
    const page = (await (await world.send("GET", "/v1/tasks", { key })).json()) as WireTaskPage;
    expect(page.data.map((task) => task.taskId)).toEqual([taskId]);
    const stream = await world.send("GET", `/v1/tasks/${taskId}/events?access_token=${key}`, { key: null });
    expect(stream.headers.get("content-type")).toContain("text/event-stream");
    const cancelled = await world.send("DELETE", `/v1/images/generations/${taskId}`, { key });
    expect(((await cancelled.json()) as WireTask).status).toBe("cancelled");
    expect(await stream.text()).toContain("event: cancelled");
  });

  test("does not read what the task was asked for, which its owner does", async () => {
    const { taskId, accessToken } = await create();
    const read = async (key?: string) =>
      (await (
        await world.send("GET", `/v1/tasks/${taskId}`, key === undefined ? {} : { key })
      ).json()) as WireTask;
    expect(await read()).toMatchObject({ taskId, request: { prompt: FOX.prompt } });
    const asGiven = await read(accessToken);
    expect(asGiven).toMatchObject({ taskId, attempts: [] });
    expect(JSON.stringify(asGiven)).not.toContain(FOX.prompt);
  });

  test("of a film does not read its prompt in OpenAI's shape either", async () => {
    const body = { prompt: "a boat at dusk", model: "local/motion", access_token: {} };
    const made = await world.send("POST", "/v1/videos/generations/async", { body });
    const { taskId, accessToken } = (await made.json()) as WithToken;
    const prompts = async (options: { key?: string }) => {
      const film = (await (await world.send("GET", `/v1/videos/${taskId}`, options)).json()) as OpenAiVideo;
      const list = (await (await world.send("GET", "/v1/videos", options)).json()) as OpenAiVideoList;
      return [film.prompt, ...list.data.map(({ prompt }) => prompt)];
    };
    expect(await prompts({})).toEqual(["a boat at dusk", "a boat at dusk"]);
    expect(await prompts({ key: accessToken })).toEqual(["", ""]);
  });

  test("does nothing else: not for other tasks, and no more than that with its own", async () => {
    const other = await create(FOX);
    const { taskId, accessToken: key } = await create();
    const ask = async (method: string, path: string, body?: object) =>
      refusal(await world.send(method, path, { key, ...(body !== undefined && { body }) }));
    expect(await ask("GET", `/v1/tasks/${other.taskId}`)).toEqual([404, "task_not_found", null]);
    expect(await ask("DELETE", `/v1/tasks/${other.taskId}`)).toEqual([404, "task_not_found", null]);
    expect(await ask("POST", ASYNC, FOX)).toEqual([403, "permission_denied", null]);
    expect(await ask("POST", "/v1/auth/ephemeral-keys", {})).toEqual([403, "permission_denied", null]);
    await world.send("DELETE", `/v1/tasks/${taskId}`, { key });
    expect(await ask("POST", `/v1/tasks/${taskId}/retry`)).toEqual([403, "permission_denied", null]);
    expect(await ask("DELETE", `/v1/tasks/${taskId}?purge=true`)).toEqual([
      403,
      "permission_denied",
      "purge",
    ]);
    expect((await world.send("GET", `/v1/tasks/${taskId}`)).status).toBe(200);
    const models = await world.send("GET", "/v1/models", { key });
    expect(await models.json()).toMatchObject({ data: [] });
  });

  test("cancels nothing else by a filter", async () => {
    const other = await create(FOX);
    const { taskId, accessToken: key } = await create();
    const answer = await world.send("POST", "/v1/tasks/cancel", { body: { all: true }, key });
    expect(await answer.json()).toMatchObject({ cancelled: 1, taskIds: [taskId] });
    const left = (await (await world.send("GET", `/v1/tasks/${other.taskId}`)).json()) as WireTask;
    expect(left.status).not.toBe("cancelled");
  });

  test("is not given to an ephemeral key, which follows what it makes with itself", async () => {
    const minted = await world.send("POST", "/v1/auth/ephemeral-keys", { body: {} });
    const { key } = (await minted.json()) as { key: string };
    const response = await world.send("POST", ASYNC, { body: WITH_TOKEN, key });
    expect(await refusal(response)).toEqual([403, "permission_denied", "access_token"]);
    expect(await countTasks()).toBe(0);
  });

  test("ends with the key that created the task", async () => {
    const parent = await world.makeKey({ name: "parent" });
    const response = await world.send("POST", ASYNC, { body: WITH_TOKEN, key: parent.key });
    const { accessToken: key, taskId } = (await response.json()) as WithToken;
    await world.send("PATCH", `/admin/v1/keys/${parent.id}`, { key: ADMIN_KEY, body: { enabled: false } });
    expect((await world.send("GET", `/v1/tasks/${taskId}`, { key })).status).toBe(403);
  });
});

describe("a repeat", () => {
  test("answers a key of its own for the task of the first, whose key stays good", async () => {
    const headers = { "idempotency-key": "once" };
    const first = await create(WITH_TOKEN, headers);
    const again = await create(WITH_TOKEN, headers);
    expect(again.taskId).toBe(first.taskId);
    expect(again.accessToken).not.toBe(first.accessToken);
    for (const { accessToken: key } of [first, again])
      expect((await world.send("GET", `/v1/tasks/${first.taskId}`, { key })).status).toBe(200);
    expect(await countTasks()).toBe(1);
  });

  test("of a request with pictures gets its key too, and so does the first", async () => {
    const headers = { "idempotency-key": "once" };
    const body = { ...WITH_TOKEN, model: "local/editor", image: `data:image/png;base64,${PNG.toBase64()}` };
    const first = await create(body, headers);
    const again = await create(body, headers);
    expect(again.taskId).toBe(first.taskId);
    for (const { accessToken: key } of [first, again])
      expect((await world.send("GET", `/v1/tasks/${first.taskId}`, { key })).status).toBe(200);
  });

  test("that asks for another time is another body", async () => {
    const headers = { "idempotency-key": "once" };
    await create(WITH_TOKEN, headers);
    const other = { ...FOX, access_token: { ttl_seconds: 61 } };
    const response = await world.send("POST", ASYNC, { body: other, headers });
    expect(await refusal(response)).toEqual([422, "idempotency_key_reused", null]);
  });
});

test("where the key cannot be made, no task is: the request can be sent again", async () => {
  const { createEphemeralKey } = world.store;
  world.store.createEphemeralKey = () =>
    Promise.reject(new StoreUnavailableError("unreachable", "the disk is full"));
  const failed = await world.send("POST", ASYNC, { body: WITH_TOKEN });
  expect(failed.status).toBe(503);
  expect(failed.headers.get("x-should-retry")).not.toBe("false");
  expect(await countTasks()).toBe(0);
  world.store.createEphemeralKey = createEphemeralKey;
  await create();
});
