/** What the SQLite store's queues promise: lanes that know providers and pause, due work in turn, sessions and their holds. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SessionDraft } from "../../src/realtime/session-store.ts";
import { openSqliteFile } from "../../src/runtime/bun/sqlite-file.ts";
import { createSqliteStore } from "../../src/stores/sqlite/store.ts";
import { upstreamJobOf, WORK_KINDS } from "../../src/tasks/due-work.ts";
import { NOTHING_SPENT, type StepTransition } from "../../src/tasks/transition.ts";
import { Bench, COMPLETE, FAILURE, RESERVED, scopeOf } from "../contract/store-harness.ts";

let bench: Bench;
beforeEach(async () => {
  let now = Date.UTC(2026, 10, 22);
  bench = await Bench.open({
    name: "SQLite",
    open: async () => {
      const store = createSqliteStore({ database: openSqliteFile(":memory:"), now: () => now });
      return {
        store,
        now: () => now,
        advance: (ms) => {
          now += ms;
        },
        dispose: () => store.close(),
      };
    },
  });
});
afterEach(() => bench.dispose());

const at = (provider: string, model = "m") => ({ route: [{ provider, model }] });
const PEND: StepTransition = {
  kind: "pend",
  state: 1,
  delayMs: 10,
  percent: null,
  message: null,
  spent: NOTHING_SPENT,
};

describe("lanes that know providers", () => {
  const providers = async (max: number, only?: string[]) =>
    (await bench.claim(max, only === undefined ? {} : { providers: only })).map(
      ({ task }) => task.route[task.candidate]?.provider,
    );

  test("a claim takes only what its process can run, and leaves the rest to others", async () => {
    for (const provider of ["x", "y", "x", "y"]) await bench.submit(at(provider));
    expect(await providers(9, ["y"])).toEqual(["y", "y"]);
    expect(await bench.store.nextDueIn("image", ["y"])).toBeNull();
    expect(await bench.store.nextDueIn("image")).toBe(0);
    expect(await providers(9, ["x", "z"])).toEqual(["x", "x"]);
  });

  test("a key's tasks of one priority go oldest first, whatever their providers", async () => {
    const ids: string[] = [];
    for (let index = 0; index < 12; index++) ids.push((await bench.submit(at("xyz"[index % 3]!))).id);
    expect(await bench.drain((task) => task.id)).toEqual(ids);
  });

  test("priorities weigh over the providers of a key together", async () => {
    for (const [priority, provider] of [
      ["low", "x"],
      ["normal", "y"],
      ["high", "z"],
    ] as const)
      for (let index = 0; index < 60; index++) await bench.submit({ priority, ...at(provider) });
    const served: string[] = [];
    for (let index = 0; index < 70; index++) {
      const claim = await bench.claimOne();
      served.push(claim.task.priority);
      await bench.apply(claim, COMPLETE);
    }
    const count = (name: string) => served.filter((one) => one === name).length;
    expect(["high", "normal", "low"].map(count)).toEqual([40, 20, 10]);
  });

  test("keys take turns although one has work at more providers", async () => {
    for (let index = 0; index < 20; index++) {
      await bench.submit({ keyId: "a", ...at("xy"[index % 2]!) });
      await bench.submit({ keyId: "b", ...at("x") });
    }
    const keys = (await bench.claim(20)).map(({ task }) => task.tenant.keyId);
    expect(keys.filter((key) => key === "a")).toHaveLength(10);
  });

  test("a key's limit counts over its providers", async () => {
    await bench.store.updateKey("a", { maxConcurrentTasks: 2 }, bench.now());
    for (const provider of ["x", "y", "x", "y"]) await bench.submit(at(provider));
    expect(await bench.claim(9)).toHaveLength(2);
    expect(await bench.claim(9, { providers: ["y"] })).toEqual([]);
  });

  test("a paused provider's waiting tasks rest, its started ones and other providers' go on", async () => {
    await bench.submit(at("x"));
    await bench.apply(await bench.claimOne(), PEND);
    const waiting = await bench.submit(at("x"));
    const other = await bench.submit(at("y"));
    await bench.store.pauseProvider("image", "x", 1_000);
    await bench.store.pauseProvider("image", "x", 500);
    expect(await bench.positionOf(other)).toBe(1);
    expect((await bench.claim(9)).map(({ task }) => task.id)).toEqual([other.id]);
    expect(await bench.store.nextDueIn("image", ["x"])).toBe(10);
    bench.advance(10);
    expect(await bench.claim(9)).toHaveLength(1);
    expect(await bench.store.nextDueIn("image")).toBe(990);
    expect(await bench.store.nextDueIn("image", ["y"])).toBeNull();
    expect(await bench.stat()).toMatchObject({ ready: 1 });
    bench.advance(989);
    expect(await bench.claim(9)).toEqual([]);
    bench.advance(1);
    expect(await bench.store.nextDueIn("image")).toBe(0);
    expect((await bench.claim(9)).map(({ task }) => task.id)).toEqual([waiting.id]);
  });

  test("a pause is of one lane and ends with 0", async () => {
    await bench.submit({ type: "video", ...at("x") });
    await bench.submit(at("x"));
    await bench.store.pauseProvider("image", "x", 1_000);
    expect(await bench.claim(9, { lane: "video" })).toHaveLength(1);
    expect(await bench.claim(9)).toEqual([]);
    await bench.store.pauseProvider("image", "x", 0);
    expect(await bench.claim(9)).toHaveLength(1);
  });

  test("a key whose provider rested does not make up for it afterwards", async () => {
    for (let index = 0; index < 40; index++) await bench.submit({ keyId: "a", ...at("x") });
    for (let index = 0; index < 80; index++) await bench.submit({ keyId: "b", ...at("y") });
    await bench.store.pauseProvider("image", "x", 1_000);
    for (let index = 0; index < 40; index++) await bench.apply(await bench.claimOne(), COMPLETE);
    bench.advance(1_000);
    const keys = (await bench.claim(10)).map(({ task }) => task.tenant.keyId);
    expect(keys.filter((key) => key === "b").length).toBeGreaterThanOrEqual(4);
  });

  test("the next candidate waits in its provider's queue, and the job before it is cleaned up", async () => {
    const route = [
      { provider: "x", model: "1" },
      { provider: "y", model: "2" },
    ];
    const task = await bench.submit({ route });
    const claim = await bench.claimOne();
    await bench.apply(claim, { kind: "save", state: "job", spent: NOTHING_SPENT, credential: "main" });
    await bench.apply(claim, { kind: "next_candidate", delayMs: 0, error: FAILURE, spent: NOTHING_SPENT });
    expect(await bench.stat()).toEqual({ ready: 0, delayed: 1, held: 0 });
    expect(await bench.claim(9, { providers: ["x"] })).toEqual([]);
    const second = await bench.claimOne({ providers: ["y"] });
    expect(second.task).toMatchObject({ id: task.id, candidate: 1, attempt: 2, openCleanups: 1 });
    expect(second.task.attempts).toHaveLength(1);
    const [left] = await bench.cleanups();
    expect(left?.item).toMatchObject({
      destination: "x",
      payload: { model: "1", credential: "main", state: "job" },
    });
    await bench.apply(second, COMPLETE);
    await bench.bill(left!, 300);
    expect(await bench.read(task)).toMatchObject({ costMicros: 400, upstreamMicros: 700, openCleanups: 0 });
    expect(await bench.stat()).toEqual({ ready: 0, delayed: 0, held: 0 });
  });
});

describe("due work", () => {
  const webhook = (origin: string) => ({ url: `https://${origin}.example.org/x`, headers: {}, events: [] });
  const deliver = async (origin: string, count: number) => {
    for (let index = 0; index < count; index++) await bench.submit({ webhook: webhook(origin) });
    await bench.drain((task) => task.id);
  };
  const claim = async (max: number, maxPerDestination: number, destinations?: string[]) =>
    bench.store.claimWork({
      kind: "delivery",
      leaseMs: 1_000,
      max,
      maxPerDestination,
      ...(destinations !== undefined && { destinations }),
    });
  const origins = (works: Awaited<ReturnType<typeof claim>>) =>
    works.map(({ item }) => item.destination.split(".")[0]?.slice(8)).join("");

  test("destinations take turns, within a claim and from one to the next", async () => {
    await deliver("a", 30);
    await deliver("b", 2);
    await deliver("c", 2);
    expect(
      origins(await claim(4, 100))
        .split("")
        .sort()
        .join(""),
    ).toBe("aabc");
    bench.advance(1);
    await deliver("d", 1);
    expect(origins(await claim(1, 100))).not.toBe("a");
    const rest = await claim(100, 100);
    expect(rest).toHaveLength(30);
    expect(await bench.store.nextWorkIn("delivery")).toBe(999);
  });

  test("a destination has so many places, free again when one is finished or its lease ends", async () => {
    await deliver("a", 5);
    const [first, second] = await claim(9, 2);
    expect(await claim(9, 2)).toEqual([]);
    expect(await bench.store.nextWorkIn("delivery")).toBe(1_000);
    expect(await bench.store.finishWork(first!.item, { kind: "done" })).toBe(true);
    expect(await bench.store.nextWorkIn("delivery")).toBeLessThanOrEqual(1);
    expect(await claim(9, 2)).toHaveLength(1);
    bench.advance(1_000);
    expect(await claim(9, 2)).toHaveLength(2);
    expect(await claim(9, 4)).toHaveLength(2);
    expect(await bench.store.finishWork(second!.item, { kind: "done" })).toBe(false);
  });

  test("a pause rests the whole destination and no other, and only work past its end is handed out", async () => {
    await deliver("a", 2);
    await deliver("b", 1);
    const [work] = await claim(1, 1, ["https://a.example.org"]);
    await bench.store.finishWork(work!.item, {
      kind: "again",
      delayMs: 5,
      pauseMs: WORK_KINDS.delivery.giveUpMs * 2,
    });
    expect(origins(await claim(9, 9))).toBe("b");
    expect(await claim(9, 9, ["https://a.example.org"])).toEqual([]);
    bench.advance(WORK_KINDS.delivery.giveUpMs);
    expect(await bench.store.nextWorkIn("delivery", [])).toBe(0);
    const overdue = await claim(9, 9, []);
    expect(overdue.map(({ overdue }) => overdue)).toEqual([true, true, true]);
  });

  test("an end does not wait for another try", async () => {
    await deliver("a", 1);
    const [work] = await claim(1, 1);
    await bench.store.finishWork(work!.item, { kind: "again", delayMs: WORK_KINDS.delivery.giveUpMs * 2 });
    expect(await bench.store.nextWorkIn("delivery")).toBe(work!.item.giveUpAt - bench.now());
    bench.advance(WORK_KINDS.delivery.giveUpMs);
    expect(await claim(1, 1)).toMatchObject([{ overdue: true, item: { tries: 1 } }]);
  });

  test("a late report of a job that the task does not go on with gets a cleanup of its own", async () => {
    const task = await bench.submit();
    const old = await bench.claimOne();
    await bench.apply(old, { kind: "release", submitUnknown: false, spent: NOTHING_SPENT });
    const holder = await bench.claimOne();
    const report = {
      taskId: task.id,
      fence: old.lease.fence,
      job: upstreamJobOf(old.task),
      state: "old",
      costMicros: 5,
    };
    await bench.store.reportLate(report);
    await bench.store.reportLate(report);
    expect(await bench.read(task)).toMatchObject({ openCleanups: 1, status: "running" });
    await bench.apply(holder, COMPLETE);
    expect(await bench.store.purge(scopeOf("a"), task.id)).toBe("not_finished");
    const [left] = await bench.cleanups();
    await bench.bill(left!, 50);
    expect(await bench.read(task)).toMatchObject({ costMicros: 400, upstreamMicros: 450, openCleanups: 0 });
    expect(await bench.store.purge(scopeOf("a"), task.id)).toBe("purged");
  });
});

describe("money", () => {
  const balance = (customer: string | null = null) => bench.store.balance("a", customer, "total");

  test("a customer has a balance beside the whole key's", async () => {
    await bench.submit({ customer: "cu" });
    await bench.submit();
    expect(await balance()).toEqual({ reservedMicros: 2 * RESERVED, chargedMicros: 0 });
    expect(await balance("cu")).toEqual({ reservedMicros: RESERVED, chargedMicros: 0 });
    const [hold] = await bench.store.listHolds("a", 1);
    expect(hold).toMatchObject({
      customer: "cu",
      amountMicros: RESERVED,
      windows: ["total", new Date(bench.now()).toISOString().slice(0, 10)],
      expiresAt: null,
    });
    await bench.drain((task) => task.id);
    expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: 800 });
    expect(await balance("cu")).toEqual({ reservedMicros: 0, chargedMicros: 400 });
    expect(await bench.store.listHolds("a", 9)).toEqual([]);
    const page = await bench.store.listMovements("a", { limit: 1, before: null });
    expect(page).toMatchObject({ hasMore: true, movements: [{ customer: null, provider: "local" }] });
    const rest = await bench.store.listMovements("a", { limit: 1, before: page.movements[0]! });
    expect(rest).toMatchObject({
      hasMore: false,
      movements: [{ customer: "cu", chargedMicros: 400, upstreamMicros: 400 }],
    });
  });
});

describe("sessions", () => {
  const draft = (id: string, changes: Partial<SessionDraft> = {}): SessionDraft => ({
    id,
    keyId: "a",
    subject: "",
    customer: "cu",
    provider: "voice",
    model: "voice/one",
    reservedMicros: 500,
    price: null,
    ...changes,
  });
  const LIMITS = { maxPerKey: 2, max: 3 };
  const open = (id: string, changes: Partial<SessionDraft> = {}) =>
    bench.store.openSession(draft(id, changes), LIMITS, 1_000);
  const balance = () => bench.store.balance("a", "cu", "total");

  test("limits hold for a key and for all, and a lost lease frees its place", async () => {
    expect((await open("s1")).outcome).toBe("opened");
    expect((await open("s2")).outcome).toBe("opened");
    expect(await open("s3")).toEqual({ outcome: "too_many", limit: "key", open: 2 });
    expect((await open("s1")).outcome).toBe("opened");
    expect((await open("s4", { keyId: "b" })).outcome).toBe("opened");
    expect(await open("s5", { keyId: "c" })).toEqual({ outcome: "too_many", limit: "all", open: 3 });
    bench.advance(1_000);
    expect((await open("s3")).outcome).toBe("opened");
  });

  test("an end keeps the counters, releases the hold and charges within it, once", async () => {
    await open("s1");
    expect(await balance()).toEqual({ reservedMicros: 500, chargedMicros: 0 });
    expect(await bench.store.renewSession("s1", 1, 2_000, { audioInMs: 5, tokens: 1 })).toBe(true);
    const end = { closeReason: "client", counters: { audioInMs: 9 }, costMicros: 900 };
    expect(await bench.store.endSession("s1", 2, end)).toBe(false);
    expect(await bench.store.endSession("s1", 1, end)).toBe(true);
    expect(await bench.store.endSession("s1", 1, end)).toBe(false);
    expect(await bench.store.renewSession("s1", 1, 2_000, {})).toBe(false);
    expect(await bench.store.getSession(scopeOf("a"), "s1")).toMatchObject({
      counters: { audioInMs: 9, tokens: 1 },
      closeReason: "client",
      chargedMicros: 500,
      settled: true,
      leaseUntil: null,
    });
    expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: 500 });
    const { movements } = await bench.store.listMovements("a", { limit: 9, before: null });
    expect(movements).toMatchObject([
      { id: "session/s1", type: "realtime", provider: "voice", chargedMicros: 500 },
    ]);
  });

  test("a lost one is settled under a new fence, and handed out again when that was not done", async () => {
    await open("s1");
    await open("s2");
    bench.advance(1_000);
    expect(await bench.store.endLostSessions(1)).toHaveLength(1);
    const [lost] = await bench.store.endLostSessions(9);
    expect(lost).toMatchObject({ fence: 2, endedAt: bench.now(), settled: false });
    expect(await bench.store.endLostSessions(9)).toEqual([]);
    expect((await balance()).reservedMicros).toBe(1_000);
    expect(await bench.store.settleSession(lost!.id, 1, 100)).toBe(false);
    expect(await bench.store.settleSession(lost!.id, 2, 100)).toBe(true);
    expect(await bench.store.settleSession(lost!.id, 2, 100)).toBe(false);
    bench.advance(60_000);
    expect(await bench.store.endLostSessions(9)).toMatchObject([{ fence: 3 }]);
    expect(await balance()).toEqual({ reservedMicros: 500, chargedMicros: 100 });
  });

  test("are listed newest first within their scope, and go after their time", async () => {
    for (const id of ["s1", "s2"]) await open(id, { subject: id === "s2" ? "ann" : "" });
    await bench.store.endSession("s1", 1, { closeReason: "x", counters: {}, costMicros: 0 });
    const ids = async (
      query: { open: boolean; limit: number; before: string | null },
      subject: string | null = null,
    ) => (await bench.store.listSessions({ keyId: "a", subject }, query)).sessions.map(({ id }) => id);
    expect(await ids({ open: false, limit: 9, before: null })).toEqual(["s2", "s1"]);
    expect(await ids({ open: true, limit: 9, before: null })).toEqual(["s2"]);
    expect(await ids({ open: false, limit: 9, before: "s2" })).toEqual(["s1"]);
    expect(await ids({ open: false, limit: 9, before: null }, "ann")).toEqual(["s2"]);
    expect(await bench.store.getSession({ keyId: "a", subject: "ann" }, "s1")).toBeNull();
    bench.advance(10_000);
    await bench.store.retire({ tasksMs: 5_000, eventsMs: 5_000, ledgerMs: 5_000 }, 10);
    expect(await ids({ open: false, limit: 9, before: null })).toEqual(["s2"]);
  });
});
