/** Registered webhook endpoints: one JSON text each, so that fields of later releases stay in it. */

import {
  type EndpointPatch,
  type EndpointStore,
  MISSING_ENDPOINT_FIELDS,
  type WebhookEndpoint,
} from "../../../webhooks/endpoint-store.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import type { Transaction } from "../transaction.ts";
import type { Transactions } from "../transactions.ts";

// Asked at every event of a task.
const OF_KEY = "SELECT details FROM endpoints WHERE key_id = +? ORDER BY no";
const OF_ID = "SELECT no, details FROM endpoints WHERE key_id = ? AND id = ?";

export function endpointMethods(transactions: Transactions): EndpointStore {
  return {
    createEndpoint: (endpoint, maxPerKey) =>
      transactions.write((tx) => insertEndpoint(tx, endpoint, maxPerKey)),
    getEndpoint: (keyId, id) => transactions.read(({ sql }) => endpointOfKey(sql, keyId, id)),
    listEndpoints: (keyId) => transactions.read(({ sql }) => endpointsOf(sql, keyId)),
    updateEndpoint: (keyId, id, patch, updatedAt) =>
      transactions.write(({ sql }) => changeEndpoint(sql, keyId, id, patch, updatedAt)),
    deleteEndpoint: (keyId, id) =>
      transactions.write(
        ({ sql }) => sql.change("DELETE FROM endpoints WHERE key_id = ? AND id = ?", keyId, id) > 0,
      ),
  };
}

/** All of a key, oldest first. */
export function endpointsOf(sql: Sql, keyId: string): WebhookEndpoint[] {
  return sql.all(OF_KEY, keyId).map((row) => endpointOf(stored(row)));
}

/** Null when the key has no such endpoint. */
export function endpointOfKey(sql: Sql, keyId: string, id: string): WebhookEndpoint | null {
  const row = sql.get(OF_ID, keyId, id);
  return row === null ? null : endpointOf(stored(row));
}

/** The endpoint after the change; null when the key has no such endpoint. */
export function changeEndpoint(
  sql: Sql,
  keyId: string,
  id: string,
  patch: EndpointPatch,
  updatedAt: number,
): WebhookEndpoint | null {
  const row = sql.get(OF_ID, keyId, id);
  if (row === null) return null;
  const changed = { ...stored(row), ...patch, updatedAt };
  sql.run("UPDATE endpoints SET details = ? WHERE no = ?", JSON.stringify(changed), row.no as number);
  return endpointOf(changed);
}

function insertEndpoint({ sql }: Transaction, endpoint: WebhookEndpoint, maxPerKey: number): boolean {
  const { keyId, id } = endpoint;
  if (sql.get(OF_ID, keyId, id) !== null) return true;
  const count = sql.get("SELECT count(*) AS n FROM endpoints WHERE key_id = ?", keyId)?.n as number;
  if (count >= maxPerKey) return false;
  sql.run(
    "INSERT INTO endpoints (key_id, id, details) VALUES (?, ?, ?)",
    keyId,
    id,
    JSON.stringify(endpoint),
  );
  return true;
}

function stored(row: SqlRow): WebhookEndpoint {
  return { ...MISSING_ENDPOINT_FIELDS, ...(JSON.parse(row.details as string) as WebhookEndpoint) };
}

/** The fields this release knows. */
function endpointOf({
  id,
  keyId,
  url,
  events,
  description,
  enabled,
  secrets,
  createdAt,
  updatedAt,
}: WebhookEndpoint): WebhookEndpoint {
  return { id, keyId, url, events, description, enabled, secrets, createdAt, updatedAt };
}
