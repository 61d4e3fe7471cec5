/** The program under Deno keeps the promises it keeps under Bun: the same contracts, against a started process. */

import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import type { WireAccepted, WireEvent, WireTask } from "../../src/protocol/task.ts";
import { badDaysContract } from "../contract/bad-days.ts";
import { eventStreamContract } from "../contract/event-streams.ts";
import { filmContract } from "../contract/films.ts";
import { firstStartContract } from "../contract/first-start.ts";
import { httpApiContract } from "../contract/http-api.ts";
import { hubContract } from "../contract/hub.ts";
import { hubLongTaskContract, SHORT_TIMES } from "../contract/hub-long-task.ts";
import { hubProgramContract } from "../contract/hub-program.ts";
import { mcpContract } from "../contract/mcp.ts";
import { denoCommand, denoMissing, denoTestsCommand } from "../fixture/deno/command.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { EventSourceClient } from "../fixture/event-source.ts";
import { readPng } from "../fixture/png-reader.ts";
import { ProviderControl } from "../fixture/provider-control.ts";
import { RedisServer } from "../fixture/redis-server.ts";
import { CONTROL_VARIABLE } from "../fixture/remote-provider.ts";
import { openRemoteWorld } from "../fixture/remote-world.ts";
import {
  ADMIN_KEY,
  BOOTSTRAP_KEY,
  type ServerOptions,
  ServerProcess,
  temporaryFolder,
} from "../fixture/server-process.ts";
import { UpstashFront } from "../fixture/upstash-front.ts";

const STEERED_MAIN = resolve(import.meta.dirname, "../fixture/deno/main.ts");
/** Tests leave tasks unfinished, which must not stand in the way of others. */
const ROOM_FOR_ALL = {
  CONDUITLLM__ENGINE__SHUTDOWNMS: "100",
  CONDUITLLM__IMAGEGENERATION__MAXCONCURRENCY: "500",
  CONDUITLLM__VIDEOGENERATION__MAXCONCURRENCY: "500",
};
/** Some run, some wait when the server is killed. */
const TASKS = 8;
const PICTURE = {
  model: "local/canvas",
  prompt: "a ferry in the fog",
  size: "64x64",
  provider_options: { steps: 3, step_ms: 150 },
};
/** Two starts and some work; the machine may be busy. */
const RECOVERY_TIMEOUT_MS = 30_000;
/** About 10 s on two free cores. */
const INSIDE_TIMEOUT_MS = 120_000;

/** What vitest's JSON reporter prints, as far as it is read here. */
type TestReport = {
  numPassedTests: number;
  testResults: { assertionResults: { fullName: string; status: string }[] }[];
};

async function startDeno(options: Partial<ServerOptions> = {}) {
  const folder = await temporaryFolder();
  const server = await ServerProcess.start({ dataDir: folder.path, command: denoCommand(), ...options });
  return {
    server,
    async close() {
      await server.kill();
      await folder.remove();
    },
  };
}

async function accept(server: ServerProcess): Promise<string> {
  const response = await server.postJson("/v1/images/generations/async", PICTURE);
  return ((await response.json()) as WireAccepted).taskId;
}

async function openWorld(env: Record<string, string> = {}) {
  const control = new ProviderControl();
  const { server, close } = await startDeno({
    command: denoCommand(STEERED_MAIN),
    env: { ...ROOM_FOR_ALL, ...env, [CONTROL_VARIABLE]: control.url },
  });
  return openRemoteWorld({ url: server.url, key: BOOTSTRAP_KEY, adminKey: ADMIN_KEY, close }, control);
}

