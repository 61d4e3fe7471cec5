/**
 * The gateway of one process over a store it owns: engine, rooms, services and the application, wired together.
 * Host-neutral; a host hands in its store, media, sockets and timers, and serves what comes out.
 */

import type { Hono } from "hono";
import type { AccountStore } from "./accounts/account-store.ts";
import { createAdminCheck } from "./accounts/admin-key.ts";
import { Authenticator } from "./accounts/authenticator.ts";
import { KeyWatch } from "./accounts/key-watch.ts";
import { KeyService } from "./accounts/keys.ts";
import type { Principal } from "./accounts/principal.ts";
import { createApp } from "./app.ts";
import type { Settings } from "./config.ts";
import { ConnectionSlots } from "./http/connection-slots.ts";
import { createEventEncodings } from "./http/event-encodings.ts";
import { StreamHeartbeat } from "./http/event-stream.ts";
import { mountEvents } from "./http/events.ts";
import type { HttpEnv } from "./http/exchange.ts";
import { GatewayHealth } from "./http/gateway-health.ts";
import { registerGatewayMetrics } from "./http/gateway-metrics.ts";
import type { Host } from "./http/host.ts";
import { HubHeart } from "./http/hub-heart.ts";
import { mountHubs } from "./http/hubs.ts";
import { createOriginPolicy } from "./http/origin-policy.ts";
import type { SocketUpgrade } from "./http/socket-upgrade.ts";
import { HubConnections } from "./hubs/connections.ts";
import type { Hub } from "./hubs/hub.ts";
import { createMediaHub } from "./hubs/media-hub.ts";
import { createPushEncodings } from "./hubs/push-encodings.ts";
import { DEFAULT_SESSION_SETTINGS, type SessionSettings } from "./hubs/session-settings.ts";
import { closing, Subscriptions } from "./hubs/subscriptions.ts";
import { createItemEncoding } from "./hubs/task-stream.ts";
import { createTasksHub } from "./hubs/tasks-hub.ts";
import { MetricsRegistry } from "./metrics/registry.ts";
import type { Catalogue } from "./providers/catalogue.ts";
import { CLOSE_KEY_DISABLED, CLOSE_SHUTDOWN, type Topics } from "./rooms/follower.ts";
import { createRoomEndWatch } from "./rooms/room-end-watch.ts";
import { Rooms } from "./rooms/rooms.ts";
import type { Clock } from "./tasks/clock.ts";
import { Engine } from "./tasks/engine.ts";
import type { Log } from "./tasks/log.ts";
import type { MediaStore } from "./tasks/media-store.ts";
import type { PresentationContext } from "./tasks/presentation.ts";
import type { Publisher } from "./tasks/publisher.ts";
import { RetentionSweep } from "./tasks/retention.ts";
import { TaskService } from "./tasks/service.ts";
import type { TaskStore } from "./tasks/task-store.ts";

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Retries are moved by at most a fifth in both directions. */
const RETRY_JITTER = 0.2;

export type GatewayDependencies = {
  settings: Settings;
  adminKey: string | null;
  store: TaskStore & AccountStore;
  media: MediaStore;
  catalogue: Catalogue;
  host: Host;
  sockets: SocketUpgrade;
  topics: Topics;
  clock: Clock;
  log: Log;
};

export type RunningGateway = {
  app: Hono<HttpEnv>;
  keys: KeyService;
  tasks: TaskService;
  /** Where transitions are announced that somebody else than this engine committed. */
  publisher: Publisher;
  /** Begins to claim work and to sweep. */
  start(): void;
  /** Closes streams, finishes or hands back what runs, within the configured bound. The store stays open. */
  stop(): Promise<void>;
};

