/** Ephemeral keys as rows: what is searched in columns, the rest as JSON, where fields of later releases stay. */

import {
  type EphemeralKey,
  type EphemeralKeyDraft,
  type EphemeralKeyStore,
  EXPIRED_KEPT_MS,
} from "../../../accounts/ephemeral/ephemeral-key-store.ts";
import type { Sql } from "../../sql.ts";
import type { Transaction } from "../transaction.ts";
import type { Transactions } from "../transactions.ts";

/** What stands in `details`. */
type Details = Omit<EphemeralKey, "hash" | "keyId" | "createdAt" | "expiresAt">;

export function ephemeralKeyMethods(transactions: Transactions): EphemeralKeyStore {
  return {
    createEphemeralKey: (draft, maxLive) => transactions.write((tx) => insertKey(tx, draft, maxLive)),
    findEphemeralKey: (hash) => transactions.read(({ sql }) => keyByHash(sql, hash)),
  };
}

/** Removes keys that expired long ago, at most `limit`; answers how many. */
export function dropExpiredKeys({ sql, now }: Transaction, limit: number): number {
  return sql.change(
    `DELETE FROM ephemeral_keys WHERE no IN (
       SELECT no FROM ephemeral_keys WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
    now - EXPIRED_KEPT_MS,
    limit,
  );
}

function insertKey(
  { sql, now }: Transaction,
  { ttlMs, ...draft }: EphemeralKeyDraft,
  maxLive: number | null,
): EphemeralKey | null {
  const made = keyByHash(sql, draft.hash);
  if (made !== null) return made;
  if (maxLive !== null && hasLive(sql, draft.keyId, now, maxLive)) return null;
  const key: EphemeralKey = { ...draft, createdAt: now, expiresAt: now + ttlMs };
  const { hash, keyId, createdAt, expiresAt, ...details } = key;
  sql.run(
    "INSERT INTO ephemeral_keys (hash, key_id, created_at, expires_at, details) VALUES (?, ?, ?, ?, ?)",
    hash,
    keyId,
    createdAt,
    expiresAt,
    JSON.stringify(details satisfies Details),
  );
  return key;
}

/** Whether the parent has so many that have not expired; counts no further than that. */
function hasLive(sql: Sql, keyId: string, now: number, count: number): boolean {
  if (count <= 0) return true;
  const last = sql.get(
    "SELECT 1 FROM ephemeral_keys WHERE key_id = ? AND expires_at > ? LIMIT 1 OFFSET ?",
    keyId,
    now,
    count - 1,
  );
  return last !== null;
}

function keyByHash(sql: Sql, hash: string): EphemeralKey | null {
  const row = sql.get("SELECT * FROM ephemeral_keys WHERE hash = ?", hash);
  if (row === null) return null;
  const { parentHash, subject, granted, permissions, allowedModels, maxPriority, session } = JSON.parse(
    row.details as string,
  ) as Details;
  return {
    hash,
    keyId: row.key_id as string,
    parentHash,
    subject,
    granted,
    permissions,
    allowedModels,
    maxPriority,
    session,
    createdAt: row.created_at as number,
    expiresAt: row.expires_at as number,
  };
}
