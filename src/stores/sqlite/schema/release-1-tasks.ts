/** The first release's tasks: one provider, named in the spec, and a webhook that was stored as it came. */

import { FIRST_WINDOWS } from "../../../accounts/money/budgets.ts";
import type { Json } from "../../../protocol/task.ts";
import type { TaskWebhook } from "../../../tasks/task.ts";
import { utf8Bytes } from "../../sizes.ts";
import type { Sql, SqlRow, SqlValue } from "../../sql.ts";
import { raise } from "../money/settlement.ts";
import { DELAYED, HELD, LISTS } from "../queue/lists.ts";
import type { QueueName } from "../queue/queue-counters.ts";
import { openQueue } from "../queue/queue-counters.ts";
import type { Transaction } from "../transaction.ts";

type FirstSpec = { provider: string; timeoutMs: number; webhook?: Json };

const TASKS = `SELECT no, key_id, type, ready_rank, due_at, lease_until, finished_at, settled, reserved_micros, spec,
    (SELECT spec FROM specs WHERE task_no = no) AS long_spec
  FROM tasks WHERE no > ? ORDER BY no LIMIT ?`;
const UPDATE = `UPDATE tasks SET provider = ?, timeout_ms = ?,
    open_cleanups = (SELECT count(*) FROM cleanups WHERE task_no = tasks.no)
  WHERE no = ?`;

/** Fills the new columns, reserves in the balances what the tasks hold, and makes queues. */
export function convertTasks(tx: Transaction, cursor: SqlValue, limit: number): SqlValue {
  const { sql } = tx;
  const rows = sql.all(TASKS, cursor ?? 0, limit);
  for (const row of rows) {
    const spec = JSON.parse((row.spec ?? row.long_spec) as string) as FirstSpec;
    sql.run(UPDATE, spec.provider, spec.timeoutMs, row.no as number);
    if (spec.webhook !== undefined && spec.webhook !== null) convertWebhook(sql, row, spec);
    const reserved = row.reserved_micros as number;
    const payer = { keyId: row.key_id as string, customer: null };
    if (row.settled === 0 && reserved !== 0) raise(tx, payer, FIRST_WINDOWS, reserved, 0);
    if (row.finished_at === null) joinQueue(sql, row, spec.provider);
  }
  return rows.length < limit ? null : (rows.at(-1)?.no ?? null);
}

/** A webhook is kept where it says a URL. */
function convertWebhook(sql: Sql, row: SqlRow, spec: FirstSpec): void {
  const { webhook: given, ...rest } = spec;
  const url = typeof given === "object" && given !== null && !Array.isArray(given) ? given.url : undefined;
  const webhook: TaskWebhook | null = typeof url === "string" ? { url, headers: {}, events: [] } : null;
  const text = JSON.stringify(webhook === null ? rest : { ...rest, webhook });
  const no = row.no as number;
  if (row.spec === null) sql.run("UPDATE specs SET spec = ? WHERE task_no = ?", text, no);
  else sql.run("UPDATE tasks SET spec = ? WHERE no = ?", text, no);
  sql.run("UPDATE tasks SET spec_bytes = ? WHERE no = ?", utf8Bytes(text), no);
}

/** Counts the task where it stands. The key's virtual times and what it has running are taken over with its first task. */
function joinQueue(sql: Sql, row: SqlRow, provider: string): void {
  const queue: QueueName = {
    keyId: row.key_id as string,
    lane: row.type as QueueName["lane"],
    provider,
  };
  const { keyId, lane } = queue;
  openQueue(sql, queue);
  sql.run(
    `UPDATE lane_keys SET (vtime, v_high, v_normal, v_low, idle, running) =
       (SELECT vtime, v_high, v_normal, v_low, idle, running FROM lane_keys_1 WHERE key_id = ?1 AND lane = ?2)
     WHERE key_id = ?1 AND lane = ?2 AND provider = ?3
       AND EXISTS (SELECT 1 FROM lane_keys_1 WHERE key_id = ?1 AND lane = ?2)`,
    keyId,
    lane,
    provider,
  );
  const list = (row.ready_rank as number | null) ?? (row.lease_until === null ? DELAYED : HELD);
  sql.run(
    `UPDATE lane_keys SET ${LISTS[list]} = ${LISTS[list]} + 1 WHERE key_id = ? AND lane = ? AND provider = ?`,
    keyId,
    lane,
    provider,
  );
  if (list >= DELAYED) return;
  const total = list === 0 ? "all_continuing" : "all_waiting";
  sql.run(`UPDATE lane_keys SET ${total} = ${total} + 1 WHERE key_id = ? AND lane = ?`, keyId, lane);
}
