/** The promises of an SQLite file, kept by `bun:sqlite`; and by a file that another process has locked. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openBunSqlite, openSqliteFile } from "../../src/runtime/bun/sqlite-file.ts";
import { sqliteFileContract } from "../contract/sqlite-file.ts";
import { startStoreProcess } from "../fixture/start-store-process.ts";

sqliteFileContract({ name: "bun:sqlite", connect: openBunSqlite });

test("a database that another process has locked is unavailable until that process is gone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "conduit-sqlite-"));
  const path = join(folder, "store.db");
  const database = openSqliteFile(path, { busyTimeoutMs: 1 });
  const write = () => database.transact((sql) => sql.run("CREATE TABLE IF NOT EXISTS notes (text TEXT)"));
  const holder = await startStoreProcess(path, "hold");
  await expect(write()).rejects.toMatchObject({ name: "StoreUnavailableError", reason: "locked" });
  await holder.kill();
  await write();
  database.close();
  rmSync(folder, { recursive: true });
});
