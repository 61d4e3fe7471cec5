/**
 * The started program on bad days, under whatever runtime: no room on the disk, a locked database, clients that
 * misbehave on purpose.
 */

import { Database } from "bun:sqlite";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { WireError } from "../../src/protocol/error.ts";
import type { WireAccepted, WireTask } from "../../src/protocol/task.ts";
import { EventSourceClient } from "../fixture/event-source.ts";
import { readPng } from "../fixture/png-reader.ts";
import { RawClient } from "../fixture/raw-client.ts";
import { BOOTSTRAP_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";

const ASYNC = "/v1/images/generations/async";
const QUICK = {
  model: "local/canvas",
  prompt: "a small boat",
  size: "64x64",
  provider_options: { steps: 1 },
};
/** Long enough to be under way while a test breaks something. */
const STEPS = { ...QUICK, provider_options: { steps: 3, step_ms: 200 } };

/** A start takes half a second, several times that on a busy machine. */
const LIMIT_MS = 20_000;
/** A store that was away is asked again after a second, a few times at most. */
const OUTAGE_TIMEOUT_MS = 60_000;

const hasPrlimit = Bun.which("prlimit") !== null;

const cleanups: (() => unknown)[] = [];

/** `command` starts the program; default: under Bun. */
export function badDaysContract({ name, command }: { name: string; command?: readonly string[] }): void {
  const program = command === undefined ? {} : { command };

  describe(`the program ${name}, on bad days`, { timeout: LIMIT_MS }, () => {
    afterEach(async () => {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    });

    async function start(
      env: Record<string, string> = {},
    ): Promise<{ server: ServerProcess; dataDir: string }> {
      const folder = await temporaryFolder();
      cleanups.push(folder.remove);
      const server = await ServerProcess.start({ dataDir: folder.path, env, ...program });
      cleanups.push(() => server.kill());
      return { server, dataDir: folder.path };
    }

    describe.skipIf(!hasPrlimit)("a disk that takes nothing (needs prlimit of util-linux)", () => {
      test("refuses what cannot be kept, goes on reading, and forgets the refused for good", async () => {
        const { server } = await start();
        const before = await ended(server, await accepted(server, QUICK));
        const headers = { "idempotency-key": "while-full" };
        limitFiles(server, "0");
        await expectRefusal(await server.postJson(ASYNC, QUICK, headers));
        await expectRefusal(await server.postJson("/v1/images/generations", QUICK));
        expect((await server.request(`/v1/tasks/${before.taskId}`)).status).toBe(200);
        expect((await fetch(before.result?.images?.[0]?.url ?? "")).status).toBe(200);

        limitFiles(server, "unlimited");
        const again = await server.postJson(ASYNC, QUICK, headers);
        expect(again.headers.get("idempotent-replayed")).toBeNull();
        const task = await ended(server, await again.json());
        await expectOnePicture(task);
        const list: { data: WireTask[] } = await (await server.request("/v1/tasks")).json();
        expect(list.data.map(({ taskId }) => taskId)).toEqual([task.taskId, before.taskId]);
      });

      test(
        "delays a task that is under way, which then ends with its picture and one attempt",
        async () => {
          const { server } = await start();
          const task = await accepted(server, STEPS);
          await told(server, task.taskId, "progress");
          limitFiles(server, "0");
          await server.printed(/could not be stored/);
          limitFiles(server, "unlimited");
          const end = await ended(server, task);
          await expectOnePicture(end);
          expect(end.attempt).toBe(1);
        },
        OUTAGE_TIMEOUT_MS,
      );
    });

    describe("a database that another process has locked", () => {
      test(
        "refuses for as long as that lasts, and nothing that was accepted is lost",
        async () => {
          const { server, dataDir } = await start();
          const task = await accepted(server, STEPS);
          await told(server, task.taskId, "progress");
          const other = new Database(join(dataDir, "conduit.db"));
          cleanups.push(() => other.close());
          other.run("PRAGMA busy_timeout = 10000");
          other.run("BEGIN IMMEDIATE");
          await expectRefusal(await server.postJson(ASYNC, QUICK));
          // Reading needs no lock.
          expect((await server.request(`/v1/tasks/${task.taskId}`)).status).toBe(200);
          await server.printed(/could not be stored/);
          other.run("ROLLBACK");
          await expectOnePicture(await ended(server, task));
          await expectOnePicture(await ended(server, await accepted(server, QUICK)));
        },
        OUTAGE_TIMEOUT_MS,
      );
    });

    describe("clients that do not speak HTTP", () => {
      const HEAD = `Host: x\r\nAuthorization: Bearer ${BOOTSTRAP_KEY}\r\nContent-Type: application/json\r\n`;
      const MALFORMED: Readonly<Record<string, string | Uint8Array>> = {
        "random bytes": Uint8Array.from({ length: 4096 }, (_, index) => (index * 197 + 31) & 0xff),
        "a TLS hello": Uint8Array.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]),
        "no version": "GET /v1/models\r\n\r\n",
        "no Host": "GET /v1/models HTTP/1.1\r\n\r\n",
        "a Host that is none": "GET /health/live HTTP/1.1\r\nHost: [::1\r\n\r\n",
        "a control character in the path": "GET /v1/\u0001\u0000 HTTP/1.1\r\nHost: x\r\n\r\n",
        "a header without a colon": "GET / HTTP/1.1\r\nHost: x\r\nwhat is this\r\n\r\n",
        "a megabyte of header": `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${"a".repeat(1_048_576)}\r\n\r\n`,
        "ten thousand headers": `GET / HTTP/1.1\r\nHost: x\r\n${"a: b\r\n".repeat(10_000)}\r\n`,
        "a path of a megabyte": `GET /${"a".repeat(1_048_576)} HTTP/1.1\r\nHost: x\r\n\r\n`,
        "a negative length": `POST ${ASYNC} HTTP/1.1\r\n${HEAD}Content-Length: -5\r\n\r\nhello`,
        "two lengths": `POST ${ASYNC} HTTP/1.1\r\n${HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
        "a length and chunks": `POST ${ASYNC} HTTP/1.1\r\n${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
        "a chunk whose size is no number": `POST ${ASYNC} HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n`,
        "a chunk of 2^60 bytes": `POST ${ASYNC} HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n1000000000000000\r\nx`,
        "a body that breaks off": `POST ${ASYNC} HTTP/1.1\r\n${HEAD}Content-Length: 100\r\n\r\n{"prompt":`,
        "half a WebSocket handshake": `GET /v1/events HTTP/1.1\r\n${HEAD}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
        "a WebSocket handshake with a key that is none": `GET /v1/events HTTP/1.1\r\n${HEAD}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n`,
        "HTTP/2 without asking": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "an absolute address": "GET http://169.254.169.254/latest/meta-data HTTP/1.1\r\nHost: x\r\n\r\n",
      };

      test("get an error or a closed connection, store nothing and disturb nobody", async () => {
        const { server } = await start();
        const outcomes: Record<string, number | "closed"> = {};
        for (const [name, bytes] of Object.entries(MALFORMED)) {
          const client = await RawClient.send(server.url, bytes);
          client.end();
          const status = /^HTTP\/1\.1 (\d{3})/.exec(await client.answer)?.[1];
          outcomes[name] = status === undefined ? "closed" : Number(status);
          expect((await server.request("/health/live")).status, name).toBe(200);
        }
        // 501 and 505 are right for what nobody speaks here; 500 and 503 never are.
        for (const [name, outcome] of Object.entries(outcomes))
          if (outcome !== 501 && outcome !== 505 && outcome !== "closed")
            expect(outcome, name).toBeLessThan(500);
        const list: { data: WireTask[] } = await (await server.request("/v1/tasks")).json();
        expect(list.data).toEqual([]);
        expect(server.logLines.filter(({ level }) => level === "error")).toEqual([]);
      });

      test("hold up nobody by requests they never finish", async () => {
        const { server } = await start();
        const halves = [
          "GET /v1/models HTTP/1.1\r\nHost: x\r\nX-Slow: ",
          `POST ${ASYNC} HTTP/1.1\r\n${HEAD}Content-Length: 1000\r\n\r\n{`,
          "GE",
        ];
        for (let index = 0; index < 300; index++) {
          const client = await RawClient.send(server.url, halves[index % halves.length] ?? "");
          cleanups.push(() => client.destroy());
        }
        await expectOnePicture(await ended(server, await accepted(server, QUICK)));
        expect(await server.stop()).toBe(0);
      });
    });

    describe("subscribers that never read", () => {
      test("hold up neither other subscribers, nor the work, nor the end", async () => {
        const { server } = await start({
          CONDUITLLM__EVENTS__SLOWBYTES: "1024",
          CONDUITLLM__EVENTS__SLOWCLOSEMS: "50",
          CONDUITLLM__EVENTS__SLOWSWEEPMS: "10",
        });
        const stuck: RawClient[] = [];
        for (let index = 0; index < 50; index++) {
          const upgrade =
            index % 2 === 0
              ? ""
              : "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
          const client = await RawClient.send(
            server.url,
            `GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${BOOTSTRAP_KEY}\r\n${upgrade}\r\n`,
          );
          client.stopReading();
          stuck.push(client);
          cleanups.push(() => client.destroy());
        }
        const tasks: WireAccepted[] = [];
        for (let index = 0; index < 20; index++) tasks.push(await accepted(server, QUICK));
        for (const task of tasks) await expectOnePicture(await ended(server, task));
        expect(await server.stop()).toBe(0);
      });
    });
  });
}

async function accepted(server: ServerProcess, body: object, headers: Record<string, string> = {}) {
  const response = await server.postJson(ASYNC, body, headers);
  expect(response.status).toBe(200);
  return (await response.json()) as WireAccepted;
}

/** Follows a task to its end and reads it. */
async function ended(server: ServerProcess, { taskId }: WireAccepted): Promise<WireTask> {
  const source = new EventSourceClient({
    reconnectMs: 1,
    open: (headers, signal) => server.request(`/v1/tasks/${taskId}/events`, { headers, signal }),
  });
  cleanups.push(() => source.close());
  expect(await source.closed).toBe(204);
  return (await server.request(`/v1/tasks/${taskId}`)).json();
}

/** Resolves at the first event of this type. */
function told(server: ServerProcess, taskId: string, wanted: string): Promise<void> {
  return new Promise((resolve) => {
    const source = new EventSourceClient({
      open: (headers, signal) => server.request(`/v1/tasks/${taskId}/events`, { headers, signal }),
      onEvent: ({ type }) => {
        if (type !== wanted) return;
        source.close();
        resolve();
      },
    });
    cleanups.push(() => source.close());
  });
}

async function expectRefusal(response: Response): Promise<void> {
  expect(response.status).toBe(503);
  const { error }: WireError = await response.json();
  expect(error).toMatchObject({ type: "server_error", code: "overloaded", param: null });
  expect(error.requestId).toBe(response.headers.get("x-request-id"));
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(error.message).not.toMatch(/sqlite|\/tmp|conduit\.db/i);
}

async function expectOnePicture(task: WireTask): Promise<void> {
  expect(task).toMatchObject({ status: "completed" });
  const picture = await fetch(task.result?.images?.[0]?.url ?? "");
  expect(readPng(await picture.bytes()).width).toBe(64);
}

/** `0` lets no file of the process grow or change; it is what a full disk looks like to it. */
function limitFiles(server: ServerProcess, bytes: "0" | "unlimited"): void {
  const { exitCode } = Bun.spawnSync(["prlimit", "--pid", String(server.pid), `--fsize=${bytes}:unlimited`]);
  expect(exitCode).toBe(0);
}
