/**
 * The store's follow flag of one room, where the room is an object of its own: set for its subscribers and for the hub
 * shards that joined it alike, cleared when the last of them is gone and none has come meanwhile.
 */

import type { RoomStore } from "../room-log.ts";
import type { RoomSubject } from "../room-name.ts";

export type FollowFlagOptions = {
  readonly subject: RoomSubject;
  /** Whether the room has subscribers or joined shards. */
  isWanted(): boolean;
  /** The flag was cleared, and is still not wanted. */
  cleared(): Promise<void>;
};

export class FollowFlag {
  /** The store as the object's own room uses it. */
  readonly store: RoomStore;
  readonly #unfollow: () => Promise<void>;
  readonly #options: FollowFlagOptions;
  #releasing: Promise<void> | null = null;

  constructor(store: RoomStore, options: FollowFlagOptions) {
    const { subject } = options;
    this.#options = options;
    this.#unfollow = () =>
      subject.kind === "task"
        ? store.unfollow({ keyId: subject.keyId, subject: null }, subject.taskId)
        : store.unfollowTenant({ keyId: subject.keyId, subject: subject.subject });
    this.store = {
      // A flag set while it is being cleared could be cleared again by that earlier call.
      follow: async (scope, taskId) => {
        await this.settled();
        return store.follow(scope, taskId);
      },
      followTenant: async (scope) => {
        await this.settled();
        return store.followTenant(scope);
      },
      unfollow: () => this.release(),
      unfollowTenant: () => this.release(),
      readLog: (scope, taskId, after, limit) => store.readLog(scope, taskId, after, limit),
      readTenantLog: (scope, after, limit) => store.readTenantLog(scope, after, limit),
      positions: (taskIds) => store.positions(taskIds),
      tenantPosition: (scope) => store.tenantPosition(scope),
    };
  }

  /** Resolves when the flag is not being cleared. */
  async settled(): Promise<void> {
    while (this.#releasing !== null) await this.#releasing.catch(() => {});
  }

  /** Clears the flag unless it is wanted. Rejects when the store could not be reached; the flag may stay set then. */
  release(): Promise<void> {
    if (this.#options.isWanted()) return Promise.resolve();
    this.#releasing ??= this.#clear().finally(() => {
      this.#releasing = null;
    });
    return this.#releasing;
  }

  async #clear(): Promise<void> {
    await this.#unfollow();
    if (!this.#options.isWanted()) await this.#options.cleared();
  }
}
