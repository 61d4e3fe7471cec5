/**
 * The gateway of one process: the core and the application, and what only a process has - an engine that works in a
 * loop, rooms and hub connections in memory, and perhaps other processes on the same store. A host hands in its store,
 * media, sockets and timers, and serves what comes out.
 */

import type { Hono } from "hono";
import { announceKeyChange, onRemoteKeyChange } from "../accounts/keys/key-change-bus.ts";
import { KeyWatch } from "../accounts/keys/key-watch.ts";
import type { KeyEvent, KeyService } from "../accounts/keys/keys.ts";
import { billTask } from "../accounts/prices/held-price.ts";
import type { Principal } from "../accounts/principal.ts";
import type { Settings } from "../config/load.ts";
import type { Post } from "../events/http-sink.ts";
import { DomainEvents } from "../events/listeners.ts";
import type { Transport } from "../fetch/transport.ts";
import type { HttpEnv } from "../http/exchange.ts";
import type { IdleLimit } from "../http/idle-limit.ts";
import type { PageFiles } from "../http/pages/page-files.ts";
import { keepStreamsUnmeasured } from "../http/response/stream-head.ts";
import { mountHubs } from "../http/routes/hubs/hubs.ts";
import { ConnectionSlots } from "../http/streams/connection-limits.ts";
import { LocalEventSockets } from "../http/streams/event-sockets.ts";
import { StreamHeartbeat } from "../http/streams/event-stream.ts";
import { HubKeepAlive } from "../http/streams/hub-keep-alive.ts";
import { closeOptionsOf } from "../hubs/subscriptions.ts";
import { createCheckedMedia } from "../media/checked.ts";
import { FreshMedia } from "../media/fresh.ts";
import { createLazyThumbnails, type PictureShrinker } from "../media/thumbnails/lazy.ts";
import { CLOSE_GOING_AWAY, KEY_END, type KeyEnd, keyEndCode } from "../protocol/close-codes.ts";
import type { Catalogue } from "../providers/catalogue.ts";
import { durationSeeds } from "../providers/usual-durations.ts";
import { wireVoiceModels } from "../realtime/wire-voice-model.ts";
import { RoomBridge } from "../rooms/room-bridge.ts";
import { Rooms } from "../rooms/rooms.ts";
import { HubConnections } from "../signalr/transports/connections.ts";
import type { Topics } from "../sockets/frame.ts";
import type { SocketUpgrade } from "../sockets/socket-upgrade.ts";
import type { Store } from "../stores/store.ts";
import { Engine } from "../tasks/engine/engine.ts";
import { HungCalls } from "../tasks/engine/hung-calls.ts";
import { BusWorkers, SILENT_WORKERS } from "../tasks/engine/other-workers.ts";
import { ProviderHealth } from "../tasks/engine/provider-health.ts";
import { RetentionSweep } from "../tasks/engine/retention.ts";
import { UsualDurations } from "../tasks/engine/usual-durations.ts";
import type { HookAddresses } from "../tasks/hook-addresses.ts";
import { LocalEnds } from "../tasks/local-ends.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { InstanceBus } from "../tasks/ports/instance-bus.ts";
import type { Log } from "../tasks/ports/log.ts";
import type { MediaStore } from "../tasks/ports/media-store.ts";
import type { Publisher } from "../tasks/ports/publisher.ts";
import { Previews } from "../tasks/previews.ts";
import type { TaskService } from "../tasks/service.ts";
import { createApp } from "./app.ts";
import { createCore } from "./core.ts";
import { createEventSender } from "./events.ts";
import { createHubs } from "./hubs.ts";
import { HostHealth, roomsPart } from "./operations/health.ts";
import type { BuildInfo } from "./operations/metrics.ts";
import { StoreMetrics } from "./operations/store-metrics.ts";
import { TaskEnds } from "./operations/task-ends.ts";
import { UnreadableWatch } from "./operations/unreadable-watch.ts";
import { engineOptions, hubConnectionSettings, retentionOptions, roomsSettings } from "./options.ts";
import { providerAccountNews } from "./provider-account-news.ts";
import { ProcessVoice } from "./voice/process-voice.ts";
import type { VoiceHost } from "./voice/voice.ts";
import { VoiceFigures } from "./voice/voice-figures.ts";
import { createWebhooks } from "./webhooks.ts";

/** Deliveries to webhooks that are sent at once: so many destinations may hang at a time, and others go on. */
const MAX_OPEN_DELIVERIES = 64;
/** How long clients of long polling get to fetch what closes their connections, ms. They ask again at once. */
const LAST_POLLS_MS = 1_000;
/** How long providers get to hang up, and the store to take what voice sessions used, ms. */
const VOICE_ENDS_MS = 5_000;

