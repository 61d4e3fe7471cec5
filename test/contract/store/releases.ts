/**
 * Releases side by side: what a later release has added survives everything this one does with a record, data that this
 * one would misread is left alone, and a store remembers the newest release that wrote it.
 */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DATA_RELEASE, type DataRelease } from "../../../src/stores/release.ts";
import type { Store } from "../../../src/stores/store.ts";
import { type FieldTable, TASK_FIELDS } from "../../../src/stores/task-fields.ts";
import { createTaskIds, type RandomFill } from "../../../src/tasks/ids.ts";
import { StoreUnavailableError } from "../../../src/tasks/ports/store-error.ts";
import type { TaskDraft } from "../../../src/tasks/ports/task-store.ts";
import type { Task } from "../../../src/tasks/task.ts";
import type { WebhookEndpoint } from "../../../src/webhooks/endpoint-store.ts";
import { createSeededRandom } from "../../fixture/seeded-random.ts";
import { virtualKey } from "../../fixture/virtual-key.ts";
import {
  Bench,
  COMPLETE,
  LEASE_MS,
  RELEASE,
  RESULT,
  type StoreUnderTest,
  scopeOf,
} from "../store-harness.ts";
import { abandon, again, bill, claimOneWork, fail, nextCandidate, pend, save, through } from "./leftovers.ts";

/** How a release opens a store. */
export type ReleaseOptions = { fields: FieldTable; release: DataRelease };

/** Which kind of record a field belongs to. */
export type RecordKind = "task" | "endpoint";

/** A store that several releases open; its clock stands still unless it is moved. */
export type ReleasesUnderTest = {
  now(): number;
  advance(ms: number): void;
  /**
   * Opens the data as this release does. The store opened before is closed first, unless the contract says that
   * several may be open at once. A refusal may come now or with the first call.
   */
  reopen(options: ReleaseOptions): Promise<Store>;
  /** What the data says of the releases that wrote it, read past every store. */
  storedRelease(): Promise<DataRelease>;
  /** Writes a text field of one record as a release that knows the field does, past every store. */
  writeField(kind: RecordKind, id: string, name: string, value: string): Promise<void>;
  /** The field as it is stored; null where the record lacks it. */
  readField(kind: RecordKind, id: string, name: string): Promise<string | null>;
  dispose(): Promise<void>;
};

export type ReleaseContract = {
  /** The adapter, as it stands in the test's name. */
  name: string;
  /** Whether stores of two releases may be open on the data at once. */
  sideBySide: boolean;
  open: () => Promise<ReleasesUnderTest>;
};

/** This release. */
const OWN: ReleaseOptions = { fields: TASK_FIELDS, release: DATA_RELEASE };
/** The next one: it adds a field, and this one may still read and write its data. */
const NEXT: ReleaseOptions = {
  fields: { ...TASK_FIELDS, note: { kind: "text", place: "own", changes: true, missing: "none" } },
  release: { writes: DATA_RELEASE.writes + 1, minReader: DATA_RELEASE.minReader },
};
/** One whose data this one would misread. */
const BREAKING: ReleaseOptions = {
  fields: NEXT.fields,
  release: { writes: DATA_RELEASE.writes + 1, minReader: DATA_RELEASE.writes + 1 },
};
const NOTE = "kept — 'as it is' ✓";
const RETENTION = { tasksMs: 86_400_000, eventsMs: 3_600_000, ledgerMs: 86_400_000 };

/** A bench of one release; the ids of its tasks are drawn by all of them together. */
class ReleaseBench extends Bench {
  readonly #nextId: () => string;

  constructor(tested: StoreUnderTest, nextId: () => string) {
    super(tested);
    this.#nextId = nextId;
  }

