/** The stand-in for Upstash answers raw requests and the real client as the real one does, and fails on demand. */

import { Redis } from "@upstash/redis";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { RedisServer } from "../fixture/redis-server.ts";
import { type Fault, UpstashFront } from "../fixture/upstash-front.ts";

describeWithRedis("the REST front", () => {
  let server: RedisServer;
  let front: UpstashFront;

  beforeAll(async () => {
    server = await RedisServer.start();
    front = await UpstashFront.start(server.connection);
  });
  afterEach(() => front.heal());
  afterAll(async () => {
    await front.stop();
    await server.stop();
  });

  // `retry: false` would still send a second time when no answer comes.
  const client = (signal?: () => AbortSignal) =>
    new Redis({ url: front.url, token: front.token, retry: { retries: 0 }, ...(signal && { signal }) });

  async function ask(path: string, init: RequestInit = {}): Promise<{ status: number; body: unknown }> {
    const headers = { authorization: `Bearer ${front.token}`, ...init.headers };
    const response = await fetch(front.url + path, { ...init, headers });
    return { status: response.status, body: await response.json() };
  }

  test("takes commands in the path, with the body as the last argument and the query as options", async () => {
    expect(await ask("/set/name/one%2Ftwo")).toEqual({ status: 200, body: { result: "OK" } });
    expect(await ask("/get/name")).toEqual({ status: 200, body: { result: "one/two" } });
    await ask("/set/body?EX=100", { method: "POST", body: "from the body" });
    expect(await ask("/get/body")).toEqual({ status: 200, body: { result: "from the body" } });
    expect(await ask("/ttl/body")).toEqual({ status: 200, body: { result: 100 } });
  });

  test("takes the token from the query as well, and refuses any other with 401", async () => {
    const response = await fetch(`${front.url}/ping?_token=${front.token}`);
    expect(await response.json()).toEqual({ result: "PONG" });
    const refused = await ask("/ping", { headers: { authorization: "Bearer other" } });
    expect(refused).toEqual({ status: 401, body: { error: expect.stringContaining("WRONGPASS") } });
    const wrong = new Redis({ url: front.url, token: "other", retry: { retries: 0 } });
    await expect(wrong.ping()).rejects.toThrow(/WRONGPASS/);
  });

  test("answers 400 with the server's words when a command fails, and 200 in a pipeline", async () => {
    const body = JSON.stringify(["INCRBY", "n", "many"]);
    const error = "ERR value is not an integer or out of range";
    expect(await ask("/", { method: "POST", body })).toEqual({ status: 400, body: { error } });
    expect(await ask("/pipeline", { method: "POST", body: `[${body},["GET","n"]]` })).toEqual({
      status: 200,
      body: [{ error }, { result: null }],
    });
  });

  test("refuses what is no command and other methods", async () => {
    for (const body of ["", "{}", "[]", "[[1]]", "nonsense"])
      expect((await ask("/", { method: "POST", body })).status).toBe(400);
    expect((await ask("/pipeline", { method: "POST", body: "[]" })).status).toBe(400);
    expect((await ask("/ping", { method: "DELETE" })).status).toBe(405);
  });

  test("encodes texts in base64 when asked, at every depth", async () => {
    const body = JSON.stringify(["EVAL", "return {'a', 1, {'b'}, false}", "0"]);
    const headers = { "upstash-encoding": "base64" };
    expect(await ask("/", { method: "POST", body, headers })).toEqual({
      status: 200,
      body: { result: ["YQ==", 1, ["Yg=="], null] },
    });
  });

  const notCarriedOut: Fault["kind"][] = ["error-500", "bad-gateway"];
  test.each(notCarriedOut)("%s: the client throws and nothing was carried out", async (kind) => {
    const redis = client();
    await redis.set("n", 1);
    front.fail({ kind } as Fault, { times: 1 });
    await expect(redis.incr("n")).rejects.toThrow();
    expect(await redis.get("n")).toBe(1);
  });

  test("lose-answer: the client throws though the command was carried out", async () => {
    const redis = client();
    await redis.set("n", 1);
    front.fail({ kind: "lose-answer" }, { times: 1 });
    await expect(redis.incr("n")).rejects.toThrow();
    expect(await redis.get("n")).toBe(2);
  });

  test.each([
    ["hang", 1],
    ["hang-after", 2],
  ] as const)("%s: no answer comes, and the value is %d afterwards", async (kind, after) => {
    await client().set("n", 1);
    front.fail({ kind }, { when: ([command]) => command?.[0]?.toLowerCase() === "incr" });
    const giveUp = new AbortController();
    const outcome = expect(client(() => giveUp.signal).incr("n")).rejects.toThrow();
    const other = client();
    const hit = front.faultsHit;
    while (front.faultsHit === hit) await other.ping();
    while ((await other.get("n")) !== after) await other.ping();
    giveUp.abort();
    await outcome;
  });

  test("slow: the answer comes late", async () => {
    front.fail({ kind: "slow", delayMs: 20 }, { times: 1 });
    expect(await client().ping()).toBe("PONG");
  });

  test("counts requests and the commands in them", async () => {
    const { requests, commands } = front;
    await client().pipeline().ping().ping().exec();
    await client().ping();
    expect({ requests: front.requests - requests, commands: front.commands - commands }).toEqual({
      requests: 2,
      commands: 3,
    });
  });
});
