/** Webhooks over HTTP: named with a task, registered for a key, delivered, tried again, listed and replayed. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WireError } from "../../src/protocol/error.ts";
import type { WireAccepted } from "../../src/protocol/task.ts";
import type {
  WireDelivery,
  WireDeliveryPage,
  WireNewWebhookEndpoint,
  WireWebhookEndpointList,
} from "../../src/protocol/webhook.ts";
import { ADMIN_KEY, type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { PNG } from "../fixture/media-samples.ts";
import { answer, hang } from "../fixture/scripted-transport.ts";
import { verified, WebhookReceiver } from "../fixture/webhook-receiver.ts";

const ASYNC = "/v1/images/generations/async";
const ENDPOINTS = "/v1/webhooks/endpoints";
const FOX = { prompt: "a red fox", model: "local/canvas" };
const HOOK = "https://user.org/hook?tag=1";
/** The engine looks for due work so often, ms. */
const SWEEP_MS = 1_000;

let world: GatewayWorld;
let receiver: WebhookReceiver;
beforeEach(async () => {
  receiver = new WebhookReceiver();
  world = await gatewayWorld({ transport: receiver.transport });
});
afterEach(() => {
  for (const { message } of receiver.calls) world.described.checkMessage(message);
  return world.close();
});

const json = async <T>(response: Response) => (await response.json()) as T;
const post = (path: string, body?: object, key?: string) =>
  world.send("POST", path, { ...(body && { body }), ...(key !== undefined && { key }) });

async function accepted(body: object, key?: string): Promise<string> {
  const response = await post(ASYNC, body, key);
  expect(response.status).toBe(200);
  return (await json<WireAccepted>(response)).taskId;
}

/** Resolves once so many calls have come and what came of them is stored. */
async function told(calls: number): Promise<void> {
  await receiver.came(calls);
  await settled();
}

/** A task that has been made; webhooks are told of it, as far as `calls` calls, in all. */
async function completed(body: object, calls: number, key?: string): Promise<string> {
  const taskId = await accepted(body, key);
  const call = await world.provider.next();
  call.answer({ kind: "done", items: [{ index: 0, media: await call.io.putMedia(PNG, "image/png") }] });
  await settled();
  await world.clock.advance(SWEEP_MS);
  await told(calls);
  return taskId;
}

async function deliveriesOf(taskId: string, key?: string): Promise<WireDelivery[]> {
  const response = await world.send(
    "GET",
    `/v1/tasks/${taskId}/deliveries`,
    key === undefined ? {} : { key },
  );
  return (await json<WireDeliveryPage>(response)).data;
}

async function register(body: object, key?: string): Promise<WireNewWebhookEndpoint> {
  const response = await post(ENDPOINTS, body, key);
  expect(response.status).toBe(200);
  return json<WireNewWebhookEndpoint>(response);
}

async function ownSecret(key?: string): Promise<string> {
  const response = await post("/v1/webhooks/secret/rotate", { overlapSeconds: 0 }, key);
  return (await json<{ secret: string }>(response)).secret;
}

