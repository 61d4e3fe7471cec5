/**
 * A shard of a key's hub connections as a Durable Object, over every transport. It hibernates when it is idle: the
 * platform drops its memory and keeps its sockets, and the constructor restores the connections.
 */

import { DurableObject } from "cloudflare:workers";
import type { DurableObjectState, WebSocket } from "@cloudflare/workers-types";
import { Hono } from "hono";
import { KeyWatch } from "../../../accounts/keys/key-watch.ts";
import type { Principal } from "../../../accounts/principal.ts";
import type { Deployment } from "../../../compose/deployment.ts";
import { createHubs } from "../../../compose/hubs.ts";
import { hubConnectionSettings, roomsSettings } from "../../../compose/options.ts";
import { type HttpEnv, type HttpMiddleware, principalOfExchange } from "../../../http/exchange.ts";
import { noIdleLimit } from "../../../http/idle-limit.ts";
import { routedPath } from "../../../http/request/path.ts";
import { errorResponse } from "../../../http/response/error-response.ts";
import { isOnConnection, mountHubs } from "../../../http/routes/hubs/hubs.ts";
import { FrameBatcher } from "../../../hubs/sharding/frame-batcher.ts";
import { HibernatedConnections } from "../../../hubs/sharding/hibernated-connections.ts";
import {
  makeHubToken,
  parseShardName,
  type ShardAddress,
  shardName,
} from "../../../hubs/sharding/shard-address.ts";
import { ShardAlarm, type ShardSettlement } from "../../../hubs/sharding/shard-alarm.ts";
import { carriesEvents, readShardCaller } from "../../../hubs/sharding/shard-request.ts";
import { ShardRoomStore } from "../../../hubs/sharding/shard-room-store.ts";
import { ALL_TASKS, closeOptionsOf, type Subscriptions } from "../../../hubs/subscriptions.ts";
import { type KeyEnd, keyEndCode } from "../../../protocol/close-codes.ts";
import { taskRoomName, tenantRoomName } from "../../../rooms/room-name.ts";
import { Rooms } from "../../../rooms/rooms.ts";
import type { HubConnectionSettings } from "../../../signalr/connection/hub-connection-options.ts";
import type { Hub } from "../../../signalr/hub.ts";
import { HubConnections } from "../../../signalr/transports/connections.ts";
import { type Clock, systemClock } from "../../../tasks/ports/clock.ts";
import { describeError } from "../../../tasks/ports/log.ts";
import type { TaskUpdate, TenantScope } from "../../../tasks/task.ts";
import type { Bindings } from "../bindings.ts";
import { partsOf } from "../parts.ts";
import { answerClose } from "./room-socket.ts";
import { ShardSockets } from "./shard-sockets.ts";
import { SqlShardRows } from "./sql-shard-rows.ts";

const EVERY_PATH = "/*";
/** The wall clock: times are compared across hibernation, and no monotonic clock is promised to outlive it. */
const CLOCK: Clock = { ...systemClock, monotonic: () => Date.now() };
/** How long before a shard wakes its key was last checked, at most, ms. */
const CHECKED_WITHIN_MS = 60_000;

