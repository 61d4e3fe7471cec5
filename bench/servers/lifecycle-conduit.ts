/**
 * Conduit's whole way in one process: `service.submit` → engine → completed, with a provider that is done at once.
 * Everything else is the product's own: event log, reservation, idempotence, and the store: group commit on a file with
 * synchronous=FULL, or with `--redis=<port>` a script for each step on that Redis.
 */

import { billTask } from "../../src/accounts/prices/held-price.ts";
import { Engine } from "../../src/tasks/engine/engine.ts";
import { DEFAULT_ENGINE_OPTIONS } from "../../src/tasks/engine/engine-options.ts";
import { systemClock } from "../../src/tasks/ports/clock.ts";
import type { MediaProvider, StepOutcome } from "../../src/tasks/ports/media-provider.ts";
import { TaskService } from "../../src/tasks/service.ts";
import type { Submission } from "../../src/tasks/submission.ts";
import { hear, numberArgument, say, textArgument } from "../harness/child.ts";
import { createLifecycleRun } from "../harness/lifecycle-run.ts";
import { openBenchRedisStore, openBenchStore, TENANT } from "./in-process-store.ts";

const concurrency = numberArgument("concurrency");
const RESERVED_MICROS = 40_000;
const HOUR_MS = 3_600_000;

/** A result that was put nowhere: the job is empty, its record is not. */
const DONE: StepOutcome = {
  kind: "done",
  items: [{ index: 0, media: { path: "2026/11/21/empty/empty.png", contentType: "image/png", bytes: 0 } }],
  costMicros: RESERVED_MICROS,
};

const provider: MediaProvider = {
  name: "empty",
  resubmitSafe: () => true,
  submit: async () => DONE,
  poll: async () => DONE,
  cancel: async () => ({ cancellation: "immediate", billedMicros: 0, askAgain: false }),
};
const log = { debug: () => {}, info() {}, warn: console.error, error: console.error };
const media = {
  put: () => Promise.reject(new Error("an empty job stores no file")),
  get: () => Promise.resolve(null),
  removeTask: () => Promise.resolve(),
};
const publisher = { publish() {} };

const redisPort = numberArgument("redis", 0);
const store =
  redisPort === 0 ? await openBenchStore(textArgument("folder")) : await openBenchRedisStore(redisPort);
countCompletions();
let engine: Engine | null = null;
const service = new TaskService(
  {
    store,
    media,
    publisher,
    doorbell: { ring: (lane, atMs) => engine?.ring(lane, atMs) },
    endWatch: { untilEnded: () => Promise.reject(new Error("nobody waits here")) },
    dropHeld: (taskId) => engine?.drop(taskId),
    clock: systemClock,
    log,
  },
  {
    limits: { image: { timeoutMs: HOUR_MS, maxAttempts: 3 }, video: { timeoutMs: HOUR_MS, maxAttempts: 3 } },
    maxWaitMs: HOUR_MS,
    maxQueuedPerKey: 1_000_000,
  },
);

let number = 0;
const run = createLifecycleRun({
  producers: concurrency,
  submit: async () => void (await service.submit(submission())),
  async pause() {
    await engine?.stop();
    engine = null;
  },
  async resume() {
    if (engine !== null) return;
    engine = new Engine(
      {
        store,
        media,
        publisher,
        bill: billTask,
        clock: systemClock,
        log,
        providers: new Map([[provider.name, provider]]),
      },
      { ...DEFAULT_ENGINE_OPTIONS, concurrency: { image: concurrency, video: 1 } },
    );
    engine.start();
  },
});

hear(async (command) => {
  if (command.type === "whole") say("result", { ...(await run.whole(Number(command.jobs))) });
  if (command.type === "drain") say("result", { ...(await run.drain(Number(command.jobs))) });
});
say("ready");

function submission(): Submission {
  number += 1;
  return {
    tenant: TENANT,
    type: "image",
    model: "empty",
    route: [{ provider: provider.name, model: "empty" }],
    request: { prompt: "", n: 1 },
    priority: "normal",
    timeoutMs: null,
    metadata: {},
    baseUrl: "http://127.0.0.1",
    reservedMicros: RESERVED_MICROS,
    price: null,
    retryOf: null,
    customer: null,
    idempotency: { key: `job-${number}`, fingerprint: "bench", ttlMs: HOUR_MS },
  };
}

/** A job counts once its completion is on the disk, which is when the store's own promise resolves. */
function countCompletions(): void {
  const advance = store.advance.bind(store);
  store.advance = async (lease, transition, claimNext) => {
    const outcome = await advance(lease, transition, claimNext);
    if (transition.kind !== "complete")
      throw new Error(`an empty job completes; this one was told to ${transition.kind}`);
    if (outcome.applied) run.completed();
    return outcome;
  };
}
