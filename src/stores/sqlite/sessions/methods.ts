/** Realtime sessions: leases that hold their places, counters, and one settlement each. */

import { sessionEnded, sessionStarted } from "../../../events/session-events.ts";
import {
  LOST_SESSION,
  type OpenSessionOutcome,
  type RaiseHoldOutcome,
  SETTLE_LOST_SESSION_MS,
  type Session,
  type SessionDraft,
  type SessionEnd,
  type SessionLimits,
  type SessionStore,
} from "../../../realtime/session-store.ts";
import type { TenantScope } from "../../../tasks/task.ts";
import { assertScope } from "../../scopes.ts";
import { raise, reserve, settle, windowsOf } from "../money/settlement.ts";
import { checkBudgets, checkRate, keyRefusal } from "../money/start-check.ts";
import { recordUsage } from "../money/usage.ts";
import { postEvent } from "../outbox/post.ts";
import type { Transaction } from "../transaction.ts";
import type { Transactions } from "../transactions.ts";
import { mergedCounters, sessionById, sessionOf } from "./rows.ts";

/** Above every session's id. */
const NEWEST = "\uffff";

export function sessionMethods(transactions: Transactions): SessionStore {
  return {
    openSession: (draft, limits, leaseMs) =>
      transactions.write((tx) => openSession(tx, draft, limits, leaseMs)),
    renewSession: (id, fence, leaseMs, counters) =>
      transactions.write((tx) => {
        const session = openUnder(tx, id, fence);
        if (session === null) return false;
        tx.sql.run(
          "UPDATE sessions SET lease_until = ?, counters = ? WHERE id = ?",
          tx.now + leaseMs,
          mergedCounters(session.counters, counters),
          id,
        );
        return true;
      }),
    keepCall: (id, fence, callId) =>
      transactions.write((tx) => {
        if (openUnder(tx, id, fence) === null) return false;
        tx.sql.run("UPDATE sessions SET call_id = ? WHERE id = ?", callId, id);
        return true;
      }),
    moveSession: (id, fence, { provider, account, price }) =>
      transactions.write((tx) => {
        if (openUnder(tx, id, fence) === null) return false;
        tx.sql.run(
          "UPDATE sessions SET provider = ?, account = ?, price = ? WHERE id = ?",
          provider,
          account,
          priceText(price),
          id,
        );
        return true;
      }),
    raiseHold: (id, fence, reservedMicros) =>
      transactions.write((tx) => raiseHold(tx, id, fence, reservedMicros)),
    endSession: (id, fence, end) => transactions.write((tx) => endSession(tx, id, fence, end)),
    endLostSessions: (limit) => transactions.write((tx) => endLostSessions(tx, limit)),
    settleSession: (id, fence, costMicros, counters = {}) =>
      transactions.write((tx) => {
        const session = sessionById(tx.sql, id);
        if (session === null || session.fence !== fence || session.endedAt === null || session.settled)
          return false;
        tx.sql.run(
          "UPDATE sessions SET counters = ? WHERE id = ?",
          mergedCounters(session.counters, counters),
          id,
        );
        settleSession(tx, session, costMicros);
        return true;
      }),
    getSession: (scope, id) =>
      transactions.read(({ sql }) => {
        const session = sessionById(sql, id);
        return session !== null && isVisible(scope, session) ? session : null;
      }),
    listSessions: (scope, query) => transactions.read((tx) => listSessions(tx, scope, query)),
    listOpenSessions: (limit) =>
      transactions.read(({ sql, now }) => sql.all(OPEN_SESSIONS, now, limit).map(sessionOf)),
    findSession: (id) => transactions.read(({ sql }) => sessionById(sql, id)),
  };
}

