/**
 * The tables of the database. The first release's data is brought to this shape by a conversion.
 *
 *   tasks           one column for each `own` field (task-fields.ts), and the lists a task stands in (ready_rank, wake_at)
 *   specs           the fields that never change, where they are long: kept out of the rows that transitions rewrite
 *   events          lifecycle events: the task's log, and in key_seq / subject_seq the tenants' logs
 *   tenants         per (key, subject): log position and counters; subject '' is the key itself with all its subjects
 *   lanes           per lane: its virtual time, and how many of its tasks are held
 *   lane_providers  per lane and provider: until when it is paused
 *   lane_keys       start-time fair queueing: what a key has waiting at a provider (queue/queue-counters.ts)
 *   work            due work; work_queues has one row for each destination (due-work/queues.ts)
 *   batches         tasks accepted together, counted by status; batch_details has what never changes and is long
 *   media_cursors   up to which finished task the files were removed (due-media.ts)
 *   deliveries      what is sent to webhooks, and was (src/webhooks/delivery-store.ts)
 *   outbox          domain events that wait for the sink, oldest first; outbox_state is the sender's (outbox/)
 *   balances, movements, ephemeral_keys, endpoints, sessions, audit   as their ports have them
 *   customer_budgets  budgets of customers that have one of their own
 *   request_rates   of a key with limits of requests: how many it made (accounts/money/request-rate.ts)
 *   spend_marks     thresholds of budgets that charges have reached, once each in a period
 *
 * What a task or a session holds of its key's money has no table: it is `reserved_micros` as long as `settled` is 0, by
 * the `price` and in the `windows` that stand beside it.
 *
 * A sorted query that compares a column with a bare `?` is planned anew at every binding, at ten times the price of
 * running it; queries on the hot paths write `= +?`, which hides the value from the planner and changes nothing else.
 */

import type { FieldTable } from "../../task-fields.ts";
import { columnDefinitions } from "../tasks/task-columns.ts";
import { MONEY_TABLES } from "./money-tables.ts";

const TASK_INDEXES = [
  // Lists: one range per (status, type), merged by id; so no filter ever scans what it leaves out.
  "CREATE INDEX IF NOT EXISTS tasks_by_key ON tasks (key_id, status, type, id)",
  "CREATE INDEX IF NOT EXISTS tasks_by_subject ON tasks (key_id, subject, status, type, id) WHERE subject IS NOT NULL",
  "CREATE INDEX IF NOT EXISTS tasks_by_batch ON tasks (batch_id, id) WHERE batch_id IS NOT NULL",
  "CREATE INDEX IF NOT EXISTS tasks_due ON tasks (type, due_at, no) WHERE due_at IS NOT NULL",
  // When somebody must look even if nobody rings: the end of the lease or the deadline.
  "CREATE INDEX IF NOT EXISTS tasks_wake ON tasks (wake_at) WHERE wake_at IS NOT NULL",
  "CREATE INDEX IF NOT EXISTS tasks_finished ON tasks (trimmed, finished_at) WHERE finished_at IS NOT NULL",
  // Holds of tasks that are over: a job they left behind may still be billed.
  "CREATE INDEX IF NOT EXISTS tasks_unsettled ON tasks (key_id, id) WHERE settled = 0 AND finished_at IS NOT NULL",
  "CREATE INDEX IF NOT EXISTS tasks_followed ON tasks (followed) WHERE followed IS NOT NULL",
];

const READY_INDEX = `CREATE INDEX IF NOT EXISTS tasks_ready ON tasks (key_id, type, ready_rank, provider, no)
  WHERE ready_rank IS NOT NULL`;

