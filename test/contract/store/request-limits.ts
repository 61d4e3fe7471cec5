/** Limits of requests: per minute as a bucket that refills steadily, per day by UTC; only what is accepted counts. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bench, RESERVED, type StoreContract } from "../store-harness.ts";

const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 11, 2, 12);

export function requestLimitContract(contract: StoreContract): void {
  describe("a limit of requests", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
      goTo(NOON);
    });
    afterEach(() => bench.dispose());

    const goTo = (moment: number) => bench.advance(moment - bench.now());
    const limit = (requestsPerMinute: number | null, requestsPerDay: number | null) =>
      bench.store.updateKey("a", { requestsPerMinute, requestsPerDay }, bench.now());
    /** How many of so many requests at once are accepted. */
    const accepted = async (count: number) => {
      const outcomes = await Promise.all(Array.from({ length: count }, () => bench.create()));
      for (const { outcome } of outcomes) expect(["created", "rate_limited"]).toContain(outcome);
      return outcomes.filter(({ outcome }) => outcome === "created").length;
    };

    test("per minute takes so many at once, and then one whenever its share of the minute has passed", async () => {
      expect(await limit(6, null)).toMatchObject({ key: { requestsPerMinute: 6, requestsPerDay: null } });
      expect(await bench.create()).toMatchObject({
        outcome: "created",
        rate: { per: "minute", limit: 6, remaining: 5, resetMs: 10_000 },
      });
      expect(await accepted(9)).toBe(5);
      expect(await bench.create()).toEqual({
        outcome: "rate_limited",
        retryAfterMs: 10_000,
        rate: { per: "minute", limit: 6, remaining: 0, resetMs: 60_000 },
      });
      bench.advance(9_999);
      expect(await bench.create()).toMatchObject({ outcome: "rate_limited", retryAfterMs: 1 });
      bench.advance(1);
      expect(await accepted(3)).toBe(1);
      bench.advance(25_000);
      expect(await accepted(9)).toBe(2);
      bench.advance(60_000);
      expect(await accepted(9)).toBe(6);
    });

    test.each([1, 7, 59, 61, 999])("of %i a minute takes exactly so many at once", async (count) => {
      await limit(count, null);
      const many = await Promise.all(Array.from({ length: Math.min(count, 100) }, () => bench.create()));
      expect(many.every(({ outcome }) => outcome === "created")).toBe(true);
      if (count <= 100) expect((await bench.create()).outcome).toBe("rate_limited");
    });

    test("per day takes so many in a UTC day", async () => {
      await limit(null, 3);
      expect(await bench.create()).toMatchObject({
        rate: { per: "day", limit: 3, remaining: 2, resetMs: DAY_MS / 2 },
      });
      expect(await accepted(4)).toBe(2);
      expect(await bench.create()).toMatchObject({
        outcome: "rate_limited",
        retryAfterMs: DAY_MS / 2,
        rate: { per: "day", remaining: 0 },
      });
      bench.advance(DAY_MS / 2 - 1);
      expect(await accepted(1)).toBe(0);
      bench.advance(1);
      expect(await accepted(4)).toBe(3);
    });

    test("of both kinds answers the one that is nearer to its end, and counts for neither what one refuses", async () => {
      await limit(2, 3);
      expect(await bench.create()).toMatchObject({ rate: { per: "minute", remaining: 1 } });
      expect(await accepted(5)).toBe(1);
      bench.advance(60_000);
      expect(await bench.create()).toMatchObject({ rate: { per: "day", remaining: 0 } });
      expect(await bench.create()).toMatchObject({ outcome: "rate_limited", rate: { per: "day" } });
      expect((await bench.store.keyStanding("a"))?.rates).toEqual([
        { per: "minute", limit: 2, remaining: 1, resetMs: 30_000 },
        { per: "day", limit: 3, remaining: 0, resetMs: DAY_MS / 2 - 60_000 },
      ]);
    });

    test("counts nothing that is replayed or refused for another reason", async () => {
      await limit(3, 3);
      const idempotency = { key: "k", fingerprint: "f", ttlMs: 60_000 };
      await bench.submit({ idempotency });
      for (let again = 0; again < 5; again++)
        expect((await bench.create({ idempotency })).outcome).toBe("replayed");
      expect((await bench.create({ idempotency: { ...idempotency, fingerprint: "g" } })).outcome).toBe(
        "conflict",
      );
      expect((await bench.create({}, 1)).outcome).toBe("queue_full");
      await bench.store.updateKey(
        "a",
        { budgets: [{ limitMicros: RESERVED, period: "total" }] },
        bench.now(),
      );
      expect((await bench.create()).outcome).toBe("budget_exceeded");
      await bench.store.updateKey("a", { budgets: [] }, bench.now());
      expect(await accepted(5)).toBe(2);
    });

    test("is told with what is refused for another reason, as it is without it", async () => {
      await limit(6, 4);
      await bench.submit();
      await bench.store.updateKey(
        "a",
        { budgets: [{ limitMicros: RESERVED, period: "total" }] },
        bench.now(),
      );
      const rate = { per: "day", limit: 4, remaining: 3, resetMs: DAY_MS / 2 };
      expect(await bench.create({}, 1)).toEqual({ outcome: "queue_full", queued: 1, rate });
      expect(await bench.create()).toMatchObject({ outcome: "budget_exceeded", rate });
      await limit(6, null);
      const perMinute = { per: "minute", limit: 6, remaining: 5, resetMs: 10_000 };
      expect(await bench.create()).toMatchObject({ outcome: "budget_exceeded", rate: perMinute });
      await limit(null, null);
      expect(await bench.create()).toMatchObject({ outcome: "budget_exceeded", rate: null });
    });

    test("refuses before the queue and the budgets do", async () => {
      await limit(1, null);
      await bench.store.updateKey(
        "a",
        { budgets: [{ limitMicros: RESERVED, period: "total" }] },
        bench.now(),
      );
      await bench.submit();
      expect((await bench.create({}, 1)).outcome).toBe("rate_limited");
      bench.advance(60_000);
      expect((await bench.create({}, 1)).outcome).toBe("queue_full");
      expect((await bench.create()).outcome).toBe("budget_exceeded");
    });

    test("is its key's alone, counts for its subjects together, and is changed and lifted", async () => {
      await limit(1, 2);
      await bench.submit({ subject: "ann" });
      expect((await bench.create({ subject: "bob" })).outcome).toBe("rate_limited");
      for (let task = 0; task < 3; task++)
        expect(await bench.create({ keyId: "b" })).toMatchObject({ outcome: "created", rate: null });
      await bench.store.updateKey("a", { name: "changed otherwise" }, bench.now());
      expect((await bench.create()).outcome).toBe("rate_limited");
      await limit(null, 2);
      expect(await accepted(5)).toBe(1);
      await limit(null, null);
      expect(await accepted(5)).toBe(5);
      expect((await bench.store.getKey("a"))?.requestsPerDay).toBeNull();
      expect((await bench.store.keyStanding("a"))?.rates).toEqual([]);
    });

    test("outlasts a clock that is set back a little, and begins anew where it is set back by more", async () => {
      await limit(1, null);
      await bench.submit();
      goTo(NOON - 30_000);
      expect(await bench.create()).toMatchObject({
        outcome: "rate_limited",
        retryAfterMs: 90_000,
        rate: { remaining: 0 },
      });
      goTo(NOON - 60_001);
      expect(await accepted(2)).toBe(1);
      goTo(NOON);
      await limit(null, 1);
      await bench.submit();
      goTo(NOON - DAY_MS);
      expect(await bench.create()).toMatchObject({ outcome: "rate_limited", rate: { per: "day" } });
      goTo(NOON - 2 * DAY_MS);
      expect(await accepted(2)).toBe(1);
    });

    test("counts sessions that are opened", async () => {
      await limit(2, null);
      const open = (id: string, keyId = "a") =>
        bench.store.openSession(
          {
            id,
            keyId,
            subject: "",
            customer: null,
            provider: "p",
            model: "m",
            reservedMicros: 0,
            price: null,
          },
          { max: 2, maxPerKey: 1 },
          1_000,
        );
      expect((await open("s1")).outcome).toBe("opened");
      expect((await open("s1")).outcome).toBe("opened");
      // That there is no place for it counts nothing.
      expect((await open("s2")).outcome).toBe("too_many");
      await bench.submit();
      expect(await open("s2")).toMatchObject({ outcome: "rate_limited", rate: { limit: 2 } });
      await bench.store.updateKey("b", { enabled: false }, bench.now());
      expect(await open("s3", "b")).toEqual({ outcome: "key_refused", reason: "disabled" });
      expect(await open("s3", "nobody")).toEqual({ outcome: "key_refused", reason: "unknown" });
    });

    test("goes with its key", async () => {
      await limit(1, 1);
      await bench.submit();
      const key = await bench.store.getKey("a");
      await bench.store.deleteKey("a");
      await bench.store.createKey(key!);
      expect(await accepted(2)).toBe(1);
    });
  });
}