describe("the webhook of a task", () => {
  test("hears of its end, signed with the key's secret, with the task as it is read", async () => {
    const secret = await ownSecret();
    const headers = { "X-Mine": "yes", authorization: "Bearer mine" };
    const taskId = await completed({ ...FOX, webhook_url: HOOK, webhook_headers: headers }, 1);
    const [call, ...others] = receiver.calls;
    expect(others).toEqual([]);
    expect(call?.url).toBe(HOOK);
    expect(call?.headers).toMatchObject({
      "content-type": "application/json",
      "x-mine": "yes",
      authorization: "Bearer mine",
    });
    const read = await json<Record<string, unknown>>(await world.send("GET", `/v1/tasks/${taskId}`));
    const { attempts: _, request: __, ...task } = read;
    expect(verified(secret, call!, world.clock.now())).toEqual({
      type: "task.completed",
      timestamp: task.finished,
      data: task,
    });
    expect(await deliveriesOf(taskId)).toEqual([
      {
        id: call?.headers["webhook-id"],
        taskId,
        endpointId: null,
        url: HOOK,
        type: "task.completed",
        status: "delivered",
        attempts: [{ at: expect.any(String), ms: expect.any(Number), httpStatus: 204, error: null }],
        nextAttemptAt: null,
        created: task.finished,
      },
    ]);
  });

  test("hears of starts and progress when it asks for them", async () => {
    await completed({ ...FOX, webhook_url: HOOK, webhook_events: ["task.started", "task.failed"] }, 1);
    expect(
      receiver.calls.map(({ message }) => [message.type, (message.data as { status: string }).status]),
    ).toEqual([["task.started", "running"]]);
  });

  test("is told on the synchronous route too", async () => {
    const response = post("/v1/images/generations", { ...FOX, webhook_url: HOOK });
    const call = await world.provider.next();
    call.answer({ kind: "done", items: [{ index: 0, media: await call.io.putMedia(PNG, "image/png") }] });
    expect((await response).status).toBe(200);
    await world.clock.advance(SWEEP_MS);
    await told(1);
    expect(receiver.calls).toHaveLength(1);
  });

  test("is that of its retry, too", async () => {
    const taskId = await accepted({ ...FOX, webhook_url: HOOK });
    await world.provider.next();
    await world.send("DELETE", `/v1/tasks/${taskId}`);
    const again = await json<WireAccepted>(await post(`/v1/tasks/${taskId}/retry`));
    await world.send("DELETE", `/v1/tasks/${again.taskId}`);
    await world.clock.advance(SWEEP_MS);
    expect(await deliveriesOf(again.taskId)).toHaveLength(1);
  });

  test.each([
    ["http://user.org/hook", "must begin with https://"],
    ["https://me:secret@user.org/hook", "must not carry a user name"],
    ["https://127.0.0.1/hook", "public internet"],
    ["https://2130706433/hook", "public internet"],
    ["https://0x7f.1/hook", "public internet"],
    ["https://0177.0.0.1/hook", "public internet"],
    ["https://[::1]/hook", "public internet"],
    ["https://[::ffff:10.0.0.1]/hook", "public internet"],
    ["https://169.254.169.254/latest/meta-data", "public internet"],
    ["https://metadata.google.internal/", "public internet"],
    ["https://localhost:8787/hook", "public internet"],
    ["ftp://user.org/", "must begin with https://"],
    ["hook", "is not a web address"],
    [`https://user.org/${"x".repeat(2_048)}`, "at most 2048 characters"],
  ])("is refused at %s", async (webhook_url, why) => {
    const response = await post(ASYNC, { ...FOX, webhook_url });
    expect(response.status).toBe(400);
    const { error } = await json<WireError>(response);
    expect(error).toMatchObject({ code: "invalid_parameter", param: "webhook_url" });
    expect(error.message).toContain(why);
    expect(error.message).not.toContain("secret");
  });

  test.each([
    [{ Host: "x" }, "set by the gateway"],
    [{ "content-type": "text/plain" }, "set by the gateway"],
    [{ "Webhook-Signature": "v1,x" }, "set by the gateway"],
    [{ "transfer-encoding": "chunked" }, "set by the gateway"],
    [{ "x y": "1" }, "no header's name"],
    [{ "x-a": "1\r\nx-b: 2" }, "visible ASCII"],
    [{ "x-a": "é" }, "visible ASCII"],
    [{ "x-a": "" }, "visible ASCII"],
    [{ "x-a": "1", "X-A": "2" }, "twice"],
    [Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`x-${index}`, "1"])), "at most 16"],
  ])("takes no headers %j", async (webhook_headers, why) => {
    const response = await post(ASYNC, { ...FOX, webhook_url: HOOK, webhook_headers });
    const { error } = await json<WireError>(response);
    expect(error).toMatchObject({ code: "invalid_parameter", param: "webhook_headers" });
    expect(error.message).toContain(why);
  });

  test.each([
    [{ webhook_events: ["task.done"], webhook_url: HOOK }, "webhook_events.0"],
    [{ webhook_events: [], webhook_url: HOOK }, "webhook_events"],
    [{ webhook_events: ["task.failed"] }, "webhook_url"],
    [{ webhook_headers: { a: "b" } }, "webhook_url"],
    [{ callback_url: HOOK }, "callback_url"],
  ])("%j is refused, naming the field", async (fields, param) => {
    const response = await post(ASYNC, { ...FOX, ...fields });
    expect(response.status).toBe(400);
    expect((await json<WireError>(response)).error.param).toBe(param);
  });

  test("is none of an ephemeral key's to name", async () => {
    const made = await json<{ key: string }>(await post("/v1/auth/ephemeral-keys", { subject: "s" }));
    const response = await post(ASYNC, { ...FOX, webhook_url: HOOK }, made.key);
    expect(response.status).toBe(403);
    expect((await json<WireError>(response)).error).toMatchObject({ param: "webhook_url" });
  });
});

