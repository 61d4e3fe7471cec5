/**
 * The account port: virtual keys. Lives in the same store as the tasks, so that the create step can check a key again.
 */

import type { AuditDraft } from "../audit-store.ts";
import type { KeyPatch, VirtualKey } from "./virtual-key.ts";

/** Which state of a key a change was decided on. Earlier releases count no revision, but they set `updatedAt`. */
export type KeyVersion = Pick<VirtualKey, "revision" | "updatedAt">;

/** What a request was answered, for the same request. The text is sealed: it may hold a plain key. */
export type StoredAnswer = { readonly fingerprint: string; readonly text: string };

/** What happens in the step of a change, beside it. */
export type KeyStep = {
  /** Changes nothing unless the key is still of this version. */
  readonly version?: KeyVersion | undefined;
  readonly audit?: AuditDraft | undefined;
  /**
   * The answer that is kept with the change. `id` stands for the request's idempotency key: while an answer is kept under it,
   * nothing is changed, whatever the version, and that answer comes back.
   */
  readonly once?: (StoredAnswer & { readonly id: string; readonly ttlMs: number }) | undefined;
};

export type KeyOutcome =
  | { readonly outcome: "done"; readonly key: VirtualKey }
  | { readonly outcome: "missing" }
  /** The key is of another version. */
  | { readonly outcome: "stale" }
  | { readonly outcome: "answered"; readonly answer: StoredAnswer };

/** What is left of a key that was deleted, so that usage, ledger and audit log still name it. */
export type DeletedKey = Pick<VirtualKey, "id" | "name" | "last4" | "createdAt"> & {
  /** The store's time. */
  readonly deletedAt: number;
};

export interface AccountStore {
  /** By the hash of its plain form, or of the one before while that still works: then `hash` is another one than was asked for. */
  findKeyByHash(hash: string): Promise<VirtualKey | null>;
  getKey(id: string): Promise<VirtualKey | null>;
  /** Newest first; `after` is the last id of the page before. */
  listKeys(limit: number, after: string | null): Promise<{ keys: VirtualKey[]; hasMore: boolean }>;
  /** Never `missing` or `stale`. Rejects with `DuplicateKeyError` when the id or the hash is taken. */
  createKey(key: VirtualKey, step?: KeyStep): Promise<KeyOutcome>;
  /** Raises the revision. Rejects with `DuplicateKeyError` when the hash is taken. */
  updateKey(id: string, patch: KeyPatch, updatedAt: number, step?: KeyStep): Promise<KeyOutcome>;
  /** Its webhook endpoints go with it, its tasks stay until their retention ends. */
  deleteKey(id: string, step?: Omit<KeyStep, "once">): Promise<"deleted" | "missing" | "stale">;
  /** Null when it was never there, is there, or was deleted longer ago than the ledger is kept. */
  getDeletedKey(id: string): Promise<DeletedKey | null>;
  /** The one deleted last comes first; `after` is the last id of the page before. */
  listDeletedKeys(limit: number, after: string | null): Promise<{ keys: DeletedKey[]; hasMore: boolean }>;
  /** What is kept under the id of a request's idempotency key; null when nothing is, or no longer. */
  recallAnswer(id: string): Promise<StoredAnswer | null>;
}

export class DuplicateKeyError extends Error {
  override readonly name = "DuplicateKeyError";
}
