/**
 * The rooms of one process. They take committed transitions, send them to their subscribers, and compare themselves
 * with the store from time to time, so that a publish that never came delays a subscriber and loses nothing.
 */

import { CLOSE_GOING_AWAY, KEY_END, type KeyEnd, keyEndCode } from "../protocol/close-codes.ts";
import type { Topics } from "../sockets/frame.ts";
import type { Clock, TimerHandle } from "../tasks/ports/clock.ts";
import { describeError, type Log } from "../tasks/ports/log.ts";
import type { Publisher } from "../tasks/ports/publisher.ts";
import type { Position, TaskUpdate, TenantScope } from "../tasks/task.ts";
import { Room, type RoomHost, type SubscribeOutcome } from "./room.ts";
import {
  keyLogUpdate,
  type LogUpdate,
  type RoomLog,
  type RoomStore,
  subjectLogUpdate,
  TaskRoomLog,
  TenantRoomLog,
  taskLogUpdate,
} from "./room-log.ts";
import { taskRoomName, tenantRoomName } from "./room-name.ts";
import type { Subscription } from "./room-subscription.ts";
import { SlowSubscribers } from "./slow-subscribers.ts";
import type { SlowPolicy, Subscriber } from "./subscriber.ts";

/** Tasks whose positions are asked for in one step of the store. */
const POSITIONS_AT_ONCE = 500;

export type RoomsSettings = SlowPolicy & {
  /** How often rooms are compared with the store, ms; null on hosts that call `check` from an alarm of their own. */
  readonly positionCheckMs: number | null;
  /** How often subscribers' buffers are looked at after a broadcast, ms. */
  readonly slowSweepMs: number;
};

export type RoomsDependencies = {
  readonly store: RoomStore;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly log: Pick<Log, "warn">;
  /**
   * Calls back when batched frames are due: `urgent` ones at the end of this turn of the event loop, others when the
   * host's own batch interval is over. Default: always at the end of the turn.
   */
  readonly scheduleFlush?: RoomHost["scheduleFlush"];
};

export type PendingSubscription = {
  /** Valid at once, also before the store has answered. */
  readonly subscription: Subscription;
  /**
   * How it began. `not_found`: no such task in that scope, the subscriber was sent nothing. `unsubscribed`: it was
   * ended meanwhile. Rejects when the store cannot be read; the subscription has ended then.
   */
  readonly opened: Promise<SubscribeOutcome>;
};

export type RoomsStats = { rooms: number; subscribers: number; alone: number };

export class Rooms implements Publisher {
  readonly #store: RoomStore;
  readonly #clock: Clock;
  readonly #log: Pick<Log, "warn">;
  readonly #settings: RoomsSettings;
  readonly #host: RoomHost;
  readonly #rooms = new Map<string, Room>();
  /** Rooms that are clearing their follow flag: a new room for the same log waits for that. */
  readonly #closing = new Map<string, Promise<void>>();
  readonly #slow: SlowSubscribers;
  #checkTimer: TimerHandle | null = null;
  #shutDown = false;

