/**
 * A room as a Durable Object: one task's, or one tenant's. It runs the product's own rooms for the subscribers that are
 * connected to it, and hands every update on to the hub shards that joined it. The log stays in the store. Between
 * events the object may be forgotten while its sockets stay: on waking it seats them again where they stood.
 */

import { DurableObject } from "cloudflare:workers";
import type { DurableObjectState, WebSocket } from "@cloudflare/workers-types";
import { KeyWatch } from "../../../accounts/key-watch.ts";
import { roomsSettings } from "../../../compose/options.ts";
import { MESSAGE_CHARACTERS } from "../../../http/streams/event-socket.ts";
import { createRoomEncodings } from "../../../http/streams/room-encodings.ts";
import { CLOSE_TOO_BIG, CLOSE_TRY_AGAIN } from "../../../protocol/close-codes.ts";
import { isTerminal } from "../../../protocol/task.ts";
import type { Encoding } from "../../../rooms/encoding.ts";
import { parsePosition, printPosition } from "../../../rooms/position.ts";
import { FollowFlag } from "../../../rooms/remote/follow-flag.ts";
import { parseRoomName, type RoomSubject } from "../../../rooms/room-name.ts";
import type { Subscription } from "../../../rooms/room-subscription.ts";
import { type PendingSubscription, Rooms } from "../../../rooms/rooms.ts";
import type { TimerHandle } from "../../../tasks/ports/clock.ts";
import { describeError } from "../../../tasks/ports/log.ts";
import type { Position, TaskUpdate, TenantScope } from "../../../tasks/task.ts";
import type { Bindings } from "../bindings.ts";
import {
  REFUSED_FULL,
  REFUSED_NOT_FOUND,
  REFUSED_UNAVAILABLE,
  readRoomRequest,
} from "../clients/room-request.ts";
import { type EdgeParts, partsOf } from "../parts.ts";
import { socketAnswer } from "../socket-answer.ts";
import { RoomShards } from "./room-shards.ts";
import { answerClose, isOpen, RoomSocket, recall } from "./room-socket.ts";

/** How often a room with subscribers is compared with the store, and its key looked at, ms. Each look wakes the object. */
const CHECK_MS = 20_000;
/**
 * How long frames wait for company, ms: a frame costs as much as thirty records in it. Where the subscribers stand is
 * kept as often.
 */
const TICK_MS = 30;
const POSITION = "position";

type Seat = { readonly socket: RoomSocket; readonly subscription: Subscription };