const KEY = "SELECT enabled, expires_at FROM keys WHERE id = ?";
const OPEN_OF_KEY = "SELECT count(*) AS n FROM sessions WHERE key_id = ? AND lease_until > ?";
const OPEN_SESSIONS = "SELECT * FROM sessions WHERE lease_until > ? ORDER BY lease_until LIMIT ?";
const OPEN = "SELECT count(*) AS n FROM sessions WHERE lease_until > ?";

function openSession(
  tx: Transaction,
  draft: SessionDraft,
  limits: SessionLimits,
  leaseMs: number,
): OpenSessionOutcome {
  const { sql, now } = tx;
  const { id, keyId, subject, customer, provider, model, account = null, reservedMicros, price } = draft;
  const made = sessionById(sql, id);
  if (made !== null) return { outcome: "opened", session: made };
  const key = sql.get(KEY, keyId);
  const refused = keyRefusal(key, now);
  if (key === null || refused !== null) return refused ?? { outcome: "key_refused", reason: "unknown" };
  const rate = checkRate(tx, keyId);
  if (!("taken" in rate)) return rate;
  const ofKey = sql.get(OPEN_OF_KEY, keyId, now)?.n as number;
  if (ofKey >= limits.maxPerKey) return { outcome: "too_many", limit: "key", open: ofKey };
  const all = sql.get(OPEN, now)?.n as number;
  if (all >= limits.max) return { outcome: "too_many", limit: "all", open: all };
  const exceeded = checkBudgets(tx, draft);
  if (exceeded !== null) return exceeded;
  if (rate.taken !== null) tx.money.rates.keep(keyId, rate.taken.state);
  const windows = reserve(tx, draft, reservedMicros);
  sql.run(
    `INSERT INTO sessions (id, key_id, subject, customer, provider, model, account, reserved_micros, price, windows, started_at,
       lease_until, fence, counters)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, '{}')`,
    id,
    keyId,
    subject,
    customer,
    provider,
    model,
    account,
    reservedMicros,
    priceText(price),
    windows,
    now,
    now + leaseMs,
  );
  postEvent(tx, "RealtimeSessionStarted", () => sessionStarted(draft, now));
  return { outcome: "opened", session: sessionById(sql, id) as Session };
}

function raiseHold(tx: Transaction, id: string, fence: number, reservedMicros: number): RaiseHoldOutcome {
  const session = openUnder(tx, id, fence);
  if (session === null) return { outcome: "ended" };
  const moreMicros = reservedMicros - session.reservedMicros;
  if (moreMicros <= 0) return { outcome: "raised", reservedMicros: session.reservedMicros };
  const { keyId, customer } = session;
  const refused = checkBudgets(tx, { keyId, customer, reservedMicros: moreMicros });
  if (refused !== null) return refused;
  const { windows } = tx.sql.get("SELECT windows FROM sessions WHERE id = ?", id) ?? {};
  const held = session.reservedMicros === 0 ? null : windows;
  if (typeof held === "string") raise(tx, session, windowsOf(held), moreMicros, 0);
  const named = typeof held === "string" ? held : reserve(tx, session, moreMicros);
  tx.sql.run("UPDATE sessions SET reserved_micros = ?, windows = ? WHERE id = ?", reservedMicros, named, id);
  return { outcome: "raised", reservedMicros };
}

function endSession(tx: Transaction, id: string, fence: number, end: SessionEnd): boolean {
  const session = openUnder(tx, id, fence);
  if (session === null) return false;
  const { closeReason, counters, costMicros } = end;
  tx.sql.run(
    "UPDATE sessions SET lease_until = NULL, ended_at = ?, close_reason = ?, counters = ?, settle_by = ? WHERE id = ?",
    tx.now,
    closeReason,
    mergedCounters(session.counters, counters),
    costMicros === null ? tx.now + SETTLE_LOST_SESSION_MS : null,
    id,
  );
  postSessionEnd(tx, id);
  if (costMicros !== null) settleSession(tx, session, costMicros);
  return true;
}

