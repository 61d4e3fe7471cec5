/**
 * The parts of a deployment, made from its bindings: the same in the Worker and in every Durable Object, because each
 * of them may run anywhere. Nothing in here holds on to a request: stubs and connections are made anew for each call.
 */

import { waitUntil } from "cloudflare:workers";
import { KeyService } from "../../accounts/keys.ts";
import type { DeploymentParts } from "../../compose/deployment-parts.ts";
import { createTaskService, presentationContext, stepWorkerOptions } from "../../compose/options.ts";
import { ConfigError, loadConfig, type Settings, secretsOf } from "../../config/load.ts";
import { storeChoice } from "../../config/store-choice.ts";
import { JsonLog } from "../../logging/json-log.ts";
import { Catalogue, type ProviderOffer } from "../../providers/catalogue.ts";
import { createLocalOffer } from "../../providers/local/offer.ts";
import { QStashDoorbell } from "../../queues/qstash-doorbell.ts";
import { qstashHealth } from "../../queues/qstash-health.ts";
import { QStashSignatures } from "../../queues/qstash-signatures.ts";
import { createRoomEndWatch } from "../../rooms/room-end-watch.ts";
import { createUpstashRedis } from "../../stores/redis/client.ts";
import { createRedisStore } from "../../stores/redis/store.ts";
import { createRemoteStore } from "../../stores/remote/remote-store.ts";
import type { Store } from "../../stores/store.ts";
import { poolSize } from "../../tasks/engine/step-pool.ts";
import { StepWorker } from "../../tasks/engine/step-worker.ts";
import { type Clock, systemClock } from "../../tasks/ports/clock.ts";
import type { Log } from "../../tasks/ports/log.ts";
import { type Bindings, variablesOf } from "./bindings.ts";
import { AlarmDoorbell } from "./clients/alarm-doorbell.ts";
import { createDurableMediaStore } from "./clients/durable-media.ts";
import { DurablePublisher } from "./clients/durable-publisher.ts";
import { createR2MediaStore } from "./clients/r2-media.ts";
import { RemoteRooms } from "./clients/remote-rooms.ts";

export type EdgeParts = DeploymentParts & {
  /** What QStash needs, where it is configured; null where the step runners' alarms stand in for it. */
  readonly queue: EdgeQueue | null;
  readonly rooms: RemoteRooms;
};

export type EdgeQueue = { readonly doorbell: QStashDoorbell; readonly signatures: QStashSignatures };

/** A log has one room, whichever isolate that runs in: its mark in the store is the room's. */
const ROOMS_NODE = "rooms";

/** What a deployment's entry decides before the first request; tests offer providers of their own. */
let offersOf: (clock: Clock, bindings: Bindings) => readonly ProviderOffer[] = (clock) => [
  createLocalOffer({ clock }),
];
const assembled = new WeakMap<Bindings, EdgeParts | ConfigError>();

/** Replaces the providers that this deployment offers. To be called while the entry module is loaded. */
export function offerProviders(offers: typeof offersOf): void {
  offersOf = offers;
}

/** The parts for these bindings, made once for each isolate. Throws `ConfigError` when a setting is wrong. */
export function partsOf(bindings: Bindings): EdgeParts {
  let parts = assembled.get(bindings);
  if (parts === undefined) {
    parts = assembleOrError(bindings);
    assembled.set(bindings, parts);
  }
  if (parts instanceof ConfigError) throw parts;
  return parts;
}

/** A log for these settings that keeps their secrets out of its lines. */
export function workerLog(settings: Settings): Log {
  return new JsonLog({
    level: settings.logging.level,
    write: (line) => console.log(line.trimEnd()),
    now: Date.now,
    secrets: secretsOf(settings),
  });
}

function assembleOrError(bindings: Bindings): EdgeParts | ConfigError {
  try {
    return assemble(bindings);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

function assemble(bindings: Bindings): EdgeParts {
  const { settings, warnings } = loadConfig({ env: variablesOf(bindings), host: "worker" });
  const log = workerLog(settings);
  for (const warning of warnings) log.warn(warning);
  const clock = systemClock;
  const store = openStore(settings, bindings);
  const media =
    bindings.MEDIA === undefined
      ? createDurableMediaStore(bindings, { maxFileBytes: settings.media.maxFileBytes })
      : createR2MediaStore({ bucket: bindings.MEDIA, maxFileBytes: settings.media.maxFileBytes });
  const catalogue = new Catalogue({ offers: offersOf(clock, bindings), aliases: settings.models.aliases });
  for (const warning of catalogue.warnings) log.warn(warning);
  const publisher = new DurablePublisher(bindings, log);
  const options = stepWorkerOptions(settings);
  const queue = createQueue(settings, clock, log);
  const { image, video } = options.maxHeld;
  const pools = { image: poolSize(image), video: poolSize(video) };
  const alarms = new AlarmDoorbell(bindings, pools, { clock, log, keepAlive: waitUntil });
  const rooms = new RemoteRooms(bindings);
  return {
    settings,
    log,
    clock,
    store,
    media,
    catalogue,
    publisher,
    doorbell: queue?.doorbell ?? alarms,
    queue,
    queueHealth: () =>
      queue === null
        ? { ...alarms.health(), kind: "alarms" }
        : { ...qstashHealth(queue.doorbell, queue.signatures), kind: "QStash" },
    rooms,
    tasks: createTaskService(settings, {
      store,
      media,
      publisher,
      doorbell: queue?.doorbell ?? alarms,
      endWatch: createRoomEndWatch(rooms, clock),
      // The worker that holds the task runs elsewhere, see step-worker.ts.
      dropHeld: () => {},
      clock,
      log,
    }),
    keys: new KeyService({ store, clock, log }),
    stepWorker: new StepWorker(
      { store, media, providers: catalogue.providers, publisher, clock, log },
      options,
    ),
    stepWorkerOptions: options,
    presentation: presentationContext(settings, clock),
  };
}

function openStore(settings: Settings, bindings: Bindings): Store {
  const choice = storeChoice(settings);
  return choice.kind === "upstash"
    ? createRedisStore({ redis: createUpstashRedis(choice), node: ROOMS_NODE })
    : createRemoteStore(bindings);
}

function createQueue(settings: Settings, clock: Clock, log: Log): EdgeQueue | null {
  const { token, url, currentSigningKey, nextSigningKey } = settings.qstash;
  const { publicUrl } = settings.server;
  // The configuration was refused if only some of these were given.
  if (token === null || currentSigningKey === null || nextSigningKey === null || publicUrl === null)
    return null;
  return {
    doorbell: new QStashDoorbell(
      { token, url, publicUrl, longestStepMs: longestStepMs(settings) },
      { clock, log, keepAlive: waitUntil },
    ),
    signatures: new QStashSignatures({ current: currentSigningKey, next: nextSigningKey }, publicUrl, clock),
  };
}

/** No step outlasts its task's own limit. */
function longestStepMs({ imageGeneration, videoGeneration }: Settings): number {
  return Math.max(imageGeneration.timeoutSeconds, videoGeneration.timeoutSeconds) * 1_000;
}
