/** The runner of due work: its places, its time limit, its patience with a store that fails, and its end. */

import { beforeEach, describe, expect, test } from "vitest";
import { type WorkHandler, WorkRunner } from "../../../../../src/tasks/engine/due-work/runner.ts";
import type {
  ClaimedWork,
  WorkClaimOptions,
  WorkOutcome,
} from "../../../../../src/tasks/ports/task-store.ts";
import { ManualClock, settled } from "../../../../fixture/manual-clock.ts";
import { recordingLog } from "../../../../fixture/recording-log.ts";

const TIMEOUT_MS = 10_000;
const LEASE_MS = 9_000;
const PER_DESTINATION = 2;
const AGAIN_MS = 3_000;
/** What one process has open at most. */
const MAX_OPEN = 32;

type Waiting = { work: ClaimedWork; dueAt: number; heldUntil: number | null };

/** A store with nothing but due work of one kind; its clock is the test's. */
class WorkStore {
  readonly claims: WorkClaimOptions[] = [];
  readonly finished: { id: string; outcome: WorkOutcome }[] = [];
  /** When set, the call rejects with it. */
  claimFailure: Error | null = null;
  finishFailure: Error | null = null;
  /** While set, claims are answered when it resolves. */
  claimGate: Promise<void> | null = null;
  readonly #items: Waiting[] = [];
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  add(destination: string, count = 1): void {
    for (let index = 0; index < count; index++) {
      const id = `${destination} ${this.#items.length}`;
      const item = { id, kind: "cleanup", destination, taskId: id, payload: null } as const;
      const createdAt = this.#clock.now();
      const work = { item: { ...item, createdAt, giveUpAt: createdAt + 600_000, tries: 0, fence: 0 } };
      this.#items.push({ work: { ...work, task: null, overdue: false }, dueAt: createdAt, heldUntil: null });
    }
  }

  get left(): string[] {
    return this.#items.map(({ work }) => work.item.id);
  }

  async claimWork(options: WorkClaimOptions): Promise<ClaimedWork[]> {
    this.claims.push(options);
    if (this.claimGate !== null) await this.claimGate;
    if (this.claimFailure !== null) throw this.claimFailure;
    const now = this.#clock.now();
    const claimed: ClaimedWork[] = [];
    for (const waiting of this.#items) {
      const { destination } = waiting.work.item;
      const held = this.#items.filter(
        ({ work, heldUntil }) => work.item.destination === destination && (heldUntil ?? 0) > now,
      );
      if (claimed.length === options.max || waiting.dueAt > now || (waiting.heldUntil ?? 0) > now) continue;
      if (held.length >= options.maxPerDestination) continue;
      if (options.destinations?.includes(destination) === false) continue;
      waiting.heldUntil = now + options.leaseMs;
      claimed.push(waiting.work);
    }
    return claimed;
  }

  async finishWork(item: ClaimedWork["item"], outcome: WorkOutcome): Promise<boolean> {
    if (this.finishFailure !== null) throw this.finishFailure;
    this.finished.push({ id: item.id, outcome });
    const index = this.#items.findIndex(({ work }) => work.item.id === item.id);
    const waiting = this.#items[index];
    if (waiting === undefined) return false;
    waiting.heldUntil = null;
    if (outcome.kind === "done") this.#items.splice(index, 1);
    else waiting.dueAt = this.#clock.now() + outcome.delayMs;
    return true;
  }

  async nextWorkIn(): Promise<number | null> {
    if (this.claimFailure !== null) throw this.claimFailure;
    const moments = this.#items.map(({ dueAt, heldUntil }) => heldUntil ?? dueAt);
    return moments.length === 0 ? null : Math.max(0, Math.min(...moments) - this.#clock.now());
  }
}

type Run = { id: string; signal: AbortSignal; end(outcome?: WorkOutcome): void; explode(error: Error): void };