  constructor(dependencies: RoomsDependencies, settings: RoomsSettings) {
    this.#store = dependencies.store;
    this.#clock = dependencies.clock;
    this.#log = dependencies.log;
    this.#slow = new SlowSubscribers(dependencies.clock, settings.slowSweepMs);
    this.#settings = settings;
    this.#host = {
      topics: dependencies.topics,
      clock: dependencies.clock,
      slow: settings,
      scheduleFlush: dependencies.scheduleFlush ?? ((flush) => dependencies.clock.after(0, flush)),
      requestSweep: (room) => this.#slow.lookAt(room),
      emptied: (room, followed) => this.#removeRoom(room, followed),
      readFailed: (room, error) => this.#warn("A room could not read its log; it tries again", room, error),
    };
  }

  /** Subscribes to one task; the stream ends after its terminal event. `after` resumes behind an event seen before. */
  subscribeToTask(
    scope: TenantScope,
    taskId: string,
    subscriber: Subscriber,
    after: Position | null,
  ): PendingSubscription {
    const room = this.#room(taskRoomName(scope.keyId, taskId), this.#taskLog(scope, taskId));
    return this.#subscribe(room, scope, subscriber, after);
  }

  /** Subscribes to all tasks of a tenant. */
  subscribeToTenant(scope: TenantScope, subscriber: Subscriber, after: Position | null): PendingSubscription {
    return this.#subscribe(
      this.#room(tenantRoomName(scope), this.#tenantLog(scope)),
      scope,
      subscriber,
      after,
    );
  }

  /**
   * Subscribes one that was sent everything up to `at` by rooms whose memory is gone, while their follow flag in the
   * store is still set. The store is not asked: the caller decides when to `check`.
   */
  resubscribeToTask(scope: TenantScope, taskId: string, subscriber: Subscriber, at: Position): Subscription {
    return this.#room(taskRoomName(scope.keyId, taskId), this.#taskLog(scope, taskId)).restore(
      subscriber,
      at,
    );
  }

  /** The same for all tasks of a tenant. */
  resubscribeToTenant(scope: TenantScope, subscriber: Subscriber, at: Position): Subscription {
    return this.#room(tenantRoomName(scope), this.#tenantLog(scope)).restore(subscriber, at);
  }

  publish(update: TaskUpdate): void {
    if (this.#rooms.size === 0) return;
    const { keyId, subject } = update.task.tenant;
    this.#offer(taskRoomName(keyId, update.task.id), update, taskLogUpdate);
    this.#offer(tenantRoomName({ keyId, subject: null }), update, keyLogUpdate);
    if (subject !== "") this.#offer(tenantRoomName({ keyId, subject }), update, subjectLogUpdate);
  }

  /** Compares every room with the store and reads what it has missed. Never rejects: the next check tries again. */
  async check(): Promise<void> {
    try {
      const tasks: Room[] = [];
      const tenants: Room[] = [];
      for (const room of this.#rooms.values()) (room.log instanceof TaskRoomLog ? tasks : tenants).push(room);
      for (let start = 0; start < tasks.length; start += POSITIONS_AT_ONCE) {
        await this.#checkTasks(tasks.slice(start, start + POSITIONS_AT_ONCE));
      }
      for (const room of tenants) {
        if (room.log instanceof TenantRoomLog) room.check(await this.#store.tenantPosition(room.log.scope));
      }
    } catch (error) {
      this.#log.warn("The rooms could not be compared with the store; the next check tries again", {
        cause: describeError(error),
      });
    }
  }

  /** Compares the room of one task with the store, if there is one. Never rejects. */
  async checkTask(keyId: string, taskId: string): Promise<void> {
    const room = this.#rooms.get(taskRoomName(keyId, taskId));
    if (room === undefined) return;
    await this.#checkTasks([room]).catch((error: unknown) =>
      this.#warn("A room could not be compared with the store; the next check tries again", room, error),
    );
  }

  /** Sends all batched frames. */
  flush(): void {
    for (const room of this.#rooms.values()) room.flush();
  }

  /** Closes every subscriber of a key (1008, after a rotation 1001), its ephemeral keys' included. */
  closeKey(keyId: string, why: KeyEnd = KEY_END.revoked): void {
    for (const room of [...this.#rooms.values()]) {
      if (room.log.keyId === keyId) room.closeAll(keyEndCode(why), why);
    }
  }

  /** Closes every subscriber (1001) and admits no more; resolves when all follow flags of these rooms are cleared. */
  async shutdown(): Promise<void> {
    this.#shutDown = true;
    for (const room of [...this.#rooms.values()])
      room.closeAll(CLOSE_GOING_AWAY, "the server is shutting down");
    this.#slow.stop();
    this.#checkTimer?.cancel();
    await Promise.all(this.#closing.values());
  }

  /** A room's position; null when there is no such room, or its position is not known yet. */
  positionOf(name: string): Position | null {
    return this.#rooms.get(name)?.position ?? null;
  }

  stats(): RoomsStats {
    const stats = { rooms: this.#rooms.size, subscribers: 0, alone: 0 };
    for (const room of this.#rooms.values()) {
      stats.subscribers += room.size;
      stats.alone += room.aloneSize;
    }
    return stats;
  }

  #taskLog({ keyId }: TenantScope, taskId: string): () => RoomLog {
    return () => new TaskRoomLog(this.#store, keyId, taskId);
  }

  #tenantLog(scope: TenantScope): () => RoomLog {
    return () => new TenantRoomLog(this.#store, scope);
  }

  #room(name: string, openLog: () => RoomLog): Room {
    let room = this.#rooms.get(name);
    if (room === undefined) {
      room = new Room(name, openLog(), this.#host);
      this.#rooms.set(name, room);
      this.#armCheck();
    }
    return room;
  }

  #subscribe(
    room: Room,
    scope: TenantScope,
    subscriber: Subscriber,
    after: Position | null,
  ): PendingSubscription {
    const subscription = room.add(subscriber);
    const opened = room.open(subscription, scope, after, this.#closing.get(room.name));
    if (this.#shutDown) room.closeAll(CLOSE_GOING_AWAY, "the server is shutting down");
    return { subscription, opened };
  }

  #offer(name: string, update: TaskUpdate, toLogUpdate: (update: TaskUpdate) => LogUpdate | null): void {
    const room = this.#rooms.get(name);
    if (room === undefined) return;
    try {
      const logUpdate = toLogUpdate(update);
      if (logUpdate !== null) room.offer(logUpdate);
    } catch (error) {
      this.#warn("A room failed over an update; it compares itself with the store", room, error);
    }
  }

  #removeRoom(room: Room, followed: boolean): void {
    this.#rooms.delete(room.name);
    this.#slow.forget(room);
    if (this.#rooms.size === 0) {
      this.#checkTimer?.cancel();
      this.#checkTimer = null;
    }
    if (!followed) return;
    const closed = room.log
      .unfollow()
      // A flag left set costs publishes that reach no subscriber, nothing worse.
      .catch((error: unknown) => this.#warn("A room could not clear its follow flag", room, error))
      .finally(() => {
        if (this.#closing.get(room.name) === closed) this.#closing.delete(room.name);
      });
    this.#closing.set(room.name, closed);
  }

  #armCheck(): void {
    const { positionCheckMs } = this.#settings;
    if (positionCheckMs === null) return;
    this.#checkTimer ??= this.#clock.after(positionCheckMs, () => {
      this.#checkTimer = null;
      void this.check().finally(() => {
        if (this.#rooms.size > 0 && !this.#shutDown) this.#armCheck();
      });
    });
  }

  async #checkTasks(rooms: readonly Room[]): Promise<void> {
    const ids = rooms.flatMap((room) => (room.log instanceof TaskRoomLog ? [room.log.taskId] : []));
    const positions = await this.#store.positions(ids);
    for (const room of rooms) {
      if (room.log instanceof TaskRoomLog) room.check(positions.get(room.log.taskId) ?? null);
    }
  }

  #warn(message: string, room: Room, error: unknown): void {
    this.#log.warn(message, { room: room.name, cause: describeError(error) });
  }
}