const TABLES = [
  `CREATE TABLE IF NOT EXISTS keys (
     no INTEGER PRIMARY KEY,
     id TEXT NOT NULL UNIQUE,
     hash TEXT NOT NULL UNIQUE,
     enabled INTEGER NOT NULL,
     expires_at INTEGER,
     max_concurrent_tasks INTEGER,
     created_at INTEGER NOT NULL,
     updated_at INTEGER NOT NULL,
     details TEXT NOT NULL,
     budgets TEXT,
     limits TEXT,
     revision INTEGER NOT NULL DEFAULT 0,
     previous_hash TEXT,
     previous TEXT
   )`,
  "CREATE INDEX IF NOT EXISTS keys_by_previous_hash ON keys (previous_hash) WHERE previous_hash IS NOT NULL",
  `CREATE TABLE IF NOT EXISTS deleted_keys (
     no INTEGER PRIMARY KEY,
     id TEXT NOT NULL UNIQUE,
     deleted_at INTEGER NOT NULL,
     details TEXT NOT NULL
   )`,
  // What requests with an idempotency key were answered (accounts/answers.ts).
  `CREATE TABLE IF NOT EXISTS answers (
     id TEXT PRIMARY KEY,
     fingerprint TEXT NOT NULL,
     answer TEXT NOT NULL,
     expires_at INTEGER NOT NULL
   ) WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS answers_by_expiry ON answers (expires_at)",
  // When it was last tried whether anything can be written: SQLite leaves pages alone whose content does not change.
  "CREATE TABLE IF NOT EXISTS probes (name TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",
  // Tasks whose row could not be read (tasks/unreadable.ts).
  "CREATE TABLE IF NOT EXISTS unreadable_tasks (task_no INTEGER PRIMARY KEY, at INTEGER NOT NULL)",
  "CREATE INDEX IF NOT EXISTS unreadable_tasks_by_time ON unreadable_tasks (at)",
  // Keys whose waiting tasks are cancelled, by when they were deleted or expire.
  "CREATE TABLE IF NOT EXISTS closing_keys (key_id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",
  "CREATE INDEX IF NOT EXISTS closing_keys_by_time ON closing_keys (at)",
  "INSERT OR IGNORE INTO closing_keys SELECT id, expires_at FROM keys WHERE expires_at IS NOT NULL",
  "CREATE TABLE IF NOT EXISTS media_cursors (name TEXT PRIMARY KEY, at INTEGER NOT NULL, no INTEGER NOT NULL) WITHOUT ROWID",
  "CREATE TABLE IF NOT EXISTS specs (task_no INTEGER PRIMARY KEY, spec TEXT NOT NULL)",
  `CREATE TABLE IF NOT EXISTS events (
     task_no INTEGER NOT NULL,
     seq INTEGER NOT NULL,
     type TEXT NOT NULL,
     progress INTEGER NOT NULL,
     message TEXT,
     at INTEGER NOT NULL,
     key_id TEXT NOT NULL,
     key_seq INTEGER NOT NULL,
     subject TEXT,
     subject_seq INTEGER,
     PRIMARY KEY (task_no, seq)
   ) WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS events_by_key ON events (key_id, key_seq)",
  "CREATE INDEX IF NOT EXISTS events_by_subject ON events (key_id, subject, subject_seq) WHERE subject IS NOT NULL",
  `CREATE TABLE IF NOT EXISTS tenants (
     key_id TEXT NOT NULL,
     subject TEXT NOT NULL,
     epoch TEXT NOT NULL,
     seq INTEGER NOT NULL DEFAULT 0,
     followed INTEGER NOT NULL DEFAULT 0,
     waiting INTEGER NOT NULL DEFAULT 0,
     PRIMARY KEY (key_id, subject)
   ) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS lanes (
     lane TEXT PRIMARY KEY,
     vtime INTEGER NOT NULL,
     held INTEGER NOT NULL DEFAULT 0
   ) WITHOUT ROWID`,
  "INSERT OR IGNORE INTO lanes (lane, vtime) VALUES ('image', 0), ('video', 0)",
  `CREATE TABLE IF NOT EXISTS idempotency (
     key_id TEXT NOT NULL,
     subject TEXT NOT NULL,
     idempotency_key TEXT NOT NULL,
     fingerprint TEXT NOT NULL,
     task_id TEXT NOT NULL,
     expires_at INTEGER NOT NULL,
     PRIMARY KEY (key_id, subject, idempotency_key)
   ) WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS idempotency_by_expiry ON idempotency (expires_at)",
  // One counter for each status of a task.
  `CREATE TABLE IF NOT EXISTS batches (
     id TEXT PRIMARY KEY,
     key_id TEXT NOT NULL,
     subject TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     cancelled_at INTEGER,
     finished_at INTEGER,
     queued INTEGER NOT NULL DEFAULT 0,
     running INTEGER NOT NULL DEFAULT 0,
     completed INTEGER NOT NULL DEFAULT 0,
     failed INTEGER NOT NULL DEFAULT 0,
     cancelled INTEGER NOT NULL DEFAULT 0
   ) WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS batches_by_key ON batches (key_id, id)",
  "CREATE INDEX IF NOT EXISTS batches_by_subject ON batches (key_id, subject, id) WHERE subject <> ''",
  "CREATE INDEX IF NOT EXISTS batches_finished ON batches (finished_at) WHERE finished_at IS NOT NULL",
  "CREATE TABLE IF NOT EXISTS batch_details (batch_id TEXT PRIMARY KEY, details TEXT NOT NULL) WITHOUT ROWID",
  `CREATE TABLE IF NOT EXISTS lane_providers (
     lane TEXT NOT NULL,
     provider TEXT NOT NULL,
     paused_until INTEGER,
     PRIMARY KEY (lane, provider)
   ) WITHOUT ROWID`,
  // startable: a task of this row may be started. open: something may be claimed of the key in this lane.
  `CREATE TABLE IF NOT EXISTS lane_keys (
     key_id TEXT NOT NULL,
     lane TEXT NOT NULL,
     provider TEXT NOT NULL,
     vtime INTEGER NOT NULL DEFAULT 0,
     continuing INTEGER NOT NULL DEFAULT 0,
     high INTEGER NOT NULL DEFAULT 0,
     normal INTEGER NOT NULL DEFAULT 0,
     low INTEGER NOT NULL DEFAULT 0,
     v_high INTEGER NOT NULL DEFAULT 0,
     v_normal INTEGER NOT NULL DEFAULT 0,
     v_low INTEGER NOT NULL DEFAULT 0,
     idle INTEGER NOT NULL DEFAULT 7,
     delayed INTEGER NOT NULL DEFAULT 0,
     held INTEGER NOT NULL DEFAULT 0,
     all_continuing INTEGER NOT NULL DEFAULT 0,
     all_waiting INTEGER NOT NULL DEFAULT 0,
     paused INTEGER NOT NULL DEFAULT 0,
     running INTEGER NOT NULL DEFAULT 0,
     cap INTEGER,
     startable INTEGER GENERATED ALWAYS AS (iif(high + normal + low > 0 AND paused = 0 AND (cap IS NULL OR running < cap), 1, NULL)) VIRTUAL,
     open INTEGER GENERATED ALWAYS AS (
       iif(all_continuing > 0 OR (all_waiting > 0 AND (cap IS NULL OR running < cap)), 1, NULL)
     ) VIRTUAL,
     PRIMARY KEY (key_id, lane, provider)
   ) WITHOUT ROWID`,
  "DROP INDEX IF EXISTS lane_keys_eligible",
  "CREATE INDEX IF NOT EXISTS lane_keys_startable ON lane_keys (lane, provider, vtime) WHERE startable IS NOT NULL",
  "CREATE INDEX IF NOT EXISTS lane_keys_started ON lane_keys (lane, provider, vtime) WHERE continuing > 0",
  "CREATE INDEX IF NOT EXISTS lane_keys_paused ON lane_keys (lane, provider) WHERE paused = 1",

  `CREATE TABLE IF NOT EXISTS work (
     no INTEGER PRIMARY KEY,
     kind TEXT NOT NULL,
     id TEXT NOT NULL,
     destination TEXT NOT NULL,
     task_id TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     give_up_at INTEGER NOT NULL,
     due_at INTEGER NOT NULL,
     held INTEGER NOT NULL DEFAULT 0,
     tries INTEGER NOT NULL DEFAULT 0,
     fence INTEGER NOT NULL DEFAULT 0,
     payload TEXT NOT NULL,
     UNIQUE (kind, id)
   )`,
  "CREATE INDEX IF NOT EXISTS work_by_due ON work (kind, destination, held, due_at)",
  "CREATE INDEX IF NOT EXISTS work_by_end ON work (kind, held, give_up_at)",
  "CREATE INDEX IF NOT EXISTS work_by_task ON work (task_id)",
  `CREATE TABLE IF NOT EXISTS work_queues (
     kind TEXT NOT NULL,
     destination TEXT NOT NULL,
     next_at INTEGER,
     turns INTEGER NOT NULL DEFAULT 0,
     paused_until INTEGER NOT NULL DEFAULT 0,
     PRIMARY KEY (kind, destination)
   ) WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS work_queues_by_due ON work_queues (kind, next_at, turns)",

  "CREATE TABLE IF NOT EXISTS outbox (no INTEGER PRIMARY KEY, event TEXT NOT NULL)",
  `CREATE TABLE IF NOT EXISTS outbox_state (
     name TEXT PRIMARY KEY,
     fence INTEGER NOT NULL DEFAULT 0,
     paused_until INTEGER NOT NULL DEFAULT 0,
     failures INTEGER NOT NULL DEFAULT 0,
     dropped INTEGER NOT NULL DEFAULT 0
   ) WITHOUT ROWID`,

  `CREATE TABLE IF NOT EXISTS audit (
     no INTEGER PRIMARY KEY,
     at INTEGER NOT NULL,
     action TEXT NOT NULL,
     target TEXT NOT NULL,
     details TEXT NOT NULL
   )`,
  "CREATE INDEX IF NOT EXISTS audit_by_target ON audit (target, no)",
  "CREATE INDEX IF NOT EXISTS audit_by_action ON audit (action, no)",
  "CREATE INDEX IF NOT EXISTS audit_by_target_and_action ON audit (target, action, no)",
  `CREATE TABLE IF NOT EXISTS ephemeral_keys (
     no INTEGER PRIMARY KEY,
     hash TEXT NOT NULL UNIQUE,
     key_id TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     expires_at INTEGER NOT NULL,
     details TEXT NOT NULL,
     counted INTEGER NOT NULL DEFAULT 0
   )`,
  // How many of a key's rows are counted, expired ones included: at least as many as are live.
  `CREATE TABLE IF NOT EXISTS ephemeral_counts (
     key_id TEXT PRIMARY KEY,
     count INTEGER NOT NULL
   ) WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS ephemeral_keys_counted ON ephemeral_keys (key_id, expires_at) WHERE counted = 1",
  "CREATE INDEX IF NOT EXISTS ephemeral_keys_by_end ON ephemeral_keys (expires_at)",

  `CREATE TABLE IF NOT EXISTS endpoints (
     no INTEGER PRIMARY KEY,
     key_id TEXT NOT NULL,
     id TEXT NOT NULL,
     details TEXT NOT NULL,
     UNIQUE (key_id, id)
   )`,
  "CREATE INDEX IF NOT EXISTS endpoints_by_key ON endpoints (key_id, no)",

  // The secrets that sign a key's own webhooks, as JSON.
  "CREATE TABLE IF NOT EXISTS webhook_secrets (key_id TEXT PRIMARY KEY, secrets TEXT NOT NULL) WITHOUT ROWID",
  `CREATE TABLE IF NOT EXISTS deliveries (
     no INTEGER PRIMARY KEY,
     id TEXT NOT NULL UNIQUE,
     key_id TEXT NOT NULL,
     subject TEXT NOT NULL,
     task_id TEXT,
     endpoint_id TEXT,
     url TEXT NOT NULL,
     headers TEXT NOT NULL,
     type TEXT NOT NULL,
     seq INTEGER NOT NULL,
     at INTEGER NOT NULL,
     body TEXT NOT NULL,
     status TEXT NOT NULL,
     attempts TEXT NOT NULL DEFAULT '[]',
     next_at INTEGER
   )`,
  "CREATE INDEX IF NOT EXISTS deliveries_by_status ON deliveries (status, no)",
  "CREATE INDEX IF NOT EXISTS deliveries_by_key ON deliveries (key_id, status, no)",
  "CREATE INDEX IF NOT EXISTS deliveries_by_endpoint ON deliveries (key_id, endpoint_id, status, no) WHERE endpoint_id IS NOT NULL",
  "CREATE INDEX IF NOT EXISTS deliveries_by_task ON deliveries (task_id, no) WHERE task_id IS NOT NULL",
  "CREATE INDEX IF NOT EXISTS deliveries_by_time ON deliveries (at)",

  `CREATE TABLE IF NOT EXISTS sessions (
     no INTEGER PRIMARY KEY,
     id TEXT NOT NULL UNIQUE,
     key_id TEXT NOT NULL,
     subject TEXT NOT NULL,
     customer TEXT,
     provider TEXT NOT NULL,
     model TEXT NOT NULL,
     reserved_micros INTEGER NOT NULL,
     price TEXT,
     windows TEXT,
     charged_micros INTEGER NOT NULL DEFAULT 0,
     settled INTEGER NOT NULL DEFAULT 0,
     started_at INTEGER NOT NULL,
     ended_at INTEGER,
     close_reason TEXT,
     lease_until INTEGER,
     settle_by INTEGER,
     fence INTEGER NOT NULL,
     counters TEXT NOT NULL,
     call_id TEXT,
     account TEXT
   )`,
  "CREATE INDEX IF NOT EXISTS sessions_by_key ON sessions (key_id, id)",
  "CREATE INDEX IF NOT EXISTS sessions_open ON sessions (lease_until) WHERE lease_until IS NOT NULL",
  "CREATE INDEX IF NOT EXISTS sessions_open_by_key ON sessions (key_id, lease_until) WHERE lease_until IS NOT NULL",
  "CREATE INDEX IF NOT EXISTS sessions_unsettled ON sessions (key_id, id) WHERE settled = 0",
  "CREATE INDEX IF NOT EXISTS sessions_to_settle ON sessions (settle_by) WHERE settle_by IS NOT NULL",
  "CREATE INDEX IF NOT EXISTS sessions_ended ON sessions (settled, ended_at) WHERE ended_at IS NOT NULL",
];

/**
 * Every statement that makes a new database. Each opening runs them too, so that a database gets the tables, indexes and
 * columns of a later release: a new column has to be one that may be null or has a default.
 */
export function tablesOf(fields: FieldTable): string[] {
  const columns = [...columnDefinitions(fields)].map(([column, definition]) =>
    column === "id" ? "id TEXT NOT NULL UNIQUE" : definition,
  );
  return [
    `CREATE TABLE IF NOT EXISTS tasks (
       no INTEGER PRIMARY KEY,
       ${columns.join(",\n       ")},
       ready_rank INTEGER,
       wake_at INTEGER,
       followed INTEGER,
       windows TEXT,
       spec TEXT
     )`,
    ...TASK_INDEXES,
    READY_INDEX,
    ...TABLES,
    ...MONEY_TABLES,
  ];
}
