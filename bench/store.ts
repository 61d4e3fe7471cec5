/**
 * What the SQLite store alone can do, on a real file with synchronous=FULL: `bun bench/store.ts [folder] [rounds]`.
 * Prints creates/s, lifecycles/s (create, claim, finish) with and without claiming in the finishing step, and the cost
 * of a claim with 1,000, 100,000 and 1,000,000 tasks queued.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteFile } from "../src/runtime/bun/sqlite-file.ts";
import { createSqliteStore, type SqliteStore } from "../src/stores/sqlite/store.ts";
import { createTaskIds } from "../src/tasks/ids.ts";
import type { TaskDraft } from "../src/tasks/ports/task-store.ts";
import { NOTHING_SPENT, type StepTransition } from "../src/tasks/transition.ts";

/** Callers at once: what shares a commit. */
const CONCURRENCY = 64;
const TASKS_PER_ROUND = 20_000;
const QUEUES = [1_000, 100_000, 1_000_000];
const CLAIMS_PER_QUEUE = 500;
const KEYS = 10;
const LIMITS = { maxQueuedPerKey: 10_000_000 };
const CLAIM_ONE = { lane: "image", leaseMs: 9_000, max: 1 } as const;
const COMPLETE: StepTransition = {
  kind: "complete",
  result: {
    items: [{ index: 0, media: { path: "2026/11/22/x/y.png", contentType: "image/png", bytes: 4096 } }],
    errors: [],
  },
  costMicros: 0,
  spent: NOTHING_SPENT,
};

const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), "conduit-store-"));
const rounds = Number(process.argv[3] ?? 3);
const ids = createTaskIds(Date.now);
let files = 0;

try {
  await report("creates/s", rounds, createRate);
  await report("lifecycles/s, claim apart", rounds, (store) => lifecycleRate(store, false));
  await report("lifecycles/s, claim in the finishing step", rounds, (store) => lifecycleRate(store, true));
  await reportClaims();
} finally {
  rmSync(folder, { recursive: true });
}

async function createRate(store: SqliteStore): Promise<number> {
  const started = performance.now();
  await eachOf(TASKS_PER_ROUND, async (index) => {
    await store.create(draft(index), LIMITS);
  });
  return perSecond(TASKS_PER_ROUND, started);
}

async function lifecycleRate(store: SqliteStore, claimInFinish: boolean): Promise<number> {
  const started = performance.now();
  if (claimInFinish) {
    await eachOf(TASKS_PER_ROUND, async (index) => {
      await store.create(draft(index), LIMITS);
    });
    await eachOf(CONCURRENCY, async () => {
      let [claim] = await store.claim(CLAIM_ONE);
      while (claim !== undefined) [claim] = (await store.advance(claim.lease, COMPLETE, CLAIM_ONE)).claimed;
    });
  } else {
    await eachOf(TASKS_PER_ROUND, async (index) => {
      await store.create(draft(index), LIMITS);
      for (const claim of await store.claim(CLAIM_ONE)) await store.advance(claim.lease, COMPLETE);
    });
  }
  const rate = perSecond(TASKS_PER_ROUND, started);
  const left = (await store.stats()).reduce((sum, lane) => sum + lane.ready + lane.held, 0);
  if (left > 0) throw new Error(`${left} tasks were left over`);
  return rate;
}

/** One commit holds the claims of a batch, so this is the price of a claim and its share of an fsync. */
async function reportClaims(): Promise<void> {
  const store = await freshStore();
  let queued = 0;
  for (const size of QUEUES) {
    const missing = size - queued;
    await eachOf(missing, async (index) => {
      await store.create(draft(index), LIMITS);
    });
    const started = performance.now();
    await eachOf(CLAIMS_PER_QUEUE, async () => {
      const claims = await store.claim(CLAIM_ONE);
      if (claims.length !== 1) throw new Error("Nothing to claim");
    });
    const micros = ((performance.now() - started) * 1000) / CLAIMS_PER_QUEUE;
    console.log(`${"claim with queued".padEnd(44)} ${String(size).padStart(9)}: ${micros.toFixed(1)} µs`);
    queued = size - CLAIMS_PER_QUEUE;
  }
  await store.close();
}

async function report(
  name: string,
  times: number,
  measure: (store: SqliteStore) => Promise<number>,
): Promise<void> {
  const rates: number[] = [];
  for (let round = 0; round < times; round++) {
    const store = await freshStore();
    rates.push(await measure(store));
    await store.close();
  }
  rates.sort((a, b) => a - b);
  const [least, median, most] = [rates[0], rates[rates.length >> 1], rates.at(-1)].map((rate) =>
    Math.round(rate ?? 0),
  );
  console.log(`${name.padEnd(44)} median ${median} (${least}-${most}, ${times} rounds)`);
}

async function freshStore(): Promise<SqliteStore> {
  const store = createSqliteStore({ database: openSqliteFile(join(folder, `${files++}.db`)), now: Date.now });
  for (let index = 0; index < KEYS; index++) {
    await store.createKey({
      id: `key_${index}`,
      name: "bench",
      hash: `hash ${index}`,
      last4: "0000",
      enabled: true,
      expiresAt: null,
      allowedModels: null,
      permissions: { canGenerateImages: true, canGenerateVideos: true, canUseRealtimeAudio: true },
      maxPriority: "high",
      maxConcurrentTasks: null,
      budgets: [],
      grants: [],
      customerBudget: null,
      requestsPerMinute: null,
      requestsPerDay: null,
      metadata: {},
      previous: null,
      revision: 1,
      createdAt: 0,
      updatedAt: 0,
    });
  }
  return store;
}

function draft(index: number): TaskDraft {
  return {
    id: ids(),
    tenant: { keyId: `key_${index % KEYS}`, subject: "" },
    type: "image",
    model: "local/canvas",
    route: [{ provider: "local", model: "canvas" }],
    request: {
      prompt: "A lighthouse on a cliff at dusk, waves below, oil on canvas",
      n: 1,
      size: "1024x1024",
    },
    inputs: [],
    priority: "normal",
    metadata: {},
    timeoutMs: 60_000,
    maxAttempts: 3,
    retryOf: null,
    batchId: null,
    customer: null,
    webhook: null,
    baseUrl: "http://127.0.0.1:8787",
    reservedMicros: 0,
    price: null,
    maxWaitMs: 86_400_000,
    idempotency: null,
  };
}

/** Runs `work` for 0..count-1, `CONCURRENCY` at a time. */
async function eachOf(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

function perSecond(count: number, started: number): number {
  return (count * 1000) / (performance.now() - started);
}
