/** The store contracts over a Durable Object's SQL, inside of the object, and what the SQL driver itself promises. */

import { runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { openDurableSql } from "../../src/runtime/cloudflare/durable-sql.ts";
import { STORE_METHODS } from "../../src/runtime/cloudflare/store-calls.ts";
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
  const inDatabase = <R>(run: (database: ReturnType<typeof openDurableSql>) => Promise<R>): Promise<R> =>
    runInDurableObject(freshObject()(), async (_, { storage }) => {
      const database = openDurableSql(storage);
      await database.transact((sql) => {
        sql.run("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b BLOB)");
        sql.run("CREATE INDEX t_by_a ON t (a)");
      });
      return run(database);
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
