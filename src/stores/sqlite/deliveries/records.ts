/** Records of deliveries: read, changed by what a try came to, removed when they are old. */

import type { DeliveryReport } from "../../../tasks/due-work.ts";
import {
  type Delivery,
  type DeliveryStatus,
  MAX_DELIVERY_ATTEMPTS_KEPT,
} from "../../../webhooks/delivery-store.ts";
import type { SqlRow } from "../../sql.ts";
import { changeEndpoint } from "../accounts/endpoint-rows.ts";
import { removeWork } from "../due-work/queues.ts";
import type { Transaction } from "../transaction.ts";

export function deliveryOf(row: SqlRow): Delivery {
  return {
    id: row.id as string,
    keyId: row.key_id as string,
    subject: row.subject as string,
    taskId: row.task_id as string | null,
    endpointId: row.endpoint_id as string | null,
    url: row.url as string,
    headers: JSON.parse(row.headers as string) as Delivery["headers"],
    type: row.type as string,
    seq: row.seq as number,
    at: row.at as number,
    body: JSON.parse(row.body as string) as Delivery["body"],
    status: row.status as DeliveryStatus,
    attempts: JSON.parse(row.attempts as string) as Delivery["attempts"],
    nextAttemptAt: row.next_at as number | null,
  };
}

/** Writes what a try came to; `nextAt` is when it is tried again. Work of an earlier release has no record. */
export function noteTry(
  { sql, now }: Transaction,
  id: string,
  { status, attempt, disable }: DeliveryReport,
  nextAt: number | null,
): void {
  const row = sql.get("SELECT key_id, endpoint_id, attempts FROM deliveries WHERE id = ?", id);
  if (row === null) return;
  const attempts = JSON.parse(row.attempts as string) as Delivery["attempts"];
  const tried = attempt === null ? attempts : [...attempts, { at: now - attempt.ms, ...attempt }];
  sql.run(
    "UPDATE deliveries SET status = ?, attempts = ?, next_at = ? WHERE id = ?",
    status,
    JSON.stringify(tried.slice(-MAX_DELIVERY_ATTEMPTS_KEPT)),
    nextAt,
    id,
  );
  if (disable && row.endpoint_id !== null)
    changeEndpoint(sql, row.key_id as string, row.endpoint_id as string, { enabled: false }, now);
}

/** Removes deliveries of `moment` or earlier, at most `limit`; answers how many. */
export function dropOldDeliveries(tx: Transaction, moment: number, limit: number): number {
  const { sql } = tx;
  const old = sql.all("SELECT no, id FROM deliveries WHERE at <= ? ORDER BY at LIMIT ?", moment, limit);
  for (const { no, id } of old) {
    sql.run("DELETE FROM deliveries WHERE no = ?", no as number);
    removeWork(tx, "delivery", id as string);
  }
  return old.length;
}
