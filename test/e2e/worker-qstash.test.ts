/**
 * The Worker in a real workerd whose steps are run by QStash's deliveries, and by nothing else: over its own Durable
 * Object, and over Upstash's REST interface.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TERMINAL_STATUSES } from "../../src/protocol/task.ts";
import { systemClock } from "../../src/tasks/ports/clock.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { ProviderControl } from "../fixture/provider-control.ts";
import { Faults, NO_FAULTS } from "../fixture/qstash/faults.ts";
import { type QStashServer, startQStash } from "../fixture/qstash/server.ts";
import { signDelivery } from "../fixture/qstash/signing.ts";
import { RedisServer } from "../fixture/redis-server.ts";
import { CONTROL_VARIABLE } from "../fixture/remote-provider.ts";
import { pictures } from "../fixture/scripted-provider.ts";
import { ADMIN_KEY } from "../fixture/server-process.ts";
import { UpstashFront } from "../fixture/upstash-front.ts";
import { WorkerProcess } from "../fixture/worker-process.ts";

const TOKEN = "token-of-the-tests";
const KEYS = { current: "sig_current_of_the_tests", next: "sig_next_of_the_tests" };
/** The queue's waits are this much shorter than life: minutes of backoff pass in seconds. */
const HASTE = 50;
const MAX_HELD = 4;
const TASKS = 60;

/** A store besides the Worker's own. */
type OutsideStore = { variables: Record<string, string>; commands(): number; stop(): Promise<void> };

let control: ProviderControl;
let qstash: QStashServer;
let worker: WorkerProcess;
let store: OutsideStore | null;
let faults: Faults;

async function open(openStore: () => Promise<OutsideStore | null>): Promise<void> {
  faults = new Faults(11, NO_FAULTS);
  store = await openStore();
  control = new ProviderControl();
  control.always = () => pictures();
  qstash = startQStash({
    token: TOKEN,
    keys: KEYS,
    clock: { ...systemClock, after: (ms, callback) => systemClock.after(ms / HASTE, callback) },
    faults,
  });
  worker = await WorkerProcess.start({
    env: (url) => ({
      ...qstash.variables(url),
      ...store?.variables,
      [CONTROL_VARIABLE]: control.url,
      CONDUITLLM__IMAGEGENERATION__MAXCONCURRENCY: String(MAX_HELD),
      CONDUITLLM__ENGINE__LEASEMS: "2000",
      CONDUITLLM__ENGINE__RENEWMS: "500",
    }),
  });
}

async function close(): Promise<void> {
  await worker.stop();
  await qstash.stop();
  await control.stop();
  await store?.stop();
}

async function openUpstash(): Promise<OutsideStore> {
  const server = await RedisServer.start();
  const front = await UpstashFront.start(server.connection);
  return {
    variables: { UPSTASH_REDIS_REST_URL: front.url, UPSTASH_REDIS_REST_TOKEN: front.token },
    commands: () => front.commands,
    async stop() {
      await front.stop();
      await server.stop();
    },
  };
}

describe("the Worker with QStash over its Durable Object", { timeout: 60_000 }, () => {
  suite(async () => null);
});

describeWithRedis("the Worker with QStash over Upstash", () => {
  describe("in workerd", { timeout: 60_000 }, () => suite(openUpstash));
});

