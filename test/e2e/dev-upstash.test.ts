/** `bun run dev:upstash`, as a developer uses it: what it prints leads a gateway to it, and what it keeps stays. */

import { connect } from "node:net";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { WireAccepted, WireTask } from "../../src/protocol/task.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { ServerProcess, temporaryFolder } from "../fixture/server-process.ts";

const MAIN = resolve(import.meta.dirname, "../fixture/upstash/main.ts");
/** Two programs are started, one after the other, several times. */
const LIMIT_MS = 60_000;

describeWithRedis("the Upstash of a developer's machine", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const cleanups: (() => unknown)[] = [];

  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    await folder.remove();
  });

  const spawn = (...args: string[]) => {
    const child = Bun.spawn([process.execPath, MAIN, ...args], {
      cwd: folder.path,
      env: { PATH: process.env.PATH },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    cleanups.push(async () => {
      child.kill("SIGKILL");
      await child.exited;
    });
    return child;
  };

  /** Resolves with the variables that it prints, and the port of its redis-server. */
  async function start() {
    const child = spawn("--port", "0");
    const decoder = new TextDecoder();
    let printed = "";
    for await (const bytes of child.stdout) {
      printed += decoder.decode(bytes, { stream: true });
      if (printed.includes("TOKEN=")) break;
    }
    const variables = [...printed.matchAll(/^export (UPSTASH_\w+)=(.+)$/gm)];
    const env = Object.fromEntries(variables.map(([, name = "", value = ""]) => [name, value]));
    expect(Object.keys(env)).toEqual(["UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"]);
    return { child, env, redisPort: Number(/redis-server on port (\d+)/.exec(printed)?.[1]) };
  }

  /** Resolves once a connection to the port is over: at once when nothing listens there. */
  function ended(port: number): { connected: Promise<void>; closed: Promise<void> } {
    const socket = connect(port, "127.0.0.1");
    const connected = new Promise<void>((resolve) => socket.once("connect", resolve));
    const closed = new Promise<void>((resolve) => {
      socket.once("error", () => resolve());
      socket.once("close", () => resolve());
    });
    return { connected, closed };
  }

  const gateway = async (env: Record<string, string>) => {
    const server = await ServerProcess.start({ dataDir: folder.path, env });
    cleanups.push(() => server.kill());
    return server;
  };

  test("serves a gateway, ends with its redis-server, and has everything again at the next start", {
    timeout: LIMIT_MS,
  }, async () => {
    const first = await start();
    const server = await gateway(first.env);
    const accepted = await server.postJson(
      "/v1/images/generations/async",
      {
        model: "local/canvas",
        prompt: "a boat",
        size: "64x64",
      },
      { prefer: "wait=20" },
    );
    const { taskId }: WireAccepted = await accepted.json();
    await server.stop();
    first.child.kill("SIGTERM");
    expect(await first.child.exited).toBe(0);
    await ended(first.redisPort).closed;

    const second = await start();
    const again = await gateway(second.env);
    const task: WireTask = await (await again.request(`/v1/tasks/${taskId}`)).json();
    expect(task).toMatchObject({ taskId, status: "completed" });
    expect(await Bun.file(join(folder.path, ".upstash/appendonlydir/appendonly.aof.manifest")).exists()).toBe(
      true,
    );
  });

  test.skipIf(Bun.which("setpriv") === null)(
    "leaves no redis-server behind when it is killed (needs setpriv of util-linux)",
    async () => {
      const { child, redisPort } = await start();
      const connection = ended(redisPort);
      await connection.connected;
      child.kill("SIGKILL");
      await connection.closed;
    },
  );

  test("says in a sentence what is wrong with its port", async () => {
    const taken = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    cleanups.push(() => taken.stop(true));
    for (const [port, said] of [
      [String(taken.port), `The port ${taken.port} is in use`],
      ["many", "--port takes a number"],
    ] as const) {
      const child = spawn("--port", port);
      expect(await child.exited).toBe(1);
      expect(await new Response(child.stderr).text()).toContain(said);
    }
  });
});
