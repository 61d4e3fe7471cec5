/**
 * Lets the rooms of several processes hear what each of them commits. A key that has a room here has a channel: it is
 * subscribed before the store marks anything followed, so nothing committed after the mark is missed, and left when
 * the key's last room closes. Rooms still order by position and compare with the store; a lost message delays only.
 */

import type { InstanceBus } from "../tasks/ports/instance-bus.ts";
import { describeError, type Log } from "../tasks/ports/log.ts";
import type { Publisher } from "../tasks/ports/publisher.ts";
import type { TaskUpdate } from "../tasks/task.ts";
import type { FollowedStore } from "./room-log.ts";
import { taskRoomName, tenantRoomName } from "./room-name.ts";
import type { Rooms } from "./rooms.ts";

export type RoomBridgeDependencies = {
  readonly bus: InstanceBus;
  readonly store: FollowedStore;
  readonly log: Pick<Log, "warn">;
};

/** Why a room needs its key's channel. */
type Presence = {
  /** Calls of the store under way that may mark it followed. */
  asking: number;
  /** It may be marked. */
  followed: boolean;
};

export class RoomBridge implements Publisher {
  /** What the rooms of this process follow through. */
  readonly store: FollowedStore;
  readonly #bus: InstanceBus;
  readonly #log: Pick<Log, "warn">;
  /** The rooms of each key whose channel is subscribed. */
  readonly #open = new Map<string, Map<string, Presence>>();
  #rooms: Pick<Rooms, "publish" | "check"> | null = null;

  constructor({ bus, store, log }: RoomBridgeDependencies) {
    this.#bus = bus;
    this.#log = log;
    this.store = this.#followed(store);
  }

  /** Hands what other processes commit to these rooms. */
  attach(rooms: Pick<Rooms, "publish" | "check">): void {
    this.#rooms = rooms;
    this.#bus.onGap(() => void rooms.check());
  }

  /** To the rooms here and in the other processes. */
  publish(update: TaskUpdate): void {
    this.#rooms?.publish(update);
    this.#bus.publish(channelOf(update.task.tenant.keyId), JSON.stringify(update));
  }

  #followed(store: FollowedStore): FollowedStore {
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

  /** Asks the store for the mark once the key's channel is heard. */
  async #follow<T>(keyId: string, room: string, ask: () => Promise<T>): Promise<T> {
    const presence = this.#enter(keyId, room);
    presence.asking += 1;
    try {
      await this.#bus.subscribe(channelOf(keyId), (message) => this.#heard(message));
      const answer = await ask();
      presence.followed ||= answer !== null;
      return answer;
    } catch (error) {
      // Whether the mark was made before it failed cannot be known; the room takes it away.
      presence.followed = true;
      throw error;
    } finally {
      presence.asking -= 1;
      this.#closeIfUnused(keyId, room, presence);
    }
  }

  #enter(keyId: string, room: string): Presence {
    let rooms = this.#open.get(keyId);
    if (rooms === undefined) {
      rooms = new Map();
      this.#open.set(keyId, rooms);
    }
    let presence = rooms.get(room);
    if (presence === undefined) {
      presence = { asking: 0, followed: false };
      rooms.set(room, presence);
    }
    return presence;
  }

  #leave(keyId: string, room: string): void {
    const presence = this.#open.get(keyId)?.get(room);
    if (presence === undefined) return;
    presence.followed = false;
    this.#closeIfUnused(keyId, room, presence);
  }

  #closeIfUnused(keyId: string, room: string, presence: Presence): void {
    const rooms = this.#open.get(keyId);
    if (presence.asking > 0 || presence.followed || rooms?.get(room) !== presence) return;
    rooms.delete(room);
    if (rooms.size > 0) return;
    this.#open.delete(keyId);
    this.#bus.unsubscribe(channelOf(keyId));
  }

  #heard(message: string): void {
    try {
      this.#rooms?.publish(JSON.parse(message) as TaskUpdate);
    } catch (error) {
      // A process of another version may share the store; the position check brings what it said.
      this.#log.warn("A message of another process could not be read", { cause: describeError(error) });
    }
  }
}

function channelOf(keyId: string): string {
  return `room/${keyId}`;
}
