/** Sessions as rows. */

import type { Json } from "../../../protocol/task.ts";
import type { Session, SessionCounters } from "../../../realtime/session-store.ts";
import type { Sql, SqlRow } from "../../sql.ts";

export function sessionById(sql: Sql, id: string): Session | null {
  const row = sql.get("SELECT * FROM sessions WHERE id = ?", id);
  return row === null ? null : sessionOf(row);
}

export function sessionOf(row: SqlRow): Session {
  return {
    id: row.id as string,
    keyId: row.key_id as string,
    subject: row.subject as string,
    customer: row.customer as string | null,
    provider: row.provider as string,
    model: row.model as string,
    account: row.account as string | null,
    reservedMicros: row.reserved_micros as number,
    price: typeof row.price === "string" ? (JSON.parse(row.price) as Json) : null,
    startedAt: row.started_at as number,
    leaseUntil: row.lease_until as number | null,
    fence: row.fence as number,
    counters: JSON.parse(row.counters as string) as SessionCounters,
    endedAt: row.ended_at as number | null,
    closeReason: row.close_reason as string | null,
    chargedMicros: row.charged_micros as number,
    callId: row.call_id as string | null,
    settled: row.settled === 1,
  };
}

/** The counters with those given in their place. */
export function mergedCounters(before: SessionCounters, given: SessionCounters): string {
  return JSON.stringify({ ...before, ...given });
}
