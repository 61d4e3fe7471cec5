/** What an engine is made from, and its figures. */

import type { TaskType } from "../../protocol/task.ts";
import type { HookAddresses } from "../hook-addresses.ts";
import type { Billing } from "../ports/billing.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { MediaProvider } from "../ports/media-provider.ts";
import type { MediaStore } from "../ports/media-store.ts";
import type { Publisher } from "../ports/publisher.ts";
import type { TaskStore } from "../ports/task-store.ts";
import type { Previews } from "../previews.ts";
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from "../retry-policy.ts";
import type { WorkRunnersDependencies } from "./due-work/runners.ts";
import type { OtherWorkers } from "./other-workers.ts";
import type { ProviderHealth } from "./provider-health.ts";
import type { StepDependencies } from "./steps/step-run.ts";
import type { UsualDurations } from "./usual-durations.ts";

export type EngineOptions = {
  /** Provider calls open at once that begin an attempt, by lane; as many again may be open that poll. */
  concurrency: Readonly<Record<TaskType, number>>;
  /** How long a claim holds without renewal, ms. */
  leaseMs: number;
  /** How often held leases are renewed, ms; well under a third of the lease leaves room for a missed one. */
  renewMs: number;
  /** How often deadlines, orphans and cleanup items are looked for, ms. */
  sweepMs: number;
  progressIntervalMs: number;
  /** The least time between two stored estimates of progress of one task, ms. */
  estimateIntervalMs: number;
  /** How long a shutdown waits for steps to finish before it hands them back, ms. */
  shutdownMs: number;
  retry: RetryPolicy;
};

/** The embedded host's figures: an orphan is picked up within 10 s. */
export const DEFAULT_ENGINE_OPTIONS: EngineOptions = {
  concurrency: { image: 3, video: 3 },
  leaseMs: 9_000,
  renewMs: 3_000,
  sweepMs: 500,
  progressIntervalMs: 100,
  estimateIntervalMs: 2_000,
  shutdownMs: 10_000,
  retry: DEFAULT_RETRY_POLICY,
};

export type EngineDependencies = {
  store: TaskStore;
  media: Pick<MediaStore, "put" | "get">;
  providers: ReadonlyMap<string, MediaProvider>;
  publisher: Publisher;
  /** What a finished job costs. */
  bill: Billing;
  clock: Clock;
  log: Log;
  /** Takes previews of what is being made. Absent: nobody could see them. */
  previews?: Pick<Previews, "show">;
  /** Addresses at which providers may call back. Absent: none can reach the gateway. */
  hooks?: Pick<HookAddresses, "urlOf"> | undefined;
  /** 0 ≤ n < 1, for jitter. */
  random?: () => number;
  /** How the providers' accounts are doing, where others look at it as well. */
  health?: ProviderHealth | undefined;
  /** The processes that share the store. Absent: there are none, and nobody else puts work into it. */
  others?: OtherWorkers | undefined;
  /** How long jobs usually take. Absent: progress is never estimated. */
  durations?: UsualDurations | undefined;
} & Pick<StepDependencies, "hung"> &
  Pick<WorkRunnersDependencies, "otherWork">;
