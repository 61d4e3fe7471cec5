/** The create step: key, idempotency, limits and budgets are looked at and the task is written, all at once. */

import type { KeyRefused } from "../../../tasks/ports/start-refusal.ts";
import type {
  CreateLimits,
  CreateOutcome,
  CreateRefusal,
  RepeatOutcome,
  TaskDraft,
} from "../../../tasks/ports/task-store.ts";
import { candidateOf } from "../../../tasks/task.ts";
import { newTask } from "../../new-task.ts";
import type { SqlRow } from "../../sql.ts";
import type { Spending } from "../money/budgets.ts";
import { reserve } from "../money/settlement.ts";
import { checkBudgets, checkRate, keyRefusal, rateLeft, type TakenRate } from "../money/start-check.ts";
import { postTaskEvents } from "../outbox/post.ts";
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
const KEY = `SELECT k.enabled, k.expires_at, t.waiting, t.epoch, t.seq, t.followed,
    EXISTS (SELECT 1 FROM tasks WHERE id = ?) AS made,
    (SELECT sum(iif(provider = ?, 1 + paused, ${ANOTHER_QUEUE})) FROM lane_keys WHERE key_id = k.id AND lane = ?) AS queues
  FROM keys k LEFT JOIN tenants t ON t.key_id = k.id AND t.subject = '' WHERE k.id = +?`;

/** What was found of the key of a task that may be made. */
type Acceptable = { outcome: "acceptable"; key: SqlRow; taken: TakenRate };

export function createTask(
  tx: Transaction,
  draft: TaskDraft,
  spec: { text: string; bytes: number },
  limits: CreateLimits,
): CreateOutcome {
  const checked = checkCreation(tx, draft, limits);
  return checked.outcome === "acceptable" ? writeTask(tx, draft, spec, checked) : checked;
}

/** Whether the task may be made. Writes nothing. */
function checkCreation(
  tx: Transaction,
  draft: TaskDraft,
  limits: CreateLimits,
): Acceptable | RepeatOutcome | CreateRefusal {
  const { sql, now } = tx;
  const { keyId, subject } = draft.tenant;
  const { provider } = candidateOf({ route: draft.route, candidate: 0 });
  const key = sql.get(KEY, draft.id, provider, draft.type, keyId);
  const made = key?.made === 1 ? tx.tasks.byId(sql, draft.id) : null;
  if (made?.task.tenant.keyId === keyId && made.task.tenant.subject === subject)
    return { outcome: "replayed", task: viewTask(tx, made) };
  const refused = keyRefusal(key, now);
  if (key === null || refused !== null) return refused ?? { outcome: "key_refused", reason: "unknown" };

  const { idempotency } = draft;
  const holder = idempotency === null ? null : holderOf(tx, draft.tenant, idempotency);
  if (holder === "conflict") return { outcome: "conflict" };
  if (holder !== null) return { outcome: "replayed", task: viewTask(tx, holder) };

  const rate = checkRate(tx, keyId);
  if (!("taken" in rate)) return rate;
  const waiting = (key.waiting as number | null) ?? 0;
  if (waiting >= limits.maxQueuedPerKey)
    return { outcome: "queue_full", queued: waiting, rate: rateLeft(tx, keyId) };
  const exceeded = checkBudgets(tx, spendingOf(draft));
  return exceeded ?? { outcome: "acceptable", key, taken: rate.taken };
}

/** Of a draft, what the budgets are asked about. */
function spendingOf({ tenant, customer, reservedMicros }: TaskDraft): Spending {
  return { keyId: tenant.keyId, customer, reservedMicros };
}

function writeTask(
  tx: Transaction,
  draft: TaskDraft,
  spec: { text: string; bytes: number },
  { key, taken }: Acceptable,
): CreateOutcome {
  const { sql, now } = tx;
  const { idempotency } = draft;
  const { keyId, subject } = draft.tenant;
  const { provider } = candidateOf({ route: draft.route, candidate: 0 });
  // Null as long as the key never had a task or a follower.
  const known = key.waiting !== null;
  if (!known) openTenant(tx, keyId, WHOLE_KEY);
  if (subject !== WHOLE_KEY) openTenant(tx, keyId, subject);
  if (taken !== null) tx.money.rates.keep(keyId, taken.state);

  const windows = reserve(tx, spendingOf(draft), draft.reservedMicros);
  const row = tx.tasks.insert(sql, newTask(draft, tx.epoch(), now), spec, windows);
  const queue = { keyId, lane: draft.type, provider };
  // Null as long as the key never had a task in the lane.
  const queues = (key.queues as number | null) ?? 0;
  const own = queues % ANOTHER_QUEUE;
  if (own === 0) openQueue(sql, queue);
  move(sql, queue, null, queueListOf(row.task), 0, { awake: own === AWAKE, only: queues === own });
  if (idempotency !== null) takeKey(tx, draft.tenant, idempotency, row.task.id);
  const update = recordEvent(sql, row, "queued", 1, known ? logOf(key) : null);
  postTaskEvents(tx, update);
  return { outcome: "created", update, rate: taken?.rate ?? null };
}

/** Why the key may not start anything now, whatever a cache said; null when it may. */
export function keyRefusalOf({ sql, now }: Transaction, keyId: string): KeyRefused | null {
  return keyRefusal(sql.get("SELECT enabled, expires_at FROM keys WHERE id = ?", keyId), now);
}