export class TaskRoom extends DurableObject<Bindings> {
  readonly #parts: EdgeParts;
  readonly #name: string;
  readonly #subject: RoomSubject;
  readonly #encodings: ReadonlyMap<string, Encoding>;
  readonly #rooms: Rooms;
  readonly #shards: RoomShards;
  readonly #followFlag: FollowFlag;
  readonly #seats = new Map<WebSocket, Seat>();
  /** Where the room stands, as it is kept; undefined when nothing is. */
  #kept: string | undefined;
  #tick: TimerHandle | null = null;

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    const { name } = ctx.id;
    if (name === undefined) throw new TypeError("a room's object is reached by its name");
    this.#name = name;
    this.#subject = parseRoomName(name);
    this.#parts = partsOf(env);
    const { settings, store, clock, log, wireContext } = this.#parts;
    this.#encodings = createRoomEncodings(wireContext);
    this.#shards = new RoomShards(ctx.storage, (shard) => env.HUB_SHARD.getByName(shard));
    this.#followFlag = new FollowFlag(store, {
      subject: this.#subject,
      isWanted: () => this.#hasSubscribers() || this.#shards.size > 0,
      cleared: () => this.#forget(),
    });
    this.#rooms = new Rooms(
      {
        store: this.#followFlag.store,
        topics: { publish: () => {} },
        clock,
        log,
        scheduleFlush: (flush, urgent) => clock.after(urgent ? 0 : TICK_MS, flush),
      },
      // A timer would keep the object awake: it is the alarm that compares.
      { ...roomsSettings(settings), positionCheckMs: null },
    );
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
    this.#seatAgain();
  }

  /** Takes a committed transition to everybody who follows here. */
  publish(update: TaskUpdate): void {
    this.#shards.publish(update);
    // Subscribers of one task leave with its end; a shard that does not hear of it finds it in the store.
    if (this.#subject.kind === "task" && isTerminal(update.task.status)) this.#shards.clear();
    this.#rooms.publish(update);
    this.#tickSoon();
    // A mark that outlived its subscribers would have updates come here for ever.
    this.#followFlag.release().catch((error: unknown) => this.#warn("a mark could not be taken away", error));
  }

  /** A hub shard follows from here on. Call it before the store is asked where the log stands. */
  async join(shard: string): Promise<void> {
    await this.#followFlag.settled();
    this.#shards.add(shard);
  }

  async leave(shard: string): Promise<void> {
    this.#shards.remove(shard);
    await this.#followFlag.release();
  }

  /** Becomes a subscriber's socket. Only the Worker can ask, see room-call.ts. */
  override async fetch(request: Request): Promise<Response> {
    const call = readRoomRequest(request);
    const encoding = this.#encodings.get(call.encoding);
    if (encoding === undefined) throw new TypeError(`rooms do not speak ${call.encoding}`);
    if (this.#rooms.stats().subscribers >= this.#parts.settings.events.maxConnectionsPerKey)
      return refuse(REFUSED_FULL);
    const socket = new RoomSocket(null, encoding, () => this.#tickSoon());
    const { subscription, opened } = this.#follow(call.scope, socket, call.after);
    try {
      if ((await opened) === "not_found") return refuse(REFUSED_NOT_FOUND);
    } catch (error) {
      this.#warn("a subscriber could not be let in", error);
      return refuse(REFUSED_UNAVAILABLE);
    }
    if (this.#hasSubscribers() && (await this.ctx.storage.getAlarm()) === null) await this.#armAlarm();
    // Only now: a socket that is accepted and never answered with would keep the object awake for good.
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    this.#seats.set(server, { socket, subscription });
    socket.attach(server);
    this.#tickSoon();
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

  /** `ping` is answered by the platform; there is nothing else to say. */
  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    const length = typeof message === "string" ? message.length : message.byteLength;
    if (length <= MESSAGE_CHARACTERS) return;
    this.#unseat(socket);
    socket.close(CLOSE_TOO_BIG, `messages may have ${MESSAGE_CHARACTERS} characters`);
  }

  override webSocketClose(socket: WebSocket, code: number, reason: string): void {
    this.#unseat(socket);
    answerClose(socket, code, reason);
  }

  override webSocketError(socket: WebSocket): void {
    this.#unseat(socket);
  }

  // --- subscribers

  #follow(scope: TenantScope, socket: RoomSocket, after: Position | null): PendingSubscription {
    return this.#subject.kind === "task"
      ? this.#rooms.subscribeToTask(scope, this.#subject.taskId, socket, after)
      : this.#rooms.subscribeToTenant(scope, socket, after);
  }

  /** Seats the subscribers of the object's earlier life. */
  #seatAgain(): void {
    this.#kept = this.ctx.storage.kv.get<string>(POSITION);
    const room = this.#kept === undefined ? null : parsePosition(this.#kept, POSITION);
    const sockets = this.ctx.getWebSockets().filter(isOpen);
    const found = sockets.map((socket) => ({ socket, ...recall(socket) }));
    // Those who stand where the room stood come first: from there it goes on.
    found.sort((one, other) => Number(one.at != null) - Number(other.at != null));
    for (const { socket, encoding: name = "", at } of found) {
      const encoding = this.#encodings.get(name);
      const stood = at ?? room;
      if (encoding === undefined || stood === null) {
        socket.close(CLOSE_TRY_AGAIN, "the room was restarted; reconnect and resume");
        continue;
      }
      const subscriber = new RoomSocket(socket, encoding, () => this.#tickSoon());
      this.#seats.set(socket, { socket: subscriber, subscription: this.#reseat(subscriber, stood) });
    }
  }

  #reseat(subscriber: RoomSocket, at: Position): Subscription {
    const { keyId } = this.#subject;
    return this.#subject.kind === "task"
      ? this.#rooms.resubscribeToTask({ keyId, subject: null }, this.#subject.taskId, subscriber, at)
      : this.#rooms.resubscribeToTenant({ keyId, subject: this.#subject.subject }, subscriber, at);
  }

  #unseat(socket: WebSocket): void {
    this.#seats.get(socket)?.subscription.unsubscribe();
    this.#seats.delete(socket);
  }

  #hasSubscribers(): boolean {
    return this.#rooms.stats().subscribers > 0;
  }

  async #watchKey(): Promise<void> {
    const { store, clock, log } = this.#parts;
    const { keyId } = this.#subject;
    const disconnect = () => this.#rooms.closeKey(keyId);
    await new KeyWatch({ store, clock, log, connectedKeys: () => [keyId], disconnect }).check();
  }

  // --- what is kept

  #tickSoon(): void {
    this.#tick ??= this.#parts.clock.after(TICK_MS, () => {
      this.#tick = null;
      this.#keepPlaces();
    });
  }

  /** Keeps where the room stands, in one row, and with each subscriber that stands elsewhere where that is. */
  #keepPlaces(): void {
    this.#rooms.flush();
    const room = this.#rooms.positionOf(this.#name);
    if (room === null) return;
    const printed = printPosition(room);
    if (printed !== this.#kept) {
      this.#kept = printed;
      this.ctx.storage.kv.put(POSITION, printed);
    }
    for (const { socket, subscription } of this.#seats.values()) {
      const { position } = subscription;
      if (position !== null) socket.remember(position, room);
    }
  }

  /** An object that keeps nothing costs nothing. */
  async #forget(): Promise<void> {
    this.#kept = undefined;
    await Promise.all([this.ctx.storage.deleteAlarm(), this.ctx.storage.deleteAll()]);
  }

  /** Never for this very millisecond: such an alarm may not fire. */
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
