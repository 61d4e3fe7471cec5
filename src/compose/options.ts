/** How settings become the options of the parts. */

import type { Settings } from "../config/load.ts";
import type { TargetPolicy } from "../fetch/target-guard.ts";
import type { BaseUrlOptions } from "../http/request/base-url.ts";
import type { S3Access } from "../media/s3/client.ts";
import { usualPathStyle } from "../media/s3/path-style.ts";
import type { RoomsSettings } from "../rooms/rooms.ts";
import {
  DEFAULT_HUB_CONNECTION_SETTINGS,
  type HubConnectionSettings,
} from "../signalr/connection/hub-connection-options.ts";
import type { EngineOptions } from "../tasks/engine/engine-options.ts";
import type { RetentionOptions } from "../tasks/engine/retention.ts";
import type { StepWorkerOptions } from "../tasks/engine/steps/step-worker.ts";
import { HookAddresses } from "../tasks/hook-addresses.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { RetryPolicy } from "../tasks/retry-policy.ts";
import type { TaskServiceOptions } from "../tasks/service.ts";
import type { TypeLimits } from "../tasks/submission.ts";
import type { WireContext } from "../tasks/wire.ts";

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Retries are moved by at most a fifth in both directions. */
const RETRY_JITTER = 0.2;

export function taskServiceOptions(settings: Settings): TaskServiceOptions {
  return {
    limits: { image: limitsOf(settings.imageGeneration), video: limitsOf(settings.videoGeneration) },
    maxWaitMs: settings.queue.maxWaitSeconds * SECOND_MS,
    maxQueuedPerKey: settings.queue.maxQueuedPerKey,
  };
}

/** For a process that works in a loop. */
export function engineOptions(settings: Settings): EngineOptions {
  const { engine } = settings;
  return {
    concurrency: concurrencyOf(settings),
    leaseMs: engine.leaseMs,
    renewMs: engine.renewMs,
    sweepMs: engine.sweepIntervalMs,
    progressIntervalMs: SECOND_MS / engine.progressPerSecond,
    estimateIntervalMs: engine.estimateIntervalMs,
    shutdownMs: engine.shutdownMs,
    retry: retryPolicy(settings),
  };
}

/** For a host that runs one step per call: there the concurrency is one number for the whole deployment. */
export function stepWorkerOptions(settings: Settings): StepWorkerOptions {
  const { engine } = settings;
  return {
    maxHeld: concurrencyOf(settings),
    leaseMs: engine.leaseMs,
    renewMs: engine.renewMs,
    progressIntervalMs: SECOND_MS / engine.progressPerSecond,
    estimateIntervalMs: engine.estimateIntervalMs,
    retry: retryPolicy(settings),
  };
}

export function retentionOptions({ retention }: Settings): RetentionOptions {
  return {
    tasksMs: retention.tasksDays * DAY_MS,
    eventsMs: retention.eventsHours * HOUR_MS,
    mediaMs: retention.mediaDays * DAY_MS,
    ledgerMs: retention.ledgerDays * DAY_MS,
    everyMs: retention.sweepIntervalMs,
  };
}

export function roomsSettings({ events }: Settings): RoomsSettings {
  const { positionCheckMs, slowSweepMs, slowBytes, slowCloseMs } = events;
  return { positionCheckMs, slowSweepMs, slowBytes, slowCloseMs };
}

/** Where this gateway is, as far as the settings say. */
export function urlOptions({ server, media }: Pick<Settings, "server" | "media">): BaseUrlOptions {
  const { publicUrl, trustProxy } = server;
  return { publicUrl, trustProxy, mediaBaseUrl: media.publicBaseUrl };
}

export function targetPolicy({ fetch }: Pick<Settings, "fetch">): TargetPolicy {
  return { allowHttp: fetch.allowHttp, allowedHosts: new Set(fetch.allowedHosts) };
}

/** Where webhooks may go. */
export function webhookTargets({ webhooks }: Pick<Settings, "webhooks">): TargetPolicy {
  return { allowHttp: webhooks.allowHttp, allowedHosts: new Set(webhooks.allowedHosts) };
}

/** The bucket in which results are kept; null where it is another place. */
export function s3Access({ media }: Pick<Settings, "media">): S3Access | null {
  const { endpoint, bucket, region, accessKeyId, secretAccessKey, pathStyle } = media.s3;
  // The configuration was refused if only some of these were given.
  if (
    endpoint === null ||
    bucket === null ||
    region === null ||
    accessKeyId === null ||
    secretAccessKey === null
  )
    return null;
  return {
    endpoint,
    bucket,
    region,
    accessKeyId,
    secretAccessKey,
    pathStyle: pathStyle ?? usualPathStyle(endpoint),
  };
}

/**
 * Where providers may call back; null without a public address that is https. The secret is of both keys that every
 * process of a deployment has and keeps over restarts: the bootstrap key makes it too long to be guessed from an address,
 * the admin key keeps it from whoever was given the other one.
 */
export function createHookAddresses(
  { server }: Pick<Settings, "server">,
  keys: { readonly bootstrap: string | null; readonly admin: string | null },
): HookAddresses | null {
  const { publicUrl } = server;
  if (publicUrl === null || !publicUrl.startsWith("https://")) return null;
  if (keys.bootstrap === null || keys.admin === null) return null;
  return new HookAddresses({ publicUrl, secret: `${keys.bootstrap}\n${keys.admin}` });
}

export function createWireContext(settings: Settings, clock: Pick<Clock, "now">): WireContext {
  return {
    publicUrl: settings.server.publicUrl,
    mediaBaseUrl: settings.media.publicBaseUrl,
    tasksMs: settings.retention.tasksDays * DAY_MS,
    now: () => clock.now(),
  };
}

export function hubConnectionSettings({ hubs }: Settings): HubConnectionSettings {
  return {
    ...DEFAULT_HUB_CONNECTION_SETTINGS,
    keepAliveMs: hubs.keepAliveSeconds * SECOND_MS,
    clientTimeoutMs: hubs.clientTimeoutSeconds * SECOND_MS,
    handshakeTimeoutMs: hubs.handshakeTimeoutSeconds * SECOND_MS,
  };
}

function concurrencyOf({ imageGeneration, videoGeneration }: Settings) {
  return { image: imageGeneration.maxConcurrency, video: videoGeneration.maxConcurrency };
}

function retryPolicy({ engine }: Settings): RetryPolicy {
  return { baseMs: engine.retryBaseMs, capMs: engine.retryCapMs, jitter: RETRY_JITTER };
}

function limitsOf(settings: Settings["imageGeneration"]): TypeLimits {
  return { timeoutMs: settings.timeoutSeconds * SECOND_MS, maxAttempts: settings.maxAttempts };
}
