/**
 * A part of a key's hub connections as a Durable Object, over every transport. Its memory may go whenever nothing
 * happens, and its sockets stay: whatever wakes it finds it as it was.
 */

import { DurableObject } from "cloudflare:workers";
import type { DurableObjectState, WebSocket } from "@cloudflare/workers-types";
import { Hono } from "hono";
import { KeyWatch } from "../../../accounts/key-watch.ts";
import type { Principal } from "../../../accounts/principal.ts";
import type { Deployment } from "../../../compose/deployment.ts";
import { createHubs } from "../../../compose/hubs.ts";
import { hubSessionSettings, roomsSettings } from "../../../compose/options.ts";
import { type HttpEnv, type HttpMiddleware, principalOfExchange } from "../../../http/exchange.ts";
import { plainHost } from "../../../http/host.ts";
import { createOriginPolicy } from "../../../http/middleware/origin-policy.ts";
import { errorResponse } from "../../../http/response/error-response.ts";
import { mountHubs } from "../../../http/routes/hubs.ts";
import { ShardTick } from "../../../hubs/sharding/frame-batch.ts";
import {
  type HubAddress,
  makeHubToken,
  readShardName,
  shardName,
} from "../../../hubs/sharding/shard-address.ts";
import { carriesEvents, readHubCall } from "../../../hubs/sharding/shard-request.ts";
import { ALL_TASKS, closing, type Subscriptions } from "../../../hubs/subscriptions.ts";
import { CLOSE_POLICY } from "../../../protocol/close-codes.ts";
import { taskRoomName, tenantRoomName } from "../../../rooms/room-name.ts";
import { Rooms } from "../../../rooms/rooms.ts";
import type { SessionSettings } from "../../../signalr/connection/settings.ts";
import type { Hub } from "../../../signalr/hub.ts";
import { HubConnections } from "../../../signalr/transports/connections.ts";
import { type Clock, systemClock } from "../../../tasks/ports/clock.ts";
import { describeError } from "../../../tasks/ports/log.ts";
import type { TaskUpdate, TenantScope } from "../../../tasks/task.ts";
import type { Bindings } from "../bindings.ts";
import { partsOf } from "../parts.ts";
import { answerClose } from "./room-socket.ts";
import { ShardMemory } from "./shard-hibernation.ts";
import { ShardRooms } from "./shard-rooms.ts";
import { ShardRows } from "./shard-rows.ts";
import { ShardRest } from "./shard-sleep.ts";
import { ShardSockets } from "./shard-sockets.ts";

const KEY_GONE = "the key was disabled or revoked";
const EVERY_PATH = "/*";
/** Outlives the object's memory, which a clock that begins with a process does not. */
const CLOCK: Clock = { ...systemClock, monotonic: () => Date.now() };

