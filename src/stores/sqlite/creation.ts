/** The create step: key, idempotency and queue limit are looked at and the task is written, all at once. */

import type { CreateLimits, CreateOutcome, TaskDraft } from "../../tasks/ports/task-store.ts";
import type { Task } from "../../tasks/task.ts";
import type { Sql, SqlRow } from "../sql.ts";
import { holderOf, takeKey } from "./idempotency.ts";
import { move, rankOf } from "./lanes.ts";
import { viewTask } from "./queue-position.ts";
import { insertTask, taskById } from "./task-row.ts";
import { openTenant, WHOLE_KEY } from "./tenants.ts";
import { recordEvent } from "./transitions.ts";

const KEY = `SELECT enabled, expires_at,
    (SELECT waiting FROM tenants WHERE key_id = keys.id AND subject = '') AS waiting,
    EXISTS (SELECT 1 FROM tasks WHERE id = ?) AS made
  FROM keys WHERE id = ?`;

export function createTask(
  sql: Sql,
  draft: TaskDraft,
  spec: { text: string; bytes: number },
  limits: CreateLimits,
  now: number,
  epoch: () => string,
): CreateOutcome {
  const { keyId, subject } = draft.tenant;
  const key = sql.get(KEY, draft.id, keyId);
  const made = key?.made === 1 ? taskById(sql, draft.id) : null;
  if (made?.task.tenant.keyId === keyId && made.task.tenant.subject === subject)
    return { outcome: "replayed", task: viewTask(sql, made) };
  const refusal = keyRefusal(key, now);
  if (refusal !== null) return { outcome: "key_refused", reason: refusal };

  const { idempotency } = draft;
  const holder = idempotency === null ? null : holderOf(sql, draft.tenant, idempotency, now);
  if (holder === "conflict") return { outcome: "conflict" };
  if (holder !== null) return { outcome: "replayed", task: viewTask(sql, holder) };

  // Null as long as the key never had a task or a follower.
  const waiting = key?.waiting as number | null;
  if (waiting !== null && waiting >= limits.maxQueuedPerKey)
    return { outcome: "queue_full", queued: waiting };
  if (waiting === null) openTenant(sql, keyId, WHOLE_KEY, epoch);
  if (subject !== WHOLE_KEY) openTenant(sql, keyId, subject, epoch);

  const readyRank = rankOf({ status: "queued", priority: draft.priority } as Task);
  const row = insertTask(sql, draft, spec, { epoch: epoch(), readyRank, now });
  move(sql, draft.type, keyId, null, readyRank, 0);
  if (idempotency !== null) takeKey(sql, draft.tenant, idempotency, row.task.id, now);
  const update = recordEvent(sql, row, "queued", {
    waiting: 1,
    reservedMicros: draft.reservedMicros,
    spentMicros: 0,
  });
  return { outcome: "created", update };
}

/** Why the key may not start anything now, whatever a cache said. */
function keyRefusal(key: SqlRow | null, now: number): "disabled" | "expired" | "unknown" | null {
  if (key === null) return "unknown";
  if (key.enabled !== 1) return "disabled";
  return key.expires_at !== null && (key.expires_at as number) <= now ? "expired" : null;
}
