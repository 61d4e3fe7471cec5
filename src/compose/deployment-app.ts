/** The application of a deployment: streams and hubs end in objects elsewhere, and a queue may bring its rings. */

import type { Hono } from "hono";
import type { HttpEnv } from "../http/exchange.ts";
import { noIdleLimit } from "../http/idle-limit.ts";
import type { PageFiles } from "../http/pages/page-files.ts";
import { closeHubs, type HubShards, mountHubProxy } from "../http/routes/hubs/hub-proxy.ts";
import { mountRealtime, type VoiceSockets } from "../http/routes/realtime/realtime.ts";
import { mountRealtimeCalls } from "../http/routes/realtime/realtime-calls.ts";
import { mountRealtimeSessions } from "../http/routes/realtime/realtime-sessions.ts";
import { mountSessionArtefacts } from "../http/routes/realtime/session-artefacts.ts";
import { ConnectionSlots } from "../http/streams/connection-limits.ts";
import type { EventSockets } from "../http/streams/event-sockets.ts";
import { RequestHeartbeat } from "../http/streams/request-heartbeat.ts";
import { HUB_NAMES } from "../hubs/hub-names.ts";
import { KEY_END } from "../protocol/close-codes.ts";
import { mountQStash } from "../queues/qstash-routes.ts";
import { ArtefactFiles } from "../realtime/artefacts/artefact-files.ts";
import type { VoiceOpening } from "../realtime/voice-admission.ts";
import { wireVoiceModels } from "../realtime/wire-voice-model.ts";
import { describeError } from "../tasks/ports/log.ts";
import { createApp } from "./app.ts";
import type { Deployment } from "./deployment.ts";
import type { EventsReport } from "./events.ts";
import { workerOf } from "./operations/deployment-worker.ts";
import { HostHealth } from "./operations/health.ts";
import type { BuildInfo } from "./operations/metrics.ts";
import { StoredVoiceFigures } from "./voice/stored-voice-figures.ts";

export type DeploymentSurface = {
  readonly build: BuildInfo;
  readonly sockets: EventSockets;
  readonly shards: HubShards;
  /** The web pages that come with the gateway; absent where they were not uploaded. */
  readonly pages?: PageFiles;
  readonly voiceSockets: VoiceSockets;
  /** Makes a call in an object of its own, and answers with the provider's SDP. */
  makeCall(opening: VoiceOpening, sdp: string): Promise<string>;
  /** Ends an open voice session. */
  endVoice(sessionId: string): Promise<void>;
  /** Keeps the isolate alive until the promise settles, as long as the platform allows. */
  keepAlive(pending: Promise<void>): void;
};

export type DeploymentApp = { fetch(request: Request): Response | Promise<Response> };

/** More open voice sessions than this are not counted. */
const SHOWN_SESSIONS = 1_000;
/** Paths that are answered although the bootstrap key could not be looked after. */
const PROBES = "/health";

export function createDeploymentApp(deployment: Deployment, surface: DeploymentSurface): DeploymentApp {
  const { settings, log, clock, store, keys, qstash, voice } = deployment;
  const hubs = { names: HUB_NAMES, shards: surface.shards, shardsPerKey: settings.hubs.shardsPerKey };
  keys.onKeyChanged(({ keyId, alive, expired }) => {
    if (alive) return;
    // A shard that is not told finds out by itself before long.
    const closed = closeHubs(hubs, keyId, expired ? KEY_END.expired : KEY_END.revoked).catch(
      (error: unknown) => {
        log.warn("hub connections could not be ended", { keyId, cause: describeError(error) });
      },
    );
    surface.keepAlive(closed);
  });
  const app = createApp(deployment, {
    build: surface.build,
    events: eventsReport(deployment),
    host: noIdleLimit,
    adminKey: settings.keys.admin,
    health: deploymentHealth(deployment),
    durations: deployment.durations,
    slots: new ConnectionSlots(settings.events),
    heartbeat: new RequestHeartbeat(clock, settings.events.heartbeatMs),
    sockets: () => surface.sockets,
    ...(surface.pages && { pages: surface.pages }),
    voices: wireVoiceModels(voice.models),
    storedVoice: new StoredVoiceFigures({ store, clock, isVoice: (name) => voice.models.has(name) }),
    mountRealtime: (target, key, admin) => {
      mountRealtimeSessions(target, key, admin, { store, endSession: (ended) => surface.endVoice(ended.id) });
      mountSessionArtefacts(target, key, { store, artefacts: new ArtefactFiles(deployment.media) });
      mountRealtime(target, {
        keys: deployment.authenticator,
        ephemeralKeys: deployment.ephemeralKeys,
        voice,
        store,
        sockets: surface.voiceSockets,
        origins: deployment.origins,
      });
      mountRealtimeCalls(target, key, {
        ephemeralKeys: deployment.ephemeralKeys,
        voice,
        store,
        makeCall: surface.makeCall,
        endSession: (ended) => surface.endVoice(ended.id),
      });
    },
    mountHubs: (target, key) =>
      mountHubProxy(target, key, { ...hubs, keys: store, origins: deployment.origins }),
    mountQueue: (target) => {
      if (qstash === null) return;
      mountQStash(target, {
        ...qstash,
        worker: workerOf(deployment, surface.keepAlive),
        host: noIdleLimit,
        clock,
        log,
      });
    },
  });
  return withBootstrapKey(deployment, app);
}

/** How a deployment's parts are. Figures of one isolate say nothing here; what counts is asked of the store. */
export function deploymentHealth(
  deployment: Pick<
    Deployment,
    "store" | "settings" | "catalogue" | "stepWorkerOptions" | "ringHealth" | "clock"
  >,
): HostHealth {
  const { store, settings, catalogue, stepWorkerOptions, ringHealth, clock } = deployment;
  return new HostHealth({
    store: {
      ping: () => store.ping(),
      countUnreadable: () => store.countUnreadable(),
      hasKeys: async () => (await store.listKeys(1, null)).keys.length > 0,
      kind: settings.upstash.url === null ? "Durable Object" : "Upstash Redis",
    },
    queue: { stats: () => store.stats(), rings: ringHealth, maxHeld: stepWorkerOptions.maxHeld },
    rooms: () => ({ status: "ok", kind: "Durable Objects" }),
    providers: catalogue.providers,
    events: eventsReport(deployment),
    webhooks: () => store.countDeliveries(),
    realtime: async () => {
      try {
        const open = await store.listOpenSessions(SHOWN_SESSIONS);
        return { status: "ok", openSessions: open.length, kind: "Durable Objects" };
      } catch {
        return { status: "down", detail: "the voice sessions cannot be read" };
      }
    },
    clock,
  });
}

function eventsReport({ settings, store }: Pick<Deployment, "settings" | "store">): EventsReport | undefined {
  return settings.events.sink.url === null ? undefined : { stats: () => store.outboxStats() };
}

/** Looks after the bootstrap key before the first request that needs keys: nothing runs before there is one. */
function withBootstrapKey({ settings, keys, log }: Deployment, app: Hono<HttpEnv>): DeploymentApp {
  const { bootstrap } = settings.keys;
  let bootstrapped = bootstrap === null;
  return {
    async fetch(request) {
      if (!bootstrapped && bootstrap !== null && !new URL(request.url).pathname.startsWith(PROBES)) {
        try {
          await keys.ensureBootstrapKey(bootstrap);
          bootstrapped = true;
        } catch (error) {
          // Without the store nothing else works either, and the request's own answer says so.
          log.warn("the bootstrap key could not be looked after", { cause: describeError(error) });
        }
      }
      return app.fetch(request);
    },
  };
}