describe("a registered endpoint", () => {
  test("is made with a secret that is shown once, listed, changed and deleted", async () => {
    const made = await register({ url: "https://USER.org/all#x", description: "all of it" });
    expect(made).toEqual({
      id: expect.stringMatching(/^we_\w{20}$/),
      url: "https://user.org/all",
      events: [],
      description: "all of it",
      enabled: true,
      created: expect.any(String),
      secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
    });
    const { secret: _, ...shown } = made;
    const one = `${ENDPOINTS}/${made.id}`;
    expect(await json(await world.send("GET", ENDPOINTS))).toEqual({ data: [shown] });
    expect(await json(await world.send("GET", one))).toEqual(shown);
    const change = { enabled: false, events: ["task.failed"] };
    expect(await json(await world.send("PATCH", one, { body: change }))).toEqual({ ...shown, ...change });
    expect(await json(await world.send("DELETE", one))).toEqual({ id: made.id, deleted: true });
    expect((await world.send("GET", one)).status).toBe(404);
  });

  test("hears of every task of its key, signed with its own secret, and of no other key's", async () => {
    const { key } = await world.makeKey({ name: "other" });
    const mine = await register({ url: "https://mine.org/hook" });
    await register({ url: "https://other.org/hook" }, key);
    await register({ url: "https://failures.org/hook", events: ["task.failed"] });
    const taskId = await completed(FOX, 1);
    expect(receiver.calls.map(({ url }) => url)).toEqual(["https://mine.org/hook"]);
    expect(verified(mine.secret, receiver.calls[0]!, world.clock.now())).toMatchObject({
      type: "task.completed",
      data: { taskId },
    });
  });

  test("signs with two secrets while one is rotated, and with the new one alone after that", async () => {
    const made = await register({ url: "https://mine.org/hook" });
    const rotate = `${ENDPOINTS}/${made.id}/rotate`;
    const { secret } = await json<WireNewWebhookEndpoint>(await post(rotate, { overlapSeconds: 60 }));
    await completed(FOX, 1);
    const [during] = receiver.calls;
    for (const one of [secret, made.secret]) verified(one, during!, world.clock.now());
    expect(during?.headers["webhook-signature"]?.split(" ")).toHaveLength(2);
    await world.clock.advance(60_000);
    await completed(FOX, 2);
    const after = receiver.calls[1]!;
    verified(secret, after, world.clock.now());
    expect(() => verified(made.secret, after, world.clock.now())).toThrow("none of the signatures");
  });

  test("is pinged at once, on or off, and says how that went", async () => {
    const made = await register({ url: "https://mine.org/hook" });
    const ping = await post(`${ENDPOINTS}/${made.id}/ping`);
    expect(await json(ping)).toEqual({
      delivered: true,
      httpStatus: 204,
      durationMs: expect.any(Number),
      error: null,
    });
    expect(verified(made.secret, receiver.calls[0]!, world.clock.now())).toMatchObject({
      type: "endpoint.ping",
      data: { endpointId: made.id },
    });
    receiver.answers.set("mine.org", () => answer(301, { location: "https://169.254.169.254/" }));
    expect(await json(await post(`${ENDPOINTS}/${made.id}/ping`))).toMatchObject({
      delivered: false,
      httpStatus: 301,
      error: expect.stringContaining("https://169.254.169.254/"),
    });
    expect(receiver.calls).toHaveLength(2);
  });

  test("is one of twenty at most", async () => {
    for (let index = 0; index < 20; index++) await register({ url: `https://user.org/${index}` });
    const response = await post(ENDPOINTS, { url: "https://user.org/20" });
    expect(response.status).toBe(400);
    expect((await json<WireError>(response)).error.message).toContain("20 endpoints");
    expect((await json<WireWebhookEndpointList>(await world.send("GET", ENDPOINTS))).data).toHaveLength(20);
  });

  test("of another key does not exist", async () => {
    const { id } = await register({ url: "https://mine.org/hook" });
    const { key } = await world.makeKey({ name: "other" });
    for (const [method, path] of [
      ["GET", ""],
      ["PATCH", ""],
      ["DELETE", ""],
      ["POST", "/ping"],
      ["POST", "/rotate"],
    ] as const) {
      const body = method === "PATCH" ? { body: { enabled: false } } : {};
      const response = await world.send(method, `${ENDPOINTS}/${id}${path}`, { key, ...body });
      expect(response.status).toBe(404);
    }
    expect(receiver.calls).toEqual([]);
  });

  test("is none of an ephemeral key's business", async () => {
    const made = await json<{ key: string }>(await post("/v1/auth/ephemeral-keys", {}));
    const { key } = made;
    for (const [method, path] of [
      ["GET", ENDPOINTS],
      ["GET", "/v1/webhooks/deliveries"],
      ["POST", "/v1/webhooks/secret/rotate"],
    ] as const)
      expect((await world.send(method, path, { key })).status).toBe(403);
    expect((await post(ENDPOINTS, { url: HOOK }, key)).status).toBe(403);
    await register({ url: "https://mine.org/hook" });
    const taskId = await completed(FOX, 1, key);
    expect(receiver.calls).toHaveLength(1);
    expect(await deliveriesOf(taskId, key)).toEqual([]);
    expect(await deliveriesOf(taskId)).toHaveLength(1);
  });
});

