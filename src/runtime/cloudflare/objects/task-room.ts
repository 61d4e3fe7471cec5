/**
 * A room as a Durable Object: one task's, or one tenant's. It runs the same room class as the other hosts for the
 * subscribers that are connected to it, and forwards every update to the hub shards that joined it. The log stays in
 * the store. Between events the object hibernates: its sockets stay, and the constructor restores their subscriptions.
 */

import { DurableObject } from "cloudflare:workers";
import type { DurableObjectState, WebSocket } from "@cloudflare/workers-types";
import { KeyWatch } from "../../../accounts/keys/key-watch.ts";
import type { Deployment } from "../../../compose/deployment.ts";
import { roomsSettings } from "../../../compose/options.ts";
import { MESSAGE_CHARACTERS } from "../../../http/streams/event-socket.ts";
import { createRoomEncodings } from "../../../http/streams/room-encodings.ts";
import { CLOSE_TOO_BIG, CLOSE_TRY_AGAIN, type KeyEnd } from "../../../protocol/close-codes.ts";
import { isTerminal } from "../../../protocol/task.ts";
import type { Encoding } from "../../../rooms/encoding.ts";
import { parsePosition, printPosition } from "../../../rooms/position.ts";
import { FollowFlag } from "../../../rooms/remote/follow-flag.ts";
import { JoinedShards } from "../../../rooms/remote/joined-shards.ts";
import {
  REFUSED_FULL,
  REFUSED_NOT_FOUND,
  REFUSED_UNAVAILABLE,
  readRoomRequest,
} from "../../../rooms/remote/room-request.ts";
import { parseRoomName, type RoomSubject } from "../../../rooms/room-name.ts";
import type { Subscription } from "../../../rooms/room-subscription.ts";
import { type PendingSubscription, Rooms } from "../../../rooms/rooms.ts";
import type { TimerHandle } from "../../../tasks/ports/clock.ts";
import { describeError } from "../../../tasks/ports/log.ts";
import type { Position, TaskUpdate, TenantScope } from "../../../tasks/task.ts";
import type { Bindings } from "../bindings.ts";
import { partsOf } from "../parts.ts";
import { socketAnswer } from "../socket-answer.ts";
import { kvShardNames } from "./kv-shard-names.ts";
import { answerClose, isOpen, RoomSocket, readRoomAttachment } from "./room-socket.ts";

/**
 * How often a room with subscribers is compared with the store, and its key checked, ms. Each check wakes the object.
 */
const CHECK_MS = 20_000;
/**
 * How long frames are batched, ms: a frame costs 30-45 µs, one more record in it 1 µs (measured with workerd of
 * wrangler 4.156). Positions are stored at the same interval.
 */
const BATCH_MS = 30;
const POSITION = "position";

type SocketSubscription = { readonly socket: RoomSocket; readonly subscription: Subscription };

