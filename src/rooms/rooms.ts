/**
 * The rooms of one process: takes what was committed, hands it to whoever follows it, and compares with the store
 * from time to time, so that a doorbell that never rang delays a follower and loses nothing.
 */

import { CLOSE_GOING_AWAY, CLOSE_POLICY } from "../protocol/close-codes.ts";
import type { Topics } from "../sockets/frame.ts";
import type { Clock, TimerHandle } from "../tasks/ports/clock.ts";
import { describeError, type Log } from "../tasks/ports/log.ts";
import type { Publisher } from "../tasks/ports/publisher.ts";
import type { Position, TaskUpdate, TenantScope } from "../tasks/task.ts";
import { type FollowOutcome, Room, type RoomHost } from "./room.ts";
import {
  type FollowedStore,
  keyNews,
  type News,
  type RoomLog,
  subjectNews,
  TaskLog,
  TenantLog,
  taskNews,
} from "./room-log.ts";
import { taskRoomName, tenantRoomName } from "./room-name.ts";
import type { Member, Subscription } from "./room-subscriber.ts";
import type { Follower, SlowPolicy } from "./subscriber.ts";

/** Tasks whose positions are asked for in one step of the store. */
const POSITIONS_AT_ONCE = 500;
/** Unsent bytes of all slow followers together; beyond it those slow for longest are closed at once. */
const SLOW_TOTAL_BYTES = 64 * 1_048_576;

export type RoomsSettings = SlowPolicy & {
  /** How often rooms are compared with the store, ms; null on hosts that call `check` from an alarm of their own. */
  readonly positionCheckMs: number | null;
  /** How often followers' buffers are looked at after a broadcast, ms. */
  readonly slowSweepMs: number;
};

export type RoomsDependencies = {
  readonly store: FollowedStore;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly log: Pick<Log, "warn">;
  /**
   * Calls back when frames have waited for company: `soon` at the end of this turn of the event loop, else when the
   * host's own tick has come. Default: always at the end of the turn.
   */
  readonly later?: RoomHost["later"];
};

export type Following = {
  /** Valid at once, also before the store has answered. */
  readonly subscription: Subscription;
  /**
   * How it began. `not_found`: no such task in that scope, the follower was told nothing. `left`: the subscription
   * or the follower ended meanwhile. Rejects when the store cannot be read; the follower has left then.
   */
  readonly opened: Promise<FollowOutcome>;
};

export type RoomsStats = { rooms: number; followers: number; alone: number };

export class Rooms implements Publisher {
  readonly #store: FollowedStore;
  readonly #clock: Clock;
  readonly #log: Pick<Log, "warn">;
  readonly #settings: RoomsSettings;
  readonly #host: RoomHost;
  readonly #rooms = new Map<string, Room>();
  /** Rooms that are taking their mark away: whoever follows the same log next waits for it. */
  readonly #closing = new Map<string, Promise<void>>();
  /** Rooms to look at in the next sweep. */
  #unswept = new Set<Room>();
  #sweepTimer: TimerHandle | null = null;
  #checkTimer: TimerHandle | null = null;
  #shut = false;

