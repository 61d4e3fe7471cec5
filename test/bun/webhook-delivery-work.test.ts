/** Sending webhooks over days and over real sockets: tries, rests, a sender that dies, names that lead inside. */

import http, { type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import OpenAI from "openai";
import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createGuardedFetch } from "../../src/fetch/guarded-fetch.ts";
import type { Transport } from "../../src/fetch/transport.ts";
import { openSqliteFile } from "../../src/runtime/bun/sqlite-file.ts";
import { createNodeTransport, type ResolvedAddress } from "../../src/runtime/process/node-transport.ts";
import { createSqliteStore, type SqliteStore } from "../../src/stores/sqlite/store.ts";
import { WorkRunner } from "../../src/tasks/engine/due-work/runner.ts";
import { systemClock } from "../../src/tasks/ports/clock.ts";
import type { Task } from "../../src/tasks/task.ts";
import type { Delivery } from "../../src/webhooks/delivery-store.ts";
import { createDeliveryWork } from "../../src/webhooks/delivery-work.ts";
import { KeySecrets, makeSecret } from "../../src/webhooks/secrets.ts";
import { Bench, scopeOf } from "../contract/store-harness.ts";
import { ManualClock, settled } from "../fixture/manual-clock.ts";
import { recordingLog } from "../fixture/recording-log.ts";
import { answer, hang } from "../fixture/scripted-transport.ts";
import { WebhookReceiver } from "../fixture/webhook-receiver.ts";

const DAY_MS = 24 * 3_600_000;
const LEASE_MS = 9_000;
const POLICY = { allowHttp: true, allowedHosts: new Set<string>() };
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

let clock: ManualClock;
let store: SqliteStore;
let bench: Bench;
let log: ReturnType<typeof recordingLog>;
beforeEach(async () => {
  clock = new ManualClock();
  log = recordingLog();
  store = createSqliteStore({ database: openSqliteFile(":memory:"), now: () => clock.now() });
  cleanups.push(() => store.close());
  const tested = { store, now: () => clock.now(), advance: () => {}, dispose: () => store.close() };
  bench = await Bench.open({ name: "SQLite", open: async () => tested });
});

const wireContext = { publicUrl: "https://gateway.example", tasksMs: DAY_MS, now: () => clock.now() };

/** A sender as one process has it. */
function senderOver(transport: Transport, { real = false } = {}): WorkRunner {
  const fetch = createGuardedFetch(transport, real ? systemClock : clock, POLICY);
  const secrets = new KeySecrets(store, clock);
  const options = { store, secrets, fetch, wireContext, clock, log, maxOpen: 32, random: () => 0.5 };
  return new WorkRunner({ store, clock, log }, createDeliveryWork(options), { leaseMs: LEASE_MS });
}

async function ended(url: string): Promise<Task> {
  const task = await bench.submit({ webhook: { url, headers: {}, events: [] } });
  await store.cancel(scopeOf("a"), task.id);
  return task;
}

async function deliveryOf(task: Task): Promise<Delivery> {
  const [delivery] = await store.taskDeliveries(task.id);
  return delivery!;
}

/** Lets the sender do what is due until nothing is for `forMs`; time passes from one due moment to the next. */
async function run(sender: WorkRunner, forMs: number): Promise<void> {
  const until = clock.now() + forMs;
  for (;;) {
    const inMs = await store.nextWorkIn("delivery");
    if (inMs === null || clock.now() + inMs > until) break;
    await clock.advance(inMs);
    await sender.sweep();
    await sender.drained();
  }
  await clock.advance(until - clock.now());
}

describe("a receiver that goes on failing", () => {
  test("is tried less and less often for a day, under one id, and then no more", async () => {
    const receiver = new WebhookReceiver();
    receiver.answers.set("user.org", () => answer(500));
    const task = await ended("https://user.org/hook");
    await run(senderOver(receiver.transport), 3 * DAY_MS);
    const { id, status, attempts } = await deliveryOf(task);
    expect(new Set(receiver.calls.map(({ headers }) => headers["webhook-id"]))).toEqual(new Set([id]));
    expect(new Set(receiver.calls.map(({ text }) => text)).size).toBe(1);
    expect(receiver.calls.length).toBeGreaterThanOrEqual(15);
    expect(receiver.calls.length).toBeLessThanOrEqual(20);
    expect({ status, kept: attempts.length }).toEqual({ status: "dead", kept: 16 });
    const gaps = attempts.slice(1).map(({ at }, index) => at - attempts[index]!.at);
    expect(gaps).toEqual(gaps.toSorted((a, b) => a - b));
    expect(log.lines).toContainEqual(expect.objectContaining({ message: "a webhook delivery was given up" }));
  });

  test("that was never tried within its day, because no sender ran, is tried once", async () => {
    const receiver = new WebhookReceiver();
    const task = await ended("https://user.org/hook");
    await clock.advance(2 * DAY_MS);
    await run(senderOver(receiver.transport), 1_000);
    expect(await deliveryOf(task)).toMatchObject({ status: "delivered", attempts: [{ httpStatus: 204 }] });
  });
});

