/**
 * The store as a shard's rooms use it, and the rooms it has joined. The followed mark belongs to the room's own object:
 * a shard joins that object, once however many of its connections follow, before it asks the store where the log stands.
 */

import type { RoomStore } from "../../../rooms/room-log.ts";
import { taskRoomName, tenantRoomName } from "../../../rooms/room-name.ts";
import { StoreUnavailableError } from "../../../tasks/ports/store-error.ts";
import type { Position, TaskUpdate, TenantScope } from "../../../tasks/task.ts";
import type { ShardRows } from "./shard-rows.ts";

/** What is used of the binding to the class `TaskRoom`. */
export type RoomObjects = {
  getByName(name: string): { join(shard: string): Promise<void>; leave(shard: string): Promise<void> };
};

export type ShardRoomsDependencies = {
  readonly store: RoomStore;
  readonly objects: RoomObjects;
  /** This shard's name. */
  readonly shard: string;
  readonly rows: Pick<ShardRows, "rooms" | "putRoom" | "deleteRoom">;
  /** Called when there is something for `save`. */
  readonly onMoved: () => void;
};

type Joined = {
  /** Resolves when the room's object knows of this shard. */
  joining: Promise<void> | null;
  /** Subscribers that the store has not yet let in or turned away. */
  opening: number;
  /** The store has let somebody in, or may have. */
  followed: boolean;
  /** As its row has it. */
  position: Position | null;
};

export class ShardRooms implements RoomStore {
  readonly #store: RoomStore;
  readonly #objects: RoomObjects;
  readonly #shard: string;
  readonly #rows: ShardRoomsDependencies["rows"];
  readonly #onMoved: () => void;
  readonly #joined = new Map<string, Joined>();
  /** Rooms that are being left: whoever joins one again waits for it. */
  readonly #leaving = new Map<string, Promise<void>>();
  /** Rooms that may have moved since they were saved. */
  readonly #moved = new Set<string>();
  /** Where a room stands now. */
  #standing: (name: string) => Position | null = () => null;

  constructor({ store, objects, shard, rows, onMoved }: ShardRoomsDependencies) {
    this.#store = store;
    this.#objects = objects;
    this.#shard = shard;
    this.#rows = rows;
    this.#onMoved = onMoved;
    for (const { name, position } of rows.rooms())
      this.#joined.set(name, { joining: null, opening: 0, followed: true, position });
  }

  /** The rooms over this store, which tell where they stand. Call it once, before anything else. */
  watch(rooms: { positionOf(name: string): Position | null }): void {
    this.#standing = (name) => rooms.positionOf(name);
  }

  /** Up to where the subscribers of a room have been told, as of its row; null when it is not known. */
  positionOf(name: string): Position | null {
    return this.#joined.get(name)?.position ?? null;
  }

  /** An update has come: the rooms it is about will have moved. */
  touch({ task }: TaskUpdate): void {
    const { keyId, subject } = task.tenant;
    this.#touch(taskRoomName(keyId, task.id));
    this.#touch(tenantRoomName({ keyId, subject: null }));
    if (subject !== "") this.#touch(tenantRoomName({ keyId, subject }));
  }

  /**
   * Writes where rooms stand that have moved: all that their subscribers' places are known by after a sleep. It can wait
   * while the shard is awake, and frames need not wait for it: whatever else ends the memory ends the sockets too.
   */
  save(): void {
    for (const name of this.#moved) {
      const joined = this.#joined.get(name);
      const position = this.#standing(name);
      if (joined === undefined || position === null) continue;
      if (joined.position?.seq === position.seq && joined.position.epoch === position.epoch) continue;
      joined.position = position;
      this.#rows.putRoom({ name, position });
    }
    this.#moved.clear();
  }

  /** Leaves the rooms of an earlier life that nobody has come back to. */
  async leaveEmpty(): Promise<void> {
    const empty = [...this.#joined].filter(
      ([name, { opening }]) => opening === 0 && this.#standing(name) === null,
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

  async #open<T>(name: string, ask: () => Promise<T>): Promise<T> {
    const joined = this.#join(name);
    joined.opening += 1;
    try {
      await joined.joining;
      const opening = await ask();
      if (opening !== null) {
        joined.followed = true;
        this.#touch(name);
      }
      return opening;
    } catch (error) {
      // The room will want to take away what may have been marked.
      joined.followed = true;
      throw error;
    } finally {
      joined.opening -= 1;
      // Whoever was let in will leave by himself.
      if (joined.opening === 0 && !joined.followed) void this.#leave(name).catch(() => undefined);
    }
  }

  #join(name: string): Joined {
    let joined = this.#joined.get(name);
    if (joined === undefined) {
      joined = { joining: null, opening: 0, followed: false, position: null };
      this.#joined.set(name, joined);
      // First: whatever happens, the room's object is left again.
      this.#rows.putRoom({ name, position: null });
    }
    if (joined.joining === null && joined.position === null) {
      const known = joined;
      known.joining = this.#tellJoined(name).catch((error: unknown) => {
        known.joining = null;
        throw error;
      });
    }
    return joined;
  }

  async #tellJoined(name: string): Promise<void> {
    // Whether leaving failed does not matter to one that comes again.
    await this.#leaving.get(name)?.catch(() => undefined);
    await this.#reach(name, (object) => object.join(this.#shard));
  }

  async #leave(name: string): Promise<void> {
    if (!this.#joined.delete(name)) return;
    this.#moved.delete(name);
    const left = this.#reach(name, (object) => object.leave(this.#shard));
    this.#leaving.set(name, left);
    try {
      await left;
      // A room that could not be left goes on telling: its row stays, and the next life leaves it.
      if (!this.#joined.has(name)) this.#rows.deleteRoom(name);
    } finally {
      if (this.#leaving.get(name) === left) this.#leaving.delete(name);
    }
  }

  /** Asks again once: an object that was restarted has broken the stub, and both calls may be repeated. */
  async #reach(
    name: string,
    ask: (object: ReturnType<RoomObjects["getByName"]>) => Promise<void>,
  ): Promise<void> {
    try {
      await ask(this.#objects.getByName(name));
    } catch {
      try {
        await ask(this.#objects.getByName(name));
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
