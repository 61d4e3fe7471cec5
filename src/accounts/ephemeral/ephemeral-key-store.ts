/**
 * The port of ephemeral keys: short-lived keys for browsers, each made with a virtual key, its parent. They live in the same
 * store as the tasks, so that every process knows them; the plain key is kept nowhere.
 */

import type { Permissions } from "../../protocol/key.ts";
import type { Json, Priority } from "../../protocol/task.ts";

export type EphemeralKey = {
  /** SHA-256 of the plain key, lower-case hex. */
  readonly hash: string;
  /** The parent's id: who pays, and under whose limits it works. */
  readonly keyId: string;
  /** SHA-256 of the plain key that made it: when that one is refused, so is this. */
  readonly parentHash: string;
  /** Its own tenant within the parent; 1 to 128 characters. */
  readonly subject: string;
  /** Ids of tasks of the parent's that it may read, follow and cancel besides those of its subject. */
  readonly granted: readonly string[];
  readonly permissions: Permissions;
  /** Model names, `*` as last character matches any rest; null: those of the parent. */
  readonly allowedModels: readonly string[] | null;
  readonly maxPriority: Priority;
  /** Configuration of the realtime sessions that are opened with it; null where none was given. */
  readonly session: Json;
  readonly createdAt: number;
  readonly expiresAt: number;
};

/** A key to come: the store adds its times, by its own clock. */
export type EphemeralKeyDraft = Omit<EphemeralKey, "createdAt" | "expiresAt"> & { readonly ttlMs: number };

/** Where a key stands in the list of its parent's. */
export type EphemeralKeyPlace = Pick<EphemeralKey, "expiresAt" | "hash">;

/** For so long after its end a key is still known, so that its user is told that it expired; ms. */
export const EXPIRED_KEPT_MS = 3_600_000;

export interface EphemeralKeyStore {
  /**
   * The key as it is stored; null, and nothing is written, when its parent has `maxLive` that have not expired. With null there is no
   * such bound, and the key counts for nobody else's. The same hash again changes nothing and answers the first one. Whether there is a parent is not looked at.
   */
  createEphemeralKey(draft: EphemeralKeyDraft, maxLive: number | null): Promise<EphemeralKey | null>;
  /** Also when it has expired, for a while. Null when there is none. */
  findEphemeralKey(hash: string): Promise<EphemeralKey | null>;
  /** Those of a parent that were made under a bound and have not expired, the one that ends last first; at most `limit`. */
  listEphemeralKeys(
    keyId: string,
    page: { limit: number; after: EphemeralKeyPlace | null },
  ): Promise<{ keys: EphemeralKey[]; hasMore: boolean }>;
  /** Removes a key of this parent; false when there is none. */
  deleteEphemeralKey(keyId: string, hash: string): Promise<boolean>;
}
