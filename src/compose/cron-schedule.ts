/**
 * What the cron triggers do. Every minute: end what ran into its deadline, free what dead workers held, ring for work
 * that nobody was rung for, clean up upstream, and send domain events. Every hour: the retention, and
 * whether more of what is stored cannot be read.
 */

import type { TaskType } from "../protocol/task.ts";
import { settleLostSessions } from "../realtime/usage/lost-sessions.ts";
import { RetentionSweep } from "../tasks/engine/retention.ts";
import { sweepRings } from "../tasks/engine/scheduling.ts";
import { describeError } from "../tasks/ports/log.ts";
import type { Deployment } from "./deployment.ts";
import { retentionOptions } from "./options.ts";

/** The hourly trigger's expression in `wrangler.toml`; any other one sweeps. */
export const RETENTION_CRON = "17 * * * *";
/** How long one trigger goes on sending events, ms. */
const SEND_EVENTS_MS = 45_000;

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

async function retire({ store, media, clock, log, settings, unreadable }: Deployment): Promise<void> {
  await unreadable.look();
  await new RetentionSweep({ store, media, clock, log }, retentionOptions(settings)).sweep();
}

async function sweep(parts: Deployment): Promise<void> {
  const { stepWorker, store, clock, stepWorkerOptions } = parts;
  const { dueAt } = await stepWorker.sweep();
  const now = clock.now();
  for (const { lane, ready, held } of await store.stats()) {
    const maxHeld = stepWorkerOptions.maxHeld[lane];
    const { count, at } = sweepRings({ dueAt: dueAt[lane], ready, held, maxHeld }, now);
    ring(parts, lane, count, at);
  }
  await Promise.all([stepWorker.clean(), sendEvents(parts), settleLostSessions(parts)]);
}

/** Until the next trigger comes, or shortly before: what is left then is sent by that one. */
async function sendEvents({ eventSender, clock }: Deployment): Promise<void> {
  const until = clock.monotonic() + SEND_EVENTS_MS;
  await eventSender?.drain(() => clock.monotonic() >= until);
}

/** Nobody knows whose turn it will be: such rings are named after their time, so that each sweep rings anew. */
function ring({ doorbell }: Deployment, lane: TaskType, count: number, atMs: number): void {
  for (let index = 0; index < count; index += 1)
    doorbell.ring(lane, atMs, {
      id: `sweep-${lane}-${atMs}-${index.toString(16).padStart(8, "0")}`,
      fence: 0,
    });
}
