/** The outbox as a table (src/events/outbox.ts): rows by their number, and one line of state for the sender. */

import type { EventOutbox, OutboxBatch, OutboxClaim, OutboxOutcome } from "../../../events/outbox.ts";
import type { Transaction } from "../transaction.ts";
import type { Transactions } from "../transactions.ts";
import { dropOldest } from "./post.ts";

/** Numbers have no gaps: rows go at the front alone, and the next one is the last one's plus 1. */
const RANGE = "SELECT min(no) AS first, max(no) AS last FROM outbox";
const OLDEST = "SELECT no, event FROM outbox ORDER BY no LIMIT ?";
const TAKE = `INSERT INTO outbox_state (name, fence, paused_until) VALUES ('sink', 1, ?1)
  ON CONFLICT (name) DO UPDATE SET fence = fence + 1, paused_until = ?1`;
const STATE = "SELECT fence, paused_until, failures, dropped FROM outbox_state WHERE name = 'sink'";

type State = { fence: number; pausedUntil: number; failures: number; dropped: number };

export function outboxMethods(transactions: Transactions): EventOutbox {
  return {
    async claimEvents(claim) {
      // Looking costs no commit: senders look often, and mostly there is nothing.
      if (!(await transactions.read((tx) => rangeOf(tx) !== null && !isPaused(tx)))) return null;
      return await transactions.write((tx) => claimEvents(tx, claim));
    },
    finishEvents: (batch, outcome) => transactions.write((tx) => finishEvents(tx, batch, outcome)),
    outboxStats: () =>
      transactions.read((tx) => {
        const { dropped, failures } = stateOf(tx);
        const range = rangeOf(tx);
        return { waiting: range === null ? 0 : range.last - range.first + 1, dropped, failures };
      }),
  };
}

function claimEvents(tx: Transaction, { leaseMs, maxRows, maxBytes }: OutboxClaim): OutboxBatch | null {
  const { sql, now, outbox } = tx;
  if (isPaused(tx)) return null;
  const range = rangeOf(tx);
  // The bound may be a lower one since the last start.
  if (range !== null && outbox !== null) dropOldest(tx, range.last - outbox.maxRows);
  const rows = sql.all(OLDEST, maxRows);
  const first = rows[0]?.no;
  if (first === undefined) return null;
  sql.run(TAKE, now + leaseMs);
  const { fence, failures } = stateOf(tx);
  return {
    fence,
    first: first as number,
    rows: textsWithin(rows as { event: string }[], maxBytes),
    failures,
  };
}

/** At least the first, then as many as fit. */
function textsWithin(rows: readonly { event: string }[], maxBytes: number): string[] {
  let left = maxBytes;
  const texts = rows.map(({ event }) => event);
  const end = texts.findIndex((text, index) => {
    left -= text.length;
    return left < 0 && index > 0;
  });
  return end < 0 ? texts : texts.slice(0, end);
}

function finishEvents(
  tx: Transaction,
  { fence, first, rows }: Pick<OutboxBatch, "fence" | "first" | "rows">,
  outcome: OutboxOutcome,
): boolean {
  const { sql, now } = tx;
  const state = stateOf(tx);
  if (state.fence !== fence || state.pausedUntil === 0) return false;
  if (outcome.kind === "sent") {
    sql.run("DELETE FROM outbox WHERE no < ?", first + rows.length);
    sql.run("UPDATE outbox_state SET paused_until = 0, failures = 0");
  } else {
    // Whoever is handed them next carries another fence, so this one finishes nothing any more.
    const until = now + Math.max(1, outcome.delayMs);
    sql.run("UPDATE outbox_state SET paused_until = ?, failures = failures + 1, fence = fence + 1", until);
  }
  return true;
}

/** Voids the lease of an earlier boot, and its pause. */
export function releaseOutbox({ sql }: Transaction): void {
  sql.run("UPDATE outbox_state SET paused_until = 0, fence = fence + 1 WHERE paused_until > 0");
}

function rangeOf({ sql }: Transaction): { first: number; last: number } | null {
  const row = sql.get(RANGE);
  return typeof row?.first === "number" ? { first: row.first, last: row.last as number } : null;
}

function isPaused(tx: Transaction): boolean {
  return stateOf(tx).pausedUntil > tx.now;
}

function stateOf({ sql }: Transaction): State {
  const row = sql.get(STATE);
  return {
    fence: (row?.fence as number | undefined) ?? 0,
    pausedUntil: (row?.paused_until as number | undefined) ?? 0,
    failures: (row?.failures as number | undefined) ?? 0,
    dropped: (row?.dropped as number | undefined) ?? 0,
  };
}
