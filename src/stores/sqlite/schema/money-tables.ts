/** The tables of money: what is held and charged, in which windows, and the sums of usage. `tables.ts` says what each is. */

export const MONEY_TABLES = [
  // customer '' is the whole key; period is a window: 'total' or a UTC day.
  `CREATE TABLE IF NOT EXISTS balances (
     key_id TEXT NOT NULL,
     customer TEXT NOT NULL,
     period TEXT NOT NULL,
     reserved_micros INTEGER NOT NULL,
     charged_micros INTEGER NOT NULL,
     opening_micros INTEGER NOT NULL DEFAULT 0,
     PRIMARY KEY (key_id, customer, period)
   ) WITHOUT ROWID`,
  // Days that are over go after their time, those of customers before those of keys.
  "CREATE INDEX IF NOT EXISTS balances_by_day ON balances (customer = '', period) WHERE period < 'a'",
  `CREATE TABLE IF NOT EXISTS customer_budgets (
     key_id TEXT NOT NULL,
     customer TEXT NOT NULL,
     budget TEXT NOT NULL,
     PRIMARY KEY (key_id, customer)
   ) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS request_rates (
     key_id TEXT PRIMARY KEY,
     full_at INTEGER NOT NULL,
     day INTEGER NOT NULL,
     requests INTEGER NOT NULL
   ) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS spend_marks (
     no INTEGER PRIMARY KEY,
     key_id TEXT NOT NULL,
     customer TEXT NOT NULL,
     period TEXT NOT NULL,
     window TEXT NOT NULL,
     percent INTEGER NOT NULL,
     limit_micros INTEGER NOT NULL,
     charged_micros INTEGER NOT NULL,
     at INTEGER NOT NULL,
     UNIQUE (key_id, customer, period, window, percent)
   )`,
  "CREATE INDEX IF NOT EXISTS spend_marks_by_key ON spend_marks (key_id, no)",
  "CREATE INDEX IF NOT EXISTS spend_marks_by_time ON spend_marks (at) WHERE period <> 'total'",
  `CREATE TABLE IF NOT EXISTS movements (
     no INTEGER PRIMARY KEY,
     id TEXT NOT NULL,
     source TEXT NOT NULL,
     source_id TEXT NOT NULL,
     key_id TEXT NOT NULL,
     subject TEXT NOT NULL,
     customer TEXT,
     type TEXT NOT NULL,
     model TEXT NOT NULL,
     provider TEXT NOT NULL,
     charged_micros INTEGER NOT NULL,
     upstream_micros INTEGER,
     windows TEXT NOT NULL,
     at INTEGER NOT NULL,
     overrun_micros INTEGER NOT NULL DEFAULT 0
   )`,
  "CREATE INDEX IF NOT EXISTS movements_by_time ON movements (key_id, at)",

  // key '' is every key together; named: whether a customer was named, whose own sums stand in the table below.
  `CREATE TABLE IF NOT EXISTS usage (
     key_id TEXT NOT NULL,
     day INTEGER NOT NULL,
     type TEXT NOT NULL,
     model TEXT NOT NULL,
     named INTEGER NOT NULL,
     completed INTEGER NOT NULL DEFAULT 0,
     failed INTEGER NOT NULL DEFAULT 0,
     cancelled INTEGER NOT NULL DEFAULT 0,
     items INTEGER NOT NULL DEFAULT 0,
     charged_micros INTEGER NOT NULL DEFAULT 0,
     upstream_micros INTEGER NOT NULL DEFAULT 0,
     overrun_micros INTEGER NOT NULL DEFAULT 0,
     PRIMARY KEY (key_id, day, type, model, named)
   ) WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS usage_by_day ON usage (day)",
  `CREATE TABLE IF NOT EXISTS customer_usage (
     key_id TEXT NOT NULL,
     customer TEXT NOT NULL,
     day INTEGER NOT NULL,
     type TEXT NOT NULL,
     model TEXT NOT NULL,
     completed INTEGER NOT NULL DEFAULT 0,
     failed INTEGER NOT NULL DEFAULT 0,
     cancelled INTEGER NOT NULL DEFAULT 0,
     items INTEGER NOT NULL DEFAULT 0,
     charged_micros INTEGER NOT NULL DEFAULT 0,
     upstream_micros INTEGER NOT NULL DEFAULT 0,
     overrun_micros INTEGER NOT NULL DEFAULT 0,
     PRIMARY KEY (key_id, customer, day, type, model)
   ) WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS customer_usage_by_day ON customer_usage (day)",
];
