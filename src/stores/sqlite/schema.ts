/**
 * The tables, as numbered migrations. They run through the SQL driver, so that a file and a Durable Object get the same;
 * which ones have run stands in `schema_migrations`. A published migration is never edited: add the next one.
 *
 *   tasks       what changes about a task, and which list it stands in (ready_rank, due_at, lease_until)
 *   specs       what never changes about it, where that is long: kept out of the rows that every transition rewrites
 *   events      lifecycle events: the task's log, and in key_seq / subject_seq the tenants' logs
 *   tenants     per (key, subject): log position, money, counters; subject '' is the key itself with all its subjects
 *   lanes       per lane: its virtual time, and how many of its tasks are held
 *   lane_keys   start-time fair queueing: virtual times and counters of a key in a lane (see lanes.ts)
 *   cleanups    upstream jobs that a terminal state left behind
 *
 * A sorted query that compares a column with a bare `?` is planned anew at every binding, at ten times the price of
 * running it; queries on the hot paths write `= +?`, which hides the value from the planner and changes nothing else.
 */

import { StoreUnavailableError } from "../../tasks/ports/store-error.ts";
import type { Sql } from "../sql.ts";

const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE keys (
       no INTEGER PRIMARY KEY,
       id TEXT NOT NULL UNIQUE,
       hash TEXT NOT NULL UNIQUE,
       enabled INTEGER NOT NULL,
       expires_at INTEGER,
       max_concurrent_tasks INTEGER,
       created_at INTEGER NOT NULL,
       updated_at INTEGER NOT NULL,
       details TEXT NOT NULL
     )`,

    `CREATE TABLE tasks (
       no INTEGER PRIMARY KEY,
       id TEXT NOT NULL UNIQUE,
       key_id TEXT NOT NULL,
       subject TEXT,
       type TEXT NOT NULL,
       priority TEXT NOT NULL,
       batch_id TEXT,
       created_at INTEGER NOT NULL,
       updated_at INTEGER NOT NULL,
       started_at INTEGER,
       finished_at INTEGER,
       deadline_at INTEGER NOT NULL,
       status TEXT NOT NULL,
       progress INTEGER NOT NULL,
       progress_at INTEGER,
       message TEXT,
       attempt INTEGER NOT NULL,
       ready_rank INTEGER,
       due_at INTEGER,
       lease_until INTEGER,
       wake_at INTEGER,
       fence INTEGER NOT NULL,
       unsure INTEGER NOT NULL,
       epoch TEXT NOT NULL,
       seq INTEGER NOT NULL,
       trimmed INTEGER NOT NULL,
       followed INTEGER,
       reserved_micros INTEGER NOT NULL,
       cost_micros INTEGER NOT NULL,
       settled INTEGER NOT NULL,
       cancellation TEXT,
       provider_ms INTEGER NOT NULL,
       store_ms INTEGER NOT NULL,
       spec_bytes INTEGER NOT NULL,
       spec TEXT,
       state TEXT,
       error TEXT,
       result TEXT
     )`,
    // Lists: one range per (status, type), merged by id; so no filter ever scans what it leaves out.
    "CREATE INDEX tasks_by_key ON tasks (key_id, status, type, id)",
    "CREATE INDEX tasks_by_subject ON tasks (key_id, subject, status, type, id) WHERE subject IS NOT NULL",
    "CREATE INDEX tasks_by_batch ON tasks (batch_id, id) WHERE batch_id IS NOT NULL",
    "CREATE INDEX tasks_ready ON tasks (key_id, type, ready_rank, no) WHERE ready_rank IS NOT NULL",
    "CREATE INDEX tasks_due ON tasks (type, due_at, no) WHERE due_at IS NOT NULL",
    // When somebody must look even if nobody rings: the end of the lease or the deadline.
    "CREATE INDEX tasks_wake ON tasks (wake_at) WHERE wake_at IS NOT NULL",
    "CREATE INDEX tasks_finished ON tasks (trimmed, finished_at) WHERE finished_at IS NOT NULL",
    "CREATE INDEX tasks_followed ON tasks (followed) WHERE followed IS NOT NULL",

    `CREATE TABLE specs (
       task_no INTEGER PRIMARY KEY,
       spec TEXT NOT NULL
     )`,

    `CREATE TABLE events (
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
    "CREATE INDEX events_by_key ON events (key_id, key_seq)",
    "CREATE INDEX events_by_subject ON events (key_id, subject, subject_seq) WHERE subject IS NOT NULL",

    `CREATE TABLE tenants (
       key_id TEXT NOT NULL,
       subject TEXT NOT NULL,
       epoch TEXT NOT NULL,
       seq INTEGER NOT NULL DEFAULT 0,
       followed INTEGER NOT NULL DEFAULT 0,
       waiting INTEGER NOT NULL DEFAULT 0,
       reserved_micros INTEGER NOT NULL DEFAULT 0,
       spent_micros INTEGER NOT NULL DEFAULT 0,
       PRIMARY KEY (key_id, subject)
     ) WITHOUT ROWID`,

    `CREATE TABLE lanes (
       lane TEXT PRIMARY KEY,
       vtime INTEGER NOT NULL
     ) WITHOUT ROWID`,
    "INSERT INTO lanes (lane, vtime) VALUES ('image', 0), ('video', 0)",

    `CREATE TABLE lane_keys (
       key_id TEXT NOT NULL,
       lane TEXT NOT NULL,
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
       running INTEGER NOT NULL DEFAULT 0,
       cap INTEGER,
       eligible INTEGER GENERATED ALWAYS AS (
         iif(continuing > 0 OR (high + normal + low > 0 AND (cap IS NULL OR running < cap)), 1, NULL)
       ) VIRTUAL,
       PRIMARY KEY (key_id, lane)
     ) WITHOUT ROWID`,
    "CREATE INDEX lane_keys_eligible ON lane_keys (lane, vtime) WHERE eligible IS NOT NULL",

    `CREATE TABLE idempotency (
       key_id TEXT NOT NULL,
       subject TEXT NOT NULL,
       idempotency_key TEXT NOT NULL,
       fingerprint TEXT NOT NULL,
       task_id TEXT NOT NULL,
       expires_at INTEGER NOT NULL,
       PRIMARY KEY (key_id, subject, idempotency_key)
     ) WITHOUT ROWID`,
    "CREATE INDEX idempotency_by_expiry ON idempotency (expires_at)",

    `CREATE TABLE cleanups (
       task_no INTEGER PRIMARY KEY,
       created_at INTEGER NOT NULL,
       give_up_at INTEGER NOT NULL,
       due_at INTEGER NOT NULL,
       held INTEGER NOT NULL,
       tries INTEGER NOT NULL,
       fence INTEGER NOT NULL,
       holder_fence INTEGER NOT NULL,
       state TEXT,
       late INTEGER NOT NULL,
       cost_micros INTEGER
     )`,
    "CREATE INDEX cleanups_by_due ON cleanups (due_at)",
    "CREATE INDEX cleanups_by_end ON cleanups (give_up_at)",

    `CREATE TABLE deliveries (
       no INTEGER PRIMARY KEY,
       task_no INTEGER NOT NULL,
       seq INTEGER NOT NULL,
       due_at INTEGER NOT NULL,
       tries INTEGER NOT NULL,
       UNIQUE (task_no, seq)
     )`,
    "CREATE INDEX deliveries_by_due ON deliveries (due_at)",

    `CREATE TABLE ledger (
       no INTEGER PRIMARY KEY,
       task_id TEXT NOT NULL UNIQUE,
       key_id TEXT NOT NULL,
       subject TEXT NOT NULL,
       at INTEGER NOT NULL,
       type TEXT NOT NULL,
       model TEXT NOT NULL,
       charged_micros INTEGER NOT NULL
     )`,
    "CREATE INDEX ledger_by_key ON ledger (key_id, at)",
  ],
  [
    // How many tasks of the lane are held: the limit of a whole deployment is looked at in every claim.
    "ALTER TABLE lanes ADD COLUMN held INTEGER NOT NULL DEFAULT 0",
    "UPDATE lanes SET held = (SELECT coalesce(sum(k.held), 0) FROM lane_keys k WHERE k.lane = lanes.lane)",
  ],
];

/** The schema this release writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Brings the database to `SCHEMA_VERSION` in the caller's transaction. Throws `StoreUnavailableError`
 * (`newer_schema`), changing nothing, when a newer release has written it.
 */
export function migrate(sql: Sql, now: number): void {
  sql.run(
    "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL)",
  );
  const row = sql.get("SELECT max(version) AS version FROM schema_migrations");
  const version = Number(row?.version ?? 0);
  if (version > SCHEMA_VERSION)
    throw new StoreUnavailableError(
      "newer_schema",
      `The database has schema ${version}, this release knows ${SCHEMA_VERSION}: start the release that wrote it, or a later one`,
    );
  for (const [index, statements] of MIGRATIONS.entries()) {
    if (index < version) continue;
    for (const statement of statements) sql.run(statement);
    sql.run("INSERT INTO schema_migrations (version, applied_at) VALUES (?, ?)", index + 1, now);
  }
}