function postSessionEnd(tx: Transaction, id: string): void {
  postEvent(tx, "RealtimeSessionEnded", () => sessionEnded(sessionById(tx.sql, id) as Session, tx.now));
}

/** Those whose lease ran out end; those that ended so before and are still not settled come again after a while. */
function endLostSessions(tx: Transaction, limit: number): Session[] {
  const { sql, now } = tx;
  const lost = sql.all(
    "SELECT no, id FROM sessions WHERE lease_until <= ? ORDER BY lease_until LIMIT ?",
    now,
    limit,
  );
  for (const { no, id } of lost) {
    sql.run(
      "UPDATE sessions SET lease_until = NULL, ended_at = ?, close_reason = ? WHERE no = ?",
      now,
      LOST_SESSION,
      no as number,
    );
    postSessionEnd(tx, id as string);
  }
  const unsettled = sql.all(
    "SELECT no FROM sessions WHERE settle_by <= ? ORDER BY settle_by LIMIT ?",
    now,
    limit - lost.length,
  );
  const answered: Session[] = [];
  for (const { no } of [...lost, ...unsettled]) {
    sql.run(
      "UPDATE sessions SET fence = fence + 1, settle_by = ? WHERE no = ?",
      now + SETTLE_LOST_SESSION_MS,
      no as number,
    );
    const row = sql.get("SELECT * FROM sessions WHERE no = ?", no as number);
    if (row !== null) answered.push(sessionOf(row));
  }
  return answered;
}

/** The hold is released, and the cost charged within it; what is beyond is overrun. */
function settleSession(tx: Transaction, session: Session, costMicros: number): void {
  const { id, keyId, subject, customer, provider, model, reservedMicros } = session;
  const chargedMicros = Math.max(0, Math.min(costMicros, reservedMicros));
  const upstreamMicros = Math.max(0, costMicros);
  const overrunMicros = upstreamMicros - chargedMicros;
  const windows = windowsOf(tx.sql.get("SELECT windows FROM sessions WHERE id = ?", id)?.windows);
  tx.sql.run(
    "UPDATE sessions SET settled = 1, settle_by = NULL, charged_micros = ? WHERE id = ?",
    chargedMicros,
    id,
  );
  const amounts = { chargedMicros, upstreamMicros, overrunMicros };
  settle(
    tx,
    { source: "session", sourceId: id, keyId, subject, customer, type: "realtime", model, provider },
    { releasedMicros: reservedMicros, billedBefore: null, ...amounts },
    windows,
  );
  recordUsage(
    tx,
    { keyId, customer, type: "realtime", model },
    { outcome: "completed", items: 0, ...amounts },
  );
}

function listSessions(
  { sql }: Transaction,
  scope: TenantScope,
  { open, limit, before }: { open: boolean; limit: number; before: string | null },
): { sessions: Session[]; hasMore: boolean } {
  assertScope(scope);
  const conditions = ["key_id = +?", "id < ?"];
  const values = [scope.keyId, before ?? NEWEST];
  if (scope.subject !== null) {
    conditions.push("subject = ?");
    values.push(scope.subject);
  }
  if (open) conditions.push("ended_at IS NULL");
  const rows = sql.all(
    `SELECT * FROM sessions WHERE ${conditions.join(" AND ")} ORDER BY id DESC LIMIT ?`,
    ...values,
    limit + 1,
  );
  return { sessions: rows.slice(0, limit).map(sessionOf), hasMore: rows.length > limit };
}

function priceText(price: SessionDraft["price"]): string | null {
  return price === null ? null : JSON.stringify(price);
}

/** The open session under the fence. */
function openUnder({ sql }: Transaction, id: string, fence: number): Session | null {
  const session = sessionById(sql, id);
  return session !== null && session.fence === fence && session.endedAt === null ? session : null;
}

function isVisible(scope: TenantScope, session: Session): boolean {
  assertScope(scope);
  return session.keyId === scope.keyId && (scope.subject === null || scope.subject === session.subject);
}
