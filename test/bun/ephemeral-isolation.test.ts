/**
 * What the holder of an ephemeral key learns of others: nothing, by any route there is. Every route of the application is asked
 * with ids of other tenants, and has to answer as it does for an id that does not exist. Routes that are added later are asked too.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WireAcceptedBatch } from "../../src/protocol/batch.ts";
import type { WireEphemeralKey } from "../../src/protocol/ephemeral-key.ts";
import type { WireAccepted } from "../../src/protocol/task.ts";
import { isTerminal } from "../../src/protocol/task.ts";
import { CANVAS_CAPABILITIES } from "../../src/providers/local/capabilities.ts";
import { BOOTSTRAP_KEY, type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { PNG } from "../fixture/media-samples.ts";

const ASYNC = "/v1/images/generations/async";
const HUB = "/hubs/tasks";
const UNKNOWN = "01900000-0000-7000-8000-000000000000";
/** Stands in the metadata of everybody's tasks but the asker's. */
const SECRET = "secret-of-others";

/** Routes that are open to everyone and say nothing about tenants, or are for the admin key. */
const OPEN = /^\/(?:|health\/.*|v1\/media\/.*)$/;
const ADMIN = /^\/(?:admin\/|health$|metrics$)/;
/** The routes on which a task of one's own has to answer something else than one that does not exist. */
const TASK_ROUTES = [
  "GET /v1/images/generations/:id/status",
  "GET /v1/videos/generations/:id/status",
  "GET /v1/tasks/:id",
  "GET /v1/tasks/:id/events",
  "GET /v1/videos/:id",
  "GET /v1/videos/:id/content",
  "POST /v1/tasks/:id/retry",
  "DELETE /v1/tasks/:id",
  "DELETE /v1/images/generations/:id",
  "DELETE /v1/videos/generations/:id",
  "DELETE /v1/videos/:id",
];

/** Bodies that name a task where a route takes one. What is not listed gets all of it at once. */
const BODIES: Readonly<Record<string, (id: string) => object>> = {
  [ASYNC]: (id) => edit(id),
  "/v1/images/generations": (id) => edit(id),
  "/v1/images/edits": (id) => edit(id),
  "/v1/videos/generations/async": (id) => edit(id),
  "/v1/videos": (id) => edit(id),
  "/v1/estimate": (id) => ({ type: "image", ...edit(id) }),
  "/v1/tasks/cancel": (id) => ({ batchId: id }),
};
const edit = (id: string) => ({ prompt: "at night", model: "local/editor", image: { task_id: id } });
const anyBody = (id: string) => ({
  taskId: id,
  tasks: [id],
  requests: [{ type: "image", ...edit(id) }],
});

let world: GatewayWorld;
/** Ids of what belongs to others: the parent's, another subject's, another key's. */
let foreign: string[];
let own: string;
const foreignBatches: string[] = [];
let ownBatch: string;
/** Who asks: a key of the subject, and a key that came with a task of it. */
let askers: Record<string, string>;
let other: WireEphemeralKey;

const free = { pricing: { kind: "free" as const }, created: 1 };
beforeAll(async () => {
  world = await gatewayWorld({
    models: [
      { providerModel: "canvas", capabilities: CANVAS_CAPABILITIES, ...free },
      {
        providerModel: "editor",
        capabilities: { ...CANVAS_CAPABILITIES, inputs: { images: 1, mask: false } },
        ...free,
      },
    ],
  });
  const subject = await mint({ subject: "asker" });
  other = await mint({ subject: "other" });
  const stranger = await world.makeKey({ name: "stranger" });
  const finished = await create(other.key);
  const call = await world.provider.next();
  call.answer({ kind: "done", items: [{ index: 0, media: await call.io.putMedia(PNG, "image/png") }] });
  await settled();
  foreign = [
    finished.taskId,
    (await create(other.key)).taskId,
    (await create(BOOTSTRAP_KEY)).taskId,
    (await create(stranger.key)).taskId,
  ];
  const mine = await create(BOOTSTRAP_KEY, { metadata: {}, access_token: {} });
  for (const key of [other.key, BOOTSTRAP_KEY]) {
    const batch = await createBatch(key, { secret: SECRET });
    foreign.push(...batch.taskIds);
    foreignBatches.push(batch.batchId);
  }
  ownBatch = (await createBatch(subject.key, {})).batchId;
  own = (await create(subject.key, { metadata: {} })).taskId;
  askers = { "a subject's key": subject.key, "a key that came with a task": mine.accessToken! };
});
afterAll(() => world.close());

