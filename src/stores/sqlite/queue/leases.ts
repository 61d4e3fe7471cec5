/**
 * What becomes of leases: holders renew them; those that ran out, whose worker is gone, are taken back by the sweep, which
 * also ends tasks past their deadline, and those that wait under a key that is gone; a new boot voids all leases.
 */

import type { Lease, SweepOutcome } from "../../../tasks/ports/task-store.ts";
import type { TaskUpdate } from "../../../tasks/task.ts";
import { applyTransition } from "../tasks/transitions.ts";
import { setAside } from "../tasks/unreadable.ts";
import type { Transaction } from "../transaction.ts";

const RENEW = `UPDATE tasks SET lease_until = ?1, wake_at = min(?1, deadline_at)
  WHERE id = ?2 AND fence = ?3 AND lease_until IS NOT NULL`;

/** Answers the tasks whose lease is no longer the caller's. */
export function renew({ sql, now }: Transaction, leases: readonly Lease[], leaseMs: number): string[] {
  return leases
    .filter(({ taskId, fence }) => sql.change(RENEW, now + leaseMs, taskId, fence) === 0)
    .map(({ taskId }) => taskId);
}

/** Handles at most `limit` leases and deadlines that are over, and as many waiting tasks of keys that are deleted or expired. */
export function sweep(tx: Transaction, limit: number): SweepOutcome {
  const { sql, tasks, now } = tx;
  const due = sql.all("SELECT no FROM tasks WHERE wake_at <= ? ORDER BY wake_at LIMIT ?", now, limit);
  const updates: TaskUpdate[] = [];
  let requeued = 0;
  for (const { no } of due) {
    const row = tasks.byNo(sql, no as number);
    if (row === null) {
      setAside(tx, no as number);
      continue;
    }
    const expired = row.task.deadlineAt <= now;
    const update = applyTransition(tx, row, { kind: expired ? "expire" : "orphan" });
    if (update === null) continue;
    if (update.task.finishedAt !== null) updates.push(update);
    else requeued++;
  }
  const cancelled = cancelClosed(tx, limit);
  updates.push(...cancelled);
  return { updates, requeued, more: due.length === limit || cancelled.length === limit };
}

const CLOSED = "SELECT key_id FROM closing_keys WHERE at <= ? ORDER BY at LIMIT ?";
/** One that was set aside stands in no list and so does not wake. */
const WAITING = "SELECT no FROM tasks WHERE key_id = ? AND status = 'queued' AND wake_at IS NOT NULL LIMIT ?";

function cancelClosed(tx: Transaction, limit: number): TaskUpdate[] {
  const { sql, tasks, now } = tx;
  const updates: TaskUpdate[] = [];
  for (const { key_id: keyId } of sql.all(CLOSED, now, limit)) {
    const waiting = sql.all(WAITING, keyId as string, limit - updates.length);
    for (const { no } of waiting) {
      const row = tasks.byNo(sql, no as number);
      const update = row === null ? null : applyTransition(tx, row, { kind: "cancel" });
      if (update !== null) updates.push(update);
      else setAside(tx, no as number);
    }
    // A key that has expired accepts nothing either until its end is put off, which comes back here.
    if (waiting.length === 0) sql.run("DELETE FROM closing_keys WHERE key_id = ?", keyId as string);
    if (updates.length >= limit) break;
  }
  return updates;
}

const HELD_TASKS = `SELECT t.no FROM lane_keys k
  JOIN tasks t ON t.key_id = k.key_id AND t.status = 'running' AND t.type = k.lane AND t.provider = k.provider
  WHERE k.held > 0 AND t.lease_until IS NOT NULL LIMIT ?`;

/** Voids the leases of at most `limit` tasks, whoever holds them; answers how many there were. */
export function releaseHeld(tx: Transaction, limit: number): number {
  const held = tx.sql.all(HELD_TASKS, limit);
  for (const { no } of held) {
    const row = tx.tasks.byNo(tx.sql, no as number);
    if (row === null) setAside(tx, no as number);
    else applyTransition(tx, row, { kind: "orphan" });
  }
  return held.length;
}
