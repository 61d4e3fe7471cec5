/**
 * The store as a shard's rooms use it, and the rooms the shard has joined. The follow flag belongs to the room's own
 * object: a shard joins that object, once for all of its subscriptions, before it asks the store for the log's
 * position.
 */

import type { RoomStore } from "../../rooms/room-log.ts";
import { taskRoomName, tenantRoomName } from "../../rooms/room-name.ts";
import { StoreUnavailableError } from "../../tasks/ports/store-error.ts";
import type { Position, TaskUpdate, TenantScope } from "../../tasks/task.ts";
import type { ShardRows } from "./shard-rows.ts";

/** The rooms' objects by name. `join` and `leave` may be repeated. */
export type RoomObjects = {
  getByName(name: string): { join(shard: string): Promise<void>; leave(shard: string): Promise<void> };
};

export type ShardRoomStoreDependencies = {
  readonly store: RoomStore;
  readonly objects: RoomObjects;
  /** This shard's name. */
  readonly shard: string;
  readonly rows: Pick<ShardRows, "rooms" | "putRoom" | "deleteRoom">;
  /** Called when there is something for `save`. */
  readonly onMoved: () => void;
};

type JoinedRoom = {
  /** Resolves when the shard has joined the room's object. */
  joining: Promise<void> | null;
  /** Subscriptions that the store has not yet answered. */
  opening: number;
  /** The store has set the follow flag, or may have. */
  followed: boolean;
  /** As stored in its row. */
  position: Position | null;
};

export class ShardRoomStore implements RoomStore {
  readonly #store: RoomStore;
  readonly #objects: RoomObjects;
  readonly #shard: string;
  readonly #rows: ShardRoomStoreDependencies["rows"];
  readonly #onMoved: () => void;
  readonly #joined = new Map<string, JoinedRoom>();
  /** Rooms that are being left: joining one again waits for that. */
  readonly #leaving = new Map<string, Promise<void>>();
  /** Rooms that may have moved since they were saved. */
  readonly #moved = new Set<string>();
  /** The current position of a room, not yet in its row. */
  #currentPosition: (name: string) => Position | null = () => null;

  constructor({ store, objects, shard, rows, onMoved }: ShardRoomStoreDependencies) {
    this.#store = store;
    this.#objects = objects;
    this.#shard = shard;
    this.#rows = rows;
    this.#onMoved = onMoved;
    for (const { name, position } of rows.rooms())
      this.#joined.set(name, { joining: null, opening: 0, followed: true, position });
  }

  /** Sets the rooms over this store, whose positions are saved. Call it once, before anything else. */
  watch(rooms: { positionOf(name: string): Position | null }): void {
    this.#currentPosition = (name) => rooms.positionOf(name);
  }

  /** Up to where the subscribers of a room were served, as of its row; null when it is not known. */
  positionOf(name: string): Position | null {
    return this.#joined.get(name)?.position ?? null;
  }

  /** An update has come: the positions of its rooms will have changed. */
  touch({ task }: TaskUpdate): void {
    const { keyId, subject } = task.tenant;
    this.#touch(taskRoomName(keyId, task.id));
    this.#touch(tenantRoomName({ keyId, subject: null }));
    if (subject !== "") this.#touch(tenantRoomName({ keyId, subject }));
  }

  /**
   * Stores the positions that have changed, from which subscribers continue after hibernation. It can wait until the
   * shard may hibernate, and frames need not wait for it: whatever else ends the memory ends the sockets too.
   */
  save(): void {
    for (const name of this.#moved) {
      const joined = this.#joined.get(name);
      const position = this.#currentPosition(name);
      if (joined === undefined || position === null) continue;
      if (joined.position?.seq === position.seq && joined.position.epoch === position.epoch) continue;
      joined.position = position;
      this.#rows.putRoom({ name, position });
    }
    this.#moved.clear();
  }