async function mint(body: object): Promise<WireEphemeralKey> {
  return (await (await world.send("POST", "/v1/auth/ephemeral-keys", { body })).json()) as WireEphemeralKey;
}

async function create(key: string, fields: object = {}): Promise<WireAccepted> {
  const body = { prompt: "a fox", model: "local/canvas", metadata: { secret: SECRET }, ...fields };
  const response = await world.send("POST", ASYNC, { body, key });
  expect(response.status).toBe(200);
  return (await response.json()) as WireAccepted;
}

async function createBatch(key: string, metadata: object): Promise<WireAcceptedBatch> {
  const request = { type: "image", prompt: "a fox", model: "local/canvas", metadata };
  const response = await world.send("POST", "/v1/batches", { body: { requests: [request] }, key });
  expect(response.status).toBe(200);
  return (await response.json()) as WireAcceptedBatch;
}

type Route = { method: string; path: string };

function routes(): Route[] {
  const seen = new Map<string, Route>();
  for (const { method, path } of world.app.routes) {
    if (path === "/*" || OPEN.test(path)) continue;
    const route = { method: method === "ALL" ? "POST" : method, path };
    seen.set(nameOf(route), route);
  }
  return [...seen.values()];
}

const nameOf = ({ method, path }: Route) => `${method} ${path}`;

/** Status and text of an answer, with the id and the request's id taken out; of a stream its status alone. */
async function ask({ method, path }: Route, id: string, key: string): Promise<string> {
  const query = `?after=${id}&batchId=${id}&id=${id}&endpointId=${id}`;
  const filled = path.replace(/:\w+(?:\{[^}]*\})?/g, id).replace("*", id);
  const body = method === "GET" || method === "DELETE" ? {} : { body: (BODIES[path] ?? anyBody)(id) };
  // A position in an event stream is no id.
  const asked = path.endsWith("/events") ? filled : `${filled}${query}`;
  const response = await world.send(method, asked, { key, ...body });
  if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
    await response.body?.cancel();
    return `${response.status} stream`;
  }
  const text = (await response.text()).replaceAll(id, "ID").replace(/"requestId":"[^"]*"/, "");
  return `${response.status} ${text}`;
}

/** Where the id is what is asked for, the whole answer has to be the same; elsewhere it may name what was just made. */
function asIfUnknown({ path }: Route, answer: string): string {
  return path.includes(":") || path.includes("*") ? answer : answer.slice(0, "200".length);
}

/** What the store has of the others, all of it. */
async function stateOfOthers() {
  const keys = (await world.store.listKeys(10, null)).keys;
  const pages = await Promise.all(
    keys.map(({ id }) => world.store.list({ keyId: id, subject: null }, { limit: 100 })),
  );
  return pages.flatMap(({ tasks }) => tasks.map(({ task }) => task)).filter(({ id }) => foreign.includes(id));
}