export class HubShard extends DurableObject<Bindings> {
  readonly #parts: Deployment;
  readonly #address: HubAddress;
  readonly #connections: HubConnections<Principal>;
  readonly #sockets: ShardSockets;
  readonly #rooms: Rooms;
  readonly #joined: ShardRooms;
  readonly #memory: ShardMemory;
  readonly #rest: ShardRest;
  readonly #hubs: Readonly<Record<string, Hub<Principal>>>;
  readonly #subscriptions: Subscriptions;
  readonly #session: SessionSettings;
  /** Made for the first request: most of what wakes a shard is none. */
  #app: Hono<HttpEnv> | null = null;

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    this.#parts = partsOf(env);
    const { settings, store, tasks, log, presentation } = this.#parts;
    this.#address = readShardName(ctx.id.name);
    const { shardsPerKey, maxConnectionsPerKey } = settings.hubs;
    const tick = new ShardTick(CLOCK);
    const rows = new ShardRows(ctx.storage.sql);
    this.#sockets = new ShardSockets(ctx, tick, CLOCK);
    // Shards need not ask each other: one that is full sends its clients to the next.
    this.#connections = new HubConnections(Math.ceil(maxConnectionsPerKey / shardsPerKey));
    this.#joined = new ShardRooms({
      store,
      objects: env.TASK_ROOM,
      shard: shardName(this.#address),
      rows,
      onMoved: () => this.#rest.wake(),
    });
    this.#rooms = new Rooms(
      { store: this.#joined, topics: { publish: () => {} }, clock: CLOCK, log, later: tick.later },
      { ...roomsSettings(settings), positionCheckMs: null },
    );
    this.#joined.watch(this.#rooms);
    const { hubs, subscriptions } = createHubs(settings, {
      tasks,
      rooms: this.#rooms,
      store: this.#joined,
      clock: CLOCK,
      presentation,
      memory: {
        journal: {
          began: (connection, subscription) => rows.putSubscription({ connection, ...subscription }),
          ended: (connection, target) => rows.deleteSubscription(connection, target),
          left: (connection) => this.#memory.forget(connection),
        },
        placeOf: ({ keyId }, taskId) => this.#joined.placeOf(taskRoomName(keyId, taskId)),
      },
    });
    this.#hubs = hubs;
    this.#subscriptions = subscriptions;
    this.#session = {
      ...hubSessionSettings(settings),
      report: (error, during) => log.error(`${during} failed`, { cause: describeError(error) }),
    };
    this.#memory = new ShardMemory({
      state: ctx,
      rows,
      sockets: this.#sockets,
      connections: this.#connections,
      hubs,
      session: this.#session,
      now: CLOCK.monotonic,
    });
    this.#rest = new ShardRest({ storage: ctx.storage, clock: CLOCK, look: () => this.#look() });
    this.#restore(rows);
  }

  override fetch(request: Request): Response | Promise<Response> {
    this.#rest.wake();
    this.#app ??= this.#createApp();
    return this.#app.fetch(request);
  }

  override webSocketMessage(native: WebSocket, message: string | ArrayBuffer): void {
    this.#rest.wake();
    const endpoint = this.#sockets.received(native, message);
    if (endpoint !== null) this.#memory.keep(endpoint);
  }

  override webSocketClose(native: WebSocket, code: number, reason: string): void {
    this.#rest.wake();
    this.#sockets.closed(native);
    answerClose(native, code, reason);
  }

  override webSocketError(native: WebSocket): void {
    this.#rest.wake();
    this.#sockets.closed(native);
  }

  override async alarm(): Promise<void> {
    this.#rest.alarmed();
    this.#hear();
    await Promise.all([this.#rooms.check(), this.#checkKey()]);
    this.#rest.look();
  }

  /** A room that this shard has joined has news, in order; many at once cost less than one by one. */
  publish(...updates: TaskUpdate[]): Promise<void> {
    this.#rest.wake();
    for (const update of updates) {
      this.#rooms.publish(update);
      this.#joined.touch(update);
    }
    return Promise.resolve();
  }

  /** The key was disabled, rotated or deleted: all its connections end. */
  closeKey(): Promise<void> {
    const { keyId } = this.#address;
    this.#rest.wake();
    this.#connections.close(keyId, closing(CLOSE_POLICY, KEY_GONE));
    this.#rooms.closeKey(keyId);
    return Promise.resolve();
  }

  /** Puts everything together as it was when the object fell asleep. */
  #restore(rows: ShardRows): void {
    const connections = this.#memory.restore();
    for (const { connection: id, ...subscription } of rows.subscriptions()) {
      const connection = connections.get(id);
      if (connection === undefined) {
        rows.deleteConnection(id);
        continue;
      }
      const name = roomOf(connection.principal.scope, subscription.target);
      this.#subscriptions.restore(connection, subscription, this.#joined.placeOf(name));
    }
    this.ctx.waitUntil(
      this.#joined.leaveEmpty().catch((error: unknown) => {
        this.#parts.log.warn("rooms could not be left", { cause: describeError(error) });
      }),
    );
    if (connections.size > 0) this.#rest.wake();
  }

  #look(): { connections: number; restful: boolean } {
    this.#connections.tick(CLOCK.monotonic());
    this.#joined.save();
    const settled = this.#memory.settle();
    // Whoever is served alone stands elsewhere than his room's row says.
    return { connections: this.#connections.size, restful: settled && this.#rooms.stats().alone === 0 };
  }

  /** Pings that the platform has answered while the shard slept are signs of life too. */
  #hear(): void {
    for (const { connectionId, session } of this.#connections.endpoints()) {
      const answeredAt = this.#sockets.pingAnsweredAt(connectionId);
      if (answeredAt !== null) session?.pingAnswered(answeredAt);
    }
  }

  /** Finds keys that ended by themselves, and ends that this shard was not told of. */
  #checkKey(): Promise<void> {
    const { store, log } = this.#parts;
    return new KeyWatch({
      store,
      clock: CLOCK,
      log,
      connectedKeys: () => this.#connections.owners(),
      disconnect: () => this.closeKey(),
    }).check();
  }

  #createApp(): Hono<HttpEnv> {
    const { settings, log } = this.#parts;
    const app = new Hono<HttpEnv>();
    app.use(EVERY_PATH, (c, next) => {
      const { principal, requestId } = readHubCall(c.req.raw);
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
      heart: this.#rest,
      session: this.#session,
      sockets: this.#sockets,
      origins: createOriginPolicy(settings.cors.origins),
      host: plainHost,
      clock: CLOCK,
      stopping: () => false,
      sleeping: { makeToken: () => makeHubToken(this.#address), carriesEvents },
    });
    return app;
  }
}

/** The Worker has authenticated; a request that comes without its word was not sent by it. */
const requirePrincipal: HttpMiddleware = (c, next) => {
  principalOfExchange(c);
  return next();
};

function roomOf(scope: TenantScope, target: string): string {
  return target === ALL_TASKS ? tenantRoomName(scope) : taskRoomName(scope.keyId, target);
}
