/** The deployment made from the bindings of its Worker, the same in the Worker and in every Durable Object. */

import { waitUntil } from "cloudflare:workers";
import encoderWasm from "@jsquash/webp/codec/enc/webp_enc_simd.wasm?module";
import { createResultDownload } from "../../compose/core.ts";
import { createDeployment, type Deployment } from "../../compose/deployment.ts";
import { outboxOptions } from "../../compose/events.ts";
import { s3Access } from "../../compose/options.ts";
import { ConfigError, loadConfig, type Settings, secretsOf } from "../../config/load.ts";
import { storeChoice } from "../../config/store-choice.ts";
import { JsonLog } from "../../logging/json-log.ts";
import { createChunkedMediaStore } from "../../media/chunked.ts";
import type { S3Host } from "../../media/s3/client.ts";
import { createS3MediaStore } from "../../media/s3/store.ts";
import type { ProviderOffer } from "../../providers/catalogue.ts";
import { createTurnStudio } from "../../providers/local/film-studio.ts";
import { Pacer } from "../../providers/local/pacer.ts";
import type { OfferContext } from "../../providers/offer-context.ts";
import { createOffers } from "../../providers/offers.ts";
import type { Fetch } from "../../providers/upstream/calls/upstream-client.ts";
import { createUpstashRedis } from "../../stores/redis/server/client.ts";
import { createRedisStore } from "../../stores/redis/store.ts";
import { createRemoteStore } from "../../stores/remote/remote-store.ts";
import type { Store } from "../../stores/store.ts";
import { systemClock } from "../../tasks/ports/clock.ts";
import type { Log } from "../../tasks/ports/log.ts";
import type { MediaStore } from "../../tasks/ports/media-store.ts";
import { type Bindings, variablesOf } from "./bindings.ts";
import { AlarmDoorbell } from "./clients/alarm-doorbell.ts";
import { DurablePublisher } from "./clients/durable-publisher.ts";
import { createR2MediaStore } from "./clients/r2-media.ts";
import { RemoteRooms } from "./clients/remote-rooms.ts";
import { createWorkerTransport } from "./clients/worker-transport.ts";

/**
 * The store marks a followed log with the node that follows it. Here that is the log's one room object, whatever
 * isolate it runs in, so all isolates give the same name.
 */
const ROOMS_NODE = "rooms";

/** What a deployment's entry decides before the first request; tests offer providers of their own. */
let offersOf: (context: OfferContext, bindings: Bindings) => readonly ProviderOffer[] = createOffers;
const assembled = new WeakMap<Bindings, Deployment | ConfigError>();

/** Replaces the providers that this deployment offers. To be called while the entry module is loaded. */
export function offerProviders(offers: typeof offersOf): void {
  offersOf = offers;
}

/** The parts for these bindings, made once for each isolate. Throws `ConfigError` when a setting is wrong. */
export function partsOf(bindings: Bindings): Deployment {
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

function assembleOrError(bindings: Bindings): Deployment | ConfigError {
  try {
    return assemble(bindings);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

function assemble(bindings: Bindings): Deployment {
  const { settings, warnings } = loadConfig({ env: variablesOf(bindings), host: "worker" });
  const log = workerLog(settings);
  for (const warning of warnings) log.warn(warning);
  if (bindings.MEDIA !== undefined && s3Access(settings) !== null)
    log.warn("Media are kept in the bucket that is bound as MEDIA; media.s3 is without effect.");
  const clock = systemClock;
  // The global function refuses to be called as anything but a function of its own.
  const callOut: Fetch = (url, init) => fetch(url, init);
  const transport = createWorkerTransport();
  // There are no threads here, so a film gets a turn of the event loop per frame.
  const pacer = new Pacer();
  const studio = createTurnStudio(async () => encoderWasm, pacer);
  const download = createResultDownload(transport, clock, settings);
  return createDeployment({
    settings,
    log,
    clock,
    store: openStore(settings, bindings),
    media: openMedia(settings, bindings, { fetch: callOut, clock }),
    offers: offersOf({ settings, clock, log, fetch: callOut, download, pacer, studio }, bindings),
    transport,
    post: callOut,
    publisher: new DurablePublisher(bindings, log),
    rooms: new RemoteRooms(bindings),
    keepAlive: waitUntil,
    ringRunners: (runners) => new AlarmDoorbell(bindings, runners, { clock, log, keepAlive: waitUntil }),
  });
}

/** A bound bucket comes first: it needs no key. */
function openMedia(settings: Settings, bindings: Bindings, host: S3Host): MediaStore {
  const { maxFileBytes } = settings.media;
  if (bindings.MEDIA !== undefined) return createR2MediaStore({ bucket: bindings.MEDIA, maxFileBytes });
  const access = s3Access(settings);
  return access === null
    ? createChunkedMediaStore(bindings.MEDIA_STORE, { maxFileBytes })
    : createS3MediaStore(access, host, { maxFileBytes });
}

function openStore(settings: Settings, bindings: Bindings): Store {
  const choice = storeChoice(settings);
  return choice.kind === "upstash"
    ? createRedisStore({
        redis: createUpstashRedis(choice),
        node: ROOMS_NODE,
        outbox: outboxOptions(settings),
      })
    : createRemoteStore(bindings);
}
