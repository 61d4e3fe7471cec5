/**
 * Carries committed transitions between the rooms of several processes. Each key has a topic on the bus: a process
 * subscribes to it before the store sets a follow flag for one of the key's rooms, so nothing committed after that is
 * missed, and unsubscribes when the key's last room here closes. Rooms still order by position and compare with the
 * store; a lost message only delays.
 */

import type { InstanceBus } from "../tasks/ports/instance-bus.ts";
import { describeError, type Log } from "../tasks/ports/log.ts";
import type { Publisher } from "../tasks/ports/publisher.ts";
import type { TaskUpdate } from "../tasks/task.ts";
import type { RoomStore } from "./room-log.ts";
import { taskRoomName, tenantRoomName } from "./room-name.ts";
import type { Rooms } from "./rooms.ts";

export type RoomBridgeDependencies = {
  readonly bus: InstanceBus;
  readonly store: RoomStore;
  readonly log: Pick<Log, "warn">;
};

/** Why a room needs its key's topic. */
type RoomInterest = {
  /** Calls of the store under way that may set its follow flag. */
  pendingFollows: number;
  /** The flag may be set. */
  followed: boolean;
};

export class RoomBridge implements Publisher {
  /** The store as the rooms of this process use it. */
  readonly store: RoomStore;
  readonly #bus: InstanceBus;
  readonly #log: Pick<Log, "warn">;
  /** The rooms of each key whose topic is subscribed. */
  readonly #open = new Map<string, Map<string, RoomInterest>>();
  #rooms: Pick<Rooms, "publish" | "check"> | null = null;

  constructor({ bus, store, log }: RoomBridgeDependencies) {
    this.#bus = bus;
    this.#log = log;
    this.store = this.#withTopics(store);
  }

  /** Publishes what other processes commit to these rooms. */
  attach(rooms: Pick<Rooms, "publish" | "check">): void {
    this.#rooms = rooms;
    this.#bus.onGap(() => void rooms.check());
  }

  /** To the rooms here and in the other processes. */
  publish(update: TaskUpdate): void {
    this.#rooms?.publish(update);
    this.#bus.publish(topicOf(update.task.tenant.keyId), JSON.stringify(update));
  }

  #withTopics(store: RoomStore): RoomStore {
    return {
      readLog: (scope, taskId, after, limit) => store.readLog(scope, taskId, after, limit),
      readTenantLog: (scope, after, limit) => store.readTenantLog(scope, after, limit),
      positions: (taskIds) => store.positions(taskIds),
      tenantPosition: (scope) => store.tenantPosition(scope),
      follow: (scope, taskId) => {
        const room = taskRoomName(scope.keyId, taskId);
        return this.#follow(scope.keyId, room, () => store.follow(scope, taskId));
      },
      followTenant: (scope) =>
        this.#follow(scope.keyId, tenantRoomName(scope), () => store.followTenant(scope)),
      unfollow: (scope, taskId) => {
        this.#leave(scope.keyId, taskRoomName(scope.keyId, taskId));
        return store.unfollow(scope, taskId);
      },
      unfollowTenant: (scope) => {
        this.#leave(scope.keyId, tenantRoomName(scope));
        return store.unfollowTenant(scope);
      },
    };
  }

  /** Has the store set the flag once the key's topic is subscribed. */
  async #follow<T>(keyId: string, room: string, follow: () => Promise<T>): Promise<T> {
    const interest = this.#enter(keyId, room);
    interest.pendingFollows += 1;
    try {
      await this.#bus.subscribe(topicOf(keyId), (message) => this.#received(message));
      const opening = await follow();
      interest.followed ||= opening !== null;
      return opening;
    } catch (error) {
      // Whether the flag was set before the call failed cannot be known; the room clears it.
      interest.followed = true;
      throw error;
    } finally {
      interest.pendingFollows -= 1;
      this.#unsubscribeIfUnused(keyId, room, interest);
    }
  }

  #enter(keyId: string, room: string): RoomInterest {
    let rooms = this.#open.get(keyId);
    if (rooms === undefined) {
      rooms = new Map();
      this.#open.set(keyId, rooms);
    }
    let interest = rooms.get(room);
    if (interest === undefined) {
      interest = { pendingFollows: 0, followed: false };
      rooms.set(room, interest);
    }
    return interest;
  }

  #leave(keyId: string, room: string): void {
    const interest = this.#open.get(keyId)?.get(room);
    if (interest === undefined) return;
    interest.followed = false;
    this.#unsubscribeIfUnused(keyId, room, interest);
  }

  #unsubscribeIfUnused(keyId: string, room: string, interest: RoomInterest): void {
    const rooms = this.#open.get(keyId);
    if (interest.pendingFollows > 0 || interest.followed || rooms?.get(room) !== interest) return;
    rooms.delete(room);
    if (rooms.size > 0) return;
    this.#open.delete(keyId);
    this.#bus.unsubscribe(topicOf(keyId));
  }

  #received(message: string): void {
    try {
      this.#rooms?.publish(JSON.parse(message) as TaskUpdate);
    } catch (error) {
      // A process of another version may share the store; the position check brings what it published.
      this.#log.warn("A message of another process could not be read", { cause: describeError(error) });
    }
  }
}

function topicOf(keyId: string): string {
  return `room/${keyId}`;
}
