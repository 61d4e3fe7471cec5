/**
 * A room as a Durable Object: one task's, or one tenant's. It runs the product's own rooms for the followers that are
 * connected to it, and hands every update on to the hub shards that joined it. The log stays in the store. Between
 * events the object may be forgotten while its sockets stay: on waking it seats them again where they stood.
 */

import { DurableObject } from "cloudflare:workers";
import type { DurableObjectState, WebSocket } from "@cloudflare/workers-types";
import { KeyWatch } from "../../../accounts/key-watch.ts";
import type { Deployment } from "../../../compose/deployment.ts";
import { roomsSettings } from "../../../compose/options.ts";
import { MESSAGE_CHARACTERS } from "../../../http/streams/event-socket.ts";
import { createRoomEncodings } from "../../../http/streams/room-encodings.ts";
import { CLOSE_TOO_BIG, CLOSE_TRY_AGAIN } from "../../../protocol/close-codes.ts";
import { isTerminal } from "../../../protocol/task.ts";
import type { Encoding } from "../../../rooms/encoding.ts";
import { parsePosition, printPosition } from "../../../rooms/position.ts";
import { RoomMark } from "../../../rooms/remote/follow-flag.ts";
import { parseRoomName, type RoomSubject } from "../../../rooms/room-name.ts";
import type { Subscription } from "../../../rooms/room-subscriber.ts";
import { type Following, Rooms } from "../../../rooms/rooms.ts";
import type { TimerHandle } from "../../../tasks/ports/clock.ts";
import { describeError } from "../../../tasks/ports/log.ts";
import type { Position, TaskUpdate, TenantScope } from "../../../tasks/task.ts";
import type { Bindings } from "../bindings.ts";
import {
  REFUSED_FULL,
  REFUSED_NOT_FOUND,
  REFUSED_UNAVAILABLE,
  readRoomCall,
} from "../clients/room-request.ts";
import { partsOf } from "../parts.ts";
import { socketAnswer } from "../socket-answer.ts";
import { RoomShards } from "./room-shards.ts";
import { answerClose, isOpen, RoomSocket, recall } from "./room-socket.ts";

/** How often a room with followers is compared with the store, and its key looked at, ms. Each look wakes the object. */
const CHECK_MS = 20_000;
/**
 * How long frames wait for company, ms: a frame costs as much as thirty records in it. Where the followers stand is
 * kept as often.
 */
const TICK_MS = 30;
const POSITION = "position";

type Seat = { readonly socket: RoomSocket; readonly subscription: Subscription };

export class TaskRoom extends DurableObject<Bindings> {
  readonly #parts: Deployment;
  readonly #name: string;
  readonly #subject: RoomSubject;
  readonly #encodings: ReadonlyMap<string, Encoding>;
  readonly #rooms: Rooms;
  readonly #shards: RoomShards;
  readonly #mark: RoomMark;
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
    const { settings, store, clock, log, presentation } = this.#parts;
    this.#encodings = createRoomEncodings(presentation);
    this.#shards = new RoomShards(ctx.storage, (shard) => env.HUB_SHARD.getByName(shard));
    this.#mark = new RoomMark(store, {
      subject: this.#subject,
      isWanted: () => this.#isFollowed() || this.#shards.size > 0,
      released: () => this.#forget(),
    });
    this.#rooms = new Rooms(
      {
        store: this.#mark.store,
        topics: { publish: () => {} },
        clock,
        log,
        later: (callback, soon) => clock.after(soon ? 0 : TICK_MS, callback),
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
    // Followers of one task leave with its end; a shard that does not hear of it finds it in the store.
    if (this.#subject.kind === "task" && isTerminal(update.task.status)) this.#shards.clear();
    this.#rooms.publish(update);
    this.#tickSoon();
    // A mark that outlived its followers would have updates come here for ever.
    this.#mark.release().catch((error: unknown) => this.#warn("a mark could not be taken away", error));
  }

  /** A hub shard follows from here on. Call it before the store is asked where the log stands. */
  async join(shard: string): Promise<void> {
    await this.#mark.settled();
    this.#shards.add(shard);
  }

  async leave(shard: string): Promise<void> {
    this.#shards.remove(shard);
    await this.#mark.release();
  }

  /** Becomes a follower's socket. Only the Worker can ask, see room-call.ts. */
  override async fetch(request: Request): Promise<Response> {
    const call = readRoomCall(request);
    const encoding = this.#encodings.get(call.encoding);
    if (encoding === undefined) throw new TypeError(`rooms do not speak ${call.encoding}`);
    if (this.#rooms.stats().followers >= this.#parts.settings.events.maxConnectionsPerKey)
      return refuse(REFUSED_FULL);
    const socket = new RoomSocket(null, encoding, () => this.#tickSoon());
    const { subscription, opened } = this.#follow(call.scope, socket, call.after);
    try {
      if ((await opened) === "not_found") return refuse(REFUSED_NOT_FOUND);
    } catch (error) {
      this.#warn("a follower could not be let in", error);
      return refuse(REFUSED_UNAVAILABLE);
    }
    if (this.#isFollowed() && (await this.ctx.storage.getAlarm()) === null) await this.#armAlarm();
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
      if (this.#isFollowed()) {
        await this.#armAlarm();
        await this.#watchKey();
        await this.#rooms.check();
      } else {
        await this.#mark.release();
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

  // --- followers

  #follow(scope: TenantScope, socket: RoomSocket, after: Position | null): Following {
    return this.#subject.kind === "task"
      ? this.#rooms.followTask(scope, this.#subject.taskId, socket, after)
      : this.#rooms.followTenant(scope, socket, after);
  }

  /** Seats the followers of the object's earlier life. */
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
      const follower = new RoomSocket(socket, encoding, () => this.#tickSoon());
      this.#seats.set(socket, { socket: follower, subscription: this.#reseat(follower, stood) });
    }
  }

  #reseat(follower: RoomSocket, at: Position): Subscription {
    const { keyId } = this.#subject;
    return this.#subject.kind === "task"
      ? this.#rooms.reseatTask({ keyId, subject: null }, this.#subject.taskId, follower, at)
      : this.#rooms.reseatTenant({ keyId, subject: this.#subject.subject }, follower, at);
  }

  #unseat(socket: WebSocket): void {
    this.#seats.get(socket)?.subscription.leave();
    this.#seats.delete(socket);
  }

  #isFollowed(): boolean {
    return this.#rooms.stats().followers > 0;
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

  /** Keeps where the room stands, in one row, and with each follower that stands elsewhere where that is. */
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
