/** The store contracts over SQLite: in memory, and in a file. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { openSqliteFile } from "../../src/runtime/bun/sqlite-file.ts";
import { createSqliteStore } from "../../src/stores/sqlite/store.ts";
import { accountStoreContract } from "../contract/account-store.ts";
import type { StoreUnderTest } from "../contract/store-harness.ts";
import { taskStoreContract } from "../contract/task-store.ts";

const folder = mkdtempSync(join(tmpdir(), "conduit-store-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

async function open(path: string): Promise<StoreUnderTest> {
  let now = Date.UTC(2026, 10, 22);
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

const inMemory = { name: "SQLite in memory", open: () => open(":memory:") };
const inFile = { name: "SQLite in a file", open: () => open(join(folder, `${files++}.db`)) };

taskStoreContract(inMemory);
accountStoreContract(inMemory);
taskStoreContract(inFile);
accountStoreContract(inFile);
