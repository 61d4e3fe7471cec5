/** Defaults that are no constants: what the host and the chosen store decide where nothing is set. */

import type { RawSettings, Settings } from "./schema.ts";
import { storeChoice } from "./store-choice.ts";

/** Where the settings are for: a process that works in a loop (Bun, Deno), or a Worker and its Durable Objects. */
export type ConfigHost = "process" | "worker";

/** How often the store is polled while idle. */
type Pace = {
  leaseMs: number;
  renewMs: number;
  sweepIntervalMs: number;
  progressPerSecond: number;
  estimateIntervalMs: number;
};

/**
 * A store in this process or next to it: a poll costs microseconds, a crashed worker's task is picked up within 10 s.
 */
const EMBEDDED: Pace = {
  leaseMs: 9_000,
  renewMs: 3_000,
  sweepIntervalMs: 500,
  progressPerSecond: 10,
  estimateIntervalMs: 2_000,
};
/** Writes go to a disk that many instances share. */
const REDIS: Pace = { ...EMBEDDED, progressPerSecond: 1 };
/** Every command is paid for: a crashed worker's task is picked up within two minutes. */
const UPSTASH: Pace = {
  leaseMs: 60_000,
  renewMs: 20_000,
  sweepIntervalMs: 10_000,
  progressPerSecond: 1,
  estimateIntervalMs: 10_000,
};
/**
 * A renewal or a progress value is one call of the object and a row or two, about a dollar for a million: leases are
 * renewed often enough that a silent provider's call ends soon after its task was cancelled, progress looks alive.
 */
const DURABLE_OBJECT: Pace = { ...UPSTASH, leaseMs: 30_000, renewMs: 5_000, progressPerSecond: 2 };

/** Provider calls of one kind open at once: in one process, and in a whole deployment on Workers. */
const CONCURRENCY: Readonly<Record<ConfigHost, number>> = { process: 3, worker: 50 };

/** Browser origins allowed while only this machine can reach the server. */
const LOOPBACK_ORIGINS: readonly string[] = ["http://localhost:*", "http://127.0.0.1:*"];

/** Fills in what the operator left open. */
export function decideDefaults(raw: RawSettings, host: ConfigHost): Settings {
  const pace = paceOf(raw, host);
  const { engine, imageGeneration, videoGeneration, cors } = raw;
  return {
    ...raw,
    cors: { origins: cors.origins ?? (isLoopbackHost(raw.server.host) ? LOOPBACK_ORIGINS : []) },
    engine: {
      ...engine,
      leaseMs: engine.leaseMs ?? pace.leaseMs,
      renewMs: engine.renewMs ?? pace.renewMs,
      sweepIntervalMs: engine.sweepIntervalMs ?? pace.sweepIntervalMs,
      progressPerSecond: engine.progressPerSecond ?? pace.progressPerSecond,
      estimateIntervalMs: engine.estimateIntervalMs ?? pace.estimateIntervalMs,
    },
    imageGeneration: {
      ...imageGeneration,
      maxConcurrency: imageGeneration.maxConcurrency ?? CONCURRENCY[host],
    },
    videoGeneration: {
      ...videoGeneration,
      maxConcurrency: videoGeneration.maxConcurrency ?? CONCURRENCY[host],
    },
  };
}

function paceOf(raw: RawSettings, host: ConfigHost): Pace {
  switch (storeChoice(raw).kind) {
    case "redis":
      return REDIS;
    case "upstash":
      return UPSTASH;
    case "embedded":
      return host === "worker" ? DURABLE_OBJECT : EMBEDDED;
  }
}

/** Whether only this machine can reach a server that listens here. */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
