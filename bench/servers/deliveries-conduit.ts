/**
 * Leaves deliveries to a receiver of its own and, with `dead`, as many to one that takes connections and never answers;
 * then sends them as a process does, and says when each of the first arrived.
 */

import { createServer } from "node:net";
import { createGuardedFetch } from "../../src/fetch/guarded-fetch.ts";
import { createNodeTransport } from "../../src/runtime/process/node-transport.ts";
import { WorkRunner } from "../../src/tasks/engine/due-work/runner.ts";
import { createTaskIds } from "../../src/tasks/ids.ts";
import { systemClock } from "../../src/tasks/ports/clock.ts";
import type { TaskDraft } from "../../src/tasks/ports/task-store.ts";
import { createDeliveryWork } from "../../src/webhooks/delivery-work.ts";
import { KeySecrets } from "../../src/webhooks/secrets.ts";
import { hear, numberArgument, say, textArgument } from "../harness/child.ts";
import { quantile, round } from "../harness/statistics.ts";
import { openBenchStore, SCOPE, TENANT } from "./in-process-store.ts";

export type DeliveriesResult = { live: number; p50Ms: number; p99Ms: number; lastMs: number };

/** As a process has them (src/compose/process-gateway.ts). */
const MAX_OPEN = 64;
const SWEEP_MS = 500;
const LEASE_MS = 9_000;
const AT_ONCE = 100;

hear(() => {});
const live = numberArgument("live");
const dead = numberArgument("dead");
const store = await openBenchStore(textArgument("folder"));
const nextId = createTaskIds(() => Date.now());

const arrived: number[] = [];
let from = 0;
const { promise: allArrived, resolve } = Promise.withResolvers<void>();
const receiver = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    await request.arrayBuffer();
    arrived.push(performance.now() - from);
    if (arrived.length === live) resolve();
    return new Response(null, { status: 204 });
  },
});
const silent = createServer((socket) => socket.on("error", () => {}).resume());
await new Promise<void>((listening) => silent.listen(0, "127.0.0.1", listening));
const silentPort = (silent.address() as { port: number }).port;

const urls = [
  ...Array.from({ length: dead }, () => `http://127.0.0.1:${silentPort}/hook`),
  ...Array.from({ length: live }, () => `http://127.0.0.1:${receiver.port}/hook`),
];
// Evenly mixed: each claim meets both.
const mixed =
  dead === 0 ? urls : urls.map((_, index) => urls[index % 2 === 0 ? index / 2 : dead + (index - 1) / 2]!);
for (let made = 0; made < mixed.length; made += AT_ONCE) {
  await Promise.all(
    mixed.slice(made, made + AT_ONCE).map(async (url) => {
      const id = nextId();
      await store.create(draft(id, url), { maxQueuedPerKey: Number.MAX_SAFE_INTEGER });
      await store.cancel(SCOPE, id);
    }),
  );
}

const policy = { allowHttp: true, allowedHosts: new Set(["127.0.0.1"]) };
const log = { debug() {}, info() {}, warn() {}, error: console.error };
const sender = createDeliveryWork({
  store,
  secrets: new KeySecrets(store, systemClock),
  fetch: createGuardedFetch(createNodeTransport(), systemClock, policy),
  wireContext: { publicUrl: "https://gateway.example", tasksMs: 1, now: () => Date.now() },
  clock: systemClock,
  log,
  maxOpen: MAX_OPEN,
});
const runner = new WorkRunner({ store, clock: systemClock, log }, sender, { leaseMs: LEASE_MS });
from = performance.now();
runner.ring();
const sweep = setInterval(() => void runner.sweep(), SWEEP_MS);
await allArrived;
clearInterval(sweep);
const result: DeliveriesResult = {
  live,
  p50Ms: round(quantile(arrived, 0.5), 1),
  p99Ms: round(quantile(arrived, 0.99), 1),
  lastMs: round(Math.max(...arrived), 1),
};
say("result", result);
// Calls to the silent one are still open.
setTimeout(() => process.exit(0), 100);

function draft(id: string, url: string): TaskDraft {
  return {
    id,
    tenant: TENANT,
    type: "image",
    model: "bench",
    route: [{ provider: "bench", model: "bench" }],
    request: { prompt: "a lighthouse in a storm", n: 1 },
    inputs: [],
    priority: "normal",
    metadata: {},
    timeoutMs: 300_000,
    maxAttempts: 3,
    retryOf: null,
    batchId: null,
    customer: null,
    webhook: { url, headers: {}, events: [] },
    baseUrl: "http://127.0.0.1",
    reservedMicros: 0,
    price: null,
    maxWaitMs: 86_400_000,
    idempotency: null,
  };
}