describe("a work runner", () => {
  let clock: ManualClock;
  let store: WorkStore;
  let runs: Run[];
  let runner: WorkRunner;
  let log: ReturnType<typeof recordingLog>;
  const named = (id: string) => {
    const run = runs.find((one) => one.id === id);
    if (run === undefined) throw new Error(`${id} was not run`);
    return run;
  };
  const ring = async () => {
    runner.ring();
    await settled();
  };
  const begun = () => runs.map(({ id }) => id);
  const handler: WorkHandler = {
    kind: "cleanup",
    timeoutMs: TIMEOUT_MS,
    maxPerDestination: PER_DESTINATION,
    destinations: () => undefined,
    run: ({ item }, signal) =>
      new Promise<WorkOutcome>((resolve, reject) => {
        runs.push({
          id: item.id,
          signal,
          end: (outcome = { kind: "done" }) => resolve(outcome),
          explode: reject,
        });
      }),
    failed: () => ({ kind: "again", delayMs: AGAIN_MS }),
  };
  const make = (changes: Partial<WorkHandler> = {}) =>
    new WorkRunner({ store, clock, log }, { ...handler, ...changes }, { leaseMs: LEASE_MS });

  beforeEach(() => {
    clock = new ManualClock();
    store = new WorkStore(clock);
    runs = [];
    log = recordingLog();
    runner = make();
  });

  describe("takes", () => {
    test("what is due when it is rung, and writes what came of it", async () => {
      store.add("x");
      await ring();
      const outcome: WorkOutcome = { kind: "done", bill: { billedMicros: 7, cancellation: "immediate" } };
      named("x 0").end(outcome);
      await settled();
      expect(store.finished).toEqual([{ id: "x 0", outcome }]);
      expect(store.left).toEqual([]);
    });

    test("only what its handler can serve, asked anew for every claim", async () => {
      let served = ["y"];
      runner = make({ destinations: () => served });
      store.add("x");
      store.add("y");
      await ring();
      expect(begun()).toEqual(["y 1"]);
      served = ["x", "y"];
      await ring();
      expect(begun()).toEqual(["y 1", "x 0"]);
    });

    test("everything under a lease that outlasts the run's time limit", async () => {
      store.add("x");
      await ring();
      expect(store.claims[0]).toMatchObject({ kind: "cleanup", maxPerDestination: PER_DESTINATION });
      expect(store.claims[0]!.leaseMs).toBeGreaterThan(TIMEOUT_MS);
    });

    test("the next of a destination as soon as one of its places is free", async () => {
      store.add("x", 4);
      await ring();
      expect(begun()).toEqual(["x 0", "x 1"]);
      named("x 1").end();
      await settled();
      expect(begun()).toEqual(["x 0", "x 1", "x 2"]);
    });

    test("no more at once than one process may have open, and the rest afterwards", async () => {
      for (let index = 0; index < MAX_OPEN + 5; index++) store.add(`d${index}`);
      await ring();
      expect(runs).toHaveLength(MAX_OPEN);
      await ring();
      expect(runs).toHaveLength(MAX_OPEN);
      for (const run of runs.slice(0, MAX_OPEN)) run.end();
      await settled();
      expect(runs).toHaveLength(MAX_OPEN + 5);
      for (const { max } of store.claims) expect(max).toBeLessThanOrEqual(MAX_OPEN);
    });

    test("no more than there is room for beside what is open already", async () => {
      for (let index = 0; index < MAX_OPEN - 2; index++) store.add(`d${index}`);
      await ring();
      for (let index = 0; index < 5; index++) store.add(`e${index}`);
      await ring();
      expect(runs).toHaveLength(MAX_OPEN);
    });

    test("work of which it is told while a claim is under way", async () => {
      let answer = () => {};
      store.claimGate = new Promise((resolve) => {
        answer = resolve;
      });
      await ring();
      await ring();
      expect(store.claims).toHaveLength(1);
      store.claimGate = null;
      answer();
      await settled();
      expect(store.claims).toHaveLength(2);
    });
  });

  describe("with a destination that hangs", () => {
    test("goes on with all the others", async () => {
      store.add("slow", 50);
      store.add("quick", 6);
      await ring();
      for (let turn = 0; turn < 3; turn++) {
        for (const run of runs) if (run.id.startsWith("quick")) run.end();
        await settled();
      }
      expect(begun().filter((id) => id.startsWith("slow"))).toHaveLength(PER_DESTINATION);
      expect(store.left.filter((id) => id.startsWith("quick"))).toEqual([]);
    });

    test("takes its places back after the time limit, and tells the run to stop", async () => {
      store.add("slow", 3);
      await ring();
      await clock.advance(TIMEOUT_MS - 1);
      expect(runs.map(({ signal }) => signal.aborted)).toEqual([false, false]);
      await clock.advance(1);
      expect([named("slow 0"), named("slow 1")].map(({ signal }) => signal.aborted)).toEqual([true, true]);
      expect(store.finished.slice(0, 2).map(({ outcome }) => outcome)).toEqual([
        { kind: "again", delayMs: AGAIN_MS },
        { kind: "again", delayMs: AGAIN_MS },
      ]);
      expect(begun()).toContain("slow 2");
    });

    test("writes nothing of a run that ends after its time", async () => {
      store.add("slow");
      await ring();
      await clock.advance(TIMEOUT_MS);
      named("slow 0").end();
      await settled();
      expect(store.finished).toEqual([{ id: "slow 0", outcome: { kind: "again", delayMs: AGAIN_MS } }]);
      expect(store.left).toEqual(["slow 0"]);
    });

    test("leaves no timer behind a run that ended", async () => {
      store.add("x");
      await ring();
      expect(clock.pendingTimers).toBe(1);
      named("x 0").end();
      await settled();
      expect(clock.pendingTimers).toBe(0);
    });
  });

  describe("with a failing handler", () => {
    test("puts the item off as the handler says, and goes on with the next", async () => {
      store.add("x", 3);
      await ring();
      named("x 0").explode(new Error("connection refused"));
      await settled();
      expect(store.finished).toEqual([{ id: "x 0", outcome: { kind: "again", delayMs: AGAIN_MS } }]);
      expect(begun()).toEqual(["x 0", "x 1", "x 2"]);
      expect(log.lines).toMatchObject([{ level: "warn", fields: { destination: "x", taskId: "x 0" } }]);
    });

    test("survives one that throws instead of rejecting", async () => {
      runner = make({
        run: () => {
          throw new Error("no such provider");
        },
      });
      store.add("x");
      await ring();
      expect(store.finished).toEqual([{ id: "x 0", outcome: { kind: "again", delayMs: AGAIN_MS } }]);
      await runner.drained();
    });
  });

  describe("with a store that fails", () => {
    test("does not claim again before it is rung again", async () => {
      store.add("x");
      store.claimFailure = new Error("unreachable");
      await ring();
      await clock.advance(60_000);
      expect(store.claims).toHaveLength(1);
      expect(log.lines).toMatchObject([{ level: "error" }]);
      store.claimFailure = null;
      await ring();
      expect(begun()).toEqual(["x 0"]);
    });

    test("claims once more for every run that ends, and not in a loop", async () => {
      store.add("x", 2);
      await ring();
      store.claimFailure = store.finishFailure = new Error("unreachable");
      const before = store.claims.length;
      for (const run of runs) run.end();
      await settled();
      await clock.advance(60_000);
      expect(store.claims.length - before).toBeLessThanOrEqual(2);
    });

    test("does not ask for more in a loop when a claim brings nothing", async () => {
      await ring();
      await clock.advance(60_000);
      expect(store.claims).toHaveLength(1);
    });

    test("keeps an item whose end could not be stored for the next claim after its lease", async () => {
      store.add("x");
      store.add("y");
      await ring();
      store.finishFailure = new Error("full");
      named("x 0").end();
      await settled();
      expect(store.left).toEqual(["x 0", "y 1"]);
      store.finishFailure = null;
      named("y 1").end();
      await settled();
      expect(store.left).toEqual(["x 0"]);
      await clock.advance(store.claims[0]!.leaseMs);
      await runner.sweep();
      await settled();
      expect(begun()).toEqual(["x 0", "y 1", "x 0"]);
    });

    test("says so to whoever sweeps", async () => {
      store.claimFailure = new Error("unreachable");
      await expect(runner.sweep()).rejects.toThrow("unreachable");
    });
  });

  describe("a sweep", () => {
    test("rings when something is due, and only then", async () => {
      await runner.sweep();
      await settled();
      expect(store.claims).toHaveLength(0);
      store.add("x");
      await runner.sweep();
      await settled();
      expect(begun()).toEqual(["x 0"]);
      named("x 0").end({ kind: "again", delayMs: 5_000 });
      await settled();
      await clock.advance(4_999);
      await runner.sweep();
      await settled();
      expect(runs).toHaveLength(1);
      await clock.advance(1);
      await runner.sweep();
      await settled();
      expect(runs).toHaveLength(2);
    });
  });

  describe("draining", () => {
    test("is over at once where nothing is worked on", async () => {
      await runner.drained();
    });

    test("waits for every run and for what it makes room for", async () => {
      store.add("x", 3);
      await ring();
      let drained = false;
      void runner.drained().then(() => {
        drained = true;
      });
      named("x 0").end();
      named("x 1").end();
      await settled();
      expect(drained).toBe(false);
      named("x 2").end();
      await settled();
      expect(drained).toBe(true);
    });
  });

  describe("told to stop", () => {
    const stopping = (graceMs: number) => {
      const stop = { over: false };
      void runner.stop(graceMs).then(() => {
        stop.over = true;
      });
      return stop;
    };

    test("takes nothing more, and lets open runs end", async () => {
      store.add("x", 3);
      await ring();
      const stop = stopping(5_000);
      named("x 0").end();
      await ring();
      expect(begun()).toEqual(["x 0", "x 1"]);
      expect(stop.over).toBe(false);
      named("x 1").end();
      await settled();
      expect(stop.over).toBe(true);
      expect(store.left).toEqual(["x 2"]);
      expect(clock.pendingTimers).toBe(0);
    });

    test("puts off what is still open after the grace", async () => {
      store.add("x", 2);
      await ring();
      const stop = stopping(5_000);
      await clock.advance(4_999);
      expect(stop.over).toBe(false);
      await clock.advance(1);
      expect(stop.over).toBe(true);
      expect(store.finished.map(({ outcome }) => outcome.kind)).toEqual(["again", "again"]);
      expect(store.left).toEqual(["x 0", "x 1"]);
      expect(runs.every(({ signal }) => signal.aborted)).toBe(true);
    });

    test("while a claim is under way ends within the grace, whatever that claim brings", async () => {
      let answer = () => {};
      store.claimGate = new Promise((resolve) => {
        answer = resolve;
      });
      store.add("x");
      await ring();
      const stop = stopping(5_000);
      await clock.advance(5_000);
      answer();
      await settled();
      expect(stop.over).toBe(true);
      expect(store.left).toEqual(["x 0"]);
    });

    test("stays stopped", async () => {
      await runner.stop(0);
      store.add("x");
      await ring();
      await runner.sweep();
      await settled();
      expect(store.claims).toHaveLength(0);
    });
  });
});
