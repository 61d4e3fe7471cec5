import { Hono } from "hono";
import { beforeEach, describe, expect, test } from "vitest";
import { principalOf } from "../../../../src/accounts/principal.ts";
import type { HttpEnv } from "../../../../src/http/exchange.ts";
import { errorResponse } from "../../../../src/http/response/error-response.ts";
import { closeHubs, type HubShards, mountHubProxy } from "../../../../src/http/routes/hubs/hub-proxy.ts";
import { makeHubToken } from "../../../../src/hubs/sharding/shard-address.ts";
import { recordingLog } from "../../../fixture/recording-log.ts";
import { virtualKey } from "../../../fixture/virtual-key.ts";

const SHARDS = 3;
const FULL = 429;
const HUB = "/hubs/tasks";

/** What each shard was asked. */
let asked: { shard: string; method: string; path: string }[];
let closed: string[];
/** What a shard answers; rejects when it cannot be reached. */
let answer: (shard: string) => Promise<Response>;
let app: Hono<HttpEnv>;

const shards: HubShards = {
  ask(shard, request) {
    const { pathname } = new URL(request.url);
    asked.push({ shard, method: request.method, path: pathname });
    return answer(shard);
  },
  printEvents: () => null,
  async closeKey(shard) {
    closed.push(shard);
  },
};

beforeEach(() => {
  asked = [];
  closed = [];
  answer = async (shard) => new Response(shard);
  app = new Hono<HttpEnv>();
  app.onError((thrown, c) => errorResponse(thrown, c, recordingLog()));
  app.use("*", async (c, next) => {
    c.set("exchange", { requestId: "r", startedAt: 0, principal: null, taskId: null, accepted: false });
    await next();
  });
  mountHubProxy(
    app,
    (c, next) => {
      c.get("exchange").principal = principalOf(virtualKey({ id: "key_a" }));
      return next();
    },
    {
      names: ["tasks"],
      shards,
      shardsPerKey: SHARDS,
      keys: { getKey: async (id) => (id === "key_a" ? virtualKey({ id }) : null) },
      origins: { allows: (origin) => origin === "https://page.example" },
    },
  );
});

const post = (path: string) => app.request(`http://gateway.test${path}`, { method: "POST" });

describe("a new connection", () => {
  test("is negotiated with one of the key's own shards", async () => {
    const response = await post(`${HUB}/negotiate?negotiateVersion=1`);
    expect(await response.text()).toMatch(/^key_a\/[012]$/);
    expect(asked).toMatchObject([{ method: "POST", path: `${HUB}/negotiate` }]);
  });

  test("goes to the next shard while one is full, and is refused when all are", async () => {
    answer = async () => new Response("full", { status: FULL });
    expect((await post(`${HUB}/negotiate`)).status).toBe(FULL);
    expect(new Set(asked.map(({ shard }) => shard)).size).toBe(SHARDS);
    expect(asked).toHaveLength(SHARDS);
  });

  test("is told to come again when the shard cannot be reached", async () => {
    answer = () => Promise.reject(new Error("it is being moved"));
    const response = await post(`${HUB}/negotiate`);
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await response.text()).not.toContain("being moved");
  });
});

describe("a socket", () => {
  const open = (origin: string) =>
    app.request(`http://gateway.test${HUB}`, { headers: { upgrade: "websocket", origin } });

  test("is opened for a page that is let in, and no shard is asked for any other", async () => {
    expect((await open("https://page.example")).status).toBe(200);
    asked = [];
    expect((await open("https://evil.example")).status).toBe(403);
    expect(asked).toEqual([]);
  });
});

describe("a request on a connection", () => {
  test("goes to the shard that its token names", async () => {
    const token = makeHubToken({ keyId: "key_a", shard: 2 });
    await post(`${HUB}?id=${token}`);
    expect(asked).toMatchObject([{ shard: "key_a/2", path: HUB }]);
  });

  test.each([
    ["another key's", () => makeHubToken({ keyId: "key_b", shard: 0 })],
    ["no", () => "nonsense"],
  ])("with %s token reaches no shard", async (_, token) => {
    expect((await post(`${HUB}?id=${token()}`)).status).toBe(404);
    expect(asked).toEqual([]);
  });
});

test("the connections of a key that is no longer good are ended on every shard", async () => {
  await closeHubs({ shards, shardsPerKey: SHARDS }, "key_a");
  expect(closed).toEqual(["key_a/0", "key_a/1", "key_a/2"]);
});