describe("what cannot be delivered", () => {
  test.each([408, 425, 429, 500, 503])(
    "is tried again after %i, with the same id and the same body",
    async (status) => {
      let answers = 0;
      receiver.answers.set("user.org", () => answer(answers++ === 0 ? status : 200));
      const taskId = await completed({ ...FOX, webhook_url: HOOK }, 1);
      expect(await deliveriesOf(taskId)).toMatchObject([
        {
          status: "pending",
          attempts: [{ httpStatus: status, error: `Answered ${status}` }],
          nextAttemptAt: expect.any(String),
        },
      ]);
      await world.clock.advance(8_000);
      await told(2);
      const [first, second, ...others] = receiver.calls;
      expect(others).toEqual([]);
      expect(second?.headers["webhook-id"]).toBe(first?.headers["webhook-id"]);
      expect(second?.text).toBe(first?.text);
      expect(second?.headers["webhook-timestamp"]).not.toBe(first?.headers["webhook-timestamp"]);
      expect(await deliveriesOf(taskId)).toMatchObject([
        { status: "delivered", attempts: [{}, { error: null }] },
      ]);
    },
  );

  test.each([301, 307, 400, 401, 404])("is dead at once after %i", async (status) => {
    receiver.answers.set("user.org", () => answer(status, { location: "https://169.254.169.254/latest" }));
    const taskId = await completed({ ...FOX, webhook_url: HOOK }, 1);
    await world.clock.advance(60_000);
    expect(receiver.calls).toHaveLength(1);
    const [delivery] = await deliveriesOf(taskId);
    expect(delivery).toMatchObject({
      status: "dead",
      nextAttemptAt: null,
      attempts: [{ httpStatus: status }],
    });
    if (status < 400) expect(delivery?.attempts[0]?.error).toContain("redirects are not followed");
  });

  test("waits as long as the receiver asks", async () => {
    let answers = 0;
    receiver.answers.set("user.org", () =>
      answers++ === 0 ? answer(429, { "retry-after": "600" }) : answer(200),
    );
    await completed({ ...FOX, webhook_url: HOOK }, 1);
    await world.clock.advance(595_000);
    expect(receiver.calls).toHaveLength(1);
    await world.clock.advance(10_000);
    await told(2);
    expect(receiver.calls).toHaveLength(2);
  });

  test("is sent again, under the same id, when it is replayed", async () => {
    receiver.answers.set("user.org", () => answer(404));
    const taskId = await completed({ ...FOX, webhook_url: HOOK }, 1);
    const [delivery] = await deliveriesOf(taskId);
    receiver.answers.delete("user.org");
    const replayed = await post(`/v1/webhooks/deliveries/${delivery?.id}/replay`);
    expect(await json(replayed)).toMatchObject({ id: delivery?.id, status: "pending" });
    await world.clock.advance(SWEEP_MS);
    await told(2);
    expect(await deliveriesOf(taskId)).toMatchObject([
      { status: "delivered", attempts: [{ httpStatus: 404 }, { httpStatus: 204 }] },
    ]);
    expect(receiver.calls[1]?.headers["webhook-id"]).toBe(delivery?.id);
    expect(receiver.calls[1]?.text).toBe(receiver.calls[0]?.text);
  });

  test("to one that answers 410 switches its endpoint off", async () => {
    const made = await register({ url: "https://gone.org/hook" });
    receiver.answers.set("gone.org", () => answer(410));
    const taskId = await completed(FOX, 1);
    expect(await deliveriesOf(taskId)).toMatchObject([{ status: "dead", attempts: [{ httpStatus: 410 }] }]);
    expect(await json(await world.send("GET", `${ENDPOINTS}/${made.id}`))).toMatchObject({ enabled: false });
    await completed(FOX, 1);
    expect(receiver.calls).toHaveLength(1);
  });

  test("ends with the endpoint that it is for", async () => {
    const made = await register({ url: "https://slow.org/hook" });
    receiver.answers.set("slow.org", () => answer(500));
    const taskId = await completed(FOX, 1);
    await world.send("DELETE", `${ENDPOINTS}/${made.id}`);
    await world.clock.advance(10_000);
    expect(receiver.calls).toHaveLength(1);
    expect(await deliveriesOf(taskId)).toMatchObject([
      {
        status: "dead",
        attempts: [{ httpStatus: 500 }, { error: "The endpoint is switched off, or was deleted" }],
      },
    ]);
  });

  test("because nobody answers is tried again after ten seconds", async () => {
    receiver.answers.set("user.org", () => hang());
    const taskId = await completed({ ...FOX, webhook_url: HOOK }, 1);
    await world.clock.advance(10_000);
    expect(await deliveriesOf(taskId)).toMatchObject([
      {
        status: "pending",
        attempts: [{ ms: expect.any(Number), httpStatus: null, error: expect.stringContaining("too long") }],
      },
    ]);
  });

  test("to a destination that does not answer lets it rest, and delays no other", async () => {
    receiver.answers.set("dead.org", () => Promise.reject(new Error("no route")));
    for (let index = 0; index < 12; index++)
      await world.send("DELETE", `/v1/tasks/${await accepted({ ...FOX, webhook_url: "https://dead.org/" })}`);
    await world.clock.advance(SWEEP_MS * 3);
    await told(5);
    const tried = receiver.at("dead.org").length;
    expect(tried).toBeLessThanOrEqual(12);
    await world.send("DELETE", `/v1/tasks/${await accepted({ ...FOX, webhook_url: HOOK })}`);
    await world.clock.advance(SWEEP_MS);
    await told(tried + 1);
    expect(receiver.at("user.org")).toHaveLength(1);
    expect(receiver.at("dead.org")).toHaveLength(tried);
  });
});

