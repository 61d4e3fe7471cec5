/**
 * The account port: virtual keys. Lives in the same store as the tasks, so that the create step can check a key again.
 */

import type { KeyPatch, VirtualKey } from "./virtual-key.ts";

export interface AccountStore {
  findKeyByHash(hash: string): Promise<VirtualKey | null>;
  getKey(id: string): Promise<VirtualKey | null>;
  /** Newest first; `after` is the last id of the page before. */
  listKeys(limit: number, after: string | null): Promise<{ keys: VirtualKey[]; hasMore: boolean }>;
  /** Rejects with `DuplicateKeyError` when the id or the hash is taken. */
  createKey(key: VirtualKey): Promise<void>;
  /** Null when there is no such key. */
  updateKey(id: string, patch: KeyPatch, updatedAt: number): Promise<VirtualKey | null>;
  /** Its webhook endpoints go with it, its tasks stay until their retention ends. False when there is no such key. */
  deleteKey(id: string): Promise<boolean>;
}

export class DuplicateKeyError extends Error {
  override readonly name = "DuplicateKeyError";
}
