/**
 * The one mark that a room's object holds in the store for all who follow there, its own followers and hub shards
 * alike. It goes with the last of them, whoever that was, and only when nobody has come meanwhile.
 */

import type { FollowedStore } from "../room-log.ts";
import type { RoomSubject } from "../room-name.ts";

export type RoomMarkOptions = {
  readonly subject: RoomSubject;
  /** Whether anybody follows here or is about to. */
  isWanted(): boolean;
  /** The mark is gone and nobody came meanwhile. */
  released(): Promise<void>;
};

export class RoomMark {
  /** The store as the object's own rooms see it. */
  readonly store: FollowedStore;
  readonly #unmark: () => Promise<void>;
  readonly #options: RoomMarkOptions;
  #releasing: Promise<void> | null = null;

  constructor(store: FollowedStore, options: RoomMarkOptions) {
    const { subject } = options;
    this.#options = options;
    this.#unmark = () =>
      subject.kind === "task"
        ? store.unfollow({ keyId: subject.keyId, subject: null }, subject.taskId)
        : store.unfollowTenant({ keyId: subject.keyId, subject: subject.subject });
    this.store = {
      // A mark made while an earlier one is being taken away would go with that one.
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

  /** Resolves when no mark is on its way out. */
  async settled(): Promise<void> {
    while (this.#releasing !== null) await this.#releasing.catch(() => {});
  }

  /** Takes the mark away unless somebody follows. Rejects when the store could not be reached; the mark may stay then. */
  release(): Promise<void> {
    if (this.#options.isWanted()) return Promise.resolve();
    this.#releasing ??= this.#takeAway().finally(() => {
      this.#releasing = null;
    });
    return this.#releasing;
  }

  async #takeAway(): Promise<void> {
    await this.#unmark();
    if (!this.#options.isWanted()) await this.#options.released();
  }
}
