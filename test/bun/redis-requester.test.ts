/** The same things asked of a Redis server over TCP and over REST, with the real Upstash client both times. */

import { Redis } from "@upstash/redis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { RedisConnectionError, RedisRequester } from "../../src/runtime/bun/redis-requester.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { RedisServer } from "../fixture/redis-server.ts";
import { UpstashFront } from "../fixture/upstash-front.ts";

/** Long enough for a server to be started again while commands wait. */
const LIMIT_MS = 1_500;
const PASSWORD = "p@ss:w/rd%";

describeWithRedis("the Upstash client over both transports", () => {
  let server: RedisServer;
  let front: UpstashFront;
  let requester: RedisRequester;

  beforeAll(async () => {
    server = await RedisServer.start({ password: PASSWORD });
    front = await UpstashFront.start(server.connection);
    requester = new RedisRequester(server.connection);
  });
  afterAll(async () => {
    requester.close();
    await front.stop();
    await server.stop();
  });

  const clients: [string, () => Redis][] = [
    ["TCP", () => new Redis(requester)],
    ["REST", () => new Redis({ url: front.url, token: front.token, retry: { retries: 0 } })],
    [
      "REST without base64",
      () => new Redis({ url: front.url, token: front.token, retry: { retries: 0 }, responseEncoding: false }),
    ],
  ];

  describe.each(clients)("over %s", (_name, client) => {
    let redis: Redis;
    beforeEach(async () => {
      redis = client();
      await redis.flushall();
    });

    test("texts come back as they were, whatever is in them", async () => {
      const text = 'ünïcødé 🎨 "quoted" \r\n \u0000 end';
      expect(await redis.set("text", text)).toBe("OK");
      expect(await redis.get("text")).toBe(text);
    });

    test("a hash comes back as an object, and an empty one as null", async () => {
      await redis.hset("hash", { name: "canvas", count: 3 });
      expect(await redis.hgetall("hash")).toEqual({ name: "canvas", count: 3 });
      expect(await redis.hgetall("nothing")).toBeNull();
    });

    test("scores come back flat beside their members", async () => {
      await redis.zadd("scores", { score: 1.5, member: "a" }, { score: 2, member: "b" });
      expect(await redis.zrange("scores", 0, -1, { withScores: true })).toEqual(["a", 1.5, "b", 2]);
      expect(await redis.zscore("scores", "b")).toBe(2);
    });

    test("a script's nested answer keeps its shape, with nulls where Lua said false", async () => {
      const script = "return { 'x', 7, false, { 'y', { 'z' } } }";
      expect(await redis.eval(script, [], [])).toEqual(["x", 7, null, ["y", ["z"]]]);
    });

    test("an error of the server is an UpstashError with the server's words", async () => {
      await redis.set("text", "no number");
      await expect(redis.incr("text")).rejects.toMatchObject({
        name: "UpstashError",
        message: expect.stringContaining("ERR value is not an integer"),
      });
    });

    test("an unknown script is told by NOSCRIPT", async () => {
      await expect(redis.evalsha("0".repeat(40), [], [])).rejects.toThrow(/NOSCRIPT/);
    });

    test("a pipeline answers each command, and names the one that failed", async () => {
      expect(await redis.pipeline().set("n", 1).incr("n").get("n").exec()).toEqual(["OK", 2, 2]);
      await expect(redis.pipeline().set("t", "x").incr("t").exec()).rejects.toThrow(
        /Command 2 .*not an integer/,
      );
    });

    test("a transaction answers each command", async () => {
      expect(await redis.multi().set("n", 1).incr("n").exec()).toEqual(["OK", 2]);
    });

    test("a transaction with a command that does not exist changes nothing", async () => {
      await redis.set("n", 1);
      await expect(redis.multi().incr("n").hset("n", {}).exec()).rejects.toMatchObject({
        name: "UpstashError",
        message: expect.stringContaining("EXECABORT"),
      });
      expect(await redis.get("n")).toBe(1);
    });

    test("transactions of many callers do not mix", async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          redis.multi().set("shared", index).get("shared").incr("total").exec(),
        ),
      );
      expect(outcomes.map((outcome) => outcome[1])).toEqual(Array.from({ length: 50 }, (_, index) => index));
      expect(await redis.get("total")).toBe(50);
    });
  });
});

describeWithRedis("a connection that is lost", () => {
  let server: RedisServer;
  let requester: RedisRequester;
  let redis: Redis;
  const changes: boolean[] = [];
  let changed: () => void;

  beforeEach(async () => {
    changes.length = 0;
    changed = () => {};
    server = await RedisServer.start({ appendOnly: true });
    requester = new RedisRequester(server.connection, {
      commandLimitMs: LIMIT_MS,
      onConnected: (connected) => {
        changes.push(connected);
        changed();
      },
    });
    redis = new Redis(requester);
  });
  afterEach(async () => {
    requester.close();
    await server.stop();
  });

  test("is opened again, and what was acknowledged is still there", async () => {
    await redis.set("kept", "yes");
    await server.restart();
    expect(await redis.get("kept")).toBe("yes");
    expect(changes).toEqual([true, false, true]);
    expect(requester.connected).toBe(true);
  });

  test("fails the command under way as one that may have been carried out, and does not send it again", async () => {
    await redis.ping();
    server.freeze();
    const underWay = redis.incr("count");
    const outcome = expect(underWay).rejects.toMatchObject({ name: "RedisConnectionError", sent: true });
    await server.restart();
    await outcome;
    expect(await redis.get("count")).toBeNull();
  });

  test("makes commands wait, and tells after the limit that the server cannot be reached", async () => {
    await redis.ping();
    await server.kill();
    const outcome = await redis.ping().catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(RedisConnectionError);
    expect(outcome).toMatchObject({
      sent: false,
      message: expect.stringMatching(/^Redis at 127\.0\.0\.1:\d+ gave no connection within 1500 ms/),
    });
    // From here on nobody waits in vain for a server that may stay away.
    const refused = redis.ping().catch(() => "refused at once");
    const waiting = new Promise((resolve) => setImmediate(resolve, "still waiting"));
    expect(await Promise.race([refused, waiting])).toBe("refused at once");
    const connected = new Promise<void>((resolve) => {
      changed = resolve;
    });
    await server.restart();
    await connected;
    expect(await redis.ping()).toBe("PONG");
  });

  test("a server that is silent is given up after the limit, and a fresh connection is used afterwards", async () => {
    await redis.ping();
    server.freeze();
    await expect(redis.ping()).rejects.toMatchObject({
      sent: true,
      message: expect.stringContaining("did not answer within 1500 ms"),
    });
    server.thaw();
    expect(await redis.ping()).toBe("PONG");
  });

  test("closing fails what waits and what comes later", async () => {
    requester.close();
    await expect(redis.ping()).rejects.toThrow(/closed/);
  });
});