describe("a destination that does not answer", () => {
  test("rests after five failures in a row, longer each time, and is asked once in between", async () => {
    const receiver = new WebhookReceiver();
    receiver.answers.set("dead.org", () => Promise.reject(new Error("no route")));
    for (let index = 0; index < 40; index++) await ended("https://dead.org/hook");
    await run(senderOver(receiver.transport), 600_000);
    const tried = receiver.calls.length;
    // Forty deliveries alone would be tried some two hundred and eighty times in ten minutes.
    expect(tried).toBeGreaterThan(10);
    expect(tried).toBeLessThan(100);
    receiver.answers.delete("dead.org");
    await run(senderOver(receiver.transport), 900_000);
    expect(await store.countDeliveries()).toEqual({ pending: 0, dead: 0 });
  });

  test("keeps nothing from another one, however much waits for it", async () => {
    const receiver = new WebhookReceiver();
    receiver.answers.set("hanging.org", () => hang());
    for (let index = 0; index < 100; index++) await ended("https://hanging.org/hook");
    const live = await ended("https://live.org/hook");
    const sender = senderOver(receiver.transport);
    await sender.sweep();
    await receiver.came(9);
    await settled();
    expect(receiver.at("hanging.org")).toHaveLength(8);
    expect(await deliveryOf(live)).toMatchObject({ status: "delivered" });
    await Promise.all([sender.stop(1_000), clock.advance(20_000)]);
  });
});

test("what a sender had under way when it died is sent by the next one, under the same id", async () => {
  const receiver = new WebhookReceiver();
  receiver.answers.set("user.org", () => hang());
  const task = await ended("https://user.org/hook");
  const process = clock.process();
  const fetch = createGuardedFetch(receiver.transport, process, POLICY);
  const secrets = new KeySecrets(store, clock);
  const options = { store, secrets, fetch, wireContext, clock: process, log, maxOpen: 8 };
  const dying = new WorkRunner({ store, clock: process, log }, createDeliveryWork(options), {
    leaseMs: LEASE_MS,
  });
  await dying.sweep();
  await receiver.came(1);
  process.die();
  // The next process owns the data: nothing is held any more.
  await store.releaseLeases();
  receiver.answers.delete("user.org");
  await run(senderOver(receiver.transport), 1_000);
  expect(receiver.calls.map(({ headers }) => headers["webhook-id"])).toEqual([
    `${task.id}-2`,
    `${task.id}-2`,
  ]);
  expect(await deliveryOf(task)).toMatchObject({ status: "delivered" });
});

test("work that an earlier release left, of which there is no record, is sent and done", async () => {
  const receiver = new WebhookReceiver();
  const task = await ended("https://user.org/hook");
  const id = `${task.id}-2`;
  const payload = { url: "https://user.org/old", type: "task.cancelled", seq: 2 };
  const view = await store.get(scopeOf("a"), task.id);
  const secrets = new KeySecrets(store, clock);
  const fetch = createGuardedFetch(receiver.transport, clock, POLICY);
  const unrecorded = { openDelivery: async () => null };
  const work = createDeliveryWork({ store: unrecorded, secrets, fetch, wireContext, clock, log, maxOpen: 1 });
  const [claimed] = await store.claimWork({ kind: "delivery", leaseMs: 1, max: 1, maxPerDestination: 1 });
  const old = { ...claimed!, item: { ...claimed!.item, id: `${task.id}/2`, payload }, task: view!.task };
  const signal = new AbortController().signal;
  expect(await work.run(old, signal)).toMatchObject({ kind: "done", delivery: { status: "delivered" } });
  expect(receiver.calls).toMatchObject([
    { url: "https://user.org/old", headers: { "webhook-id": id }, message: { type: "task.cancelled" } },
  ]);
  expect(await work.run({ ...old, task: null }, signal)).toEqual({ kind: "done" });
});

