/** The store contracts over a Durable Object's SQL, inside of the object, and what the SQL driver itself promises. */

import { runInDurableObject } from "cloudflare:test";
import type { DurableObjectStorage } from "@cloudflare/workers-types";
import { describe, expect, test } from "vitest";
import { openDurableSql } from "../../src/runtime/cloudflare/objects/durable-sql.ts";
import { STORE_METHODS } from "../../src/stores/remote/store-calls.ts";
import type { SqlDatabase } from "../../src/stores/sql.ts";
import { createSqliteStore } from "../../src/stores/sqlite/store.ts";
import { accountStoreContract } from "../contract/account-store.ts";
import { taskStoreContract } from "../contract/task-store.ts";
import { durableStoreContract, freshObject } from "./store-objects.ts";

const inside = durableStoreContract("a Durable Object's SQL, inside of the object", async (stub, now) => {
  const store = await runInDurableObject(stub(), (_, { storage }) =>
    createSqliteStore({ database: openDurableSql(storage), now }),
  );
  const methods = STORE_METHODS.map((method) => [
    method,
    (...args: never[]) =>
      runInDurableObject(stub(), () => (store[method] as (...args: never[]) => Promise<unknown>)(...args)),
  ]);
  return Object.fromEntries(methods);
});

taskStoreContract(inside);
accountStoreContract(inside);

describe("a Durable Object's SQL", () => {
  const inDatabase = <R>(
    run: (database: SqlDatabase, storage: DurableObjectStorage) => Promise<R>,
  ): Promise<R> =>
    runInDurableObject(freshObject()(), async (_, { storage }) => {
      const database = openDurableSql(storage);
      await database.transact((sql) => {
        sql.run("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b BLOB)");
        sql.run("CREATE INDEX t_by_a ON t (a)");
      });
      return run(database, storage);
    });

  test("counts the rows that a statement changed, not its index entries", async () => {
    await inDatabase(async (database) => {
      const counts = await database.transact((sql) => [
        sql.change("INSERT INTO t (a) VALUES ('x'), ('y'), ('y')"),
        sql.change("UPDATE t SET a = 'z' WHERE a = 'y'"),
        sql.change("UPDATE t SET a = 'z' WHERE a = 'nobody'"),
        sql.change("DELETE FROM t WHERE a = 'z'"),
        sql.change("DELETE FROM t WHERE a = 'z'"),
      ]);
      expect(counts).toEqual([3, 2, 0, 2, 0]);
    });
  });

  test("hands bytes back as bytes", async () => {
    await inDatabase(async (database) => {
      await database.transact((sql) => sql.run("INSERT INTO t (b) VALUES (?)", Uint8Array.of(0, 255)));
      expect(database.read((sql) => sql.get("SELECT b FROM t"))).toEqual({ b: Uint8Array.of(0, 255) });
      expect(database.read((sql) => sql.get("SELECT b FROM t WHERE id = 9"))).toBeNull();
    });
  });

  test("takes back only the step that failed of those committed together", async () => {
    await inDatabase(async (database) => {
      const insert = (a: string) =>
        database.transact((sql) => {
          sql.run("INSERT INTO t (a) VALUES (?)", a);
          if (a === "bad") throw new Error("no");
        });
      const settled = await Promise.allSettled(["one", "bad", "two"].map(insert));
      expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      expect(database.read((sql) => sql.all("SELECT a FROM t ORDER BY id"))).toEqual([
        { a: "one" },
        { a: "two" },
      ]);
    });
  });

  test.each([
    ["database or disk is full: SQLITE_FULL", "full"],
    ["disk I/O error: SQLITE_IOERR (extended: SQLITE_IOERR_WRITE)", "broken"],
    ["database disk image is malformed: SQLITE_CORRUPT", "broken"],
  ])("says that the storage failed where it did: %s", async (message, reason) => {
    await inDatabase(async (_, storage) => {
      const sql = {
        exec: () => {
          throw new Error(message);
        },
      } as unknown as DurableObjectStorage["sql"];
      const database = openDurableSql({
        sql,
        transactionSync: <T>(body: () => T) => storage.transactionSync(body),
      } as DurableObjectStorage);
      const failure = { name: "StoreUnavailableError", reason };
      await expect(database.transact((sql) => sql.run("SELECT 1"))).rejects.toMatchObject(failure);
      expect(() => database.read((sql) => sql.all("SELECT 1"))).toThrow(expect.objectContaining(failure));
    });
  });

  test("leaves a statement that fails to the step that made it", async () => {
    await inDatabase(async (database) => {
      await database.transact((sql) => sql.run("CREATE UNIQUE INDEX t_once ON t (a)"));
      const insert = () => database.transact((sql) => sql.run("INSERT INTO t (a) VALUES ('x')"));
      await insert();
      await expect(insert()).rejects.toMatchObject({ name: "Error" });
    });
  });

  test("refuses a row above the platform's two megabytes, and takes one of exactly that", async () => {
    await inDatabase(async (database) => {
      const insert = (a: string, b: Uint8Array | null) =>
        database.transact((sql) => sql.change("INSERT INTO t (a, b) VALUES (?, ?)", a, b));
      const most = 2 * 1024 * 1024;
      expect(await insert("x".repeat(most), null)).toBe(1);
      expect(await insert("ä".repeat(most / 2 - 1), Uint8Array.of(1, 2))).toBe(1);
      await expect(insert("x".repeat(most), Uint8Array.of(1))).rejects.toThrow(RangeError);
      await expect(insert("ä".repeat(most / 2 + 1), null)).rejects.toThrow("2097152 bytes");
      expect(database.read((sql) => sql.get("SELECT count(*) AS n FROM t"))).toEqual({ n: 2 });
    });
  });
});