function suite(openStore: () => Promise<OutsideStore | null>): void {
  beforeAll(() => open(openStore));
  afterAll(close);

  test("runs a task by one delivery, with four commands of the store where each costs money", async () => {
    // The first one also looks up the key and hands the store its scripts.
    await counted();
    expect(await counted()).toEqual({ messages: 1, deliveries: 1, commands: store === null ? 0 : 4 });
    expect(await queueHealth()).toMatchObject({ status: "ok", kind: "QStash" });
  });

  test("takes deliveries signed with the key that is not the current one yet", async () => {
    expect((await deliver(sign(KEYS.next))).status).toBe(204);
  });

  test.each([
    ["no signature", () => null],
    ["another region's key", () => sign("sig_of_another_region")],
    ["a signature that has run out", () => sign(KEYS.current, -600)],
    ["a signature of the future", () => sign(KEYS.current, 600)],
    ["a signature for another address", () => sign(KEYS.current, 0, "https://another.example")],
  ])("refuses a delivery with %s", async (_name, signature) => {
    const response = await deliver(signature());
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error: { code: "invalid_signature" } });
  });

  test("refuses a delivery that is repeated", async () => {
    const signature = sign(KEYS.current);
    expect((await deliver(signature)).status).toBe(204);
    expect((await deliver(signature)).status).toBe(401);
  });

  test("refuses for good what is no ring", async () => {
    const response = await deliver(sign(KEYS.current, 0, worker.url, "{}"), "{}");
    expect(response.status).toBe(489);
    expect(response.headers.get("upstash-nonretryable-error")).toBe("true");
  });

  test(`ends ${TASKS} tasks once each while messages are doubled, swapped, late and lost, and the cron sweeps`, async () => {
    faults.rates = { duplicate: 0.25, drop: 0.15, late: 0.25, swap: 0.25 };
    const tasks = await Promise.all(Array.from({ length: TASKS }, submit));
    const statuses = await sweeping(() => Promise.all(tasks.map(ended)));
    faults.rates = NO_FAULTS;
    const lost = statuses.filter((status) => status !== "completed").length;
    const terminals = await Promise.all(tasks.map(terminalEvents));
    const doubled = terminals.filter((count) => count !== 1).length;
    const submits = new Map<string, number>();
    for (const { job } of control.calls) submits.set(job.taskId, (submits.get(job.taskId) ?? 0) + 1);
    const paidTwice = tasks.filter((taskId) => (submits.get(taskId) ?? 0) > 1).length;
    console.info(JSON.stringify({ tasks: TASKS, lost, doubled, paidTwice, ...qstash.emulator.counts }));
    expect({ lost, doubled, paidTwice }).toEqual({ lost: 0, doubled: 0, paidTwice: 0 });
    expect(control.mostOpen).toBeLessThanOrEqual(MAX_HELD);
  });

  test("goes on with tasks whose Worker died in the midst of their steps", async () => {
    control.always = null;
    const tasks = await Promise.all(Array.from({ length: 12 }, submit));
    await control.until(() => (control.open === MAX_HELD ? true : undefined));
    await worker.kill();
    control.always = () => pictures();
    await worker.restart();
    const statuses = await sweeping(() => Promise.all(tasks.map(ended)));
    expect(statuses).toEqual(tasks.map(() => "completed"));
    expect(await Promise.all(tasks.map(terminalEvents))).toEqual(tasks.map(() => 1));
  });

  test("accepts tasks while QStash is away, says so in its health, and finds them when it is back", async () => {
    qstash.api.trouble = { kind: "refuse", status: 503, times: 1_000 };
    const task = await submit();
    await expect.poll(async () => (await queueHealth()).status).toBe("degraded");
    expect((await queueHealth()).detail).toContain("rings cannot be sent since");
    qstash.api.trouble = null;
    await worker.cron();
    expect(await ended(task)).toBe("completed");
    expect(worker.output).not.toContain(TOKEN);
    expect(worker.output).not.toContain("sig_");
  });
}

/** What a task costs that nobody follows: messages, deliveries, and create, claim, complete and a look at what is due. */
async function counted() {
  const { published, deliveries, delivered } = qstash.emulator.counts;
  const commands = store?.commands() ?? 0;
  await submit();
  await expect.poll(() => qstash.emulator.counts.delivered).toBe(delivered + 1);
  return {
    messages: qstash.emulator.counts.published - published,
    deliveries: qstash.emulator.counts.deliveries - deliveries,
    commands: (store?.commands() ?? 0) - commands,
  };
}

/** Runs the cron every second meanwhile, as the platform does every minute. */
async function sweeping<T>(work: () => Promise<T>): Promise<T> {
  const sweeps: Promise<void>[] = [];
  const timer = setInterval(() => sweeps.push(worker.cron()), 1_000);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await Promise.all(sweeps);
  }
}

async function submit(): Promise<string> {
  const body = { prompt: "a lake", model: "local/canvas" };
  const response = await worker.postJson("/v1/images/generations/async", body);
  expect(response.status).toBe(200);
  return ((await response.json()) as { taskId: string }).taskId;
}

/** How a task's stream ends, once it does. */
async function ended(taskId: string): Promise<string> {
  return (await eventTypes(`/v1/tasks/${taskId}/events`)).at(-1)?.type ?? "nothing came";
}

/** How often a task's log, read from its beginning, says that it ended. */
async function terminalEvents(taskId: string): Promise<number> {
  const [snapshot] = await eventTypes(`/v1/tasks/${taskId}/events`);
  const beginning = snapshot?.id.replace(/\d+$/, "0");
  const events = await eventTypes(`/v1/tasks/${taskId}/events?after=${beginning}`);
  expect(events[0]?.type).toBe("queued");
  return events.filter(({ type }) => TERMINAL_STATUSES.some((status) => status === type)).length;
}

/** The events of a stream that ends by itself; a snapshot counts as what it shows. */
async function eventTypes(path: string): Promise<{ id: string; type: string }[]> {
  const text = await (await worker.request(path)).text();
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => {
    const event = JSON.parse(data ?? "") as { id: string; type: string; task?: { status: string } };
    return { id: event.id, type: event.task?.status ?? event.type };
  });
}

async function queueHealth(): Promise<Record<string, unknown>> {
  const response = await worker.request("/health", {}, ADMIN_KEY);
  return ((await response.json()) as { parts: { queue: Record<string, unknown> } }).parts.queue;
}

const RING = JSON.stringify({ lane: "image", taskId: "nobody-knows-it", step: 0, again: 0 });

function sign(key: string, seconds = 0, base = worker.url, body = RING): string {
  return signDelivery(key, `${base}/v1/queue/step`, body, Date.now() + seconds * 1_000);
}

function deliver(signature: string | null, body = RING): Promise<Response> {
  return fetch(`${worker.url}/v1/queue/step`, {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      ...(signature === null ? {} : { "upstash-signature": signature }),
    },
  });
}