/** Wires a gateway; nothing runs before `start`. */
export function createGateway(dependencies: GatewayDependencies): RunningGateway {
  const { settings, store, media, catalogue, host, sockets, topics, clock, log } = dependencies;
  const origins = createOriginPolicy(settings.cors.origins);
  const rooms = new Rooms(
    { store, topics, clock, log },
    {
      positionCheckMs: settings.events.positionCheckMs,
      slowSweepMs: settings.events.slowSweepMs,
      slowBytes: settings.events.slowBytes,
      slowCloseMs: settings.events.slowCloseMs,
    },
  );
  const engine = new Engine(
    { store, media, providers: catalogue.providers, publisher: rooms, clock, log },
    {
      concurrency: {
        image: settings.imageGeneration.maxConcurrency,
        video: settings.videoGeneration.maxConcurrency,
      },
      leaseMs: settings.engine.leaseMs,
      renewMs: settings.engine.renewMs,
      sweepMs: settings.engine.sweepIntervalMs,
      progressIntervalMs: SECOND_MS / settings.engine.progressPerSecond,
      shutdownMs: settings.engine.shutdownMs,
      retry: {
        baseMs: settings.engine.retryBaseMs,
        capMs: settings.engine.retryCapMs,
        jitter: RETRY_JITTER,
      },
    },
  );
  const tasks = new TaskService(
    {
      store,
      media,
      publisher: rooms,
      doorbell: engine,
      endWatch: createRoomEndWatch(rooms, clock),
      dropHeld: (taskId) => engine.drop(taskId),
      clock,
      log,
    },
    {
      limits: { image: limitsOf(settings.imageGeneration), video: limitsOf(settings.videoGeneration) },
      maxWaitMs: settings.queue.maxWaitSeconds * SECOND_MS,
      maxQueuedPerKey: settings.queue.maxQueuedPerKey,
    },
  );
  const retention = new RetentionSweep(
    { store, media, clock, log },
    {
      tasksMs: settings.retention.tasksDays * DAY_MS,
      eventsMs: settings.retention.eventsHours * HOUR_MS,
      mediaMs: settings.retention.mediaDays * DAY_MS,
      ledgerMs: settings.retention.ledgerDays * DAY_MS,
      everyMs: settings.retention.sweepIntervalMs,
    },
  );

  const keys = new KeyService({ store, clock, log });
  const authenticator = new Authenticator({ store, clock, knownMs: settings.keys.cacheMs });
  const slots = new ConnectionSlots(settings.events);
  const hubConnections = new HubConnections<Principal>(settings.hubs.maxConnectionsPerKey);
  const disconnect = (keyId: string) => {
    authenticator.forget(keyId);
    hubConnections.close(keyId, closing(CLOSE_KEY_DISABLED, "the key was disabled or revoked"));
    rooms.closeKey(keyId);
  };
  keys.onKeyChanged(({ keyId, alive }) => {
    if (alive) authenticator.forget(keyId);
    else disconnect(keyId);
  });
  const keyWatch = new KeyWatch({
    store,
    clock,
    log,
    connectedKeys: () => [...slots.keyIds(), ...hubConnections.owners()],
    disconnect,
  });

  const presentation: PresentationContext = {
    publicUrl: settings.server.publicUrl,
    tasksMs: settings.retention.tasksDays * DAY_MS,
    now: () => clock.now(),
  };
  const hubSession = sessionSettings(settings.hubs);
  const heart = new HubHeart(hubConnections, clock, hubSession);
  const hubs = createHubs(dependencies, tasks, rooms, presentation);
  let stopping = false;
  const metrics = new MetricsRegistry();
  registerGatewayMetrics(metrics, { store, engine, rooms, hubs: hubConnections });
  const health = new GatewayHealth({ store, engine, rooms, providers: catalogue.providers });
  const app = createApp({
    settings,
    host,
    origins,
    models: catalogue,
    keys: authenticator,
    isAdmin: createAdminCheck(dependencies.adminKey),
    health,
    metrics,
    clock,
    log,
    gateway: {
      tasks,
      keys,
      media,
      presentation,
      mountStreams: (target, key) => {
        mountEvents(target, key, {
          tasks,
          rooms,
          encodings: createEventEncodings(presentation),
          heartbeat: new StreamHeartbeat(clock, settings.events.heartbeatMs),
          slots,
          sockets,
          origins,
          host,
        });
        mountHubs(target, key, {
          hubs,
          connections: hubConnections,
          heart,
          session: hubSession,
          sockets,
          origins,
          host,
          clock,
          stopping: () => stopping,
        });
      },
    },
  });

  return {
    app,
    keys,
    tasks,
    publisher: rooms,
    start() {
      engine.start();
      retention.start();
      keyWatch.start();
    },
    async stop() {
      health.stopping();
      keyWatch.stop();
      // Streams stay while steps finish, so that followers still see them end; what is left is told to come again.
      await engine.stop();
      stopping = true;
      hubConnections.close(null, closing(CLOSE_SHUTDOWN, "the server is shutting down"));
      heart.stop();
      await Promise.all([retention.stop(), rooms.shutdown()]);
    },
  };
}

/** By the names under which they are served. */
function createHubs(
  { settings, store, clock }: GatewayDependencies,
  tasks: TaskService,
  rooms: Rooms,
  presentation: PresentationContext,
): Record<string, Hub<Principal>> {
  const { snapshotDelayMs, maxSubscriptionsPerConnection } = settings.hubs;
  const subscriptions = new Subscriptions(
    { tasks, rooms, store, clock, encodings: createPushEncodings(presentation) },
    { snapshotDelayMs, maxPerConnection: maxSubscriptionsPerConnection },
  );
  return {
    "image-generation": createMediaHub(subscriptions),
    "video-generation": createMediaHub(subscriptions),
    tasks: createTasksHub({ subscriptions, rooms, items: createItemEncoding(presentation) }),
  };
}

function sessionSettings(settings: Settings["hubs"]): SessionSettings {
  return {
    ...DEFAULT_SESSION_SETTINGS,
    keepAliveMs: settings.keepAliveSeconds * SECOND_MS,
    clientTimeoutMs: settings.clientTimeoutSeconds * SECOND_MS,
    handshakeTimeoutMs: settings.handshakeTimeoutSeconds * SECOND_MS,
  };
}

function limitsOf(settings: Settings["imageGeneration"]) {
  return { timeoutMs: settings.timeoutSeconds * SECOND_MS, maxAttempts: settings.maxAttempts };
}
