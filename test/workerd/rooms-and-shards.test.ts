/**
 * Rooms and hub shards together, on days on which they are forgotten, replaced, told late or not at all, in whatever
 * order: nobody who stayed has missed or doubled an event, and nothing is kept once everybody has left.
 */

import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, onTestFailed, test } from "vitest";
import { shardName } from "../../src/hubs/sharding/shard-address.ts";
import type { TaskUpdate } from "../../src/tasks/task.ts";
import { EdgeHubSocket } from "../fixture/edge-hub.ts";
import { EdgeWorld, until } from "../fixture/edge-world.ts";
import { createSeededRandom, type SeededRandom } from "../fixture/seeded-random.ts";

const KEY = { keyId: "key_a", subject: null };
const SEEDS = [1, 2, 3, 4, 5, 6];
const TASKS = 3;
const STEPS = 45;
/** Longer than frames wait for company, and than a shard waits before it may sleep, ms. */
const LONGEST_PAUSE_MS = 120;
const LOG_ENTRIES = 1_000;
const ENDED = 1000;

/** What a client was told, whichever way it came. */
type Told = { type: string; taskId?: string; task?: { status: string } };
type Client = {
  /** Null follows all tasks of the key. */
  taskId: string | null;
  /** How far the key's log was when it had begun to follow. */
  since: number;
  told: () => Told[];
  closeCode: () => number | null;
  leave: () => void;
};

let world: EdgeWorld;
let random: SeededRandom;
let tasks: string[];
let running: Set<string>;
let clients: Client[];
/** Updates that nobody was told of yet. */
let late: TaskUpdate[];

beforeEach(async () => {
  world = new EdgeWorld();
  await world.open();
  [tasks, clients, late, running] = [[], [], [], new Set()];
});
afterEach(() => reset());

const shard = () => env.HUB_SHARD.getByName(shardName({ keyId: "key_a", shard: 0 }));
const objects = () => [...tasks.map((id) => world.taskRoom(id)), world.tenantRoom(KEY), shard()];
const since = async () => (await world.parts.store.tenantPosition(KEY)).seq;

async function follow(): Promise<void> {
  const taskId = random.below(2) === 0 ? random.pick(tasks) : null;
  if (random.below(2) === 0) {
    const socket = await world.connect(taskId === null ? "/v1/events" : `/v1/tasks/${taskId}/events`);
    const closeCode = () => socket.closedWith?.code ?? null;
    const leave = () => socket.close(ENDED);
    clients.push({ taskId, since: await since(), told: () => socket.events, closeCode, leave });
  } else {
    const hub = await EdgeHubSocket.open(world, "tasks", random.pick(["json", "messagepack"]));
    await (taskId === null ? hub.invoke("SubscribeAll") : hub.invoke("Subscribe", taskId));
    const closeCode = () => hub.closedWith?.code ?? null;
    clients.push({
      taskId,
      since: await since(),
      told: () => hub.events,
      closeCode,
      leave: () => hub.close(),
    });
  }
}

async function advance(taskId: string): Promise<void> {
  const type = running.has(taskId) ? random.pick(["progress", "progress", "retrying"] as const) : "started";
  const update = await world.advance(taskId, type, 10 + random.below(80));
  if (type === "started") running.add(taskId);
  if (type === "retrying") running.delete(taskId);
  const fate = random.below(10);
  if (fate < 2) return;
  late.push(update);
  if (fate < 5) return;
  const told = late.reverse();
  late = [];
  await Promise.all(told.map((one) => world.publish(one)));
}

/** The object loses its memory, or its process; its sockets stay, or break off. */
async function disturb(): Promise<void> {
  const object = random.below(2) === 0 ? shard() : random.pick(objects());
  const what = random.below(5);
  if (what < 2) await runDurableObjectAlarm(object);
  // One that does not run has nothing to forget.
  else if (what < 4) await evictDurableObject(object).catch(() => {});
  else await runInDurableObject(object, (_, state) => state.abort("a crash")).catch(() => {});
}

/** Of one task or, with null, of all: what is never skipped. */
async function lifecycle(taskId: string | null, after = 0): Promise<string[]> {
  const { epoch } = await world.parts.store.tenantPosition(KEY);
  const read = await world.parts.store.readTenantLog(KEY, { epoch, seq: after }, LOG_ENTRIES);
  if (read.outcome !== "events") throw new Error(read.outcome);
  return read.entries
    .map(({ event }) => event)
    .filter((event) => event.type !== "progress" && (taskId === null || event.taskId === taskId))
    .map((event) => `${event.taskId} ${event.type}`);
}

/** What a client that is still there was told wrongly, or not yet; null when all is well. */
async function flaw({ taskId, since: from, told, closeCode }: Client): Promise<string | null> {
  const code = closeCode();
  if (code !== null && code !== ENDED) return null;
  const events = told();
  const got = events
    .filter(({ type }) => !["progress", "snapshot", "reset"].includes(type))
    .map((event) => `${event.taskId} ${event.type}`);
  const all = await lifecycle(taskId);
  if (got.join() !== all.slice(all.length - got.length).join()) return `${taskId} was told ${got} of ${all}`;
  if (taskId === null)
    return got.length < (await lifecycle(null, from)).length ? "some events are missing" : null;
  const ended = got.at(-1)?.endsWith("completed") || events.some(({ task }) => task?.status === "completed");
  return ended ? null : `${taskId} did not end`;
}

/** What objects keep, and that they will wake. */
async function kept(): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const room of objects().slice(0, -1))
    await runInDurableObject(room, async (_, { storage }) => {
      found.push(...(await storage.list()).keys());
      if ((await storage.getAlarm()) !== null) found.push("alarm");
    });
  await runInDurableObject(shard(), (_, { storage }) => {
    const tables = storage.sql.exec("SELECT name FROM sqlite_master WHERE type = 'table'").toArray();
    for (const { name } of tables)
      if (["connections", "subscriptions", "rooms"].includes(String(name)))
        found.push(...storage.sql.exec(`SELECT * FROM ${name}`).toArray());
  });
  return found;
}

const wakeAll = () => Promise.all(objects().map((object) => runDurableObjectAlarm(object)));

test.each(SEEDS)("seed %i", async (seed) => {
  random = createSeededRandom(seed);
  for (let count = 0; count < TASKS; count += 1) tasks.push(await world.create());
  for (let step = 0; step < STEPS; step += 1) {
    const what = random.below(10);
    if (what < 4) await advance(random.pick(tasks));
    else if (what < 6) await follow();
    else if (what < 8) await disturb();
    else if (what === 8) clients.splice(random.below(clients.length + 1), 1)[0]?.leave();
    else await new Promise<void>((resolve) => setTimeout(resolve, random.below(LONGEST_PAUSE_MS)));
  }
  for (const id of tasks) {
    if (!running.has(id)) await world.advance(id, "started");
    await world.advance(id, "completed");
  }
  let flaws: (string | null)[] = [];
  onTestFailed(() => console.error(flaws));
  await until(async () => {
    await wakeAll();
    flaws = await Promise.all(clients.map(flaw));
    return flaws.every((one) => one === null);
  });
  for (const client of clients) client.leave();
  await until(async () => {
    await wakeAll();
    return (await kept()).length === 0;
  });
  const { followed } = await world.advance(await world.create(), "started");
  expect(followed).toEqual({ task: false, key: false, subject: false });
});
