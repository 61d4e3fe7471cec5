/** Records of deliveries: for whom they are left, what tries make of them, how they are listed, replayed and removed. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DeliveryReport } from "../../../src/tasks/due-work.ts";
import type { ClaimedWork } from "../../../src/tasks/ports/task-store.ts";
import type { Task } from "../../../src/tasks/task.ts";
import { NOTHING_SPENT } from "../../../src/tasks/transition.ts";
import type { Delivery, DeliveryQuery } from "../../../src/webhooks/delivery-store.ts";
import type { WebhookEndpoint } from "../../../src/webhooks/endpoint-store.ts";
import { virtualKey } from "../../fixture/virtual-key.ts";
import { Bench, COMPLETE, LEASE_MS, type StoreContract, scopeOf } from "../store-harness.ts";
import { announced, claimWork, DELIVERY_LIMIT_MS, finish, hook } from "./leftovers.ts";

const RETENTION = { tasksMs: 3_600_000, eventsMs: 3_600_000, ledgerMs: 3_600_000 };
const OWN = "https://own.example/hook";
const SECRETS = [{ secret: "whsec_bmV3", validUntil: null }];

const failed: DeliveryReport = {
  status: "pending",
  attempt: { ms: 70, httpStatus: 503, error: 'answered 503 "é"\nlater' },
};
const arrived: DeliveryReport = { status: "delivered", attempt: { ms: 5, httpStatus: 204, error: null } };
const dead: DeliveryReport = { status: "dead", attempt: { ms: 5, httpStatus: 404, error: "answered 404" } };

export function deliveryRecordContract(contract: StoreContract): void {
  describe("records of deliveries", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const addEndpoint = (id: string, changes: Partial<WebhookEndpoint> = {}) =>
      bench.store.createEndpoint(
        {
          id,
          keyId: "a",
          url: `https://${id}.example:8443/hook?x=é`,
          events: [],
          description: "",
          enabled: true,
          secrets: SECRETS,
          createdAt: 1,
          updatedAt: 1,
          ...changes,
        },
        20,
      );
    const complete = async (changes: Parameters<Bench["submit"]>[0] = {}): Promise<Task> => {
      await bench.submit(changes);
      return bench.apply(await bench.claimOne(), COMPLETE);
    };
    const typesAt = async (task: Task) =>
      (await bench.store.taskDeliveries(task.id)).map(({ type, endpointId }) => [type, endpointId]).reverse();
    const claim = () => claimWork(bench, { kind: "delivery" });
    const claimOf = async (id: string): Promise<ClaimedWork> => {
      const found = (await claim()).find(({ item }) => item.id === id);
      if (found === undefined) throw new Error(`${id} is not due`);
      return found;
    };
    const only = async (task: Task): Promise<Delivery> => {
      const [delivery, ...others] = await bench.store.taskDeliveries(task.id);
      expect(others).toEqual([]);
      return delivery!;
    };
    const idsOf = async (query: Partial<DeliveryQuery> = {}, keyId: string | null = "a") =>
      (await bench.store.listDeliveries(keyId, { limit: 100, ...query })).deliveries.map(({ id }) => id);

    test("a task's end is recorded whole, with the task as it was then", async () => {
      const task = await complete({
        webhook: { url: OWN, headers: { "x-mine": "é" }, events: [] },
        subject: "s",
      });
      const expected: Delivery = {
        id: `${task.id}-${task.seq}`,
        keyId: "a",
        subject: "s",
        taskId: task.id,
        endpointId: null,
        url: OWN,
        headers: { "x-mine": "é" },
        type: "task.completed",
        seq: task.seq,
        at: bench.now(),
        body: {
          task: {
            status: "completed",
            progress: 100,
            message: null,
            attempt: 1,
            costMicros: 400,
            settled: true,
            cancellation: null,
          },
        },
        status: "pending",
        attempts: [],
        nextAttemptAt: bench.now(),
      };
      expect(await only(task)).toEqual(expected);
      expect(await bench.store.openDelivery(expected.id)).toEqual({
        delivery: expected,
        enabled: true,
        secrets: [],
      });
    });

    test("every endpoint of the key that is on hears of it, with its own secrets; others do not", async () => {
      await addEndpoint("one");
      await addEndpoint("two");
      await addEndpoint("off", { enabled: false });
      await addEndpoint("failures", { events: ["task.failed"] });
      await addEndpoint("foreign", { keyId: "b" });
      const task = await complete();
      const id = `${task.id}-${task.seq}`;
      expect((await claim()).map(({ item }) => [item.id, item.destination]).sort()).toEqual([
        [`${id}-one`, "https://one.example:8443"],
        [`${id}-two`, "https://two.example:8443"],
      ]);
      const open = await bench.store.openDelivery(`${id}-two`);
      expect(open).toMatchObject({
        delivery: { endpointId: "two", url: "https://two.example:8443/hook?x=é", headers: {} },
        enabled: true,
        secrets: SECRETS,
      });
    });

    test("an endpoint that was switched off, or deleted, meanwhile is said to be off", async () => {
      await addEndpoint("one");
      await addEndpoint("two");
      const task = await complete();
      await bench.store.updateEndpoint("a", "one", { enabled: false }, 2);
      await bench.store.deleteEndpoint("a", "two");
      for (const endpoint of ["one", "two"])
        expect(await bench.store.openDelivery(`${task.id}-${task.seq}-${endpoint}`)).toMatchObject({
          enabled: false,
        });
    });

    test("who asks for starts and progress hears of each start and of ten steps of progress at most", async () => {
      await addEndpoint("all", { events: ["task.started", "task.progress", "task.completed"] });
      await bench.submit({ webhook: { url: OWN, headers: {}, events: ["task.started"] } });
      const held = await bench.claimOne();
      for (const percent of [1, 9, 10, 11, 19, 35, 35, 99])
        await bench.apply(held, { kind: "progress", percent, message: `at ${percent}` });
      const task = await bench.apply(held, COMPLETE);
      expect(await typesAt(task)).toEqual([
        ["task.started", null],
        ["task.started", "all"],
        ["task.progress", "all"],
        ["task.progress", "all"],
        ["task.progress", "all"],
        ["task.completed", "all"],
      ]);
      const told = (await bench.store.taskDeliveries(task.id)).reverse();
      expect(told[0]?.body).toEqual({
        task: { status: "running", progress: 0, message: null, attempt: 1 },
      });
      expect(told[3]?.body).toEqual({
        task: { status: "running", progress: 35, message: "at 35", attempt: 1 },
      });
    });

    test("a second attempt is another start", async () => {
      await bench.submit({ webhook: { url: OWN, headers: {}, events: ["task.started"] } });
      const error = { code: "provider_error", message: "x" } as const;
      await bench.apply(await bench.claimOne(), { kind: "retry", delayMs: 0, error, spent: NOTHING_SPENT });
      const again = await bench.claimOne();
      expect(await typesAt(again.task)).toEqual([
        ["task.started", null],
        ["task.started", null],
      ]);
    });

    test("a cancelled task's delivery says what was known of its cost then, whatever is billed later", async () => {
      await bench.submit(hook(OWN));
      const held = await bench.claimOne();
      await bench.apply(held, { kind: "save", state: "job", spent: NOTHING_SPENT });
      await bench.store.cancel(scopeOf("a"), held.task.id);
      const before = await only(held.task);
      const [cleanup] = await claimWork(bench);
      await bench.bill(cleanup!, 300);
      expect(await only(held.task)).toEqual(before);
      expect(before.body).toMatchObject({
        task: { settled: false, costMicros: 0, cancellation: "requested" },
      });
    });

    test("a budget that reaches a threshold is told to the endpoints that ask for it, once", async () => {
      const budgets = [{ period: "total", limitMicros: 800 }] as const;
      await bench.store.createKey(virtualKey({ id: "spender", budgets: [...budgets] }));
      await addEndpoint("spending", { keyId: "spender", events: ["spend.threshold_reached"] });
      await addEndpoint("ends", { keyId: "spender" });
      const own = { keyId: "spender", reservedMicros: 400 };
      for (let times = 0; times < 2; times++) await complete({ ...own, customer: 'é "1"' });
      const { deliveries } = await bench.store.listDeliveries("spender", {
        limit: 10,
        endpointId: "spending",
      });
      const told = deliveries.map(({ taskId, type, body }) => ({ taskId, type, body }));
      const data = { keyId: "spender", customer: null, period: "total", window: "total", limit: 0.0008 };
      const message = (percent: number, charged: number) => ({
        taskId: null,
        type: "spend.threshold_reached",
        body: { data: { ...data, percent, charged } },
      });
      const byPercent = (a: (typeof told)[number], b: (typeof told)[number]) =>
        JSON.stringify(a.body) < JSON.stringify(b.body) ? -1 : 1;
      const expected = [50, 80, 90, 100].map((percent) => message(percent, percent === 50 ? 0.0004 : 0.0008));
      expect(told.toSorted(byPercent)).toEqual(expected.toSorted(byPercent));
      for (const { id } of deliveries) expect(id).toMatch(/^[\w-]{1,100}$/);
      const work = (await claim()).filter(({ item }) => item.destination === "https://spending.example:8443");
      expect(work.map(({ item, task }) => [item.taskId, task])).toEqual(deliveries.map(() => ["", null]));
      for (const one of work) await finish(bench, one, { kind: "done", delivery: arrived });
    });

    test("a try is recorded in the step that puts the work off, or ends it", async () => {
      const task = await announced(bench, OWN);
      const { id } = await only(task);
      bench.advance(1_000);
      const first = await claimOf(id);
      expect(await finish(bench, first, { kind: "again", delayMs: 5_000, delivery: failed })).toBe(true);
      const firstTry = { at: bench.now() - 70, ...failed.attempt };
      expect(await only(task)).toMatchObject({
        status: "pending",
        attempts: [firstTry],
        nextAttemptAt: bench.now() + 5_000,
      });
      // Who was overtaken writes nothing.
      expect(await finish(bench, first, { kind: "done", delivery: dead })).toBe(false);
      bench.advance(5_000);
      await finish(bench, await claimOf(id), { kind: "done", delivery: arrived });
      expect(await only(task)).toMatchObject({
        status: "delivered",
        attempts: [firstTry, { at: bench.now() - 5, ...arrived.attempt }],
        nextAttemptAt: null,
      });
      expect(await bench.store.nextWorkIn("delivery")).toBeNull();
    });

    test("the last sixteen tries are kept", async () => {
      const task = await announced(bench, OWN);
      const { id } = await only(task);
      for (let ms = 1; ms <= 18; ms++) {
        const report: DeliveryReport = {
          status: "pending",
          attempt: { ms, httpStatus: null, error: "gone" },
        };
        await finish(bench, await claimOf(id), { kind: "again", delayMs: 0, delivery: report });
      }
      expect((await only(task)).attempts.map(({ ms }) => ms)).toEqual(
        Array.from({ length: 16 }, (_, index) => index + 3),
      );
    });

    test("what is put off beyond its end is said to come at its end", async () => {
      const task = await announced(bench, OWN);
      const endsAt = bench.now() + DELIVERY_LIMIT_MS;
      const work = await claimOf((await only(task)).id);
      await finish(bench, work, { kind: "again", delayMs: DELIVERY_LIMIT_MS * 2, delivery: failed });
      expect((await only(task)).nextAttemptAt).toBe(endsAt);
    });

    test("one without a try ends as what it is said to be", async () => {
      const task = await announced(bench, OWN);
      const work = await claimOf((await only(task)).id);
      await finish(bench, work, { kind: "done", delivery: { status: "dead", attempt: null } });
      expect(await only(task)).toMatchObject({ status: "dead", attempts: [] });
    });

    test("a receiver that is gone for good has its endpoint switched off in the same step", async () => {
      await addEndpoint("one");
      const task = await complete();
      const work = await claimOf((await only(task)).id);
      await finish(bench, work, { kind: "done", delivery: { ...dead, disable: true } });
      expect(await bench.store.getEndpoint("a", "one")).toMatchObject({
        enabled: false,
        updatedAt: bench.now(),
      });
      const next = await complete();
      expect(await bench.store.taskDeliveries(next.id)).toEqual([]);
    });

    describe("lists", () => {
      const announce = async (count: number, changes: Parameters<Bench["submit"]>[0] = {}) => {
        const ids: string[] = [];
        for (let index = 0; index < count; index++) {
          const task = await bench.submit({ ...hook(OWN), ...changes });
          await bench.store.cancel(scopeOf(task.tenant.keyId), task.id);
          ids.unshift(`${task.id}-${task.seq + 1}`);
          bench.advance(1);
        }
        return ids;
      };

      test("are newest first, in pages that neither repeat nor leave out", async () => {
        const all = await announce(5);
        const seen: string[] = [];
        for (let after: string | undefined; ; after = seen.at(-1)) {
          const page = await bench.store.listDeliveries("a", { limit: 2, after });
          seen.push(...page.deliveries.map(({ id }) => id));
          if (!page.hasMore) break;
        }
        expect(seen).toEqual(all);
      });

      test("go on behind one whose status has changed, and begin anew behind one that is gone", async () => {
        const all = await announce(4);
        await finish(bench, await claimOf(all[1]!), { kind: "done", delivery: arrived });
        expect(await idsOf({ after: all[1]! })).toEqual(all.slice(2));
        expect(await idsOf({ after: "nobody-1" })).toEqual(all);
      });

      test("hold many of one moment, each once", async () => {
        const tasks = await Promise.all(Array.from({ length: 7 }, () => bench.submit(hook(OWN))));
        await Promise.all(tasks.map(({ id }) => bench.store.cancel(scopeOf("a"), id)));
        const seen: string[] = [];
        for (let after: string | undefined; ; after = seen.at(-1)) {
          const page = await bench.store.listDeliveries("a", { limit: 3, after });
          seen.push(...page.deliveries.map(({ id }) => id));
          if (!page.hasMore) break;
        }
        expect(seen.toSorted()).toEqual(tasks.map(({ id }) => `${id}-2`).toSorted());
      });

      test("are of a status, of an endpoint, of both", async () => {
        await addEndpoint("one");
        const [newest, oldest] = await announce(2);
        await finish(bench, await claimOf(`${oldest}-one`), { kind: "done", delivery: dead });
        expect(await idsOf({ endpointId: "one" })).toEqual([`${newest}-one`, `${oldest}-one`]);
        expect(await idsOf({ endpointId: "one", status: "dead" })).toEqual([`${oldest}-one`]);
        expect(await idsOf({ status: "dead" })).toEqual([`${oldest}-one`]);
        expect(await idsOf({ status: "delivered" })).toEqual([]);
        expect((await idsOf({ status: "pending" })).toSorted()).toEqual(
          [newest!, oldest!, `${newest}-one`].toSorted(),
        );
      });

      test("of a key hold nothing of another's; the whole store's hold all", async () => {
        const mine = await announce(1);
        const others = await announce(1, { keyId: "b" });
        expect(await idsOf()).toEqual(mine);
        expect(await idsOf({}, "b")).toEqual(others);
        expect(await idsOf({}, "c")).toEqual([]);
        expect(await idsOf({}, null)).toEqual([...others, ...mine]);
      });

      test("are counted: what is pending and what is dead", async () => {
        const [newest] = await announce(3);
        expect(await bench.store.countDeliveries()).toEqual({ pending: 3, dead: 0 });
        await finish(bench, await claimOf(newest!), { kind: "done", delivery: dead });
        expect(await bench.store.countDeliveries()).toEqual({ pending: 2, dead: 1 });
      });
    });

    describe("a replay", () => {
      test.each([dead, arrived])(
        "makes one that is $status due again, as long as a new one",
        async (report) => {
          const task = await announced(bench, OWN);
          const { id } = await only(task);
          await finish(bench, await claimOf(id), { kind: "done", delivery: report });
          bench.advance(60_000);
          const replayed = await bench.store.replayDelivery("a", id);
          expect(replayed).toMatchObject({ id, status: "pending", nextAttemptAt: bench.now() });
          expect(await only(task)).toEqual(replayed);
          expect(replayed?.attempts).toHaveLength(1);
          const work = await claimOf(id);
          expect(work.item).toMatchObject({
            taskId: task.id,
            giveUpAt: bench.now() + DELIVERY_LIMIT_MS,
            tries: 0,
          });
          expect(work.task?.id).toBe(task.id);
        },
      );

      test("brings one that waits for its next try forward", async () => {
        const task = await announced(bench, OWN);
        const { id } = await only(task);
        await finish(bench, await claimOf(id), { kind: "again", delayMs: 60_000, delivery: failed });
        await bench.store.replayDelivery("a", id);
        expect((await claim()).map(({ item }) => item.id)).toEqual([id]);
      });

      test("leaves alone what is being sent", async () => {
        const task = await announced(bench, OWN);
        const { id } = await only(task);
        const work = await claimOf(id);
        expect(await bench.store.replayDelivery("a", id)).toMatchObject({ id, status: "pending" });
        expect(await claim()).toEqual([]);
        expect(await finish(bench, work, { kind: "done", delivery: arrived })).toBe(true);
      });

      test("goes to the address that the endpoint has now", async () => {
        await addEndpoint("one");
        const task = await complete();
        const { id } = await only(task);
        await finish(bench, await claimOf(id), { kind: "done", delivery: dead });
        await bench.store.updateEndpoint("a", "one", { url: "https://moved.example/hook" }, 9);
        expect(await bench.store.replayDelivery("a", id)).toMatchObject({
          url: "https://moved.example/hook",
        });
        expect((await claimOf(id)).item.destination).toBe("https://moved.example");
      });

      test("is no other key's to make", async () => {
        const task = await announced(bench, OWN);
        const { id } = await only(task);
        expect(await bench.store.replayDelivery("b", id)).toBeNull();
        expect(await bench.store.replayDelivery("a", "nobody-1")).toBeNull();
        expect(await bench.store.replayDelivery(null, id)).toMatchObject({ id });
      });
    });

    test("old deliveries are removed with what is still to be sent of them, while their task is kept", async () => {
      await addEndpoint("all", { events: ["task.started"] });
      await bench.submit({ timeoutMs: RETENTION.tasksMs * 3 });
      const held = await bench.claimOne({ leaseMs: RETENTION.tasksMs * 3 });
      expect(await typesAt(held.task)).toEqual([["task.started", "all"]]);
      bench.advance(RETENTION.tasksMs);
      await bench.store.retire(RETENTION, 10);
      expect(await bench.store.taskDeliveries(held.task.id)).toEqual([]);
      expect(await idsOf({}, null)).toEqual([]);
      bench.advance(LEASE_MS);
      expect(await claim()).toEqual([]);
      expect(await bench.read(held.task)).toMatchObject({ status: "running" });
    });

    test("the retention removes a bounded number and says that there is more", async () => {
      await addEndpoint("all", { events: ["task.started"] });
      for (let index = 0; index < 3; index++) await bench.submit({ timeoutMs: RETENTION.tasksMs * 3 });
      await bench.claim(3, { leaseMs: RETENTION.tasksMs * 3 });
      bench.advance(RETENTION.tasksMs);
      expect(await bench.store.retire(RETENTION, 2)).toMatchObject({ removedTaskIds: [], more: true });
      expect(await idsOf({}, null)).toHaveLength(1);
      expect(await bench.store.retire(RETENTION, 2)).toMatchObject({ more: false });
      expect(await idsOf({}, null)).toEqual([]);
    });

    describe("the secrets of a key", () => {
      const one = { secret: "whsec_b25l", validUntil: null };
      const two = { secret: "whsec_dHdv", validUntil: null };

      test("are made once, and replaced by who knows the current one", async () => {
        expect(await bench.store.signingSecrets("a")).toEqual([]);
        expect(await bench.store.setSigningSecrets("a", [one], null)).toBe(true);
        expect(await bench.store.setSigningSecrets("a", [two], null)).toBe(false);
        const rotated = [two, { ...one, validUntil: 99 }];
        expect(await bench.store.setSigningSecrets("a", rotated, two.secret)).toBe(false);
        expect(await bench.store.setSigningSecrets("a", rotated, one.secret)).toBe(true);
        expect(await bench.store.signingSecrets("a")).toEqual(rotated);
        expect(await bench.store.signingSecrets("b")).toEqual([]);
      });

      test("come with what they sign", async () => {
        await bench.store.setSigningSecrets("a", [one], null);
        const { id } = await only(await announced(bench, OWN));
        expect(await bench.store.openDelivery(id)).toMatchObject({ secrets: [one] });
        expect(await bench.store.openDelivery("nobody-1")).toBeNull();
      });

      test("go with the key", async () => {
        await bench.store.createKey(virtualKey({ id: "gone" }));
        await bench.store.setSigningSecrets("gone", [one], null);
        await bench.store.deleteKey("gone");
        expect(await bench.store.signingSecrets("gone")).toEqual([]);
      });
    });
  });
}
