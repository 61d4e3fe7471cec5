/** The Worker in a real workerd on the days an operator calls: half a configuration, a crash, deadlines, full shelves. */

import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { RETENTION_CRON } from "../../src/compose/cron-schedule.ts";
import type { WireError } from "../../src/protocol/error.ts";
import type { WireAccepted, WireTask } from "../../src/protocol/task.ts";
import { ProviderControl } from "../fixture/provider-control.ts";
import { CONTROL_VARIABLE } from "../fixture/remote-provider.ts";
import { pictures } from "../fixture/scripted-provider.ts";
import { ADMIN_KEY, BOOTSTRAP_KEY } from "../fixture/server-process.ts";
import { EventStreamSubscriber } from "../fixture/stream-subscribers.ts";
import { buildWorker, TEST_ENTRY } from "../fixture/worker-build.ts";
import { WorkerProcess, type WorkerVariables } from "../fixture/worker-process.ts";

const ASYNC = "/v1/images/generations/async";
const QUICK = {
  model: "local/canvas",
  prompt: "a small boat",
  size: "64x64",
  provider_options: { steps: 1 },
};
/** A dead worker's tasks are taken over after this, so that a test does not wait for the usual time. */
const SHORT_LEASE = { CONDUITLLM__ENGINE__LEASEMS: "1500", CONDUITLLM__ENGINE__RENEWMS: "500" };
const KILLED_TASKS = 30;
const LEAVING_CLIENTS = 20;
const SLOW_TEST_MS = 30_000;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

beforeAll(() => buildWorker(TEST_ENTRY));

async function start(env: WorkerVariables = {}): Promise<WorkerProcess> {
  const worker = await WorkerProcess.start({ env });
  cleanups.push(() => worker.stop());
  return worker;
}

/** With a provider that waits for the test. */
async function steered(env: WorkerVariables = {}) {
  const control = new ProviderControl();
  cleanups.push(() => control.stop());
  return { control, worker: await start({ [CONTROL_VARIABLE]: control.url, ...env }) };
}

async function accepted(worker: WorkerProcess, body: object = QUICK): Promise<string> {
  const response = await worker.postJson(ASYNC, body);
  expect(response.status).toBe(200);
  return ((await response.json()) as WireAccepted).taskId;
}

async function read(worker: WorkerProcess, id: string): Promise<WireTask> {
  return (await worker.request(`/v1/tasks/${id}`)).json();
}

describe("a Worker whose configuration is incomplete", () => {
  const QSTASH = {
    QSTASH_TOKEN: "t",
    QSTASH_CURRENT_SIGNING_KEY: "sig_current",
    QSTASH_NEXT_SIGNING_KEY: "sig_next",
  };
  test.each<[string, WorkerVariables, string]>([
    [
      "an Upstash address without its token",
      { UPSTASH_REDIS_REST_URL: "https://a.example" },
      "UPSTASH_REDIS_REST_TOKEN",
    ],
    [
      "an Upstash token without its address",
      { UPSTASH_REDIS_REST_TOKEN: "secret-1" },
      "UPSTASH_REDIS_REST_URL",
    ],
    ["a QStash token without signing keys", { QSTASH_TOKEN: "secret-1" }, "QSTASH_CURRENT_SIGNING_KEY"],
    ["one signing key of two", { ...QSTASH, QSTASH_NEXT_SIGNING_KEY: undefined }, "QSTASH_NEXT_SIGNING_KEY"],
    ["QStash without an address to deliver to", QSTASH, "CONDUIT_PUBLIC_URL"],
    [
      "a Redis that Workers cannot reach",
      { CONDUITLLM__REDIS__CONNECTIONSTRING: "redis:6379,password=secret-1" },
      "CONDUITLLM__REDIS__CONNECTIONSTRING",
    ],
    ["no API key", { CONDUIT_BOOTSTRAP_KEY: undefined }, "wrangler secret put CONDUIT_BOOTSTRAP_KEY"],
    ["no admin key", { CONDUIT_ADMIN_KEY: undefined }, "wrangler secret put CONDUIT_ADMIN_KEY"],
  ])("(%s) lives, is not ready, and names on every route what is missing", async (_, env, named) => {
    const worker = await start(env);
    expect((await worker.request("/health/live")).status).toBe(200);
    expect((await worker.request("/health/ready")).status).toBe(503);
    for (const path of ["/health", "/metrics", "/v1/tasks", "/v1/events", "/v1/models", "/admin/v1/keys"]) {
      const response = await worker.request(path, {}, ADMIN_KEY);
      const { error } = (await response.json()) as WireError;
      expect([path, response.status, error.code]).toEqual([path, 503, "overloaded"]);
      expect(error.message).toContain(named);
    }
    for (const path of [ASYNC, "/hubs/tasks/negotiate", "/v1/queue/step"]) {
      const response = await worker.postJson(path, QUICK);
      expect([path, response.status]).toEqual([path, 503]);
      expect(((await response.json()) as WireError).error.message).toContain(named);
    }
    expect(worker.output).not.toContain("secret-1");
  });

  test("works once it is complete, and finds nothing that another store took in meanwhile", async () => {
    const worker = await start({ UPSTASH_REDIS_REST_URL: "https://a.example" });
    expect((await worker.postJson(ASYNC, QUICK)).status).toBe(503);
    await worker.restart({});
    const { data } = (await (await worker.request("/v1/tasks")).json()) as { data: WireTask[] };
    expect(data).toEqual([]);
    await accepted(worker);
  });
});

