/** The SQL driver over a file: group commit, and what happens when the disk or somebody else is in the way. */

import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type SqliteConnection,
  type SqliteFileOptions,
  serveSqliteFile,
} from "../../src/runtime/process/data/sqlite-file.ts";
import type { SqlDatabase, SqlValue } from "../../src/stores/sql.ts";
import { StoreUnavailableError } from "../../src/tasks/ports/store-error.ts";

export type SqliteLibrary = {
  /** As it stands in the test's name. */
  name: string;
  connect(path: string): SqliteConnection;
};

export function sqliteFileContract(driver: SqliteLibrary): void {
  const open = (path: string, options: SqliteFileOptions = {}) =>
    serveSqliteFile(driver.connect(path), options);

  describe(`a file of SQLite (${driver.name})`, () => {
    let folder: string;
    let path: string;
    let database: SqlDatabase;

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "conduit-sqlite-"));
      path = join(folder, "store.db");
      database = open(path, { busyTimeoutMs: 1 });
      await database.transact((sql) =>
        sql.run("CREATE TABLE notes (no INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)"),
      );
    });
    afterEach(() => {
      database.close();
      rmSync(folder, { recursive: true });
    });

    const add = (text: string) =>
      database.transact((sql) => sql.run("INSERT INTO notes (text) VALUES (?)", text));
    const texts = () =>
      database.read((sql) => sql.all("SELECT text FROM notes ORDER BY no").map((row) => row.text));

    describe("group commit", () => {
      test("bodies asked for together run in call order, in one commit", async () => {
        const seen: unknown[] = [];
        const counts = await Promise.all(
          ["a", "b", "c"].map((text) =>
            database.transact((sql) => {
              sql.run("INSERT INTO notes (text) VALUES (?)", text);
              // What another connection sees: nothing before the commit.
              const other = driver.connect(path);
              seen.push(other.sql.get("SELECT count(*) AS n FROM notes")?.n);
              other.close();
              return sql.get("SELECT count(*) AS n FROM notes")?.n;
            }),
          ),
        );
        expect(counts).toEqual([1, 2, 3]);
        expect(seen).toEqual([0, 0, 0]);
        expect(texts()).toEqual(["a", "b", "c"]);
      });

      test("a body that throws takes only itself back; the others of its commit are stored", async () => {
        const outcomes = await Promise.allSettled([
          add("a"),
          database.transact((sql) => {
            sql.run("INSERT INTO notes (text) VALUES ('half')");
            throw new Error("Thought better of it");
          }),
          add("a"),
          add("b"),
        ]);
        expect(outcomes.map((outcome) => outcome.status)).toEqual([
          "fulfilled",
          "rejected",
          "rejected",
          "fulfilled",
        ]);
        expect(texts()).toEqual(["a", "b"]);
        expect((outcomes[1] as PromiseRejectedResult).reason.message).toBe("Thought better of it");
      });

      test("a body that throws alone leaves nothing, and the next step works", async () => {
        await add("a");
        await expect(add("a")).rejects.toThrow(/UNIQUE/);
        await add("b");
        expect(texts()).toEqual(["a", "b"]);
      });

      test("more bodies than one commit takes are all stored, in order", async () => {
        await Promise.all(Array.from({ length: 1_000 }, (_, index) => add(String(index))));
        expect(texts()).toEqual(Array.from({ length: 1_000 }, (_, index) => String(index)));
      });

      test("a read sees what is committed, not what waits", async () => {
        const pending = add("a");
        expect(texts()).toEqual([]);
        await pending;
        expect(texts()).toEqual(["a"]);
      });

      test("beyond the bound of waiting bodies a step is refused at once and the waiting ones are stored", async () => {
        database.close();
        database = open(path, { maxQueuedBodies: 2 });
        const outcomes = await Promise.allSettled([add("a"), add("b"), add("c")]);
        expect(outcomes.map((outcome) => outcome.status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
        expect((outcomes[2] as PromiseRejectedResult).reason).toMatchObject({
          name: "StoreUnavailableError",
          reason: "overloaded",
        });
        await add("d");
        expect(texts()).toEqual(["a", "b", "d"]);
      });

      test("closing commits what waits; afterwards every step and read is refused", async () => {
        const pending = add("a");
        database.close();
        await pending;
        await expect(add("b")).rejects.toMatchObject({ reason: "closed" });
        expect(() => texts()).toThrow(StoreUnavailableError);
        database = open(path);
        expect(texts()).toEqual(["a"]);
      });

      test("a commit survives being copied without a close: it is in the file or its log", async () => {
        await add("a");
        const copy = join(folder, "copy.db");
        for (const suffix of ["", "-wal"]) copyFileSync(path + suffix, copy + suffix);
        const reopened = open(copy);
        expect(reopened.read((sql) => sql.all("SELECT text FROM notes"))).toEqual([{ text: "a" }]);
        reopened.close();
      });
    });

    describe("bad days", () => {
      test("a database that somebody else has locked is unavailable until the lock is gone", async () => {
        await add("a");
        const holder = driver.connect(path);
        holder.execute("BEGIN IMMEDIATE");
        try {
          const outcomes = await Promise.allSettled([add("b"), add("c")]);
          for (const outcome of outcomes)
            expect((outcome as PromiseRejectedResult).reason).toMatchObject({
              name: "StoreUnavailableError",
              reason: "locked",
            });
        } finally {
          holder.close();
        }
        await add("d");
        expect(texts()).toEqual(["a", "d"]);
      });

      test("a full disk refuses every step of the commit, writes nothing of it, and works again with room", async () => {
        database.close();
        database = open(path, { maxBytes: 16 * 4_096 });
        await add("small");
        const large = "x".repeat(100_000);
        const outcomes = await Promise.allSettled([add("beside"), add(large)]);
        for (const outcome of outcomes)
          expect((outcome as PromiseRejectedResult).reason).toMatchObject({
            name: "StoreUnavailableError",
            reason: "full",
          });
        expect(texts()).toEqual(["small"]);
        await add("later");
        expect(texts()).toEqual(["small", "later"]);
        database.close();
        database = open(path);
        await add(large);
        expect(texts()).toHaveLength(3);
      });

      test("a file that is no database is refused with a reason", () => {
        const other = join(folder, "other.db");
        writeFileSync(other, "This is a letter, not a database. ".repeat(100));
        expect(() => open(other)).toThrow(StoreUnavailableError);
        expect(() => open(join(folder, "no", "such", "folder.db"))).toThrow(StoreUnavailableError);
      });
    });

    describe("values", () => {
      const VALUES: SqlValue[] = [
        null,
        0,
        -1.5,
        Number.MAX_SAFE_INTEGER,
        "",
        "é 京都 \u{1f98a}",
        "a\0b\0",
        "\ufdd0",
        "\ufdd00\ufdd01\0",
        Uint8Array.of(0, 255, 1),
      ];
      test("come back as they were stored", async () => {
        await database.transact((sql) => {
          sql.run("CREATE TABLE kept (no INTEGER PRIMARY KEY, value)");
          for (const value of VALUES) sql.run("INSERT INTO kept (value) VALUES (?)", value);
        });
        const kept = database.read((sql) => sql.all("SELECT value FROM kept ORDER BY no"));
        expect(kept.map(({ value }) => value)).toEqual(VALUES);
      });

      test("that are not there are null, and a change answers how many rows it met", async () => {
        await add("a");
        await add("b");
        expect(database.read((sql) => sql.get("SELECT text FROM notes WHERE no = 9"))).toBeNull();
        expect(await database.transact((sql) => sql.change("UPDATE notes SET text = text || '!'"))).toBe(2);
        expect(await database.transact((sql) => sql.change("DELETE FROM notes WHERE no = 9"))).toBe(0);
      });

      test("come back from the statement that writes them, where it is asked to return", async () => {
        const row = await database.transact((sql) =>
          sql.get("INSERT INTO notes (text) VALUES (?) RETURNING no, text", "a"),
        );
        expect(row).toMatchObject({ no: 1, text: "a" });
        expect(texts()).toEqual(["a"]);
      });
    });
  });
}
