/** The create step: key, idempotency, queue limit and budgets are looked at and the task is written, all at once. */

import type { CreateLimits, CreateOutcome, TaskDraft } from "../../../tasks/ports/task-store.ts";
import { candidateOf } from "../../../tasks/task.ts";
import { newTask } from "../../new-task.ts";
import type { SqlRow } from "../../sql.ts";
import { budgetsOf, exceededBudget } from "../money/budgets.ts";
import { reserve } from "../money/settlement.ts";
import { postTaskEvents } from "../outbox.ts";
import { queueListOf } from "../queue/lists.ts";
import { viewTask } from "../queue/positions.ts";
import { move, openQueue } from "../queue/queue-counters.ts";
import type { Transaction } from "../transaction.ts";
import { holderOf, takeKey } from "./idempotency.ts";
import { logOf, openTenant, WHOLE_KEY } from "./tenants.ts";
import { recordEvent } from "./transitions.ts";

/**
 * `queues` below says in one number which queues the key has in the lane. Its units digit: 1 when the key has a queue at the
 * task's provider, 2 when that one is paused, 0 when there is none. Each queue at another provider adds `ANOTHER_QUEUE`.
 */
const ANOTHER_QUEUE = 10;
/** The units digit of a queue that is not paused. */
const AWAKE = 1;
const KEY = `SELECT k.enabled, k.expires_at, k.budgets, t.waiting, t.epoch, t.seq, t.followed,
    EXISTS (SELECT 1 FROM tasks WHERE id = ?) AS made,
    (SELECT sum(iif(provider = ?, 1 + paused, ${ANOTHER_QUEUE})) FROM lane_keys WHERE key_id = k.id AND lane = ?) AS queues
  FROM keys k LEFT JOIN tenants t ON t.key_id = k.id AND t.subject = '' WHERE k.id = +?`;

export function createTask(
  tx: Transaction,
  draft: TaskDraft,
  spec: { text: string; bytes: number },
  limits: CreateLimits,
): CreateOutcome {
  const { sql, now } = tx;
  const { keyId, subject } = draft.tenant;
  const { provider } = candidateOf({ route: draft.route, candidate: 0 });
  const key = sql.get(KEY, draft.id, provider, draft.type, keyId);
  const made = key?.made === 1 ? tx.tasks.byId(sql, draft.id) : null;
  if (made?.task.tenant.keyId === keyId && made.task.tenant.subject === subject)
    return { outcome: "replayed", task: viewTask(tx, made) };
  const refusal = refusalOfKey(key, now);
  if (refusal !== null) return { outcome: "key_refused", reason: refusal };

  const { idempotency } = draft;
  const holder = idempotency === null ? null : holderOf(tx, draft.tenant, idempotency);
  if (holder === "conflict") return { outcome: "conflict" };
  if (holder !== null) return { outcome: "replayed", task: viewTask(tx, holder) };

  // Null as long as the key never had a task or a follower.
  const waiting = key?.waiting as number | null;
  if (waiting !== null && waiting >= limits.maxQueuedPerKey)
    return { outcome: "queue_full", queued: waiting };
  // What is free fits into every budget, also one that is used up.
  const exceeded =
    draft.reservedMicros === 0
      ? null
      : exceededBudget(sql, keyId, budgetsOf(key?.budgets), draft.reservedMicros);
  if (exceeded !== null) return { outcome: "budget_exceeded", ...exceeded };
  if (waiting === null) openTenant(tx, keyId, WHOLE_KEY);
  if (subject !== WHOLE_KEY) openTenant(tx, keyId, subject);

  const windows = reserve(sql, { keyId, customer: draft.customer }, draft.reservedMicros);
  const row = tx.tasks.insert(sql, newTask(draft, tx.epoch(), now), spec, windows);
  const queue = { keyId, lane: draft.type, provider };
  // Null as long as the key never had a task in the lane.
  const queues = (key?.queues as number | null) ?? 0;
  const own = queues % ANOTHER_QUEUE;
  if (own === 0) openQueue(sql, queue);
  move(sql, queue, null, queueListOf(row.task), 0, { awake: own === AWAKE, only: queues === own });
  if (idempotency !== null) takeKey(tx, draft.tenant, idempotency, row.task.id);
  const log = key === null || waiting === null ? null : logOf(key);
  const update = recordEvent(sql, row, "queued", 1, log);
  postTaskEvents(tx, update);
  return { outcome: "created", update };
}

/** Why the key may not start anything now, whatever a cache said; null when it may. */
export function keyRefusal({ sql, now }: Transaction, keyId: string): KeyRefusal | null {
  return refusalOfKey(sql.get("SELECT enabled, expires_at FROM keys WHERE id = ?", keyId), now);
}

type KeyRefusal = "disabled" | "expired" | "unknown";

function refusalOfKey(key: SqlRow | null, now: number): KeyRefusal | null {
  if (key === null) return "unknown";
  if (key.enabled !== 1) return "disabled";
  return key.expires_at !== null && (key.expires_at as number) <= now ? "expired" : null;
}
