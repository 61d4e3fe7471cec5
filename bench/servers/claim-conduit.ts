/** Fills a store with waiting tasks of 100 keys, then measures single claims in small groups. */

import { createTaskIds } from "../../src/tasks/ids.ts";
import type { TaskDraft } from "../../src/tasks/ports/task-store.ts";
import { hear, numberArgument, say, textArgument } from "../harness/child.ts";
import { round } from "../harness/statistics.ts";
import { openBenchStore } from "./in-process-store.ts";

export type ClaimResult = {
  queued: number;
  creationsPerSecond: number;
  claimMicros: number;
  groupMicros: number[];
};

const KEYS = Array.from({ length: 100 }, (_, index) => `key-${index}`);
const PRIORITIES = ["low", "normal", "high"] as const;
const HOUR_MS = 3_600_000;
/** Creations in flight: what one group commit takes. */
const FILL_AT_ONCE = 250;
/** Claims that share one commit, and how many such groups are timed; few enough to leave the small queue half full. */
const GROUP = 100;
const GROUPS = 5;
const WARM_UP_TASKS = 2_000;

hear(() => {});
const queued = numberArgument("queued");
const nextId = createTaskIds(() => Date.now());
const store = await openBenchStore(textArgument("folder"), KEYS);
let number = 0;

await fill(WARM_UP_TASKS);
for (let group = 0; group < WARM_UP_TASKS / GROUP; group += 1) await claimGroup();

const startedAt = performance.now();
await fill(queued);
const fillMs = performance.now() - startedAt;

const groupMicros: number[] = [];
for (let group = 0; group < GROUPS; group += 1) groupMicros.push(await claimGroup());
const sorted = [...groupMicros].sort((a, b) => a - b);
const result: ClaimResult = {
  queued,
  creationsPerSecond: Math.round(queued / (fillMs / 1000)),
  claimMicros: sorted[Math.floor(GROUPS / 2)] ?? 0,
  groupMicros,
};
say("result", result);

/** Microseconds per claim of one group. */
async function claimGroup(): Promise<number> {
  const begun = performance.now();
  const claims = await Promise.all(
    Array.from({ length: GROUP }, () => store.claim({ lane: "image", leaseMs: HOUR_MS, max: 1 })),
  );
  const micros = ((performance.now() - begun) * 1000) / GROUP;
  const got = claims.flat().length;
  if (got !== GROUP) throw new Error(`expected ${GROUP} tasks from ${GROUP} claims, got ${got}`);
  return round(micros, 1);
}

async function fill(tasks: number): Promise<void> {
  for (let made = 0; made < tasks; made += FILL_AT_ONCE) {
    const batch = Math.min(FILL_AT_ONCE, tasks - made);
    await Promise.all(Array.from({ length: batch }, createOne));
  }
}

async function createOne(): Promise<void> {
  const outcome = await store.create(draft(), { maxQueuedPerKey: Number.MAX_SAFE_INTEGER });
  if (outcome.outcome !== "created") throw new Error(`expected a task to be created, got ${outcome.outcome}`);
}

function draft(): TaskDraft {
  number += 1;
  return {
    id: nextId(),
    tenant: { keyId: KEYS[number % KEYS.length] as string, subject: "" },
    type: "image",
    model: "empty",
    route: [{ provider: "empty", model: "empty" }],
    request: { prompt: "a lighthouse in a storm", n: 1 },
    inputs: [],
    priority: PRIORITIES[number % PRIORITIES.length] ?? "normal",
    metadata: {},
    timeoutMs: HOUR_MS,
    maxAttempts: 3,
    retryOf: null,
    batchId: null,
    customer: null,
    webhook: null,
    baseUrl: "http://127.0.0.1",
    reservedMicros: 0,
    price: null,
    maxWaitMs: HOUR_MS,
    idempotency: null,
  };
}