describe("over real sockets", () => {
  type Request = { headers: IncomingMessage["headers"]; body: string };

  /** A receiver on this machine, and a sender for which its name leads to these addresses: one list for each lookup. */
  async function real(
    listener: RequestListener,
    addresses: ResolvedAddress[][],
    host = LOOPBACK.address,
    wanted = 0,
  ) {
    const requests: Request[] = [];
    const server = http.createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      requests.push({ headers: request.headers, body });
      listener(request, response);
    });
    await new Promise<void>((resolve) => server.listen(wanted, host, resolve));
    cleanups.push(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    const { port } = server.address() as AddressInfo;
    let lookups = 0;
    const transport = createNodeTransport({
      resolve: async () => addresses[Math.min(lookups++, addresses.length - 1)] ?? [],
    });
    return { requests, transport, port };
  }
  const LOOPBACK = { address: "127.0.0.1", family: 4 };
  const PUBLIC = { address: "93.184.215.14", family: 4 };

  /** With the receiver's own host allowed, as while one develops. */
  function allowing(transport: Transport): WorkRunner {
    const policy = { allowHttp: true, allowedHosts: new Set(["127.0.0.1"]) };
    const fetch = createGuardedFetch(transport, systemClock, policy);
    const secrets = new KeySecrets(store, systemClock);
    const options = { store, secrets, fetch, wireContext, clock: systemClock, log, maxOpen: 8 };
    return new WorkRunner({ store, clock: systemClock, log }, createDeliveryWork(options), {
      leaseMs: LEASE_MS,
    });
  }

  test("a call verifies with the standardwebhooks package and with OpenAI's SDK", async () => {
    const { requests, transport, port } = await real((_, response) => response.writeHead(204).end(), []);
    const secret = makeSecret();
    await store.setSigningSecrets("a", [{ secret, validUntil: null }], null);
    const task = await ended(`http://127.0.0.1:${port}/hook`);
    const sender = allowing(transport);
    await sender.sweep();
    await sender.drained();
    const [request] = requests;
    const headers = request?.headers as Record<string, string>;
    const expected = { type: "task.cancelled", data: { taskId: task.id, status: "cancelled" } };
    expect(new Webhook(secret).verify(request!.body, headers)).toMatchObject(expected);
    const openai = new OpenAI({ apiKey: "none", webhookSecret: secret });
    expect(await openai.webhooks.unwrap(request!.body, headers)).toMatchObject(expected);
    expect(() => new Webhook(secret).verify(`${request!.body} `, headers)).toThrow();
    await expect(openai.webhooks.unwrap(request!.body, headers, makeSecret())).rejects.toThrow();
  });

  test("a redirect to the metadata service is not followed, and is shown", async () => {
    const location = "http://169.254.169.254/latest/meta-data";
    const { requests, transport, port } = await real(
      (_, response) => response.writeHead(301, { location }).end(),
      [],
    );
    const task = await ended(`http://127.0.0.1:${port}/hook`);
    const sender = allowing(transport);
    await sender.sweep();
    await sender.drained();
    expect(requests).toHaveLength(1);
    expect(await deliveryOf(task)).toMatchObject({
      status: "dead",
      attempts: [{ httpStatus: 301, error: expect.stringContaining(location) }],
    });
  });

  test("an answer that comes compressed, or goes on for ever, counts by its status", async () => {
    const { transport, port } = await real((_, response) => {
      response.writeHead(200, { "content-encoding": "gzip" });
      const flood = () => {
        while (response.write(Buffer.alloc(65_536)));
        response.once("drain", flood);
      };
      flood();
    }, []);
    const task = await ended(`http://127.0.0.1:${port}/hook`);
    const sender = allowing(transport);
    await sender.sweep();
    await sender.drained();
    expect(await deliveryOf(task)).toMatchObject({ status: "delivered", attempts: [{ httpStatus: 200 }] });
  });

  test.each([
    ["inside", [[LOOPBACK]]],
    ["inside beside an outer one", [[PUBLIC, LOOPBACK]]],
  ])(
    "a name that leads %s when it is called is given up, and nothing is asked there",
    async (_, addresses) => {
      const { requests, transport, port } = await real((_, response) => response.end(), addresses);
      const task = await ended(`http://rebinding.org:${port}/hook`);
      const sender = senderOver(transport, { real: true });
      await sender.sweep();
      await sender.drained();
      expect(requests).toEqual([]);
      expect(await deliveryOf(task)).toMatchObject({
        status: "dead",
        attempts: [{ httpStatus: null, error: expect.stringContaining("public internet") }],
      });
    },
  );

  test("a name that leads outside at the first try and inside at the next is given up, and nothing is asked inside", async () => {
    const outside = { address: "127.0.0.2", family: 4 };
    const secret = await real((_, response) => response.end(), []);
    const user = await real((_, response) => response.writeHead(503).end(), [], outside.address, secret.port);
    const addresses = [outside, LOOPBACK];
    const asked: string[] = [];
    const transport = createNodeTransport({
      resolve: async (host) => {
        asked.push(host);
        return addresses.splice(0, 1);
      },
      isPublic: (address) => address === outside.address,
    });
    const task = await ended(`http://rebinding.org:${secret.port}/hook`);
    const sender = senderOver(transport, { real: true });
    await sender.sweep();
    await sender.drained();
    expect(user.requests).toHaveLength(1);
    expect(asked).toEqual(["rebinding.org"]);
    await run(sender, 60_000);
    expect(asked).toHaveLength(2);
    expect([user.requests.length, secret.requests.length]).toEqual([1, 0]);
    expect(await deliveryOf(task)).toMatchObject({
      status: "dead",
      attempts: [
        { httpStatus: 503 },
        { httpStatus: null, error: expect.stringContaining("public internet") },
      ],
    });
  });
});