  override draft(changes: Parameters<Bench["draft"]>[0] = {}): TaskDraft {
    return super.draft({ id: this.#nextId(), ...changes });
  }
}

function createSeededFill(): RandomFill {
  const random = createSeededRandom(1);
  return (bytes) => bytes.set(random.bytes(bytes.length));
}

export function releaseContract(contract: ReleaseContract): void {
  describe(`releases: ${contract.name}`, () => {
    let tested: ReleasesUnderTest;
    let nextId: () => string;
    beforeEach(async () => {
      tested = await contract.open();
      nextId = createTaskIds(tested.now, createSeededFill());
      const store = await tested.reopen(OWN);
      await store.createKey(virtualKey({ id: "a" }));
    });
    afterEach(() => tested.dispose());

    const as = async (options: ReleaseOptions): Promise<Bench> => {
      const store = await tested.reopen(options);
      const { now, advance } = tested;
      return new ReleaseBench({ store, now, advance, dispose: async () => {} }, nextId);
    };
    const note = (task: Task) => tested.readField("task", task.id, "note");
    /** What a store of the next release reads in the new field. */
    const noteIn = async (bench: Bench, task: Task) =>
      (await bench.read(task)) as Task & { readonly note?: string };
    /** A task of the next release, its note written. */
    const noted = async (changes: Parameters<Bench["draft"]>[0] = {}): Promise<Task> => {
      const next = await as(NEXT);
      const task = await next.submit(changes);
      await tested.writeField("task", task.id, "note", NOTE);
      return task;
    };

    test("a task of this release has the default of a field that the next one adds", async () => {
      const task = await (await as(OWN)).submit({ metadata: { tag: "é" } });
      const next = await as(NEXT);
      expect(await noteIn(next, task)).toEqual({ ...task, note: "none" });
      await next.apply(await next.claimOne(), COMPLETE);
      expect(await noteIn(next, task)).toMatchObject({ status: "completed", note: "none" });
    });

    test("the next release reads back what it wrote", async () => {
      const task = await noted();
      expect(await noteIn(await as(NEXT), task)).toMatchObject({ id: task.id, note: NOTE });
    });

    test("this release serves a task of the next one as its own", async () => {
      const task = await noted({ ...through("x", "y"), metadata: { tag: "é" }, customer: "cust" });
      const own = await as(OWN);
      const { note: _, ...known } = await noteIn(own, task);
      const { note: __, ...written } = task as Task & { note?: string };
      expect(known).toEqual(written);
      expect((await own.store.list(scopeOf("a"), { limit: 5 })).tasks).toHaveLength(1);
      expect(await own.positionOf(task)).toBe(1);
      const claim = await own.claimOne({ providers: ["x"] });
      await own.apply(claim, COMPLETE);
      expect(await own.read(task)).toMatchObject({ status: "completed", result: RESULT, costMicros: 400 });
      expect(await own.log(task)).toEqual(["1 queued", "2 started", "3 completed"]);
    });

    const changes: Record<string, (own: Bench, task: Task) => Promise<unknown>> = {
      "a claim": (own) => own.claimOne(),
      "a lease that is prolonged": async (own) => own.store.renew([(await own.claimOne()).lease], LEASE_MS),
      progress: async (own) =>
        own.apply(await own.claimOne(), { kind: "progress", percent: 40, message: "painting" }),
      "a saved state": async (own) => own.apply(await own.claimOne(), save({ job: 1 }, "account")),
      "a wait for a poll": async (own) => own.apply(await own.claimOne(), pend("job", 1_000)),
      "a release": async (own) => own.apply(await own.claimOne(), RELEASE),
      "a change of candidate": async (own) => own.apply(await own.claimOne(), nextCandidate()),
      completion: async (own) => own.apply(await own.claimOne(), COMPLETE),
      failure: async (own) => own.apply(await own.claimOne(), fail(true)),
      "a cancel": (own, task) => own.store.cancel(scopeOf("a"), task.id),
      "a lost lease": async (own) => {
        await own.claimOne();
        own.advance(LEASE_MS);
        await own.store.sweep(10);
      },
      "a deadline": async (own, task) => {
        own.advance(task.deadlineAt - own.now());
        await own.store.sweep(10);
      },
      "a bill": async (own, task) => {
        await own.apply(await own.claimOne(), save("job"));
        await own.store.cancel(scopeOf("a"), task.id);
        await bill(own, await claimOneWork(own), 20);
      },
      "a follower": (own, task) => own.store.follow(scopeOf("a"), task.id),
      "trimmed events": async (own, task) => {
        await own.store.cancel(scopeOf("a"), task.id);
        own.advance(RETENTION.eventsMs);
        await own.store.retire(RETENTION, 10);
      },
    };

    test.each(Object.keys(changes))("%s by this release keeps the next one's field", async (name) => {
      const task = await noted(through("x", "y"));
      const own = await as(OWN);
      await changes[name]!(own, task);
      const { note: _, ...left } = await noteIn(own, task);
      expect(await note(task)).toBe(NOTE);
      expect(await noteIn(await as(NEXT), task)).toEqual({ ...left, note: NOTE });
    });

    test("both releases take turns at one task until it is over", async () => {
      const task = await noted({ ...through("x", "y"), maxAttempts: 9 });
      const turns = [RELEASE, save("job"), pend("job", 0), nextCandidate(), pend("job at y", 0), COMPLETE];
      for (const [index, transition] of turns.entries()) {
        const bench = await as(index % 2 === 0 ? OWN : NEXT);
        await bench.apply(await bench.claimOne(), transition);
        if (transition.kind === "save") {
          bench.advance(LEASE_MS);
          await bench.store.sweep(10);
        }
        expect(await note(task)).toBe(NOTE);
      }
      const next = await as(NEXT);
      const left = await claimOneWork(next);
      await again(next, left, 0);
      const own = await as(OWN);
      expect(await bill(own, await claimOneWork(own), 70)).toBe(true);
      expect(await noteIn(await as(NEXT), task)).toMatchObject({
        status: "completed",
        costMicros: 400,
        upstreamMicros: 470,
        openCleanups: 0,
        note: NOTE,
      });
    });

    test("both releases hand out each other's tasks and money, each once", async () => {
      const made: Task[] = [];
      for (const options of [OWN, NEXT, OWN, NEXT]) made.push(await (await as(options)).submit());
      const served: string[] = [];
      for (const options of [NEXT, OWN, NEXT, OWN]) {
        const bench = await as(options);
        const claim = await bench.claimOne();
        served.push(claim.task.id);
        await bench.apply(claim, COMPLETE);
      }
      expect(served).toEqual(made.map(({ id }) => id));
      const own = await as(OWN);
      expect(await own.claim(10)).toEqual([]);
      expect(await own.stat()).toEqual({ ready: 0, delayed: 0, held: 0 });
      expect(await own.store.balance("a", null, "total")).toEqual({
        reservedMicros: 0,
        chargedMicros: 400 * made.length,
      });
    });

    test.skipIf(!contract.sideBySide)("both releases serve the data at the same time", async () => {
      const [own, next] = [await as(OWN), await as(NEXT)];
      const made = await Promise.all(
        Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? own : next).submit()),
      );
      for (const task of made) await tested.writeField("task", task.id, "note", NOTE);
      const served: string[] = [];
      await Promise.all(
        [own, next, own, next].map(async (bench) => {
          for (const claim of await bench.claim(5)) {
            served.push(claim.task.id);
            await bench.apply(claim, COMPLETE);
          }
        }),
      );
      expect(served.sort()).toEqual(made.map(({ id }) => id).sort());
      for (const task of made)
        expect(await noteIn(next, task)).toMatchObject({ status: "completed", note: NOTE });
      expect(await own.stat()).toEqual({ ready: 0, delayed: 0, held: 0 });
    });

    test("a patch of an endpoint by this release keeps the next one's field", async () => {
      const made: WebhookEndpoint = {
        id: "one",
        keyId: "a",
        url: "https://user.example/hook",
        events: [],
        description: "",
        enabled: true,
        secrets: [{ secret: "whsec_1", validUntil: null }],
        createdAt: 5,
        updatedAt: 5,
      };
      await (await as(NEXT)).store.createEndpoint(made, 5);
      await tested.writeField("endpoint", "one", "note", NOTE);
      const own = await as(OWN);
      expect(await own.store.listEndpoints("a")).toEqual([made]);
      await own.store.createEndpoint({ ...made, url: "https://again.example" }, 5);
      await own.store.updateEndpoint("a", "one", { enabled: false, url: "https://moved.example" }, 9);
      expect(await tested.readField("endpoint", "one", "note")).toBe(NOTE);
      expect(await own.store.getEndpoint("a", "one")).toEqual({
        ...made,
        enabled: false,
        url: "https://moved.example",
        updatedAt: 9,
      });
    });

    describe("data that needs a later release", () => {
      const refusal = async (): Promise<unknown> => {
        try {
          const store = await tested.reopen(OWN);
          await store.get(scopeOf("a"), "019aa5f0-1c00-7000-8000-000000000001");
        } catch (error) {
          return error;
        }
        return null;
      };

      test("is refused, with the reason", async () => {
        await (await as(BREAKING)).submit();
        const error = await refusal();
        expect(error).toBeInstanceOf(StoreUnavailableError);
        expect(error).toMatchObject({ reason: "newer_schema" });
        expect((error as Error).message).toContain(`release ${BREAKING.release.minReader}`);
      });

      test("is not changed by the refusal", async () => {
        const breaking = await as(BREAKING);
        const task = await breaking.submit();
        await tested.writeField("task", task.id, "note", NOTE);
        await refusal();
        await refusal();
        expect(await tested.storedRelease()).toEqual(BREAKING.release);
        const after = await as(BREAKING);
        expect(await noteIn(after, task)).toEqual({ ...task, note: NOTE });
        expect(await after.stat()).toEqual({ ready: 1, delayed: 0, held: 0 });
        expect((await after.claimOne()).task.id).toBe(task.id);
      });

      test.skipIf(!contract.sideBySide)(
        "takes no write of a store that was open before it came",
        async () => {
          const own = await as(OWN);
          const task = await own.submit();
          const breaking = await as(BREAKING);
          await breaking.store.ping();
          await expect(own.submit()).rejects.toMatchObject({ reason: "newer_schema" });
          await expect(own.claim()).rejects.toMatchObject({ reason: "newer_schema" });
          await expect(own.store.cancel(scopeOf("a"), task.id)).rejects.toMatchObject({
            reason: "newer_schema",
          });
          expect(await breaking.stat()).toEqual({ ready: 1, delayed: 0, held: 0 });
          expect((await breaking.store.list(scopeOf("a"), { limit: 5 })).tasks).toHaveLength(1);
        },
      );
    });

    describe("the stored release", () => {
      test("is this one's after it opened new data", async () => {
        await (await as(OWN)).submit();
        expect(await tested.storedRelease()).toEqual(DATA_RELEASE);
      });

      test("rises with a later writer, and is never lowered by an earlier one", async () => {
        await (await as(NEXT)).submit();
        expect(await tested.storedRelease()).toEqual(NEXT.release);
        const own = await as(OWN);
        await own.submit();
        await own.apply(await own.claimOne(), COMPLETE);
        await abandon(own, "job", { keyId: "a", type: "video" });
        expect(await tested.storedRelease()).toEqual(NEXT.release);
        await (await as(NEXT)).submit();
        expect(await tested.storedRelease()).toEqual(NEXT.release);
      });

      test("keeps the oldest reader that a later release asked for", async () => {
        await (await as(BREAKING)).submit();
        const later: ReleaseOptions = {
          fields: BREAKING.fields,
          release: { writes: BREAKING.release.writes + 1, minReader: DATA_RELEASE.minReader },
        };
        await (await as(later)).submit();
        expect(await tested.storedRelease()).toEqual({
          writes: later.release.writes,
          minReader: BREAKING.release.minReader,
        });
      });
    });
  });
}