export class HubShard extends DurableObject<Bindings> {
  readonly #parts: Deployment;
  readonly #address: ShardAddress;
  readonly #connections: HubConnections<Principal>;
  readonly #sockets: ShardSockets;
  readonly #rooms: Rooms;
  readonly #shardRooms: ShardRoomStore;
  readonly #hibernated: HibernatedConnections;
  readonly #alarm: ShardAlarm;
  readonly #hubs: Readonly<Record<string, Hub<Principal>>>;
  readonly #subscriptions: Subscriptions;
  /** Finds a key that has expired, and one whose end this shard was not called for. */
  readonly #keyWatch: KeyWatch;
  readonly #connectionSettings: HubConnectionSettings;
  /** Made for the first request: most wake-ups are socket messages, publishes and alarms. */
  #app: Hono<HttpEnv> | null = null;

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    this.#parts = partsOf(env);
    const { settings, store, tasks, log, wireContext } = this.#parts;
    this.#address = parseShardName(ctx.id.name);
    const { shardsPerKey, maxConnectionsPerKey } = settings.hubs;
    const batcher = new FrameBatcher(CLOCK);
    const rows = new SqlShardRows(ctx.storage.sql);
    this.#sockets = new ShardSockets(ctx, batcher, CLOCK);
    // Each shard enforces its share of the limit; the Worker tries the next shard when one is full.
    this.#connections = new HubConnections(Math.ceil(maxConnectionsPerKey / shardsPerKey));
    this.#shardRooms = new ShardRoomStore({
      store,
      objects: env.TASK_ROOM,
      shard: shardName(this.#address),
      rows,
      onMoved: () => this.#alarm.wake(),
    });
    this.#rooms = new Rooms(
      {
        store: this.#shardRooms,
        // No subscriber here has native topics (its `topics` is null): frames reach each through `send`.
        topics: { publish: () => {} },
        clock: CLOCK,
        log,
        scheduleFlush: batcher.schedule,
      },
      { ...roomsSettings(settings), positionCheckMs: null },
    );
    this.#shardRooms.watch(this.#rooms);
    const { hubs, subscriptions } = createHubs(settings, {
      tasks,
      rooms: this.#rooms,
      store: this.#shardRooms,
      clock: CLOCK,
      wireContext,
      hibernation: {
        journal: {
          began: (connection, subscription) => rows.putSubscription({ connection, ...subscription }),
          ended: (connection, target) => rows.deleteSubscription(connection, target),
          left: (connection) => this.#hibernated.forget(connection),
        },
        positionOf: ({ keyId }, taskId) => this.#shardRooms.positionOf(taskRoomName(keyId, taskId)),
      },
    });
    this.#hubs = hubs;
    this.#subscriptions = subscriptions;
    this.#connectionSettings = {
      ...hubConnectionSettings(settings),
      report: (error, during) => log.error(`${during} failed`, { cause: describeError(error) }),
    };
    this.#hibernated = new HibernatedConnections({
      rows,
      sockets: this.#sockets,
      connections: this.#connections,
      hubs,
      connectionSettings: this.#connectionSettings,
      clock: CLOCK,
    });
    this.#keyWatch = new KeyWatch({
      store,
      clock: CLOCK,
      log,
      connectedKeys: () => this.#connections.owners(),
      disconnect: (_, why) => void this.closeKey(why),
      // It may have slept until the alarm that wakes it.
      lastCheckAt: CLOCK.now() - CHECKED_WITHIN_MS,
    });
    this.#alarm = new ShardAlarm({
      storage: ctx.storage,
      clock: CLOCK,
      settle: () => this.#settle(),
    });
    this.#restore(rows);
  }

  override fetch(request: Request): Response | Promise<Response> {
    this.#alarm.wake();
    this.#app ??= this.#createApp();
    return this.#app.fetch(request);
  }

  override webSocketMessage(native: WebSocket, message: string | ArrayBuffer): void {
    this.#alarm.wake();
    const endpoint = this.#sockets.received(native, message);
    if (endpoint !== null) this.#hibernated.save(endpoint);
  }

  override webSocketClose(native: WebSocket, code: number, reason: string): void {
    this.#alarm.wake();
    this.#sockets.closed(native);
    answerClose(native, code, reason);
  }

  override webSocketError(native: WebSocket): void {
    this.#alarm.wake();
    this.#sockets.closed(native);
  }

  override async alarm(): Promise<void> {
    this.#alarm.fired();
    await Promise.all([this.#rooms.check(), this.#keyWatch.check()]);
    this.#alarm.settle();
  }

  /** Takes updates of the rooms this shard has joined, in order; many in one call cost less than one by one. */
  publish(...updates: TaskUpdate[]): Promise<void> {
    this.#alarm.wake();
    for (const update of updates) {
      this.#rooms.publish(update);
      this.#shardRooms.touch(update);
    }
    return Promise.resolve();
  }

  /** The key was disabled, rotated or deleted, or has expired: all its connections end. */
  closeKey(why: KeyEnd): Promise<void> {
    const { keyId } = this.#address;
    this.#alarm.wake();
    this.#connections.close(keyId, closeOptionsOf(keyEndCode(why), why));
    this.#rooms.closeKey(keyId, why);
    return Promise.resolve();
  }

  /** Restores connections and subscriptions as they were before the hibernation. */
  #restore(rows: SqlShardRows): void {
    const connections = this.#hibernated.restore();
    for (const { connection: id, ...subscription } of rows.subscriptions()) {
      const connection = connections.get(id);
      if (connection === undefined) {
        rows.deleteConnection(id);
        continue;
      }
      const name = roomOf(connection.principal.scope, subscription.target);
      this.#subscriptions.restore(connection, subscription, this.#shardRooms.positionOf(name));
    }
    this.ctx.waitUntil(
      this.#shardRooms.leaveEmpty().catch((error: unknown) => {
        this.#parts.log.warn("rooms could not be left", { cause: describeError(error) });
      }),
    );
    if (connections.size > 0) this.#alarm.wake();
  }

  #settle(): ShardSettlement {
    this.#connections.tick(CLOCK.monotonic());
    this.#shardRooms.save();
    const settled = this.#hibernated.saveAll();
    // A subscriber that is served alone has another position than its room's row says.
    const maySleep = settled && this.#rooms.stats().alone === 0;
    return { connections: this.#connections.size, maySleep, wakeBy: this.#keyDueAt() };
  }

  /** When the key has to be checked, at the latest: when it expires. Null when it was checked then, or never does. */
  #keyDueAt(): number | null {
    const checked = this.#keyWatch.dueAt(this.#address.keyId);
    if (checked !== null) return checked;
    const now = CLOCK.now();
    let earliest: number | null = null;
    for (const { principal } of this.#connections.endpoints()) {
      const { expiresAt } = principal;
      if (expiresAt !== null && expiresAt > now) earliest = Math.min(expiresAt, earliest ?? expiresAt);
    }
    return earliest;
  }

  #createApp(): Hono<HttpEnv> {
    const { log } = this.#parts;
    const app = new Hono<HttpEnv>({ getPath: routedPath });
    app.use(EVERY_PATH, (c, next) => {
      const { principal, requestId } = readShardCaller(c.req.raw);
      c.set("exchange", {
        requestId,
        startedAt: CLOCK.monotonic(),
        principal,
        taskId: null,
        accepted: false,
      });
      return next();
    });
    app.onError((thrown, c) => errorResponse(thrown, c, log));
    mountHubs(app, requirePrincipal, {
      hubs: this.#hubs,
      connections: this.#connections,
      keepAlive: this.#alarm,
      connectionSettings: this.#connectionSettings,
      sockets: this.#sockets,
      // The Worker has looked at the page that asks.
      origins: { allows: () => true },
      host: noIdleLimit,
      clock: CLOCK,
      stopping: () => false,
      hibernating: { makeToken: () => makeHubToken(this.#address), carriesEvents },
    });
    return app;
  }
}

/**
 * The Worker has authenticated the caller; a request without a principal was not sent by the Worker, unless it is one on a
 * connection whose token is the proof.
 */
const requirePrincipal: HttpMiddleware = (c, next) => {
  if (!isOnConnection(c.req.raw)) principalOfExchange(c);
  return next();
};

function roomOf(scope: TenantScope, target: string): string {
  return target === ALL_TASKS ? tenantRoomName(scope) : taskRoomName(scope.keyId, target);
}