  constructor(dependencies: RoomsDependencies, settings: RoomsSettings) {
    this.#store = dependencies.store;
    this.#clock = dependencies.clock;
    this.#log = dependencies.log;
    this.#settings = settings;
    this.#host = {
      topics: dependencies.topics,
      clock: dependencies.clock,
      slow: settings,
      later: dependencies.later ?? ((callback) => dependencies.clock.after(0, callback)),
      unswept: (room) => this.#wantSweep(room),
      vacated: (room, followed) => this.#vacate(room, followed),
      failed: (room, error) => this.#warn("A room could not read its log; it tries again", room, error),
    };
  }

  /** Follows one task; the stream ends after its terminal event. `after` resumes behind an event seen before. */
  followTask(scope: TenantScope, taskId: string, follower: Follower, after: Position | null): Following {
    const room = this.#room(taskRoomName(scope.keyId, taskId), this.#taskLog(scope, taskId));
    return this.#follow(room, scope, follower, after);
  }

  /** Follows all tasks of a tenant. */
  followTenant(scope: TenantScope, follower: Follower, after: Position | null): Following {
    return this.#follow(this.#room(tenantRoomName(scope), this.#tenantLog(scope)), scope, follower, after);
  }

  /**
   * Seats a follower again that has been told everything up to `at` by rooms whose memory is gone, but not their mark
   * in the store. The store is not asked, so whoever reseats decides when to `check`.
   */
  reseatTask(scope: TenantScope, taskId: string, follower: Follower, at: Position): Subscription {
    return this.#room(taskRoomName(scope.keyId, taskId), this.#taskLog(scope, taskId)).reseat(follower, at);
  }

  /** The same for all tasks of a tenant. */
  reseatTenant(scope: TenantScope, follower: Follower, at: Position): Subscription {
    return this.#room(tenantRoomName(scope), this.#tenantLog(scope)).reseat(follower, at);
  }

  publish(update: TaskUpdate): void {
    if (this.#rooms.size === 0) return;
    const { keyId, subject } = update.task.tenant;
    this.#offer(taskRoomName(keyId, update.task.id), update, taskNews);
    this.#offer(tenantRoomName({ keyId, subject: null }), update, keyNews);
    if (subject !== "") this.#offer(tenantRoomName({ keyId, subject }), update, subjectNews);
  }

  /** Compares every room with the store, and reads what it has missed. Never rejects: what fails is tried next time. */
  async check(): Promise<void> {
    try {
      const tasks: Room[] = [];
      const tenants: Room[] = [];
      for (const room of this.#rooms.values()) (room.log instanceof TaskLog ? tasks : tenants).push(room);
      for (let start = 0; start < tasks.length; start += POSITIONS_AT_ONCE) {
        await this.#checkTasks(tasks.slice(start, start + POSITIONS_AT_ONCE));
      }
      for (const room of tenants) {
        if (room.log instanceof TenantLog) room.check(await this.#store.tenantPosition(room.log.scope));
      }
    } catch (error) {
      this.#log.warn("The rooms could not be compared with the store; the next check tries again", {
        cause: describeError(error),
      });
    }
  }

  /** Hands over what waits for company. */
  flush(): void {
    for (const room of this.#rooms.values()) room.flush();
  }

  /** Closes every follower of a key (1008), its ephemeral keys' included. */
  closeKey(keyId: string): void {
    for (const room of [...this.#rooms.values()]) {
      if (room.log.keyId === keyId) room.closeAll(CLOSE_POLICY, "the key was disabled or revoked");
    }
  }

  /** Closes every follower (1001) and lets nobody in any more; resolves when the store has no marks of ours left. */
  async shutdown(): Promise<void> {
    this.#shut = true;
    for (const room of [...this.#rooms.values()])
      room.closeAll(CLOSE_GOING_AWAY, "the server is shutting down");
    this.#sweepTimer?.cancel();
    this.#checkTimer?.cancel();
    await Promise.all(this.#closing.values());
  }

  /** Where a room stands; null when there is no such room, or its place is not known yet. */
  positionOf(name: string): Position | null {
    return this.#rooms.get(name)?.position ?? null;
  }

  stats(): RoomsStats {
    const stats = { rooms: this.#rooms.size, followers: 0, alone: 0 };
    for (const room of this.#rooms.values()) {
      stats.followers += room.size;
      stats.alone += room.aloneSize;
    }
    return stats;
  }

  #taskLog({ keyId }: TenantScope, taskId: string): () => RoomLog {
    return () => new TaskLog(this.#store, keyId, taskId);
  }

  #tenantLog(scope: TenantScope): () => RoomLog {
    return () => new TenantLog(this.#store, scope);
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

  #follow(room: Room, scope: TenantScope, follower: Follower, after: Position | null): Following {
    const member = room.seat(follower);
    const opened = room.open(member, scope, after, this.#closing.get(room.name));
    if (this.#shut) room.closeAll(CLOSE_GOING_AWAY, "the server is shutting down");
    return { subscription: member, opened };
  }

  #offer(name: string, update: TaskUpdate, newsOf: (update: TaskUpdate) => News | null): void {
    const room = this.#rooms.get(name);
    if (room === undefined) return;
    try {
      const news = newsOf(update);
      if (news !== null) room.offer(news);
    } catch (error) {
      this.#warn("A room failed over an update; it compares itself with the store", room, error);
    }
  }

  #vacate(room: Room, followed: boolean): void {
    this.#rooms.delete(room.name);
    this.#unswept.delete(room);
    if (this.#rooms.size === 0) {
      this.#checkTimer?.cancel();
      this.#checkTimer = null;
    }
    if (!followed) return;
    const closed = room.log
      .unfollow()
      // A mark left behind makes publishes that nobody hears, nothing worse.
      .catch((error: unknown) => this.#warn("A room could not take its mark away", room, error))
      .finally(() => {
        if (this.#closing.get(room.name) === closed) this.#closing.delete(room.name);
      });
    this.#closing.set(room.name, closed);
  }

  #wantSweep(room: Room): void {
    this.#unswept.add(room);
    this.#sweepTimer ??= this.#clock.after(this.#settings.slowSweepMs, () => this.#sweep());
  }

  #sweep(): void {
    this.#sweepTimer = null;
    const rooms = this.#unswept;
    this.#unswept = new Set();
    const slow: Member[] = [];
    for (const room of rooms) if (room.sweep(slow)) this.#wantSweep(room);
    let total = 0;
    for (const member of slow) total += member.follower.bufferedBytes();
    if (total <= SLOW_TOTAL_BYTES) return;
    slow.sort((one, other) => (one.slowSince ?? 0) - (other.slowSince ?? 0));
    for (const member of slow) {
      if (total <= SLOW_TOTAL_BYTES) break;
      total -= member.follower.bufferedBytes();
      member.evict();
    }
  }

  #armCheck(): void {
    const { positionCheckMs } = this.#settings;
    if (positionCheckMs === null) return;
    this.#checkTimer ??= this.#clock.after(positionCheckMs, () => {
      this.#checkTimer = null;
      void this.check().finally(() => {
        if (this.#rooms.size > 0 && !this.#shut) this.#armCheck();
      });
    });
  }

  async #checkTasks(rooms: readonly Room[]): Promise<void> {
    const ids = rooms.flatMap((room) => (room.log instanceof TaskLog ? [room.log.taskId] : []));
    const positions = await this.#store.positions(ids);
    for (const room of rooms) {
      if (room.log instanceof TaskLog) room.check(positions.get(room.log.taskId) ?? null);
    }
  }

  #warn(message: string, room: Room, error: unknown): void {
    this.#log.warn(message, { room: room.name, cause: describeError(error) });
  }
}