  /** Leaves the rooms of before the hibernation that have no subscriptions any more. */
  async leaveEmpty(): Promise<void> {
    const empty = [...this.#joined].filter(
      ([name, { opening }]) => opening === 0 && this.#currentPosition(name) === null,
    );
    await Promise.all(empty.map(([name]) => this.#leave(name)));
  }

  async follow(scope: TenantScope, taskId: string) {
    return this.#open(taskRoomName(scope.keyId, taskId), () => this.#store.follow(scope, taskId));
  }

  async followTenant(scope: TenantScope): Promise<Position> {
    return this.#open(tenantRoomName(scope), () => this.#store.followTenant(scope));
  }

  unfollow({ keyId }: TenantScope, taskId: string): Promise<void> {
    return this.#leave(taskRoomName(keyId, taskId));
  }

  unfollowTenant(scope: TenantScope): Promise<void> {
    return this.#leave(tenantRoomName(scope));
  }

  readLog(scope: TenantScope, taskId: string, after: Position, limit: number) {
    return this.#read(taskRoomName(scope.keyId, taskId), this.#store.readLog(scope, taskId, after, limit));
  }

  readTenantLog(scope: TenantScope, after: Position, limit: number) {
    return this.#read(tenantRoomName(scope), this.#store.readTenantLog(scope, after, limit));
  }

  positions(taskIds: readonly string[]) {
    return this.#store.positions(taskIds);
  }

  tenantPosition(scope: TenantScope) {
    return this.#store.tenantPosition(scope);
  }

  async #open<T>(name: string, call: () => Promise<T>): Promise<T> {
    const joined = this.#join(name);
    joined.opening += 1;
    try {
      await joined.joining;
      const opening = await call();
      if (opening !== null) {
        joined.followed = true;
        this.#touch(name);
      }
      return opening;
    } catch (error) {
      // The room will clear the flag, which may have been set.
      joined.followed = true;
      throw error;
    } finally {
      joined.opening -= 1;
      // Otherwise the room here calls `unfollow` when its last subscription ends.
      if (joined.opening === 0 && !joined.followed) void this.#leave(name).catch(() => undefined);
    }
  }

  #join(name: string): JoinedRoom {
    let joined = this.#joined.get(name);
    if (joined === undefined) {
      joined = { joining: null, opening: 0, followed: false, position: null };
      this.#joined.set(name, joined);
      // Stored first: after a crash the row says which object is to be left.
      this.#rows.putRoom({ name, position: null });
    }
    if (joined.joining === null && joined.position === null) {
      const known = joined;
      known.joining = this.#joinRoom(name).catch((error: unknown) => {
        known.joining = null;
        throw error;
      });
    }
    return joined;
  }

  async #joinRoom(name: string): Promise<void> {
    // Whether leaving failed does not matter now.
    await this.#leaving.get(name)?.catch(() => undefined);
    await this.#callRoom(name, (object) => object.join(this.#shard));
  }

  async #leave(name: string): Promise<void> {
    if (!this.#joined.delete(name)) return;
    this.#moved.delete(name);
    const left = this.#callRoom(name, (object) => object.leave(this.#shard));
    this.#leaving.set(name, left);
    try {
      await left;
      // A room that could not be left goes on publishing: its row stays, and the shard leaves it on its next start.
      if (!this.#joined.has(name)) this.#rows.deleteRoom(name);
    } finally {
      if (this.#leaving.get(name) === left) this.#leaving.delete(name);
    }
  }

  /** Calls again once: a stub is broken for good when its object was restarted, and both calls may be repeated. */
  async #callRoom(
    name: string,
    call: (object: ReturnType<RoomObjects["getByName"]>) => Promise<void>,
  ): Promise<void> {
    try {
      await call(this.#objects.getByName(name));
    } catch {
      try {
        await call(this.#objects.getByName(name));
      } catch (error) {
        throw new StoreUnavailableError("broken", "The room cannot be reached; try again in a moment", error);
      }
    }
  }

  async #read<T>(name: string, reading: Promise<T>): Promise<T> {
    const read = await reading;
    this.#touch(name);
    return read;
  }

  #touch(name: string): void {
    if (!this.#joined.has(name)) return;
    if (this.#moved.size === 0) this.#onMoved();
    this.#moved.add(name);
  }
}
