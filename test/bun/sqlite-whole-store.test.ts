/** The contracts of the whole store over SQLite: in memory, in a file, and in a file that several releases open. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { openSqliteFile } from "../../src/runtime/bun/sqlite-file.ts";
import type { SqlDatabase } from "../../src/stores/sql.ts";
import { createSqliteStore } from "../../src/stores/sqlite/store.ts";
import { type ReleasesUnderTest, releaseContract } from "../contract/store/releases.ts";
import { storeContract } from "../contract/store.ts";
import type { StoreUnderTest } from "../contract/store-harness.ts";

const STARTED_AT = Date.UTC(2026, 10, 22);
const folder = mkdtempSync(join(tmpdir(), "conduit-whole-store-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const newPath = () => join(folder, `${files++}.db`);

async function open(path: string): Promise<StoreUnderTest> {
  let now = STARTED_AT;
  const store = createSqliteStore({ database: openSqliteFile(path), now: () => now });
  return {
    store,
    now: () => now,
    advance: (ms) => {
      now += ms;
    },
    dispose: () => store.close(),
  };
}

/** Where a record's text field of a later release stands. */
const WRITE = {
  task: (name: string) => `UPDATE tasks SET "${name}" = ?2 WHERE id = ?1`,
  endpoint: (name: string) =>
    `UPDATE endpoints SET details = json_set(details, '$.${name}', ?2) WHERE id = ?1`,
};
const READ = {
  task: (name: string) => `SELECT "${name}" AS value FROM tasks WHERE id = ?`,
  endpoint: (name: string) =>
    `SELECT json_extract(details, '$.${name}') AS value FROM endpoints WHERE id = ?`,
};

async function openReleases(): Promise<ReleasesUnderTest> {
  const path = newPath();
  let now = STARTED_AT;
  let database: SqlDatabase | null = null;
  const opened = () => {
    if (database === null) throw new Error("No release has opened the data yet");
    return database;
  };
  return {
    now: () => now,
    advance: (ms) => {
      now += ms;
    },
    async reopen(options) {
      // One owner at a time, as in a data directory.
      database?.close();
      database = openSqliteFile(path);
      return createSqliteStore({ database, now: () => now, ...options });
    },
    async storedRelease() {
      const row = opened().read((sql) => sql.get("SELECT writes, min_reader FROM release"));
      return { writes: Number(row?.writes), minReader: Number(row?.min_reader) };
    },
    async writeField(kind, id, name, value) {
      const written = await opened().transact((sql) => sql.change(WRITE[kind](name), id, value));
      if (written !== 1) throw new Error(`There is no ${kind} ${id}`);
    },
    async readField(kind, id, name) {
      const row = opened().read((sql) => sql.get(READ[kind](name), id));
      return (row?.value ?? null) as string | null;
    },
    async dispose() {
      database?.close();
    },
  };
}

storeContract({ name: "SQLite in memory", open: () => open(":memory:") });
storeContract({ name: "SQLite in a file", open: () => open(newPath()) });
releaseContract({ name: "SQLite in a file", sideBySide: false, open: openReleases });
