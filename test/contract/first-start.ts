/**
 * What a person meets who starts the program for the first time, stops it, starts it again, or starts it wrongly,
 * under whatever runtime.
 */

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { WireAccepted, WireTask } from "../../src/protocol/task.ts";
import { EventSourceClient } from "../fixture/event-source.ts";
import { type ServerOptions, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";

/** Nobody has given keys: they are made. */
const WITHOUT_KEYS = { CONDUIT_BOOTSTRAP_KEY: undefined, CONDUIT_ADMIN_KEY: undefined };
const SLOW = {
  model: "local/canvas",
  prompt: "a long day",
  size: "64x64",
  provider_options: { steps: 2, step_ms: 60_000 },
};
/** A start takes half a second, several times that on a busy machine; some tests make two. */
const LIMIT_MS = 20_000;

/** `command` starts the program; default: under Bun. */
export function firstStartContract({ name, command }: { name: string; command?: readonly string[] }): void {
  const program = command === undefined ? {} : { command };

  describe(`the program ${name}`, { timeout: LIMIT_MS }, () => {
    const cleanups: (() => Promise<unknown>)[] = [];

    afterEach(async () => {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    });

    async function folder(): Promise<string> {
      const { path, remove } = await temporaryFolder();
      cleanups.push(remove);
      return path;
    }

    async function start(options: ServerOptions): Promise<ServerProcess> {
      const server = await ServerProcess.start({ ...program, ...options });
      cleanups.push(() => server.kill());
      return server;
    }

    function startInVain(options: ServerOptions): Promise<{ code: number; output: string }> {
      return ServerProcess.startInVain({ ...program, ...options });
    }

    /** The keys as the file says, which a start without a terminal names. */
    async function keysInFile(server: ServerProcess, dataDir: string) {
      const [, file = ""] = await server.printed(/API key +bootstrapKey in (.+)$/m);
      await server.printed(/Admin key +adminKey in .+$/m);
      expect(file).toBe(join(dataDir, "keys.json"));
      const { bootstrapKey, adminKey } = JSON.parse(readFileSync(file, "utf8"));
      return { api: String(bootstrapKey), admin: String(adminKey) };
    }

    async function keysOnBanner(server: ServerProcess) {
      const [, api = ""] = await server.printed(/API key +(condt_\w+)$/m);
      const [, admin = ""] = await server.printed(/Admin key +(cadm_\w+)$/m);
      return { api, admin };
    }

    describe("a first start", () => {
      test("prints the address and where both keys are, which work, and keeps them for the next start", async () => {
        const dataDir = await folder();
        const server = await start({ dataDir, env: WITHOUT_KEYS });
        await server.printed(new RegExp(`listening on ${server.url}$`, "m"));
        const keys = await keysInFile(server, dataDir);
        expect((await server.request("/v1/models", {}, keys.api)).status).toBe(200);
        expect((await server.request("/admin/v1/keys", {}, keys.admin)).status).toBe(200);
        expect(statSync(join(dataDir, "keys.json")).mode & 0o777).toBe(0o600);
        expect(JSON.parse(readFileSync(join(dataDir, "keys.json"), "utf8"))).toEqual({
          bootstrapKey: keys.api,
          adminKey: keys.admin,
        });
        expect(await server.stop()).toBe(0);
        expect(server.output).not.toContain(keys.api);
        expect(server.output).not.toContain(keys.admin);

        const second = await start({ dataDir, env: WITHOUT_KEYS, terminal: true });
        expect(await keysOnBanner(second)).toEqual(keys);
        expect((await second.request("/v1/models", {}, keys.api)).status).toBe(200);
      });

      test("prints lines that paint a picture and follow it when they are pasted into a shell", async () => {
        const server = await start({ dataDir: await folder(), env: WITHOUT_KEYS, terminal: true });
        const keys = await keysOnBanner(server);
        const [follow = ""] = await server.printed(/^ +curl -N .*\/v1\/events .*$/m);
        const [paint = ""] = await server.printed(/^ +curl -s .*\/async .*$/m);
        const following = Bun.spawn(["sh", "-c", `exec ${follow.trim()}`], {
          stdout: "pipe",
          stderr: "ignore",
        });
        cleanups.push(async () => following.kill());
        const told = following.stdout.getReader();
        let text = await readUntil(told, "id: ", "");

        const painting = Bun.spawn(["sh", "-c", paint], { stdout: "pipe" });
        const accepted: WireAccepted = await new Response(painting.stdout).json();
        expect(await painting.exited).toBe(0);
        text = await readUntil(told, "event: completed", text);
        expect(text).toContain(accepted.taskId);
        const task: WireTask = await (await server.request(accepted.statusUrl, {}, keys.api)).json();
        const picture = await fetch(task.result?.images?.[0]?.url ?? "");
        expect(picture.headers.get("content-type")).toBe("image/png");
      });

      test("repeats no key that the operator gave", async () => {
        const dataDir = await folder();
        const server = await start({ dataDir, terminal: true });
        await server.printed(/Stop with Ctrl-C/);
        await server.stop();
        expect(server.output).not.toMatch(/condt_b{43}|admin_a{43}/);
        expect(() => statSync(join(dataDir, "keys.json"))).toThrow("ENOENT");
      });
    });

    describe.each(["SIGINT", "SIGTERM"] as const)("a stop by %s", (signal) => {
      test("ends cleanly with a stream open and a task running, which goes on at the next start", async () => {
        const dataDir = await folder();
        const env = { CONDUITLLM__ENGINE__SHUTDOWNMS: "100" };
        const server = await start({ dataDir, env });
        const { taskId }: WireAccepted = await (
          await server.postJson("/v1/images/generations/async", SLOW)
        ).json();
        const progressed = Promise.withResolvers<void>();
        const stream = await server.request(`/v1/tasks/${taskId}/events`);
        const subscriber = new EventSourceClient({
          open: async () => stream,
          onEvent: ({ type }) => type === "progress" && progressed.resolve(),
        });
        await progressed.promise;
        subscriber.close();
        const open = await server.request("/v1/events");

        expect(await server.stop(signal)).toBe(0);
        await open.text();
        expect(server.logLines.map(({ msg }) => msg)).toEqual(
          expect.arrayContaining(["stopping", "stopped"]),
        );
        expect(server.logLines.filter(({ level }) => level === "error")).toEqual([]);

        const second = await start({ dataDir, env });
        const task: WireTask = await (await second.request(`/v1/tasks/${taskId}`)).json();
        expect(task).toMatchObject({ status: "running", attempt: 1 });
        const cancelled = await second.request(`/v1/tasks/${taskId}`, { method: "DELETE" });
        expect(await cancelled.json()).toMatchObject({ status: "cancelled" });
      });
    });

    describe("a stop with nobody connected", () => {
      /** Alone on a connection of its own, so that none is left. */
      const alone = { connection: "close" };

      async function withTask(stepMs: number, shutdownMs: number) {
        const dataDir = await folder();
        const server = await start({ dataDir, env: { CONDUITLLM__ENGINE__SHUTDOWNMS: String(shutdownMs) } });
        const body = { ...SLOW, provider_options: { steps: 1, step_ms: stepMs } };
        const created = await server.postJson("/v1/images/generations/async", body, alone);
        const { taskId }: WireAccepted = await created.json();
        for (;;) {
          const task = await server.request(`/v1/tasks/${taskId}`, { headers: alone });
          if (((await task.json()) as WireTask).status === "running") return { dataDir, server, taskId };
        }
      }

      test("finishes the work first, however often the group is told within a moment", async () => {
        const { dataDir, server, taskId } = await withTask(700, 10_000);
        server.signal("SIGTERM");
        server.signal("SIGTERM");
        expect(await server.stop("SIGTERM")).toBe(0);
        expect(server.logLines.map(({ msg }) => msg)).toEqual(
          expect.arrayContaining(["stopping", "stopped"]),
        );
        const second = await start({ dataDir });
        const task: WireTask = await (await second.request(`/v1/tasks/${taskId}`)).json();
        expect(task).toMatchObject({ status: "completed", attempt: 1 });
      });

      test("ends at once when it is told again later, or otherwise", async () => {
        const [later, otherwise] = [await withTask(60_000, 60_000), await withTask(60_000, 60_000)];
        otherwise.server.signal("SIGTERM");
        await otherwise.server.printed(/"stopping"/);
        expect(await otherwise.server.stop("SIGINT")).toBe(130);
        later.server.signal("SIGTERM");
        await later.server.printed(/"stopping"/);
        await new Promise((resolve) => setTimeout(resolve, 2_100));
        expect(await later.server.stop("SIGTERM")).toBe(143);
      });
    });

    describe("a start with arguments", () => {
      test("prints help or the version and ends, and makes nothing", async () => {
        const dataDir = await folder();
        const help = await startInVain({ dataDir, args: ["--help"], env: WITHOUT_KEYS });
        expect(help).toMatchObject({ code: 0, output: expect.stringContaining("CONDUIT_DATA_DIR") });
        const version = await startInVain({ dataDir, args: ["--version"], env: WITHOUT_KEYS });
        expect(version).toMatchObject({
          code: 0,
          output: expect.stringMatching(/^Conduit \d+\.\d+\.\d+(-dev)?\n$/),
        });
        expect(readdirSync(dataDir)).toEqual([]);
      });

      test("that are none of its own is refused", async () => {
        const dataDir = await folder();
        const { code, output } = await startInVain({ dataDir, args: ["--port", "9000"] });
        expect(code).toBe(2);
        expect(output).toMatch(/^"--port" .*PORT=9000/);
        expect(readdirSync(dataDir)).toEqual([]);
      });
    });

    test("a start that listens beyond this machine says so", async () => {
      const server = await start({ dataDir: await folder(), env: { HOST: "0.0.0.0" } });
      await server.printed(
        /every address of this machine \(HOST=0\.0\.0\.0\), port \d+; from here http:\/\/127\.0\.0\.1:/,
      );
      await server.printed(/Other machines can reach it/);
      expect(server.logLines.find(({ msg }) => msg === "listening")).toMatchObject({
        host: "0.0.0.0",
        beyondLoopback: true,
      });
    });

    describe("a start that cannot be", () => {
      test("on a data directory that another process owns ends with its pid and what to do", async () => {
        const dataDir = await folder();
        const owner = await start({ dataDir });
        const { code, output } = await startInVain({ dataDir });
        expect(code).toBe(1);
        expect(output).toContain(`in use by process ${owner.pid}`);
        expect(output).toContain("CONDUIT_DATA_DIR");
        expect((await owner.request("/v1/models")).status).toBe(200);
      });

      test("on a port that is taken says so, and leaves the data directory free", async () => {
        const owner = await start({ dataDir: await folder() });
        const dataDir = await folder();
        const { code, output } = await startInVain({
          dataDir,
          env: { PORT: new URL(owner.url).port },
        });
        expect(code).toBe(1);
        expect(output).toContain(`The port is in use (127.0.0.1:${new URL(owner.url).port})`);
        expect(output).not.toContain("    at ");
        await start({ dataDir });
      });

      test("on an address that is not this machine's names HOST", async () => {
        // An address kept for documentation (RFC 5737): no machine has it, and no resolver is asked.
        const env = { HOST: "203.0.113.1" };
        const { code, output } = await startInVain({ dataDir: await folder(), env });
        expect(code).toBe(1);
        expect(output).toMatch(/HOST.*203\.0\.113\.1/s);
        expect(output).not.toContain("    at ");
      });

      test("with a wrong setting names it, what was expected and what came", async () => {
        const { code, output } = await startInVain({
          dataDir: await folder(),
          env: { CONDUITLLM__IMAGEGENERATION__MAXCONCURRENCY: "many" },
        });
        expect(code).toBe(1);
        expect(output).toMatch(/imageGeneration\.maxConcurrency|CONDUITLLM__IMAGEGENERATION__MAXCONCURRENCY/);
        expect(output).toContain("many");
        expect(output).not.toContain("    at ");
      });

      test("on a database that is none ends with a message and not a stack", async () => {
        const dataDir = await folder();
        await Bun.write(join(dataDir, "conduit.db"), "this is a letter, and no database at all".repeat(200));
        const { code, output } = await startInVain({ dataDir });
        expect(code).toBe(1);
        expect(output).toContain("conduit.db");
        expect(output).not.toContain("    at ");
      });
    });
  });
}

async function readUntil(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  wanted: string,
  before: string,
): Promise<string> {
  let text = before;
  const decoder = new TextDecoder();
  while (!text.includes(wanted)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`${wanted} did not come:\n${text}`);
    text += decoder.decode(value, { stream: true });
  }
  return text;
}
