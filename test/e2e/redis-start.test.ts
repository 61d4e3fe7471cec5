/** Starts on a shared store, and what the program says of one that cannot be used or promises too little. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Redis as UpstashRedis } from "@upstash/redis";
import { afterEach, describe, expect, test } from "vitest";
import { RedisRequester } from "../../src/runtime/bun/redis-requester.ts";
import { RequesterRedis } from "../../src/stores/redis/server/client.ts";
import { denoCommand, denoMissing } from "../fixture/deno/command.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { RedisServer, type RedisServerOptions } from "../fixture/redis-server.ts";
import { ADMIN_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";
import { UpstashFront } from "../fixture/upstash-front.ts";

const DURABLE: RedisServerOptions = { appendOnly: true };
const WITHOUT_KEYS = { CONDUIT_BOOTSTRAP_KEY: undefined, CONDUIT_ADMIN_KEY: undefined };

/** A server that is not there is waited for: it may be about to start as well. */
const WAITING_TIMEOUT_MS = 20_000;

type Env = Record<string, string | undefined>;

describeWithRedis("a start on Redis", () => {
  const cleanups: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function redis(options: RedisServerOptions = DURABLE): Promise<RedisServer> {
    const server = await RedisServer.start(options);
    cleanups.push(() => server.stop());
    return server;
  }

  async function folder(): Promise<string> {
    const { path, remove } = await temporaryFolder();
    cleanups.push(remove);
    return path;
  }

  const envOf = (server: RedisServer, env: Env = {}): Env => ({
    CONDUITLLM__REDIS__CONNECTIONSTRING: server.connectionString,
    ...env,
  });

  async function start(env: Env, dataDir?: string): Promise<ServerProcess> {
    const server = await ServerProcess.start({ dataDir: dataDir ?? (await folder()), env });
    cleanups.push(() => server.kill());
    return server;
  }

  async function startInVain(env: Env, dataDir?: string): Promise<string> {
    const { code, output } = await ServerProcess.startInVain({ dataDir: dataDir ?? (await folder()), env });
    expect(code).toBe(1);
    expect(output).not.toMatch(/^\s+at /m);
    return output;
  }

  async function storeHealth(server: ServerProcess): Promise<unknown> {
    const { parts } = (await (await server.request("/health", {}, ADMIN_KEY)).json()) as {
      parts: { store: unknown };
    };
    return parts.store;
  }

  describe("what the server promises", () => {
    test("a durable server is no cause for a word", async () => {
      const server = await start(envOf(await redis(), { CONDUITLLM__REDIS__REQUIREDURABLE: "true" }));
      expect(await storeHealth(server)).toEqual({ status: "ok" });
      expect(server.output).not.toContain("Redis may forget");
    });

    test.each<[string, RedisServerOptions, RegExp]>([
      ["no append-only file", {}, /appendonly is off/],
      [
        "an append-only file behind",
        { appendOnly: true, appendFsync: "everysec" },
        /appendfsync is everysec/,
      ],
      [
        "memory that makes room for itself",
        { appendOnly: true, settings: { "maxmemory-policy": "allkeys-lru" } },
        /maxmemory-policy is allkeys-lru/,
      ],
      [
        "settings it keeps to itself",
        { appendOnly: true, settings: { "rename-command": ["CONFIG", "hidden"] } },
        /does not tell its appendfsync \(CONFIG is refused\)/,
      ],
    ])(
      "%s: a loud line, a degraded store, and no start where durability is required",
      async (_, options, reason) => {
        const store = await redis(options);
        const server = await start(envOf(store));
        const loud = server.logLines.find(({ msg }) => msg === "Redis may forget accepted tasks");
        expect(loud).toMatchObject({ level: "error", reason: expect.stringMatching(reason) });
        expect(await storeHealth(server)).toEqual({
          status: "degraded",
          detail: expect.stringMatching(reason),
        });
        const told = await startInVain(envOf(store, { CONDUITLLM__REDIS__REQUIREDURABLE: "true" }));
        expect(told).toMatch(reason);
        expect(told).toContain("redis.requireDurable");
      },
    );

    test("settings that change while it runs are seen in the health", async () => {
      const store = await redis();
      const server = await start(envOf(store));
      const requester = new RedisRequester(store.connection);
      await new RequesterRedis(requester).exec(["CONFIG", "SET", "appendfsync", "no"]);
      requester.close();
      expect(await storeHealth(server)).toMatchObject({ status: "degraded" });
    });

    test("a cluster is refused", async () => {
      const told = await startInVain(envOf(await redis({ settings: { "cluster-enabled": "yes" } })));
      expect(told).toMatch(/cannot be used: it runs in cluster mode.*Use a single server/);
    });
  });

  describe("a server that cannot be used", () => {
    test(
      "is named with the reason, and without the password, when nobody is there and when the password is wrong or missing",
      async () => {
        const [gone, locked] = [await redis(), await redis({ ...DURABLE, password: "right-password" })];
        await gone.kill();
        const wrong = {
          CONDUITLLM__REDIS__CONNECTIONSTRING: `127.0.0.1:${locked.port},password=wrong-password`,
        };
        const open = { CONDUITLLM__REDIS__CONNECTIONSTRING: `127.0.0.1:${locked.port}` };
        const said = await Promise.all([envOf(gone), wrong, open].map((env) => startInVain(env)));
        const told = (port: number, reason: string) =>
          `Redis at 127.0.0.1:${port} gave no connection within 5000 ms (${reason}). ` +
          "Check the address, the password and ssl in redis.connectionString.\n";
        expect(said).toEqual([
          told(gone.port, `connect ECONNREFUSED 127.0.0.1:${gone.port}`),
          told(locked.port, "WRONGPASS invalid username-password pair or user is disabled"),
          told(locked.port, "NOAUTH Authentication required"),
        ]);
      },
      WAITING_TIMEOUT_MS,
    );
  });

  describe("keys", () => {
    test("are made once for instances that share a data directory, also when they start at the same moment", async () => {
      const env = envOf(await redis(), WITHOUT_KEYS);
      const dataDir = await folder();
      const servers = await Promise.all([start(env, dataDir), start(env, dataDir), start(env, dataDir)]);
      const { bootstrapKey } = JSON.parse(readFileSync(join(dataDir, "keys.json"), "utf8"));
      for (const server of servers) {
        expect((await server.request("/v1/models", {}, bootstrapKey)).status).toBe(200);
        expect(server.output).toContain(join(dataDir, "keys.json"));
      }
    });

    test("of an instance with a data directory of its own do not take the place of the others'", async () => {
      const env = envOf(await redis(), WITHOUT_KEYS);
      const first = await start(env);
      const told = await startInVain(env);
      expect(told).toMatch(/bootstrap key of another instance.*CONDUIT_BOOTSTRAP_KEY.*CONDUIT_DATA_DIR/);
      const [, file = ""] = await first.printed(/API key +bootstrapKey in (.+)$/m);
      const { bootstrapKey } = JSON.parse(readFileSync(file, "utf8"));
      expect((await first.request("/v1/models", {}, bootstrapKey)).status).toBe(200);
    });
  });

  describe("on Upstash", () => {
    async function front(): Promise<UpstashFront> {
      const upstash = await UpstashFront.start((await redis()).connection);
      cleanups.push(() => upstash.stop());
      return upstash;
    }

    test("a wrong token is told at the start, without the token", async () => {
      const told = await startInVain({
        UPSTASH_REDIS_REST_URL: (await front()).url,
        UPSTASH_REDIS_REST_TOKEN: "wrong-token-of-somebody",
      });
      expect(told).toMatch(/Upstash at http:\S+ cannot be used\. .*\. Check UPSTASH_REDIS_REST_URL/);
      expect(told).not.toContain("wrong-token-of-somebody");
    });

    test("nothing is kept in the data directory but keys and media", async () => {
      const { url, token } = await front();
      const dataDir = await folder();
      const server = await start({ UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token }, dataDir);
      const body = { model: "local/canvas", prompt: "a lake", size: "64x64" };
      const response = await server.postJson("/v1/images/generations/async", body, { prefer: "wait=30" });
      expect(await response.json()).toMatchObject({ status: "completed" });
      expect(await server.stop()).toBe(0);
      expect([...new Bun.Glob("*").scanSync({ cwd: dataDir, dot: true, onlyFiles: false })].sort()).toEqual([
        ".gitignore",
        "media",
      ]);
      const redisClient = new UpstashRedis({ url, token });
      expect(await redisClient.exists("conduit:schema")).toBe(1);
    });
  });

  describe.skipIf(denoMissing !== null)(
    `under Deno${denoMissing === null ? "" : ` (${denoMissing})`}`,
    () => {
      test("Redis over TCP is refused, and what to do instead is told", async () => {
        const { code, output } = await ServerProcess.startInVain({
          dataDir: await folder(),
          env: envOf(await redis()),
          command: denoCommand(),
        });
        expect(code).toBe(1);
        expect(output).toMatch(
          /redis\.connectionString cannot be used in this runtime.*Bun.*UPSTASH_REDIS_REST_URL/,
        );
      });

      test("Upstash can be used", async () => {
        const upstash = await UpstashFront.start((await redis()).connection);
        cleanups.push(() => upstash.stop());
        const server = await ServerProcess.start({
          dataDir: await folder(),
          env: { UPSTASH_REDIS_REST_URL: upstash.url, UPSTASH_REDIS_REST_TOKEN: upstash.token },
          command: denoCommand(),
        });
        cleanups.push(() => server.kill());
        const body = { model: "local/canvas", prompt: "a lake", size: "64x64" };
        const response = await server.postJson("/v1/images/generations/async", body, { prefer: "wait=30" });
        expect(await response.json()).toMatchObject({ status: "completed" });
      });
    },
  );
});
