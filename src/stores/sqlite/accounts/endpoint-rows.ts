/** Registered webhook endpoints as rows: one JSON text each, so that fields of later releases stay in it. */

import {
  type EndpointPatch,
  MISSING_ENDPOINT_FIELDS,
  type WebhookEndpoint,
} from "../../../webhooks/endpoint-store.ts";
import type { Sql, SqlRow } from "../../sql.ts";

// Asked at every event of a task.
const OF_KEY = "SELECT details FROM endpoints WHERE key_id = +? ORDER BY no";
const OF_ID = "SELECT no, details FROM endpoints WHERE key_id = ? AND id = ?";

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
