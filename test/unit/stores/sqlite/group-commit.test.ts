/** Group commit over a driver without a database: what it asks of the driver, and when. */

import { beforeEach, describe, expect, test } from "vitest";
import type { Sql } from "../../../../src/stores/sql.ts";
import { type CommitDriver, GroupCommit } from "../../../../src/stores/sqlite/group-commit.ts";
import { StoreUnavailableError } from "../../../../src/tasks/ports/store-error.ts";

/** Keeps the texts it is told to `run`, with transactions that nest as a Durable Object's do. */
class ListDriver implements CommitDriver {
  stored: string[] = [];
  readonly calls: string[] = [];
  #turns: (() => void)[] = [];
  /** Thrown at the next commit, instead of it. */
  commitFails: Error | null = null;

  readonly sql: Sql = {
    all: () => this.stored.map((text) => ({ text })),
    get: () => null,
    run: (text) => {
      this.stored.push(text);
    },
    change: (text) => this.stored.push(text),
  };

  transaction(run: () => void): void {
    this.#undoable("transaction", () => {
      run();
      const failure = this.commitFails;
      this.commitFails = null;
      if (failure !== null) throw failure;
    });
  }

  savepoint(run: () => void): void {
    this.#undoable("savepoint", run);
  }

  storageFailure(error: unknown): StoreUnavailableError | null {
    return error instanceof Error && error.message === "disk"
      ? new StoreUnavailableError("broken", "The disk is gone", error)
      : null;
  }

  schedule(turn: () => void): void {
    this.#turns.push(turn);
  }

  /** Lets one turn of the event loop pass; whether anything waited for it. */
  turn(): boolean {
    const turn = this.#turns.shift();
    turn?.();
    return turn !== undefined;
  }

  /** Lets turns pass until nothing waits for one. */
  settle(): void {
    while (this.turn());
  }

  close(): void {
    this.calls.push("close");
  }

  #undoable(name: string, run: () => void): void {
    this.calls.push(name);
    const before = [...this.stored];
    try {
      run();
    } catch (error) {
      this.stored = before;
      throw error;
    }
  }
}

let driver: ListDriver;
let database: GroupCommit;
beforeEach(() => {
  driver = new ListDriver();
  database = new GroupCommit(driver);
});

const add = (text: string) => database.transact((sql) => sql.change(text));
const failing = (text: string, error: Error) =>
  database.transact((sql) => {
    sql.run(text);
    throw error;
  });

describe("a commit", () => {
  test("takes everything that waits, without savepoints, and is scheduled once", async () => {
    const counts = [add("a"), add("b")];
    expect(driver.stored).toEqual([]);
    driver.settle();
    expect(await Promise.all(counts)).toEqual([1, 2]);
    expect(driver.calls).toEqual(["transaction"]);
    expect(driver.turn()).toBe(false);
  });

  test("is put off while steps keep coming, for no more turns than that", () => {
    for (let turn = 0; turn < 4; turn++) {
      void add(`${turn}`);
      void add(`${turn}+`);
      // One came after the turn was scheduled: the commit waits for the next.
      driver.turn();
      expect(driver.calls).toEqual([]);
    }
    void add("last");
    driver.turn();
    expect(driver.stored).toHaveLength(9);
  });

  test("is not put off where the host asks for none of that", () => {
    database = new GroupCommit(driver, { maxTurns: 0 });
    void add("a");
    void add("b");
    driver.turn();
    expect(driver.stored).toEqual(["a", "b"]);
  });

  test("runs its bodies again one by one when one of them throws", async () => {
    const outcomes = Promise.allSettled([add("a"), failing("half", new Error("No")), add("b")]);
    driver.settle();
    expect((await outcomes).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(driver.stored).toEqual(["a", "b"]);
    expect(driver.calls).toEqual(["transaction", "transaction", "savepoint", "savepoint", "savepoint"]);
  });

  test("is refused as a whole when the storage fails, and the next one works", async () => {
    driver.commitFails = new Error("disk");
    const outcomes = Promise.allSettled([add("a"), add("b")]);
    driver.settle();
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { reason: "broken" } });
    expect(driver.stored).toEqual([]);
    const next = add("c");
    driver.settle();
    expect(await next).toBe(1);
  });

  test("is not tried again body by body when the storage failed below one", async () => {
    const outcomes = Promise.allSettled([add("a"), failing("b", new Error("disk"))]);
    driver.settle();
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { reason: "broken" } });
    expect(driver.calls).toEqual(["transaction"]);
  });

  test("is refused as a whole when the storage fails below a body, also beside one that threw", async () => {
    const outcomes = Promise.allSettled([
      add("a"),
      failing("b", new Error("No")),
      failing("c", new Error("disk")),
    ]);
    driver.settle();
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { reason: "broken" } });
    expect(driver.stored).toEqual([]);
  });
});

test("closing commits what waits, then closes the driver once; later steps are refused", async () => {
  const pending = add("a");
  database.close();
  database.close();
  expect(await pending).toBe(1);
  expect(driver.calls).toEqual(["transaction", "close"]);
  await expect(add("b")).rejects.toMatchObject({ reason: "closed" });
  // The turn that was scheduled before finds nothing to do.
  driver.turn();
  expect(driver.calls).toEqual(["transaction", "close"]);
});

describe("the end of a commit", () => {
  /** Leaves a text for the end, which writes them as one. */
  let left: string[];
  beforeEach(() => {
    left = [];
    database.endWith({
      write(sql) {
        if (left.length > 0) sql.run(left.join("+"));
        left = [];
      },
      forget() {
        left = [];
      },
    });
  });
  const leave = (text: string) => database.transact(() => void left.push(text));

  test("writes once what the bodies of the commit have left", async () => {
    const answers = Promise.all([leave("a"), add("body"), leave("b")]);
    driver.settle();
    await answers;
    expect(driver.stored).toEqual(["body", "a+b"]);
  });

  test("comes after each body where they run apart, and takes nothing over from one that is undone", async () => {
    const thrown = database.transact(() => {
      left.push("undone");
      throw new Error("No");
    });
    const outcomes = Promise.allSettled([leave("a"), thrown, leave("b")]);
    driver.settle();
    await outcomes;
    expect(driver.stored).toEqual(["a", "b"]);
    expect(left).toEqual([]);
  });

  test("that throws refuses the bodies whose work it was, and no other", async () => {
    database.endWith({
      write() {
        const texts = left;
        left = [];
        if (texts.includes("bad")) throw new Error("Not that");
      },
      forget() {
        left = [];
      },
    });
    const outcomes = Promise.allSettled([add("a"), leave("bad"), add("b")]);
    driver.settle();
    expect((await outcomes).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(driver.stored).toEqual(["a", "b"]);
  });
});