export type GatewayDependencies = {
  build: BuildInfo;
  settings: Settings;
  adminKey: string | null;
  /** Where providers may call back; absent where none can reach the gateway. */
  hooks?: HookAddresses | null;
  store: Store;
  /** Why what the store acknowledges may be lost, for `/health`; null when it lasts. Default: it lasts. */
  storeDoubt?: () => Promise<string | null>;
  media: MediaStore;
  /** Makes small copies of pictures; absent where there are none. */
  shrinker?: PictureShrinker;
  /** The web pages that come with the gateway; absent where there are none. */
  pages?: PageFiles;
  catalogue: Catalogue;
  transport: Transport;
  /** Sends what the operator's own services are told. Default: the runtime's `fetch`. */
  post?: Post;
  host: IdleLimit;
  sockets: SocketUpgrade;
  topics: Topics;
  clock: Clock;
  log: Log;
  /** How voice providers are reached; absent where no voice sessions are offered. */
  voice?: VoiceHost;
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
  /**
   * Finishes or hands back what runs, within the configured bound, and then closes streams. The host goes on answering
   * until this resolves: a poll is a request of its own. The store stays open.
   */
  stop(): Promise<void>;
};

/** Wires a gateway; nothing runs before `start`. */
export function createGateway(dependencies: GatewayDependencies): RunningGateway {
  const { settings, storeDoubt, media, catalogue, transport, host, sockets, topics, clock, log, instances } =
    dependencies;
  const storeCalls = new StoreMetrics(dependencies.store, clock);
  const { store } = storeCalls;
  const { hooks = null, shrinker } = dependencies;
  const { providers } = catalogue;
  const bus = instances?.bus ?? null;
  const bridge = bus === null ? null : new RoomBridge({ bus, store, log });
  const rooms = new Rooms({ store: bridge?.store ?? store, topics, clock, log }, roomsSettings(settings));
  bridge?.attach(rooms);
  const ends = new TaskEnds(log);
  const domainEvents = new DomainEvents(bridge ?? rooms, [ends]);
  // Where no other process writes, this one hears of every end by itself.
  const localEnds =
    instances === undefined ? new LocalEnds({ publisher: domainEvents, store, clock, log }) : null;
  const publisher = localEnds ?? domainEvents;
  const fresh = new FreshMedia(media, (taskId) => localEnds?.isAwaited(taskId) === true);
  const post: Post = dependencies.post ?? ((url, init) => fetch(url, init));
  const sender = createEventSender(settings, { store, post, clock, log });
  const events = sender === null ? undefined : { stats: () => store.outboxStats(), sent: () => sender.sent };
  const workers = bus === null ? null : new BusWorkers(bus, clock);
  const others = workers ?? (instances && SILENT_WORKERS);
  const previews = new Previews();
  const hung = new HungCalls();
  const providerHealth = new ProviderHealth(clock, Math.random, providerAccountNews(log));
  const accounts = () => providerHealth.list();
  const webhooks = createWebhooks({ settings, store, transport, clock, log, maxOpen: MAX_OPEN_DELIVERIES });
  const durations = new UsualDurations(durationSeeds(catalogue.list()));
  const engine = new Engine(
    {
      store,
      media: createCheckedMedia(fresh),
      providers,
      publisher,
      bill: billTask,
      clock,
      log,
      others,
      hung: (provider, call) => hung.note(provider, call),
      health: providerHealth,
      previews,
      hooks: hooks ?? undefined,
      otherWork: [webhooks.sender],
      durations,
    },
    engineOptions(settings),
  );
  const retention = new RetentionSweep({ store, media, clock, log }, retentionOptions(settings));
  const core = createCore(
    {
      settings,
      clock,
      log,
      store,
      media,
      catalogue,
      transport,
      publisher,
      doorbell: engine,
      rooms,
      hooks,
      webhooks,
    },
    {
      dropHeld: (taskId) => engine.drop(taskId),
      sharedLookups: true,
      endWatch: localEnds ?? undefined,
      checkTask:
        instances !== undefined && bus === null
          ? (keyId, taskId) => rooms.checkTask(keyId, taskId)
          : undefined,
    },
  );
  const { keys, tasks, authenticator, origins, wireContext } = core;

  const slots = new ConnectionSlots(settings.events);
  const connections = new HubConnections<Principal>(settings.hubs.maxConnectionsPerKey);
  const session = hubConnectionSettings(settings);
  const keepAlive = new HubKeepAlive(connections, clock, session);
  const { hubs } = createHubs(settings, { tasks, rooms, store, clock, wireContext });
  const traffic = settings.logging.level === "debug";
  // Of their own: an account that voice is refused under may make pictures, and a lane is not paused for voice.
  const voiceHealth = new ProviderHealth(clock, Math.random, providerAccountNews(log));
  const voiceFigures = new VoiceFigures({ clock, log, traffic });
  const voice = new ProcessVoice({
    ...{ settings, store, media, clock, log, bus },
    host: dependencies.voice,
    embedded: instances === undefined,
    health: voiceHealth,
    watch: voiceFigures,
  });
  const disconnect = (keyId: string, why: KeyEnd) => {
    voice.service?.closeKey(keyId, why);
    authenticator.forget(keyId);
    connections.close(keyId, closeOptionsOf(keyEndCode(why), why));
    rooms.closeKey(keyId, why);
    localEnds?.closeKey(keyId);
  };
  const keyChanged = ({ keyId, alive, expired }: KeyEvent) => {
    authenticator.forget(keyId);
    keyWatch.forget(keyId);
    if (!alive) disconnect(keyId, expired ? KEY_END.expired : KEY_END.revoked);
  };
  keys.onKeyChanged((event) => {
    keyChanged(event);
    if (bus !== null) announceKeyChange(bus, event);
  });
  const keyWatch = new KeyWatch({
    store,
    clock,
    log,
    connectedKeys: () => [...slots.keyIds(), ...connections.owners(), ...(voice.service?.keyIds() ?? [])],
    disconnect,
  });

  const unreadable = new UnreadableWatch({ store, clock, log });

  /** `finishing`: no new work is taken. `closing`: nor are new hub connections. */
  let state: "running" | "finishing" | "closing" = "running";
  const health = new HostHealth({
    store: {
      ping: () => store.ping(),
      countUnreadable: () => store.countUnreadable(),
      hasKeys: async () => (await store.listKeys(1, null)).keys.length > 0,
      ...(storeDoubt && { doubt: storeDoubt }),
    },
    queue: { stats: () => store.stats(), figures: () => ({ providerCalls: engine.heldSteps }) },
    rooms: () => roomsPart(rooms, bus),
    providers,
    hungCalls: () => hung.open,
    accounts,
    events,
    webhooks: () => store.countDeliveries(),
    ...(voice.service !== null && {
      realtime: () => voiceFigures.part(voice.admission.models.providers, voiceHealth.list()),
    }),
    clock,
  });
  const app = createApp(core, {
    host,
    adminKey: dependencies.adminKey,
    health,
    build: dependencies.build,
    gauges: {
      engine,
      hung,
      accounts,
      voiceAccounts: () => voiceHealth.list(),
      providers,
      rooms,
      hubs: connections,
      retention,
      ends,
      storeCalls,
      webhookMetrics: webhooks.tries,
      voice: voice.service === null ? null : voiceFigures,
    },
    isResting: ({ provider, providerModel }, type) => {
      const offering = providers.get(provider);
      return offering !== undefined && providerHealth.isResting(offering, providerModel, type);
    },
    events,
    durations,
    slots,
    previews,
    results: fresh,
    ...(dependencies.pages && { pages: dependencies.pages }),
    ...(shrinker && { thumbnails: createLazyThumbnails(media, shrinker) }),
    stopping: () => state !== "running",
    heartbeat: new StreamHeartbeat(clock, settings.events.heartbeatMs),
    sockets: (encodings) => new LocalEventSockets({ rooms, encodings, slots, sockets }),
    ...(voice.service !== null && {
      voices: wireVoiceModels(voice.admission.models),
      mountRealtime: (target, key, admin) =>
        voice.mount(target, key, admin, {
          keys: authenticator,
          ephemeralKeys: core.ephemeralKeys,
          sockets,
          origins,
        }),
    }),
    mountHubs: (target, key) =>
      mountHubs(target, key, {
        hubs,
        connections,
        keepAlive,
        connectionSettings: session,
        sockets,
        origins,
        host,
        clock,
        stopping: () => state === "closing",
      }),
  });
  keepStreamsUnmeasured(app);

  return {
    app,
    keys,
    tasks,
    publisher,
    start() {
      if (bus !== null) {
        void onRemoteKeyChange(bus, keyChanged);
      }
      void workers?.listen(engine);
      engine.start();
      retention.start();
      keyWatch.start();
      unreadable.start();
      voice.start();
      sender?.start(settings.engine.sweepIntervalMs);
    },
    async stop() {
      state = "finishing";
      health.stopping();
      keyWatch.stop();
      unreadable.stop();
      voice.stopOpening();
      // Streams stay while steps finish, so that subscribers still see them end; what is left is told to come again.
      await engine.stop();
      await sender?.stop();
      state = "closing";
      localEnds?.close();
      const voiceEnded = voice.service?.shutdown() ?? Promise.resolve();
      connections.close(null, closeOptionsOf(CLOSE_GOING_AWAY, "the server is shutting down"));
      await Promise.all([
        retention.stop(),
        rooms.shutdown(),
        within(LAST_POLLS_MS, connections.ended()),
        within(VOICE_ENDS_MS, voiceEnded),
      ]);
      keepAlive.stop();
    },
  };
}

/** Resolves with `pending`, or after `ms`. */
async function within(ms: number, pending: Promise<void>): Promise<void> {
  const { promise: elapsed, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([pending, elapsed]);
  clearTimeout(timer);
}
