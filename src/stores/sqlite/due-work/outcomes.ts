/** What came of due work, and what a stale holder still has to say about a job. */

import {
  cleanupId,
  cleanupPayload,
  isStale,
  type LateReport,
  type WorkItem,
  withLateReport,
} from "../../../tasks/due-work.ts";
import type { WorkOutcome } from "../../../tasks/ports/task-store.ts";
import { noteTry } from "../deliveries/records.ts";
import { applyTransition } from "../tasks/transitions.ts";
import type { Transaction } from "../transaction.ts";
import { pauseQueue, refreshQueue, workItem } from "./queues.ts";

const HELD = "SELECT * FROM work WHERE kind = ? AND id = ? AND fence = ? AND held = 1";

/** False when the item was taken over, changed or finished; nothing is written then. */
export function finishWork(tx: Transaction, item: WorkItem, outcome: WorkOutcome): boolean {
  const { sql, now } = tx;
  const row = sql.get(HELD, item.kind, item.id, item.fence);
  if (row === null) return false;
  const no = row.no as number;
  const { kind, destination, taskId, giveUpAt } = workItem(row);
  if (outcome.kind === "done") {
    sql.run("DELETE FROM work WHERE no = ?", no);
    if (outcome.delivery !== undefined) noteTry(tx, item.id, outcome.delivery, null);
    const owner = outcome.bill === undefined ? null : tx.tasks.byId(sql, taskId);
    if (owner !== null && outcome.bill !== undefined)
      applyTransition(tx, owner, { kind: "settle", ...outcome.bill });
  } else {
    const asked = now + Math.max(0, outcome.delayMs);
    // Its end does not wait for another try.
    const dueAt = giveUpAt > now ? Math.min(asked, giveUpAt) : asked;
    sql.run("UPDATE work SET held = 0, due_at = ? WHERE no = ?", dueAt, no);
    if (outcome.delivery !== undefined) noteTry(tx, item.id, outcome.delivery, dueAt);
    if (outcome.pauseMs !== undefined) pauseQueue(tx, kind, destination, now + outcome.pauseMs);
  }
  refreshQueue(tx, kind, destination);
  return true;
}

/**
 * Takes what the holder knew that a transition of the task overtook. Whoever works on the cleanup without knowing it is
 * overtaken in turn: it is due again at once, under a new fence.
 */
export function reportLate(tx: Transaction, report: LateReport): void {
  const { sql, now } = tx;
  const owner = tx.tasks.byId(sql, report.taskId);
  if (owner === null) return;
  const row = sql.get(
    "SELECT * FROM work WHERE kind = 'cleanup' AND id = ?",
    cleanupId(report.taskId, report.job),
  );
  if (row === null) {
    applyTransition(tx, owner, { kind: "late_job", report });
    return;
  }
  if (!isStale(owner.task, report)) return;
  const payload = withLateReport(cleanupPayload(workItem(row)), report);
  sql.run(
    "UPDATE work SET payload = ?, fence = fence + 1, held = 0, due_at = ? WHERE no = ?",
    JSON.stringify(payload),
    now,
    row.no as number,
  );
  refreshQueue(tx, "cleanup", row.destination as string);
}