export class TaskRoom extends DurableObject<Bindings> {
  readonly #parts: Deployment;
  readonly #name: string;
  readonly #subject: RoomSubject;
  readonly #encodings: ReadonlyMap<string, Encoding>;
  readonly #rooms: Rooms;
  readonly #shards: JoinedShards;
  readonly #followFlag: FollowFlag;
  readonly #subscribers = new Map<WebSocket, SocketSubscription>();
  /** The room's position as stored; undefined when none is. */
  #savedPosition: string | undefined;
  #saveTimer: TimerHandle | null = null;

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    const { name } = ctx.id;
    if (name === undefined) throw new TypeError("a room's object is reached by its name");
    this.#name = name;
    this.#subject = parseRoomName(name);
    this.#parts = partsOf(env);
    const { settings, store, clock, log, wireContext } = this.#parts;
    this.#encodings = createRoomEncodings(wireContext);
    this.#shards = new JoinedShards(kvShardNames(ctx.storage), (shard) => env.HUB_SHARD.getByName(shard));
    this.#followFlag = new FollowFlag(store, {
      subject: this.#subject,
      isWanted: () => this.#hasSubscribers() || this.#shards.size > 0,
      cleared: () => this.#forget(),
    });
    this.#rooms = new Rooms(
      {
        store: this.#followFlag.store,
        // No subscriber here has native topics (its `topics` is null): frames reach each through `send`.
        topics: { publish: () => {} },
        clock,
        log,
        scheduleFlush: (flush, urgent) => clock.after(urgent ? 0 : BATCH_MS, flush),
      },
      // A pending timer would keep the object in memory: the alarm calls `check`.
      { ...roomsSettings(settings), positionCheckMs: null },
    );
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
    this.#restoreSubscribers();
  }

  /** Sends a committed transition to all subscribers and joined shards. */
  publish(update: TaskUpdate): void {
    this.#shards.publish(update);
    // Subscriptions to one task end with it; a shard that misses the last update finds it in the store.
    if (this.#subject.kind === "task" && isTerminal(update.task.status)) this.#shards.clear();
    this.#rooms.publish(update);
    this.#scheduleSave();
    // A follow flag that stayed set after the last subscriber would have every update published here.
    this.#followFlag
      .release()
      .catch((error: unknown) => this.#warn("the follow flag could not be cleared", error));
  }

  /** A hub shard gets the updates from here on. To be called before the shard asks the store for the log's position. */
  async join(shard: string): Promise<void> {
    await this.#followFlag.settled();
    this.#shards.add(shard);
  }

  async leave(shard: string): Promise<void> {
    this.#shards.remove(shard);
    await this.#followFlag.release();
  }

  /** Opens a subscriber's socket. Only the Worker can send this request, see room-request.ts. */
  override async fetch(request: Request): Promise<Response> {
    const call = readRoomRequest(request);
    const encoding = this.#encodings.get(call.encoding);
    if (encoding === undefined) throw new TypeError(`rooms do not speak ${call.encoding}`);
    if (this.#rooms.stats().subscribers >= this.#parts.settings.events.maxConnectionsPerKey)
      return refuse(REFUSED_FULL);
    const socket = new RoomSocket(null, encoding, () => this.#scheduleSave());
    const { subscription, opened } = this.#subscribe(call.scope, socket, call.after);
    try {
      if ((await opened) === "not_found") return refuse(REFUSED_NOT_FOUND);
    } catch (error) {
      this.#warn("a subscriber could not be admitted", error);
      return refuse(REFUSED_UNAVAILABLE);
    }
    if (this.#hasSubscribers() && (await this.ctx.storage.getAlarm()) === null) await this.#armAlarm();
    // Only now: a socket that was accepted and never returned would keep the object in memory for good.
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    this.#subscribers.set(server, { socket, subscription });
    socket.attach(server);
    this.#scheduleSave();
    return socketAnswer(client);
  }

  override async alarm(): Promise<void> {
    try {
      if (this.#hasSubscribers()) {
        await this.#armAlarm();
        await this.#watchKey();
        await this.#rooms.check();
      } else {
        await this.#followFlag.release();
      }
    } catch (error) {
      this.#warn("a room could not be looked after; it is tried again", error);
      await this.#armAlarm();
    }
  }

  /** The platform answers `ping`; other messages are ignored, and long ones close the socket. */
  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    const length = typeof message === "string" ? message.length : message.byteLength;
    if (length <= MESSAGE_CHARACTERS) return;
    this.#unsubscribe(socket);
    socket.close(CLOSE_TOO_BIG, `messages may have ${MESSAGE_CHARACTERS} characters`);
  }

  override webSocketClose(socket: WebSocket, code: number, reason: string): void {
    this.#unsubscribe(socket);
    answerClose(socket, code, reason);
  }

  override webSocketError(socket: WebSocket): void {
    this.#unsubscribe(socket);
  }

  // --- subscribers

  #subscribe(scope: TenantScope, socket: RoomSocket, after: Position | null): PendingSubscription {
    return this.#subject.kind === "task"
      ? this.#rooms.subscribeToTask(scope, this.#subject.taskId, socket, after)
      : this.#rooms.subscribeToTenant(scope, socket, after);
  }

  /** Restores the subscriptions of before the hibernation. */
  #restoreSubscribers(): void {
    this.#savedPosition = this.ctx.storage.kv.get<string>(POSITION);
    const room = this.#savedPosition === undefined ? null : parsePosition(this.#savedPosition, POSITION);
    const sockets = this.ctx.getWebSockets().filter(isOpen);
    const found = sockets.map((socket) => ({ socket, ...readRoomAttachment(socket) }));
    // Those at the room's own position come first: the first one sets the position from which the room continues.
    found.sort((one, other) => Number(one.at != null) - Number(other.at != null));
    for (const { socket, encoding: name = "", at } of found) {
      const encoding = this.#encodings.get(name);
      const position = at ?? room;
      if (encoding === undefined || position === null) {
        socket.close(CLOSE_TRY_AGAIN, "the room was restarted; reconnect and resume");
        continue;
      }
      const subscriber = new RoomSocket(socket, encoding, () => this.#scheduleSave());
      this.#subscribers.set(socket, {
        socket: subscriber,
        subscription: this.#resubscribe(subscriber, position),
      });
    }
  }

  #resubscribe(subscriber: RoomSocket, at: Position): Subscription {
    const { keyId } = this.#subject;
    return this.#subject.kind === "task"
      ? this.#rooms.resubscribeToTask({ keyId, subject: null }, this.#subject.taskId, subscriber, at)
      : this.#rooms.resubscribeToTenant({ keyId, subject: this.#subject.subject }, subscriber, at);
  }

  #unsubscribe(socket: WebSocket): void {
    this.#subscribers.get(socket)?.subscription.unsubscribe();
    this.#subscribers.delete(socket);
  }

  #hasSubscribers(): boolean {
    return this.#rooms.stats().subscribers > 0;
  }

  async #watchKey(): Promise<void> {
    const { store, clock, log } = this.#parts;
    const { keyId } = this.#subject;
    const disconnect = (_: string, why: KeyEnd) => this.#rooms.closeKey(keyId, why);
    // Alarms may be late; at worst connections that are newer end once more, and come back.
    const lastCheckAt = clock.now() - 2 * CHECK_MS;
    const watch = new KeyWatch({ store, clock, log, connectedKeys: () => [keyId], disconnect, lastCheckAt });
    await watch.check();
  }

  // --- what is stored

  #scheduleSave(): void {
    this.#saveTimer ??= this.#parts.clock.after(BATCH_MS, () => {
      this.#saveTimer = null;
      this.#savePositions();
    });
  }

  /** Stores the room's position in one row, and with each subscriber that has another one its own. */
  #savePositions(): void {
    this.#rooms.flush();
    const room = this.#rooms.positionOf(this.#name);
    if (room === null) return;
    const printed = printPosition(room);
    if (printed !== this.#savedPosition) {
      this.#savedPosition = printed;
      this.ctx.storage.kv.put(POSITION, printed);
    }
    for (const { socket, subscription } of this.#subscribers.values()) {
      const { position } = subscription;
      if (position !== null) socket.attachPosition(position, room);
    }
  }

  /** An object without stored data is removed by the platform. */
  async #forget(): Promise<void> {
    this.#savedPosition = undefined;
    await Promise.all([this.ctx.storage.deleteAlarm(), this.ctx.storage.deleteAll()]);
  }

  /** Never for the current millisecond: such an alarm may not fire (seen with workerd of wrangler 4.156). */
  #armAlarm(): Promise<void> {
    return this.ctx.storage.setAlarm(Date.now() + CHECK_MS);
  }

  #warn(message: string, error: unknown): void {
    this.#parts.log.warn(message, { room: this.#name, cause: describeError(error) });
  }
}

function refuse(status: number): Response {
  return new Response(null, { status });
}
