/** The deliveries and signing secrets of keys, as their ports have them. */

import {
  DELIVERY_STATUSES,
  type Delivery,
  type DeliveryPage,
  type DeliveryQuery,
  type DeliveryStatus,
  type DeliveryStore,
  type OpenDelivery,
} from "../../../webhooks/delivery-store.ts";
import type { SecretStore, SigningSecret } from "../../../webhooks/secret-store.ts";
import type { Sql, SqlRow, SqlValue } from "../../sql.ts";
import { endpointOfKey } from "../accounts/endpoint-rows.ts";
import { addWork, isWorkHeld, removeWork } from "../due-work/queues.ts";
import type { Transaction } from "../transaction.ts";
import type { Transactions } from "../transactions.ts";
import { deliveryWork } from "./leaving.ts";
import { deliveryOf } from "./records.ts";

const OF_ID = "SELECT * FROM deliveries WHERE id = ?";

export function deliveryMethods(transactions: Transactions): DeliveryStore & SecretStore {
  return {
    openDelivery: (id) => transactions.read(({ sql }) => openDelivery(sql, id)),
    listDeliveries: (keyId, query) => transactions.read(({ sql }) => listDeliveries(sql, keyId, query)),
    taskDeliveries: (taskId) =>
      transactions.read(({ sql }) =>
        sql.all("SELECT * FROM deliveries WHERE task_id = ? ORDER BY no DESC", taskId).map(deliveryOf),
      ),
    replayDelivery: (keyId, id) => transactions.write((tx) => replay(tx, keyId, id)),
    countDeliveries: () =>
      transactions.read(({ sql }) => {
        const count = (status: DeliveryStatus) =>
          sql.get("SELECT count(*) AS n FROM deliveries WHERE status = ?", status)?.n as number;
        return { pending: count("pending"), dead: count("dead") };
      }),
    signingSecrets: (keyId) => transactions.read(({ sql }) => secretsOf(sql, keyId)),
    setSigningSecrets: (keyId, secrets, expected) =>
      transactions.write(({ sql }) => {
        const [current] = secretsOf(sql, keyId);
        if ((current?.secret ?? null) !== expected) return false;
        const text = JSON.stringify(secrets);
        sql.run("INSERT OR REPLACE INTO webhook_secrets (key_id, secrets) VALUES (?, ?)", keyId, text);
        return true;
      }),
  };
}

function secretsOf(sql: Sql, keyId: string): SigningSecret[] {
  const row = sql.get("SELECT secrets FROM webhook_secrets WHERE key_id = ?", keyId);
  return row === null ? [] : (JSON.parse(row.secrets as string) as SigningSecret[]);
}

function openDelivery(sql: Sql, id: string): OpenDelivery | null {
  const row = sql.get(OF_ID, id);
  if (row === null) return null;
  const delivery = deliveryOf(row);
  const { keyId, endpointId } = delivery;
  if (endpointId === null) return { delivery, enabled: true, secrets: secretsOf(sql, keyId) };
  const endpoint = endpointOfKey(sql, keyId, endpointId);
  return { delivery, enabled: endpoint?.enabled ?? false, secrets: endpoint?.secrets ?? [] };
}

/** Each status has its own range in the index; together they are one list by age. */
function listDeliveries(
  sql: Sql,
  keyId: string | null,
  { status, endpointId, limit, after }: DeliveryQuery,
): DeliveryPage {
  const cursor = after === undefined ? null : sql.get("SELECT no FROM deliveries WHERE id = ?", after);
  const before = (cursor?.no as number | undefined) ?? Number.MAX_SAFE_INTEGER;
  const where: [string, SqlValue][] = [];
  if (keyId !== null) where.push(["key_id = ?", keyId]);
  if (endpointId !== undefined) where.push(["endpoint_id = ?", endpointId]);
  const conditions = [...where.map(([condition]) => condition), "status = ?", "no < ?"].join(" AND ");
  const rows = (status === undefined ? DELIVERY_STATUSES : [status]).flatMap((one) =>
    sql.all(
      `SELECT * FROM deliveries WHERE ${conditions} ORDER BY no DESC LIMIT ?`,
      ...where.map(([, value]) => value),
      one,
      before,
      limit + 1,
    ),
  );
  const newest = rows.sort((a: SqlRow, b: SqlRow) => (b.no as number) - (a.no as number));
  return { deliveries: newest.slice(0, limit).map(deliveryOf), hasMore: newest.length > limit };
}

function replay(tx: Transaction, keyId: string | null, id: string): Delivery | null {
  const { sql, now } = tx;
  const row = sql.get(OF_ID, id);
  if (row === null || (keyId !== null && row.key_id !== keyId)) return null;
  const known = deliveryOf(row);
  if (isWorkHeld(tx, "delivery", id)) return known;
  const endpoint = known.endpointId === null ? null : endpointOfKey(sql, known.keyId, known.endpointId);
  const url = endpoint?.url ?? known.url;
  // A new item: it is tried as long as a new delivery is.
  removeWork(tx, "delivery", id);
  addWork(tx, deliveryWork(id, url, known.taskId ?? ""));
  sql.run("UPDATE deliveries SET status = 'pending', url = ?, next_at = ? WHERE id = ?", url, now, id);
  return { ...known, url, status: "pending", nextAttemptAt: now };
}
