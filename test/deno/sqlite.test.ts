/** The store contracts over `node:sqlite`, as Deno has it. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { openNodeSqlite } from "../../src/runtime/deno/sqlite.ts";
import { serveSqliteFile } from "../../src/runtime/process/data/sqlite-file.ts";
import { createSqliteStore } from "../../src/stores/sqlite/store.ts";
import { accountStoreContract } from "../contract/account-store.ts";
import { sqliteFileContract } from "../contract/sqlite-file.ts";
import type { StoreUnderTest } from "../contract/store-harness.ts";
import { taskStoreContract } from "../contract/task-store.ts";

const folder = mkdtempSync(join(tmpdir(), "conduit-store-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

async function open(): Promise<StoreUnderTest> {
  let now = Date.UTC(2026, 10, 22);
  const database = serveSqliteFile(openNodeSqlite(join(folder, `${files++}.db`)));
  const store = createSqliteStore({ database, now: () => now });
  return {
    store,
    now: () => now,
    advance: (ms) => {
      now += ms;
    },
    dispose: () => store.close(),
  };
}

const inFile = { name: "SQLite in a file under Deno", open };

sqliteFileContract({ name: "node:sqlite", connect: openNodeSqlite });
taskStoreContract(inFile);
accountStoreContract(inFile);
