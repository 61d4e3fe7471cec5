/** The registered webhook endpoints of keys, as their port has them. */

import type { EndpointStore, WebhookEndpoint } from "../../../webhooks/endpoint-store.ts";
import type { Transaction } from "../transaction.ts";
import type { Transactions } from "../transactions.ts";
import { changeEndpoint, endpointOfKey, endpointsOf } from "./endpoint-rows.ts";

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

function insertEndpoint({ sql }: Transaction, endpoint: WebhookEndpoint, maxPerKey: number): boolean {
  const { keyId, id } = endpoint;
  if (endpointOfKey(sql, keyId, id) !== null) return true;
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
