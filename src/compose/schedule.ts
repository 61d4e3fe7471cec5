/**
 * What the cron triggers do. Every minute: end what ran into its deadline, free what dead workers held, ring for work
 * that nobody was rung for, and clean up upstream. Every hour: the retention.
 */

import type { TaskType } from "../protocol/task.ts";
import { RetentionSweep } from "../tasks/engine/retention.ts";
import { describeError } from "../tasks/ports/log.ts";
import type { Deployment } from "./deployment.ts";
import { retentionOptions } from "./options.ts";

/** The hourly trigger's expression in `wrangler.toml`; any other one sweeps. */
export const RETENTION_CRON = "17 * * * *";
/** Rings one sweep sends for one lane at most; every ring that finds work is followed by another one. */
const MAX_RINGS = 50;
const MINUTE_MS = 60_000;

/**
 * Runs what the trigger `cron` is for. Rejects when the store cannot be asked, which the platform shows; the next
 * trigger tries again. Why it could not stands in the log alone, because that keeps secrets to itself.
 */
export async function runSchedule(cron: string, parts: Deployment): Promise<void> {
  try {
    if (cron === RETENTION_CRON) await retire(parts);
    else await sweep(parts);
  } catch (error) {
    parts.log.error("a scheduled run failed", { cron, cause: describeError(error) });
    throw new Error("This scheduled run failed; the log says why.");
  }
}

async function retire({ store, media, clock, log, settings }: Deployment): Promise<void> {
  await new RetentionSweep({ store, media, clock, log }, retentionOptions(settings)).sweep();
}

async function sweep(parts: Deployment): Promise<void> {
  const { stepWorker, store, clock, stepWorkerOptions } = parts;
  const { dueAt } = await stepWorker.sweep();
  const now = clock.now();
  for (const { lane, ready, held } of await store.stats()) {
    const at = dueAt[lane];
    if (at === null || at >= now + MINUTE_MS) continue;
    // What falls due before the next sweep gets one ring, in case its own was lost.
    if (at > now) ring(parts, lane, 1, at);
    else {
      // Claimable now: by how many nobody knows, because keys have limits of their own.
      const free = Math.max(0, stepWorkerOptions.maxHeld[lane] - held);
      ring(parts, lane, Math.min(Math.max(1, ready), free, MAX_RINGS), now);
    }
  }
  await stepWorker.clean();
}

/** Nobody knows whose turn it will be: such rings are named after their moment, so that each sweep rings anew. */
function ring({ doorbell }: Deployment, lane: TaskType, count: number, atMs: number): void {
  for (let index = 0; index < count; index += 1)
    doorbell.ring(lane, atMs, {
      id: `sweep-${lane}-${atMs}-${index.toString(16).padStart(8, "0")}`,
      fence: 0,
    });
}
