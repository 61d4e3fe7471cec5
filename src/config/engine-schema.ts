/** Settings of `imageGeneration`, `videoGeneration`, `queue` and `engine`: how jobs are run. */

import { decidedDecimal, decidedInteger, decimal, integer } from "./setting.ts";

const DAY_SECONDS = 86_400;
const HOUR_MS = 3_600_000;

/** Of one kind of job. Seconds: how long one may take where nobody says otherwise, and the longest that an operator may say. */
export function generationSettings(timeoutSeconds: number, longestSeconds: number) {
  return {
    maxConcurrency: decidedInteger(
      "3, on Workers 50",
      1,
      10_000,
      "Provider calls open at once, asynchronous and synchronous together: per process, on Workers in the whole deployment. In a process as many polls may be open besides.",
    ),
    timeoutSeconds: decimal(
      timeoutSeconds,
      0.05,
      longestSeconds,
      "How long a job may take from its first start, when the request does not say.",
    ),
    maxAttempts: integer(3, 1, 100, "How often a job is tried before a transient failure is final."),
  };
}

export const QUEUE_SETTINGS = {
  maxWaitSeconds: decimal(
    DAY_SECONDS,
    0.05,
    30 * DAY_SECONDS,
    "How long a task may wait for its first start.",
  ),
  maxQueuedPerKey: integer(100_000, 1, 10_000_000, "Tasks of one key that may wait at once."),
};

export const ENGINE_SETTINGS = {
  leaseMs: decidedInteger(
    "9000, on Workers 30000, on Upstash 60000",
    30,
    15 * 60_000,
    "How long a claim lasts unless it is renewed; a dead worker's task is picked up after it.",
  ),
  renewMs: decidedInteger(
    "3000, on Workers 5000, on Upstash 20000",
    10,
    5 * 60_000,
    "How often a living worker renews its claims, and notices that a task was cancelled elsewhere; at most half of leaseMs.",
  ),
  sweepIntervalMs: decidedInteger(
    "500, on Upstash and Workers 10000",
    5,
    60_000,
    "How often deadlines, lost claims and work that was never rung for are looked for.",
  ),
  retryBaseMs: integer(
    1_000,
    1,
    HOUR_MS,
    "Wait before the second attempt; doubles with each further one, ± 20 %.",
  ),
  retryCapMs: integer(300_000, 1, HOUR_MS, "Longest wait between attempts; at least retryBaseMs."),
  shutdownMs: integer(
    10_000,
    0,
    600_000,
    "How long a stopping process finishes work before it hands it back.",
  ),
  progressPerSecond: decidedDecimal(
    "10, on Redis and Upstash 1, in a Durable Object 2",
    0.1,
    1_000_000,
    "Progress stored per task and second; newer values supersede older ones.",
  ),
  estimateIntervalMs: decidedInteger(
    "2000, on Upstash and Workers 10000",
    100,
    10 * 60_000,
    "How often estimated progress of a silent provider call is stored, at most; each costs as much as any other progress value.",
  ),
};