describe.each(["a subject's key", "a key that came with a task"])("%s", (asker) => {
  test("learns nothing of others by any route, and changes nothing of theirs", async () => {
    const key = askers[asker] as string;
    const before = await stateOfOthers();
    expect(before.map(({ id }) => id).sort()).toEqual([...foreign].sort());
    const leaks: string[] = [];
    for (const route of routes()) {
      const unknown = await ask(route, UNKNOWN, key);
      for (const id of [...foreign, ...foreignBatches]) {
        const answer = await ask(route, id, key);
        if (asIfUnknown(route, answer) !== asIfUnknown(route, unknown))
          leaks.push(`${nameOf(route)}: ${answer} instead of ${unknown}`);
        if ([SECRET, ...foreign, ...foreignBatches].some((one) => answer.includes(one)))
          leaks.push(`${nameOf(route)} tells a secret`);
      }
    }
    expect(leaks).toEqual([]);
    expect(await stateOfOthers()).toEqual(before);
  });

  test("is refused on every route of an administrator", async () => {
    for (const route of routes().filter(({ path }) => ADMIN.test(path))) {
      const answer = await ask(route, UNKNOWN, askers[asker] as string);
      expect(`${nameOf(route)} ${answer}`).toMatch(/ 403 .*permission_denied/);
    }
  });

  test("is refused whatever only the virtual key may do", async () => {
    const refused = ["POST /v1/auth/ephemeral-keys", "POST /v1/realtime/client_secrets"];
    for (const route of routes().filter((route) => refused.includes(nameOf(route)))) {
      const { method, path } = route;
      const response = await world.send(method, path, { key: askers[asker] as string, body: {} });
      expect([path, response.status]).toEqual([path, 403]);
    }
  });
});

test("a task of its own is found where those of others are not: the questions are real ones", async () => {
  const key = askers["a subject's key"] as string;
  const found: string[] = [];
  for (const route of routes()) {
    if (!TASK_ROUTES.includes(nameOf(route))) continue;
    if ((await ask(route, own, key)) !== (await ask(route, UNKNOWN, key))) found.push(nameOf(route));
  }
  expect(found.sort()).toEqual([...TASK_ROUTES].sort());
});

test("and so is a batch of its own", async () => {
  const key = askers["a subject's key"] as string;
  for (const method of ["GET", "DELETE"]) {
    const route = { method, path: "/v1/batches/:id" };
    expect(await ask(route, ownBatch, key)).not.toBe(await ask(route, UNKNOWN, key));
  }
  const list = await (await world.send("GET", "/v1/batches", { key })).text();
  expect([list.includes(ownBatch), foreignBatches.some((id) => list.includes(id))]).toEqual([true, false]);
});

test("its list, its stream and its bulk cancel have its own tasks alone", async () => {
  const key = askers["a subject's key"] as string;
  const stream = await world.send("GET", `/v1/events?access_token=${key}`, { key: null });
  const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
  const mine = (await create(key, { metadata: {} })).taskId;
  const list = await (await world.send("GET", "/v1/tasks", { key })).text();
  expect([list.includes(mine), foreign.some((id) => list.includes(id))]).toEqual([true, false]);
  const cancelled = await world.send("POST", "/v1/tasks/cancel", { body: { all: true }, key });
  const { taskIds } = (await cancelled.json()) as { taskIds: string[] };
  expect(taskIds).toContain(mine);
  expect(taskIds.filter((id) => foreign.includes(id))).toEqual([]);
  const unfinished = (await stateOfOthers()).filter(({ status }) => !isTerminal(status));
  for (const { id } of unfinished) await world.send("DELETE", `/v1/tasks/${id}`);
  const last = (await create(key, { metadata: {} })).taskId;
  let text = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    text += read.value;
    if (text.includes(last)) break;
  }
  await reader.cancel();
  expect(text).toContain(mine);
  expect(foreign.filter((id) => text.includes(id))).toEqual([]);
});

test("equal idempotency keys of two subjects are two requests", async () => {
  const headers = { "idempotency-key": "the-same" };
  const body = { prompt: "a fox", model: "local/canvas" };
  const ids = new Set<string>();
  for (const key of [askers["a subject's key"] as string, other.key, BOOTSTRAP_KEY]) {
    const response = await world.send("POST", ASYNC, { body, key, headers });
    ids.add(((await response.json()) as WireAccepted).taskId);
  }
  expect(ids.size).toBe(3);
});

test("a connection of another subject is not found on any hub", async () => {
  const negotiated = await world.send("POST", `${HUB}/negotiate?negotiateVersion=1`, { key: other.key });
  const { connectionToken } = (await negotiated.json()) as { connectionToken: string };
  for (const key of Object.values(askers))
    for (const method of ["GET", "POST", "DELETE"]) {
      const response = await world.send(method, `${HUB}?id=${connectionToken}`, {
        key,
        ...(method === "POST" && { body: "{}" }),
      });
      expect([method, response.status]).toEqual([method, 404]);
    }
});
