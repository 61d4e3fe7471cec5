/**
 * The gateway of one process over a store it owns: engine, rooms, services and the application, wired together.
 * Host-neutral; a host hands in its store, media, sockets and timers, and serves what comes out.
 */

import type { Hono } from "hono";
import type { AccountStore } from "../accounts/account-store.ts";
import { createAdminCheck } from "../accounts/admin-key.ts";
import { Authenticator } from "../accounts/authenticator.ts";
import { announceKeyChange, onRemoteKeyChange } from "../accounts/key-change-bus.ts";
import { KeyWatch } from "../accounts/key-watch.ts";
import { type KeyEvent, KeyService } from "../accounts/keys.ts";
import type { Principal } from "../accounts/principal.ts";
import type { Settings } from "../config/load.ts";
import type { HttpEnv } from "../http/exchange.ts";
import type { Host } from "../http/host.ts";
import { createOriginPolicy } from "../http/middleware/origin-policy.ts";
import { mountEvents } from "../http/routes/events.ts";
import { mountHubs } from "../http/routes/hubs.ts";
import { ConnectionSlots } from "../http/streams/connection-limits.ts";
import { createEventEncodings } from "../http/streams/event-encodings.ts";
import { LocalEventSockets } from "../http/streams/event-sockets.ts";
import { StreamHeartbeat } from "../http/streams/event-stream.ts";
import { HubKeepAlive } from "../http/streams/hub-keep-alive.ts";
import { closeOptionsOf } from "../hubs/subscriptions.ts";
import { MetricsRegistry } from "../metrics/registry.ts";
import { CLOSE_GOING_AWAY, CLOSE_POLICY } from "../protocol/close-codes.ts";
import type { Catalogue } from "../providers/catalogue.ts";
import { RoomBridge } from "../rooms/room-bridge.ts";
import { createRoomEndWatch } from "../rooms/room-end-watch.ts";
import { Rooms } from "../rooms/rooms.ts";
import { HubConnections } from "../signalr/transports/connections.ts";
import type { Topics } from "../sockets/frame.ts";
import type { SocketUpgrade } from "../sockets/socket-upgrade.ts";
import { Engine } from "../tasks/engine/engine.ts";
import { BusWorkers, SILENT_WORKERS } from "../tasks/engine/other-workers.ts";
import { RetentionSweep } from "../tasks/engine/retention.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { InstanceBus } from "../tasks/ports/instance-bus.ts";
import type { Log } from "../tasks/ports/log.ts";
import type { MediaStore } from "../tasks/ports/media-store.ts";
import type { Publisher } from "../tasks/ports/publisher.ts";
import type { TaskStore } from "../tasks/ports/task-store.ts";
import type { TaskService } from "../tasks/service.ts";
import { createApp } from "./app.ts";
import { GatewayHealth } from "./gateway-health.ts";
import { registerGatewayMetrics } from "./gateway-metrics.ts";
import {
  createHubs,
  createTaskService,
  createWireContext,
  engineOptions,
  hubConnectionSettings,
  retentionOptions,
  roomsSettings,
} from "./options.ts";

export type GatewayDependencies = {
  settings: Settings;
  adminKey: string | null;
  store: TaskStore & AccountStore;
  /** Why what the store acknowledges may be lost, for `/health`; null when it lasts. Default: it lasts. */
  storeDoubt?: () => Promise<string | null>;
  media: MediaStore;
  catalogue: Catalogue;
  host: Host;
  sockets: SocketUpgrade;
  topics: Topics;
  clock: Clock;
  log: Log;
  /** Present where other processes share the store; `bus` is null where only the store connects them. */
  instances?: { readonly bus: InstanceBus | null };
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
  const { settings, store, media, catalogue, host, sockets, topics, clock, log, instances } = dependencies;
  const origins = createOriginPolicy(settings.cors.origins);
  const bus = instances?.bus ?? null;
  const bridge = bus === null ? null : new RoomBridge({ bus, store, log });
  const rooms = new Rooms({ store: bridge?.store ?? store, topics, clock, log }, roomsSettings(settings));
  bridge?.attach(rooms);
  const publisher = bridge ?? rooms;
  const workers = bus === null ? null : new BusWorkers(bus, clock);
  const engine = new Engine(
    {
      store,
      media,
      providers: catalogue.providers,
      publisher,
      clock,
      log,
      others: workers ?? (instances && SILENT_WORKERS),
    },
    engineOptions(settings),
  );
  const tasks = createTaskService(settings, {
    store,
    media,
    publisher,
    doorbell: engine,
    endWatch: createRoomEndWatch(rooms, clock),
    dropHeld: (taskId) => engine.drop(taskId),
    clock,
    log,
  });
  const retention = new RetentionSweep({ store, media, clock, log }, retentionOptions(settings));

  const keys = new KeyService({ store, clock, log });
  const authenticator = new Authenticator({ store, clock, knownMs: settings.keys.cacheMs });
  const slots = new ConnectionSlots(settings.events);
  const hubConnections = new HubConnections<Principal>(settings.hubs.maxConnectionsPerKey);
  const disconnect = (keyId: string) => {
    authenticator.forget(keyId);
    hubConnections.close(keyId, closeOptionsOf(CLOSE_POLICY, "the key was disabled or revoked"));
    rooms.closeKey(keyId);
  };
  const keyChanged = ({ keyId, alive }: KeyEvent) => {
    if (alive) authenticator.forget(keyId);
    else disconnect(keyId);
  };
  keys.onKeyChanged((event) => {
    keyChanged(event);
    if (bus !== null) announceKeyChange(bus, event);
  });
  const keyWatch = new KeyWatch({
    store,
    clock,
    log,
    connectedKeys: () => [...slots.keyIds(), ...hubConnections.owners()],
    disconnect,
  });

  const wireContext = createWireContext(settings, clock);
  const connectionSettings = hubConnectionSettings(settings);
  const keepAlive = new HubKeepAlive(hubConnections, clock, connectionSettings);
  const { hubs } = createHubs(settings, { tasks, rooms, store, clock, wireContext });
  let stopping = false;
  const metrics = new MetricsRegistry();
  registerGatewayMetrics(metrics, { store, engine, rooms, hubs: hubConnections });
  const health = new GatewayHealth({
    store,
    storeDoubt: dependencies.storeDoubt ?? (async () => null),
    engine,
    rooms,
    bus,
    providers: catalogue.providers,
  });
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
      wireContext,
      mountStreams: (target, key) => {
        const encodings = createEventEncodings(wireContext);
        mountEvents(target, key, {
          tasks,
          rooms,
          encodings,
          heartbeat: new StreamHeartbeat(clock, settings.events.heartbeatMs),
          slots,
          sockets: new LocalEventSockets({ rooms, encodings, slots, sockets }),
          origins,
          host,
        });
        mountHubs(target, key, {
          hubs,
          connections: hubConnections,
          keepAlive,
          connectionSettings,
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
    publisher,
    start() {
      if (bus !== null) void onRemoteKeyChange(bus, keyChanged);
      void workers?.listen(engine);
      engine.start();
      retention.start();
      keyWatch.start();
    },
    async stop() {
      health.stopping();
      keyWatch.stop();
      // Streams stay while steps finish, so that subscribers still see them end; what is left is told to come again.
      await engine.stop();
      stopping = true;
      hubConnections.close(null, closeOptionsOf(CLOSE_GOING_AWAY, "the server is shutting down"));
      keepAlive.stop();
      await Promise.all([retention.stop(), rooms.shutdown()]);
    },
  };
}
