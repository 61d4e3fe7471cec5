/** Ephemeral keys as rows: what is searched in columns, the rest as JSON, where fields of later releases stay. */

import {
  type EphemeralKey,
  type EphemeralKeyDraft,
  type EphemeralKeyPlace,
  type EphemeralKeyStore,
  EXPIRED_KEPT_MS,
} from "../../../accounts/ephemeral/ephemeral-key-store.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import type { Transaction } from "../transaction.ts";
import type { Transactions } from "../transactions.ts";

/** What stands in `details`. */
type Details = Omit<EphemeralKey, "hash" | "keyId" | "createdAt" | "expiresAt">;

export function ephemeralKeyMethods(transactions: Transactions): EphemeralKeyStore {
  return {
    createEphemeralKey: (draft, maxLive) => transactions.write((tx) => insertKey(tx, draft, maxLive)),
    findEphemeralKey: (hash) => transactions.read(({ sql }) => keyByHash(sql, hash)),
    listEphemeralKeys: (keyId, page) => transactions.read((tx) => listKeys(tx, keyId, page)),
    deleteEphemeralKey: (keyId, hash) => transactions.write(({ sql }) => deleteKey(sql, keyId, hash)),
  };
}

const LIST = `SELECT * FROM ephemeral_keys WHERE key_id = ? AND counted = 1 AND expires_at > ? AND (expires_at, hash) < (?, ?)
  ORDER BY expires_at DESC, hash DESC LIMIT ?`;
/** Before every other place. */
const LAST: EphemeralKeyPlace = { expiresAt: Number.MAX_SAFE_INTEGER, hash: "" };

/** Removes keys that expired long ago, at most `limit`; answers how many. */
export function dropExpiredKeys({ sql, now }: Transaction, limit: number): number {
  const rows = sql.all(
    "SELECT no, key_id, counted FROM ephemeral_keys WHERE expires_at <= ? ORDER BY expires_at LIMIT ?",
    now - EXPIRED_KEPT_MS,
    limit,
  );
  for (const row of rows) dropRow(sql, row);
  return rows.length;
}

function dropRow(sql: Sql, { no, key_id, counted }: SqlRow): void {
  sql.run("DELETE FROM ephemeral_keys WHERE no = ?", no as number);
  if (counted === 0) return;
  sql.run("UPDATE ephemeral_counts SET count = count - 1 WHERE key_id = ?", key_id as string);
  sql.run("DELETE FROM ephemeral_counts WHERE key_id = ? AND count <= 0", key_id as string);
}

function listKeys(
  { sql, now }: Transaction,
  keyId: string,
  { limit, after }: { limit: number; after: EphemeralKeyPlace | null },
): { keys: EphemeralKey[]; hasMore: boolean } {
  const { expiresAt, hash } = after ?? LAST;
  const rows = sql.all(LIST, keyId, now, expiresAt, hash, limit + 1);
  return { keys: rows.slice(0, limit).map(ephemeralKeyOf), hasMore: rows.length > limit };
}

function deleteKey(sql: Sql, keyId: string, hash: string): boolean {
  const row = sql.get("SELECT no, key_id, counted FROM ephemeral_keys WHERE hash = ?", hash);
  if (row?.key_id !== keyId) return false;
  dropRow(sql, row);
  return true;
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
    "INSERT INTO ephemeral_keys (hash, key_id, created_at, expires_at, details, counted) VALUES (?, ?, ?, ?, ?, ?)",
    hash,
    keyId,
    createdAt,
    expiresAt,
    JSON.stringify(details satisfies Details),
    maxLive === null ? 0 : 1,
  );
  if (maxLive !== null) {
    sql.run(
      `INSERT INTO ephemeral_counts (key_id, count) VALUES (?, 1)
       ON CONFLICT (key_id) DO UPDATE SET count = count + 1`,
      keyId,
    );
  }
  return key;
}

/** Whether the parent has so many that have not expired. They are counted one by one only where there may be that many. */
function hasLive(sql: Sql, keyId: string, now: number, count: number): boolean {
  const rows = sql.get("SELECT count FROM ephemeral_counts WHERE key_id = ?", keyId)?.count ?? 0;
  if ((rows as number) < count) return false;
  const last = sql.get(
    "SELECT 1 FROM ephemeral_keys WHERE key_id = ? AND counted = 1 AND expires_at > ? LIMIT 1 OFFSET ?",
    keyId,
    now,
    Math.max(0, count - 1),
  );
  return last !== null;
}

function keyByHash(sql: Sql, hash: string): EphemeralKey | null {
  const row = sql.get("SELECT * FROM ephemeral_keys WHERE hash = ?", hash);
  return row === null ? null : ephemeralKeyOf(row);
}

function ephemeralKeyOf(row: SqlRow): EphemeralKey {
  const { parentHash, subject, granted, permissions, allowedModels, maxPriority, session } = JSON.parse(
    row.details as string,
  ) as Details;
  return {
    hash: row.hash as string,
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