describe.skipIf(denoMissing !== null)(`under Deno${denoMissing === null ? "" : ` (${denoMissing})`}`, () => {
  firstStartContract({ name: "under Deno", command: denoCommand() });

  badDaysContract({ name: "under Deno", command: denoCommand() });

  httpApiContract({
    name: "of the program under Deno",
    async open() {
      const { server, close } = await startDeno();
      return {
        fetch: (path, init) => fetch(new URL(path, server.url), init),
        key: BOOTSTRAP_KEY,
        adminKey: ADMIN_KEY,
        close,
      };
    },
  });

  mcpContract({
    name: "the program under Deno",
    async open() {
      const { server, close } = await startDeno({ env: ROOM_FOR_ALL });
      return { url: server.url, key: BOOTSTRAP_KEY, adminKey: ADMIN_KEY, close };
    },
  });

  filmContract({
    name: "the program under Deno",
    async open() {
      const { server, close } = await startDeno();
      return { url: server.url, key: BOOTSTRAP_KEY, close };
    },
  });

  eventStreamContract({ name: "under Deno", open: openWorld });

  hubContract({ name: "under Deno", open: () => openWorld() });

  hubLongTaskContract({ name: "under Deno", times: SHORT_TIMES, open: openWorld });

  hubProgramContract({ name: "under Deno", command: denoCommand() });

  test("a request that becomes a socket is logged as one, and as no failure", async () => {
    const { server, close } = await startDeno();
    try {
      const address = `${server.url.replace("http", "ws")}/v1/events?access_token=${BOOTSTRAP_KEY}`;
      const socket = new WebSocket(address);
      await new Promise((resolve) => {
        socket.onopen = resolve;
      });
      socket.close();
      await server.stop();
      // The front door looks at requests once more when they are answered; an upgraded one cannot be read then.
      expect(server.logLines.filter(({ path }) => path === "/v1/events")).toMatchObject([
        { level: "info", msg: "request", status: 101 },
      ]);
    } finally {
      await close();
    }
  });

  test(
    "kill -9 in the midst of work loses no task, and subscribers see each end once",
    async () => {
      const folder = await temporaryFolder();
      const options = { dataDir: folder.path, command: denoCommand() };
      let server = await ServerProcess.start(options);
      const ends = new Map<string, number>();
      const someEnd = Promise.withResolvers<void>();
      const follow = (taskId: string) =>
        new EventSourceClient({
          reconnectMs: 20,
          // Whichever server lives: between the two there is none.
          open: (headers, signal) => server.request(`/v1/tasks/${taskId}/events`, { headers, signal }),
          onEvent: ({ type, data }) => {
            const { status } = JSON.parse(data) as WireEvent;
            if (type !== "completed" && !(type === "snapshot" && status === "completed")) return;
            ends.set(taskId, (ends.get(taskId) ?? 0) + 1);
            someEnd.resolve();
          },
        });
      const accepted = await Promise.all(Array.from({ length: TASKS }, () => accept(server)));
      const subscribers = accepted.map(follow);
      await someEnd.promise;
      await server.kill();
      expect(ends.size).toBeLessThan(TASKS);

      server = await ServerProcess.start(options);
      await server.printed(/tasks of the previous run go on/);
      for (const { closed } of subscribers) expect(await closed).toBe(204);
      expect([...ends.values()]).toEqual(Array.from({ length: TASKS }, () => 1));
      for (const taskId of accepted) {
        const task = (await (await server.request(`/v1/tasks/${taskId}`)).json()) as WireTask;
        expect(task.status).toBe("completed");
        const picture = await fetch(
          new URL(new URL(task.result?.images?.[0]?.url ?? "").pathname, server.url),
        );
        expect(readPng(await picture.bytes()).width).toBe(64);
      }
      expect(await server.stop("SIGTERM")).toBe(0);
      await folder.remove();
    },
    RECOVERY_TIMEOUT_MS,
  );

  test(
    "a data directory in use under Bun is refused under Deno, and goes on there when it is free",
    async () => {
      const folder = await temporaryFolder();
      const bun = await ServerProcess.start({ dataDir: folder.path });
      const taskId = await accept(bun);
      const options = { dataDir: folder.path, command: denoCommand() };
      const { code, output } = await ServerProcess.startInVain(options);
      expect(code).toBe(1);
      expect(output).toContain(`in use by process ${bun.pid}`);
      expect(await bun.stop()).toBe(0);
      const deno = await ServerProcess.start(options);
      const source = new EventSourceClient({
        reconnectMs: 20,
        open: (headers, signal) => deno.request(`/v1/tasks/${taskId}/events`, { headers, signal }),
      });
      expect(await source.closed).toBe(204);
      expect(await (await deno.request(`/v1/tasks/${taskId}`)).json()).toMatchObject({ status: "completed" });
      await deno.kill();
      await folder.remove();
    },
    RECOVERY_TIMEOUT_MS,
  );

  test("a Redis server is refused with a way out, as Deno has no client for it, and nothing stands in for it", async () => {
    const folder = await temporaryFolder();
    const env = { CONDUITLLM__REDIS__CONNECTIONSTRING: "127.0.0.1:6379" };
    const { code, output } = await ServerProcess.startInVain({
      dataDir: folder.path,
      command: denoCommand(),
      env,
    });
    expect(code).toBe(1);
    expect(output).toMatch(/redis\.connectionString.*Run Conduit under Bun.*UPSTASH_REDIS_REST_URL/);
    expect(output).not.toContain("    at ");
    await folder.remove();
  });

  describeWithRedis("with its state on Upstash", () => {
    httpApiContract({
      name: "of the program under Deno, on Upstash",
      async open() {
        const redis = await RedisServer.start();
        const front = await UpstashFront.start(redis.connection);
        const { server, close } = await startDeno({
          env: { UPSTASH_REDIS_REST_URL: front.url, UPSTASH_REDIS_REST_TOKEN: front.token },
        });
        return {
          fetch: (path, init) => fetch(new URL(path, server.url), init),
          key: BOOTSTRAP_KEY,
          adminKey: ADMIN_KEY,
          async close() {
            await close();
            await front.stop();
            await redis.stop();
          },
        };
      },
    });
  });

  test(
    "inside Deno, the store keeps its contracts over node:sqlite and the painter paints the same bytes",
    async () => {
      // Not this run's own environment: it would be taken for a part of it.
      const env = {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        // Set from outside, as Deno reads them when it starts: nothing in the product may obey them.
        NODE_USE_ENV_PROXY: "1",
        HTTP_PROXY: "http://127.0.0.1:1",
        NO_PROXY: "127.0.0.1",
      };
      const folder = await temporaryFolder();
      const file = join(folder.path, "report.json");
      const run = Bun.spawn(denoTestsCommand(file), { stdout: "pipe", stderr: "pipe", env });
      const [, errors, code] = await Promise.all([
        new Response(run.stdout).text(),
        new Response(run.stderr).text(),
        run.exited,
      ]);
      const report = (await Bun.file(file).json()) as TestReport;
      const failed = report.testResults.flatMap(({ assertionResults }) =>
        assertionResults.filter(({ status }) => status !== "passed").map(({ fullName }) => fullName),
      );
      expect(failed, errors).toEqual([]);
      expect(code, errors).toBe(0);
      expect(report.numPassedTests).toBeGreaterThan(150);
      await folder.remove();
    },
    INSIDE_TIMEOUT_MS,
  );
});