describe("a Worker whose process is killed", () => {
  test(
    "loses no task: each ends once, and a subscriber goes on where it was",
    async () => {
      const { control, worker } = await steered(SHORT_LEASE);
      const before = await follow(worker);
      const position = await before.position();
      const ids: string[] = [];
      for (let index = 0; index < KILLED_TASKS; index++) ids.push(await accepted(worker));
      const first = await control.callOf(ids[0] ?? "");
      await first.answer(pictures());
      await before.message(({ type, taskId }) => type === "completed" && taskId === ids[0]);
      // The last one has been started as well: everything is under way.
      await control.callOf(ids.at(-1) ?? "");
      await worker.kill();
      await before.ended;
      control.always = () => pictures();
      await worker.restart();
      await untilAllEnded(worker, ids);

      const after = await follow(worker, position);
      for (const id of ids) await after.message(({ type, taskId }) => type === "completed" && taskId === id);
      for (const id of ids) {
        const types = after.messages.filter(({ taskId }) => taskId === id).map(({ type }) => type);
        expect(types.filter((type) => ["completed", "failed", "cancelled"].includes(type))).toEqual([
          "completed",
        ]);
        expect(types[0]).toBe("queued");
      }
    },
    SLOW_TEST_MS,
  );

  test(
    "finishes what its built-in painter was painting, once it runs again",
    async () => {
      const worker = await start(SHORT_LEASE);
      const slow = { ...QUICK, provider_options: { steps: 3, step_ms: 300 } };
      const ids = [await accepted(worker, slow), await accepted(worker, slow)];
      await worker.restart();
      await untilAllEnded(worker, ids);
      for (const id of ids) {
        const task = await read(worker, id);
        expect(task.status).toBe("completed");
        const picture = await fetch(task.result?.images?.[0]?.url ?? "");
        expect([picture.status, picture.headers.get("content-type")]).toEqual([200, "image/png"]);
      }
    },
    SLOW_TEST_MS,
  );

  async function follow(worker: WorkerProcess, after?: string): Promise<EventStreamSubscriber> {
    const options = { key: BOOTSTRAP_KEY, ...(after === undefined ? {} : { after }) };
    const subscriber = await EventStreamSubscriber.open(`${worker.url}/v1/events`, options);
    cleanups.push(() => subscriber.close());
    return subscriber;
  }

  /** Sweeps, as the cron does every minute, until none of these is unfinished. */
  async function untilAllEnded(worker: WorkerProcess, ids: readonly string[]): Promise<void> {
    for (let left = [...ids]; left.length > 0; ) {
      await worker.cron();
      const tasks = await Promise.all(left.map((id) => read(worker, id)));
      left = tasks.filter(({ status }) => ["queued", "running"].includes(status)).map(({ taskId }) => taskId);
    }
  }
});

describe("the cron", () => {
  test("ends what waited too long for its first start", async () => {
    const { control, worker } = await steered({
      CONDUITLLM__IMAGEGENERATION__MAXCONCURRENCY: "1",
      CONDUITLLM__QUEUE__MAXWAITSECONDS: "0.1",
    });
    const busy = await accepted(worker);
    await control.callOf(busy);
    const waiting = await accepted(worker);
    let task = await read(worker, waiting);
    while (task.status === "queued") {
      await worker.cron();
      task = await read(worker, waiting);
    }
    expect(task).toMatchObject({ status: "failed", errorCode: "timeout" });
    expect(control.calls.map(({ job }) => job.taskId)).toEqual([busy]);
  });

  test("of every hour removes what is older than the retention, media included", async () => {
    const worker = await start({
      CONDUITLLM__RETENTION__TASKSDAYS: "0.00001",
      CONDUITLLM__RETENTION__MEDIADAYS: "0.00001",
      CONDUITLLM__RETENTION__EVENTSHOURS: "0.0002",
    });
    const response = await worker.postJson(ASYNC, QUICK, { prefer: "wait=20" });
    const task = (await response.json()) as WireTask;
    const picture = task.result?.images?.[0]?.url ?? "";
    expect((await fetch(picture)).status).toBe(200);
    while (
      (await worker.request(`/v1/tasks/${task.taskId}`)).status !== 404 ||
      (await gone(picture)) === false
    ) {
      await worker.cron(RETENTION_CRON);
    }
  });

  async function gone(url: string): Promise<boolean> {
    const { status, body } = await fetch(url);
    await body?.cancel();
    return status === 404;
  }
});

describe("clients that leave in the middle of their streams", () => {
  test("disturb neither the others nor the log", async () => {
    const { control, worker } = await steered();
    const id = await accepted(worker);
    const url = `${worker.url}/v1/tasks/${id}/events`;
    const open = () => EventStreamSubscriber.open(url, { key: BOOTSTRAP_KEY });
    const leavers = await Promise.all(Array.from({ length: LEAVING_CLIENTS }, open));
    const stayer = await open();
    for (const leaver of leavers) {
      await leaver.message(({ type }) => type === "snapshot");
      leaver.close();
    }
    const call = await control.callOf(id);
    await call.progress(50);
    await stayer.message(({ progress }) => progress === 50);
    await call.answer(pictures());
    expect(await stayer.ended).toBeNull();
    expect(stayer.messages.at(-1)).toMatchObject({ type: "completed", taskId: id });
    expect(worker.logLines.filter(({ level }) => level === "error")).toEqual([]);
    expect(worker.output).not.toContain("Uncaught");
  });
});
