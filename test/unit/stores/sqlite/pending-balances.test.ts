/** Balances during a commit, over rows that are given instead of a database. */

import { describe, expect, test } from "vitest";
import type { Sql } from "../../../../src/stores/sql.ts";
import { PendingBalances } from "../../../../src/stores/sqlite/money/pending-balances.ts";

/** A database in which every balance is 100 held and 10 charged, and that keeps what is written. */
function storedSql() {
  const written: unknown[][] = [];
  let reads = 0;
  const sql: Sql = {
    all: () => [],
    get: () => {
      reads += 1;
      return { reserved_micros: 100, charged_micros: 10 };
    },
    run: (_query, ...parameters) => void written.push(parameters),
    change: () => 0,
  };
  return { sql, written, reads: () => reads };
}

describe("balances during a commit", () => {
  test("what is read counts what was changed before and after the first reading, and is read once", () => {
    const { sql, reads } = storedSql();
    const account = new PendingBalances().of("key", "");
    account.raise(["total"], 5, 1);
    expect(account.sum(sql, "total", "total")).toMatchObject({ reservedMicros: 105, chargedMicros: 11 });
    account.raise(["total"], -3, 2);
    expect(account.sum(sql, "total", "total")).toMatchObject({ reservedMicros: 102, chargedMicros: 13 });
    expect(reads()).toBe(1);
  });

  test("the sum of several days counts changes of each of them, and of no other window", () => {
    const { sql } = storedSql();
    const account = new PendingBalances().of("key", "");
    const sum = () => account.sum(sql, "2026-11-23", "2026-11-29").reservedMicros;
    account.raise(["2026-11-23"], 1, 0);
    expect(sum()).toBe(101);
    for (const window of ["2026-11-29", "2026-11-22", "2026-11-30", "total"]) account.raise([window], 10, 0);
    expect(sum()).toBe(111);
  });

  test("a customer's stand apart from the key's and from another key's", () => {
    const { sql } = storedSql();
    const balances = new PendingBalances();
    balances.of("key", "ann").raise(["total"], 7, 0);
    expect(balances.of("key", "ann").sum(sql, "total", "total").reservedMicros).toBe(107);
    expect(balances.of("key", "").sum(sql, "total", "total").reservedMicros).toBe(100);
    expect(balances.of("other", "ann").sum(sql, "total", "total").reservedMicros).toBe(100);
  });

  test("one row is written for each window, however many steps changed it, and nothing twice", () => {
    const { sql, written } = storedSql();
    const balances = new PendingBalances();
    for (let step = 0; step < 3; step++) balances.of("key", "ann").raise(["total"], 2, 1);
    balances.of("key", "").raise(["2026-11-30"], 4, 0);
    balances.write(sql);
    balances.write(sql);
    expect(written).toEqual([
      ["key", "ann", "total", 6, 3],
      ["key", "", "2026-11-30", 4, 0],
    ]);
  });

  test("what is forgotten is neither written nor counted", () => {
    const { sql, written } = storedSql();
    const balances = new PendingBalances();
    balances.of("key", "").raise(["total"], 7, 0);
    balances.forget();
    balances.write(sql);
    expect(written).toEqual([]);
    expect(balances.of("key", "").sum(sql, "total", "total").reservedMicros).toBe(100);
  });
});
