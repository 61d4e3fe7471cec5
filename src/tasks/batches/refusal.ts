/** What the client of a batch is told when the store does not take it. */

import { ApiError } from "../../protocol/error.ts";
import type { BatchRefusal } from "../ports/batch-store.ts";
import type { RequestRate } from "../ports/start-refusal.ts";
import { creationRefused } from "../refusals.ts";
import type { Submission } from "../submission.ts";
import type { Tenant } from "../task.ts";

const MINUTE_MS = 60_000;

type DraftedTask = Pick<Submission, "customer" | "reservedMicros">;

/** The refusal as it is for the whole: of what is used, and counted, the batch's own tasks are no part. */
export function batchRefused(
  { index, refusal }: BatchRefusal,
  { tasks, tenant }: { tasks: readonly DraftedTask[]; tenant: Tenant },
): ApiError {
  const sum = (some: readonly DraftedTask[]) => some.reduce((total, one) => total + one.reservedMicros, 0);
  const before = tasks.slice(0, index);
  const say = (told: BatchRefusal["refusal"]) => creationRefused(told, sum(tasks), tenant);
  const without = (rate: RequestRate | null) => rate && rateWithout(rate, before.length);
  switch (refusal.outcome) {
    case "queue_full":
      return say({ ...refusal, queued: refusal.queued - before.length, rate: without(refusal.rate) });
    case "budget_exceeded": {
      const { customer } = refusal;
      const ownBefore = before.filter((one) => customer === null || one.customer === customer);
      const reservedMicros = refusal.reservedMicros - sum(ownBefore);
      return say({ ...refusal, reservedMicros, rate: without(refusal.rate) });
    }
    case "rate_limited": {
      const { rate } = refusal;
      if (tasks.length > rate.limit) return tooManyAtOnce(tasks.length, rate);
      const behind = tasks.length - 1 - index;
      const moreMs = rate.per === "minute" ? (behind * MINUTE_MS) / rate.limit : 0;
      const retryAfterMs = refusal.retryAfterMs + moreMs;
      return say({ ...refusal, retryAfterMs, rate: rateWithout(rate, before.length) });
    }
    default:
      return say(refusal);
  }
}

/** A batch that is larger than a limit of requests is never taken, however long its caller waits. */
function tooManyAtOnce(size: number, { per, limit }: RequestRate): ApiError {
  return new ApiError(
    "invalid_parameter",
    `The batch has ${size} requests, and this key may make ${limit} a ${per}. Send smaller batches.`,
    { param: "requests" },
  );
}

/** The limit as it was before so many requests that were counted in the step and taken back with it. */
function rateWithout(rate: RequestRate, requests: number): RequestRate {
  const { per, limit, remaining, resetMs } = rate;
  const freedMs = per === "minute" ? (requests * MINUTE_MS) / limit : 0;
  return {
    ...rate,
    remaining: Math.min(limit, remaining + requests),
    resetMs: Math.max(0, Math.ceil(resetMs - freedMs)),
  };
}