describe("lists of deliveries", () => {
  test("are the key's own, by status and endpoint, in pages", async () => {
    const { id, key } = await world.makeKey({ name: "other" });
    const made = await register({ url: "https://mine.org/hook" });
    await register({ url: "https://other.org/hook" }, key);
    receiver.answers.set("mine.org", () => answer(404));
    await completed({ ...FOX, webhook_url: HOOK }, 2);
    await completed(FOX, 3, key);
    const list = async (query: string, as?: string, path = "/v1/webhooks/deliveries") =>
      json<WireDeliveryPage>(
        await world.send("GET", `${path}?${query}`, as === undefined ? {} : { key: as }),
      );
    expect((await list("")).data.map(({ url }) => url).toSorted()).toEqual(["https://mine.org/hook", HOOK]);
    expect((await list("status=dead")).data).toMatchObject([{ endpointId: made.id }]);
    expect((await list(`endpointId=${made.id}&status=delivered`)).data).toEqual([]);
    const first = await list("limit=1");
    expect(first.hasMore).toBe(true);
    const second = await list(`limit=1&after=${first.after}`);
    expect(second).toMatchObject({ hasMore: false });
    expect(second.data[0]?.id).not.toBe(first.data[0]?.id);
    expect((await list("", key)).data).toMatchObject([{ url: "https://other.org/hook" }]);
    const admin = "/admin/v1/webhook-deliveries";
    expect((await list("", ADMIN_KEY, admin)).data).toHaveLength(3);
    expect((await list(`keyId=${id}`, ADMIN_KEY, admin)).data).toMatchObject([{ keyId: id }]);
    expect((await world.send("GET", `${admin}?endpointId=x`, { key: ADMIN_KEY })).status).toBe(400);
    expect((await world.send("GET", "/v1/webhooks/deliveries?status=lost")).status).toBe(400);
    expect((await world.send("GET", admin)).status).toBe(403);
    const foreign = (await list("status=dead")).data[0]?.id;
    expect((await post(`/v1/webhooks/deliveries/${foreign}/replay`, undefined, key)).status).toBe(404);
    expect((await post(`${admin}/${foreign}/replay`, undefined, ADMIN_KEY)).status).toBe(200);
  });

  test("of a task of another tenant are not there", async () => {
    const taskId = await completed({ ...FOX, webhook_url: HOOK }, 1);
    const { key } = await world.makeKey({ name: "other" });
    expect((await world.send("GET", `/v1/tasks/${taskId}/deliveries`, { key })).status).toBe(404);
  });

  test("go with the task that is purged", async () => {
    const taskId = await completed({ ...FOX, webhook_url: HOOK }, 1);
    await world.send("DELETE", `/v1/tasks/${taskId}?purge=true`);
    const { data } = await json<WireDeliveryPage>(await world.send("GET", "/v1/webhooks/deliveries"));
    expect(data).toEqual([]);
  });
});

