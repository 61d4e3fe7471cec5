/** How long the queue makes tasks wait, for whoever operates it. Bounded work, whatever is queued. */

import type { TaskType } from "../../../protocol/task.ts";
import { RANKED } from "../../fair-queue.ts";
import type { Transaction } from "../transaction.ts";

/** Queues, of a key at a provider, that are looked at. */
const MAX_QUEUES = 1_000;
/** Tasks at the head of a list that are looked at: those that are to be started again come first and do not count. */
const MAX_HEADS = 10;

// A key that has as many running as it may holds its own tasks back.
const OLDEST = `WITH queues AS (
    SELECT key_id, provider FROM lane_keys
    WHERE lane = ?1 AND high + normal + low > 0 AND (cap IS NULL OR running < cap) LIMIT ${MAX_QUEUES}),
  ranks (rank) AS (VALUES ${RANKED.map((_, index) => `(${index + 1})`).join(", ")})
  SELECT min((
    SELECT created_at FROM (
      SELECT created_at, started_at FROM tasks
      WHERE key_id = queues.key_id AND type = ?1 AND ready_rank = ranks.rank AND provider = queues.provider
      ORDER BY no LIMIT ${MAX_HEADS})
    WHERE started_at IS NULL LIMIT 1)) AS at
  FROM queues, ranks`;

/** For how long the oldest of the lane's tasks has waited for its first start, ms; null when none does. */
export function oldestWaitingMs({ sql, now }: Transaction, lane: TaskType): number | null {
  const at = sql.get(OLDEST, lane)?.at as number | null;
  return at === null ? null : Math.max(0, now - at);
}
