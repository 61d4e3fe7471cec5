/**
 * Fills a media folder and a store with tasks that ended over the last seven days, then sweeps as the process does each minute,
 * while the store's time goes on by a minute. The files are empty: names cost the sweep, bytes do not.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createFolderMediaStore } from "../../src/media/folder.ts";
import { newMediaPath } from "../../src/media/media-path.ts";
import { RetentionSweep } from "../../src/tasks/engine/retention.ts";
import { createTaskIds } from "../../src/tasks/ids.ts";
import { systemClock } from "../../src/tasks/ports/clock.ts";
import type { MediaItem } from "../../src/tasks/task.ts";
import { NOTHING_SPENT } from "../../src/tasks/transition.ts";
import { hear, numberArgument, say, textArgument } from "../harness/child.ts";
import { round } from "../harness/statistics.ts";
import { openBenchStore } from "./in-process-store.ts";

export type MediaSweepResult = {
  files: number;
  removedFiles: number;
  /** Processor time of one minute's sweep, ms: the median and the most. */
  cpuMs: number;
  mostCpuMs: number;
  /** The longest time in which the event loop did nothing else, ms. */
  longestBlockMs: number;
};

const FILES_PER_TASK = 10;
const DAY_MS = 86_400_000;
const KEPT_MS = 7 * DAY_MS;
const MINUTE_MS = 60_000;
const MINUTES = 11;
/** Tasks made at once, with one end: at a million files as many end in a minute. */
const AT_ONCE = 10;

hear(() => {});
const files = numberArgument("files");
const folder = textArgument("folder");
const root = join(folder, "media");
const tasks = Math.floor(files / FILES_PER_TASK);
const end = Date.now();
let now = end - KEPT_MS;
const store = await openBenchStore(folder, ["key"], () => now);
const nextId = createTaskIds(() => now);
mkdirSync(root, { recursive: true });

for (let made = 0; made < tasks; made += AT_ONCE) {
  now = end - KEPT_MS + Math.floor((KEPT_MS * made) / tasks);
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, tasks - made) }, makeOne));
}
now = end;
const media = createFolderMediaStore({ root, fsync: false, maxFileBytes: 1_000_000 });
let removedFiles = 0;
const counted = {
  filesOf: (taskId: string) => media.filesOf(taskId),
  tasksBefore: (moment: number, limit: number) => media.tasksBefore(moment, limit),
  remove: (paths: readonly string[]) => media.remove(paths),
  removeTask: async (taskId: string) => {
    removedFiles += FILES_PER_TASK;
    await media.removeTask(taskId);
  },
};
const clock = { ...systemClock, now: () => now, after: systemClock.after.bind(systemClock) };
const log = { debug: () => {}, info: () => {}, warn: console.error, error: console.error };
const retention = new RetentionSweep(
  { store, media: counted, clock, log },
  { tasksMs: 30 * DAY_MS, eventsMs: DAY_MS, ledgerMs: 400 * DAY_MS, mediaMs: KEPT_MS, everyMs: MINUTE_MS },
);
// The first one trims the logs of all of them.
await retention.sweep();
removedFiles = 0;

const cpu: number[] = [];
let longestBlockMs = 0;
for (let minute = 0; minute < MINUTES; minute += 1) {
  now += MINUTE_MS;
  const watch = watchLoop();
  const before = process.cpuUsage();
  await retention.sweep();
  const used = process.cpuUsage(before);
  longestBlockMs = Math.max(longestBlockMs, watch.end());
  cpu.push((used.user + used.system) / 1_000);
}
cpu.sort((a, b) => a - b);
const result: MediaSweepResult = {
  files: tasks * FILES_PER_TASK,
  removedFiles,
  cpuMs: round(cpu[Math.floor(MINUTES / 2)] ?? 0, 1),
  mostCpuMs: round(cpu.at(-1) ?? 0, 1),
  longestBlockMs: round(longestBlockMs, 1),
};
say("result", result);

async function makeOne(): Promise<void> {
  const id = nextId();
  const items: MediaItem[] = Array.from({ length: FILES_PER_TASK }, (_, index) => {
    const { path, folder: of } = newMediaPath(id, "image/png");
    if (index === 0) mkdirSync(join(root, of), { recursive: true });
    writeFileSync(join(root, path), "");
    return { index, media: { path, contentType: "image/png", bytes: 1 } };
  });
  await store.create(
    {
      id,
      tenant: { keyId: "key", subject: "" },
      type: "image",
      model: "empty",
      route: [{ provider: "empty", model: "empty" }],
      request: { prompt: "a lighthouse in a storm", n: FILES_PER_TASK },
      inputs: [],
      priority: "normal",
      metadata: {},
      timeoutMs: DAY_MS,
      maxAttempts: 3,
      retryOf: null,
      batchId: null,
      customer: null,
      webhook: null,
      baseUrl: "http://127.0.0.1",
      reservedMicros: 0,
      price: null,
      maxWaitMs: DAY_MS,
      idempotency: null,
    },
    { maxQueuedPerKey: Number.MAX_SAFE_INTEGER },
  );
  const [claim] = await store.claim({ lane: "image", leaseMs: DAY_MS, max: 1 });
  if (claim === undefined) throw new Error("a task that was made was not there to be claimed");
  await store.advance(claim.lease, {
    kind: "complete",
    result: { items: claim.task.id === id ? items : [], errors: [] },
    costMicros: 0,
    spent: NOTHING_SPENT,
  });
}

/** The longest pause between two turns of the event loop, ms, while it is watched. */
function watchLoop(): { end(): number } {
  let longest = 0;
  let last = performance.now();
  let ended = false;
  const turn = () => {
    const at = performance.now();
    longest = Math.max(longest, at - last);
    last = at;
    if (!ended) setTimeout(turn, 1);
  };
  setTimeout(turn, 1);
  return {
    end: () => {
      ended = true;
      return Math.max(longest, performance.now() - last);
    },
  };
}