describe("the secret of a key", () => {
  test("is shown to who makes the key, and signs its webhooks", async () => {
    const response = await post("/admin/v1/keys", { name: "n" }, ADMIN_KEY);
    const made = await json<{ id: string; key: string; webhookSecret: string }>(response);
    await completed({ ...FOX, webhook_url: HOOK }, 1, made.key);
    verified(made.webhookSecret, receiver.calls[0]!, world.clock.now());
    const shown = await world.send("GET", `/admin/v1/keys/${made.id}`, { key: ADMIN_KEY });
    expect(await shown.text()).not.toContain("whsec_");
  });

  test("is rotated by the key, or by an administrator, with an overlap of a day where nothing else is said", async () => {
    const first = await ownSecret();
    const path = "/admin/v1/keys/key_bootstrap/webhook-secret/rotate";
    const { secret } = await json<{ secret: string }>(await post(path, undefined, ADMIN_KEY));
    await completed({ ...FOX, webhook_url: HOOK }, 1);
    for (const one of [first, secret]) verified(one, receiver.calls[0]!, world.clock.now());
    expect((await post("/v1/webhooks/secret/rotate", { overlapSeconds: 86_401 })).status).toBe(400);
  });
});

test("metrics tell what waits, what was given up, and how tries went", async () => {
  receiver.answers.set("user.org", () => answer(404));
  await completed({ ...FOX, webhook_url: HOOK }, 1);
  const text = await (await world.send("GET", "/metrics", { key: ADMIN_KEY })).text();
  expect(text).toContain('conduit_webhook_deliveries{status="pending"} 0');
  expect(text).toContain('conduit_webhook_deliveries{status="dead"} 1');
  expect(text).toContain('conduit_webhook_tries_total{outcome="answered"} 1');
});
