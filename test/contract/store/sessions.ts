/** Realtime sessions: open under a lease within limits, settled once, and never left holding money or a place. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type OpenSessionOutcome,
  SETTLE_LOST_SESSION_MS,
  type Session,
  type SessionDraft,
  type SessionLimits,
} from "../../../src/realtime/session-store.ts";
import { Bench, LEASE_MS, RESERVED, type StoreContract, scopeOf } from "../store-harness.ts";

const ROOMY: SessionLimits = { maxPerKey: 100, max: 100 };

export function sessionContract(contract: StoreContract): void {
  describe("sessions", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const draft = (changes: Partial<SessionDraft> = {}): SessionDraft => ({
      id: bench.draft().id,
      keyId: "a",
      subject: "",
      customer: null,
      provider: "openai",
      model: "gpt-realtime",
      reservedMicros: RESERVED,
      price: null,
      ...changes,
    });
    const tryOpen = (
      changes: Partial<SessionDraft> = {},
      limits: Partial<SessionLimits> = {},
    ): Promise<OpenSessionOutcome> =>
      bench.store.openSession(draft(changes), { ...ROOMY, ...limits }, LEASE_MS);
    const open = async (changes: Partial<SessionDraft> = {}): Promise<Session> => {
      const opened = await tryOpen(changes);
      if (opened.outcome !== "opened") throw new Error(`Not opened but ${opened.outcome}`);
      return opened.session;
    };
    const read = async ({ keyId, id }: Pick<Session, "keyId" | "id">) => {
      const session = await bench.store.getSession(scopeOf(keyId), id);
      if (session === null) throw new Error(`Session ${id} is gone`);
      return session;
    };
    const renew = ({ id, fence }: Session, counters: Record<string, number> = {}) =>
      bench.store.renewSession(id, fence, LEASE_MS, counters);
    const end = ({ id, fence }: Session, costMicros = 300, closeReason = "client closed") =>
      bench.store.endSession(id, fence, {
        closeReason,
        counters: { audioInMs: 5, tokensOut: 9 },
        costMicros,
      });
    const balance = (keyId = "a", customer: string | null = null) =>
      bench.store.balance(keyId, customer, "total");
    const movements = async (keyId = "a") =>
      (await bench.store.listMovements(keyId, { limit: 100, before: null })).movements;
    /** Open, and its holder is gone. */
    const lost = async (changes: Partial<SessionDraft> = {}): Promise<Session> => {
      const session = await open(changes);
      await renew(session, { audioInMs: 700 });
      bench.advance(LEASE_MS);
      const [ended] = await bench.store.endLostSessions(10);
      if (ended?.id !== session.id) throw new Error("The session was not found to be lost");
      return ended;
    };

    describe("holding back more", () => {
      const raise = ({ id, fence }: Session, reservedMicros: number) =>
        bench.store.raiseHold(id, fence, reservedMicros);

      test("adds to what is held, and the session is charged within it", async () => {
        const session = await open();
        expect(await raise(session, RESERVED + 500)).toEqual({
          outcome: "raised",
          reservedMicros: RESERVED + 500,
        });
        expect(await balance()).toEqual({ reservedMicros: RESERVED + 500, chargedMicros: 0 });
        await end(session, RESERVED + 200);
        expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: RESERVED + 200 });
      });

      test("does the same when it is sent again, and never lowers", async () => {
        const session = await open();
        await raise(session, RESERVED + 500);
        expect(await raise(session, RESERVED + 500)).toMatchObject({ reservedMicros: RESERVED + 500 });
        expect(await raise(session, 1)).toMatchObject({ outcome: "raised", reservedMicros: RESERVED + 500 });
        expect(await balance()).toMatchObject({ reservedMicros: RESERVED + 500 });
      });

      test("holds for a session that began without a hold", async () => {
        const session = await open({ reservedMicros: 0 });
        await raise(session, 70);
        expect(await balance()).toMatchObject({ reservedMicros: 70 });
        await end(session, 40);
        expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: 40 });
      });

      test("is refused beyond the key's budget, and what was held stays", async () => {
        await bench.store.updateKey(
          "a",
          { budgets: [{ limitMicros: RESERVED + 100, period: "daily" }] },
          bench.now(),
        );
        const session = await open();
        expect(await raise(session, RESERVED + 101)).toMatchObject({
          outcome: "budget_exceeded",
          period: "daily",
          reservedMicros: RESERVED,
          rate: null,
        });
        expect(await raise(session, RESERVED + 100)).toMatchObject({ outcome: "raised" });
        expect(await balance()).toMatchObject({ reservedMicros: RESERVED + 100 });
      });

      test("is refused once the session has ended, or is another's", async () => {
        const session = await open();
        expect(await raise({ ...session, fence: session.fence + 1 }, 9_999)).toEqual({ outcome: "ended" });
        await end(session);
        expect(await raise(session, 9_999)).toEqual({ outcome: "ended" });
        expect(await balance()).toMatchObject({ reservedMicros: 0 });
      });
    });

    describe("looking over all keys", () => {
      test("names the open sessions of every key, and finds each by its id", async () => {
        const [one, other, over] = [await open(), await open({ keyId: "b" }), await open()];
        await end(over);
        const ids = (await bench.store.listOpenSessions(10)).map(({ id }) => id);
        expect(ids.toSorted()).toEqual([one.id, other.id].toSorted());
        expect(await bench.store.listOpenSessions(1)).toHaveLength(1);
        expect(await bench.store.findSession(other.id)).toMatchObject({ keyId: "b" });
        expect(await bench.store.findSession(bench.draft().id)).toBeNull();
      });

      test("keeps the price a session was opened at", async () => {
        const price = { kind: "session", minuteMicros: 7 };
        const { id } = await open({ price });
        expect(await bench.store.findSession(id)).toMatchObject({ price });
      });
    });

    describe("opening", () => {
      test("answers the session under its lease, with its money held", async () => {
        const made = draft({ subject: "ann", customer: "cust é" });
        expect(await bench.store.openSession(made, ROOMY, LEASE_MS)).toEqual({
          outcome: "opened",
          session: {
            ...made,
            account: null,
            startedAt: bench.now(),
            leaseUntil: bench.now() + LEASE_MS,
            fence: expect.any(Number),
            counters: {},
            callId: null,
            endedAt: null,
            closeReason: null,
            chargedMicros: 0,
            settled: false,
          },
        });
        expect(await bench.store.listHolds("a", 10)).toMatchObject([
          {
            source: "session",
            sourceId: made.id,
            keyId: "a",
            subject: "ann",
            customer: "cust é",
            amountMicros: RESERVED,
            windows: ["total", new Date(bench.now()).toISOString().slice(0, 10)],
            createdAt: bench.now(),
          },
        ]);
        expect(await balance()).toEqual({ reservedMicros: RESERVED, chargedMicros: 0 });
        expect(await balance("a", "cust é")).toEqual({ reservedMicros: RESERVED, chargedMicros: 0 });
      });

      test("stops at the key's limit, which is no other key's, and holds nothing then", async () => {
        await open();
        await open();
        expect(await tryOpen({}, { maxPerKey: 2 })).toEqual({ outcome: "too_many", limit: "key", open: 2 });
        expect((await tryOpen({ keyId: "b" }, { maxPerKey: 2 })).outcome).toBe("opened");
        expect(await balance()).toEqual({ reservedMicros: RESERVED * 2, chargedMicros: 0 });
      });

      test("counts a key's subjects together", async () => {
        await open({ subject: "ann" });
        expect(await tryOpen({ subject: "bob" }, { maxPerKey: 1 })).toMatchObject({
          outcome: "too_many",
          limit: "key",
        });
      });

      test("stops at the limit of all keys together", async () => {
        await open({ keyId: "a" });
        await open({ keyId: "b" });
        expect(await tryOpen({ keyId: "c" }, { max: 2 })).toEqual({
          outcome: "too_many",
          limit: "all",
          open: 2,
        });
        expect((await tryOpen({ keyId: "c" }, { max: 3 })).outcome).toBe("opened");
      });

      test("at once never exceeds either limit", async () => {
        const limits = { maxPerKey: 3, max: 5 };
        const outcomes = await Promise.all(
          Array.from({ length: 18 }, (_, index) => tryOpen({ keyId: "abc"[index % 3]! }, limits)),
        );
        expect(outcomes.filter(({ outcome }) => outcome === "opened")).toHaveLength(5);
        const perKey = await Promise.all(
          ["a", "b", "c"].map(async (keyId) => {
            const query = { open: true, limit: 100, before: null };
            return (await bench.store.listSessions(scopeOf(keyId), query)).sessions.length;
          }),
        );
        expect(Math.max(...perKey)).toBeLessThanOrEqual(3);
        const reserved = await Promise.all(["a", "b", "c"].map((keyId) => balance(keyId)));
        expect(reserved.reduce((total, { reservedMicros }) => total + reservedMicros, 0)).toBe(RESERVED * 5);
      });

      test("with the same id again answers the session as it is, and counts once", async () => {
        const made = draft();
        const limits = { maxPerKey: 1, max: 1 };
        const first = await bench.store.openSession(made, limits, LEASE_MS);
        if (first.outcome !== "opened") throw new Error("Not opened");
        await renew(first.session, { audioInMs: 5 });
        const again = await bench.store.openSession(made, limits, LEASE_MS * 3);
        expect(again).toEqual({ outcome: "opened", session: await read(made) });
        expect(again).toMatchObject({ session: { fence: first.session.fence, counters: { audioInMs: 5 } } });
        expect(await balance()).toEqual({ reservedMicros: RESERVED, chargedMicros: 0 });
        await end(first.session);
        expect(await bench.store.openSession(made, limits, LEASE_MS)).toEqual({
          outcome: "opened",
          session: await read(made),
        });
        expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: 300 });
        expect((await tryOpen({}, limits)).outcome).toBe("opened");
      });

      test("without a price holds nothing and leaves nothing", async () => {
        const session = await open({ reservedMicros: 0 });
        expect(await bench.store.listHolds("a", 10)).toEqual([]);
        expect(await end(session, 0)).toBe(true);
        expect(await read(session)).toMatchObject({ settled: true, chargedMicros: 0 });
        expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: 0 });
        expect(await movements()).toEqual([]);
      });
    });

    describe("a renewal", () => {
      test("prolongs the lease from now and keeps the counters as they were given", async () => {
        const session = await open();
        bench.advance(3_000);
        expect(await renew(session, { audioInMs: 1_500, "größe.x": 2.5 })).toBe(true);
        expect(await read(session)).toMatchObject({ leaseUntil: bench.now() + LEASE_MS, endedAt: null });
        expect((await read(session)).counters).toEqual({ audioInMs: 1_500, "größe.x": 2.5 });
        await renew(session, { audioInMs: 2_000, "größe.x": 2.5, tokensOut: 7 });
        expect((await read(session)).counters).toEqual({ audioInMs: 2_000, "größe.x": 2.5, tokensOut: 7 });
      });

      test("leaves counters alone that are not given", async () => {
        const session = await open();
        await renew(session, { audioInMs: 1_500, tokensOut: 7 });
        await renew(session, { tokensOut: 8 });
        expect((await read(session)).counters).toEqual({ audioInMs: 1_500, tokensOut: 8 });
      });

      test("under another fence, of an ended or of an unknown session is refused and writes nothing", async () => {
        const session = await open();
        await renew(session, { audioInMs: 1 });
        const before = await read(session);
        for (const fence of [session.fence - 1, session.fence + 1])
          expect(await renew({ ...session, fence }, { audioInMs: 99 })).toBe(false);
        expect(await renew({ ...session, id: bench.draft().id }, { audioInMs: 99 })).toBe(false);
        expect(await read(session)).toEqual(before);
        await end(session);
        const ended = await read(session);
        expect(await renew(session, { audioInMs: 99 })).toBe(false);
        expect(await read(session)).toEqual(ended);
      });

      test("after the lease ran out keeps the session while nobody found it lost", async () => {
        const session = await open();
        bench.advance(LEASE_MS * 2);
        expect(await renew(session)).toBe(true);
        expect(await bench.store.endLostSessions(10)).toEqual([]);
        expect(await read(session)).toMatchObject({ endedAt: null });
      });
    });

    describe("the call of a session", () => {
      const keep = ({ id, fence }: Session, callId: string) => bench.store.keepCall(id, fence, callId);

      test("is kept by the provider's id, and told of until the session is settled", async () => {
        const session = await open();
        expect(session.callId).toBeNull();
        expect(await keep(session, "rtc_u1")).toBe(true);
        expect(await keep(session, "rtc_u1")).toBe(true);
        expect(await read(session)).toEqual({ ...session, callId: "rtc_u1" });
        bench.advance(LEASE_MS);
        expect(await bench.store.endLostSessions(10)).toMatchObject([{ id: session.id, callId: "rtc_u1" }]);
      });

      test("is not kept for a session that is another's or has ended", async () => {
        const session = await open();
        expect(await keep({ ...session, fence: session.fence + 1 }, "rtc_u1")).toBe(false);
        expect(await keep({ ...session, id: bench.draft().id }, "rtc_u1")).toBe(false);
        await end(session);
        expect(await keep(session, "rtc_u1")).toBe(false);
        expect((await read(session)).callId).toBeNull();
      });
    });

    describe("a cost that is known later", () => {
      const endLater = ({ id, fence }: Session) =>
        bench.store.endSession(id, fence, {
          closeReason: "gone",
          counters: { audioInMs: 5 },
          costMicros: null,
        });

      test("leaves the session ended, out of its place and with its hold, until it is told", async () => {
        const session = await open();
        expect(await endLater(session)).toBe(true);
        expect(await endLater(session)).toBe(false);
        expect(await read(session)).toMatchObject({ closeReason: "gone", settled: false, leaseUntil: null });
        expect(await tryOpen({}, { maxPerKey: 1 })).toMatchObject({ outcome: "opened" });
        expect(await balance()).toMatchObject({ reservedMicros: 2 * RESERVED, chargedMicros: 0 });
        expect(await bench.store.settleSession(session.id, session.fence, 70, { billedMs: 9 })).toBe(true);
        expect(await read(session)).toMatchObject({
          settled: true,
          chargedMicros: 70,
          counters: { audioInMs: 5, billedMs: 9 },
        });
        expect(await balance()).toEqual({ reservedMicros: RESERVED, chargedMicros: 70 });
        expect(await bench.store.settleSession(session.id, session.fence, 80)).toBe(false);
      });

      test("is settled by another when nobody tells it in time", async () => {
        const session = await open();
        await endLater(session);
        bench.advance(SETTLE_LOST_SESSION_MS - 1);
        expect(await bench.store.endLostSessions(10)).toEqual([]);
        bench.advance(1);
        const [found] = await bench.store.endLostSessions(10);
        expect(found).toMatchObject({ id: session.id, closeReason: "gone", fence: session.fence + 1 });
        expect(await bench.store.settleSession(session.id, session.fence, 70)).toBe(false);
        expect(await bench.store.settleSession(session.id, session.fence + 1, 70)).toBe(true);
      });
    });

    describe("going to another provider", () => {
      const price = { kind: "session", minuteMicros: 7 };
      const move = ({ id, fence }: Session, account: string | null = "eu") =>
        bench.store.moveSession(id, fence, { provider: "xai", account, price });

      test("changes what the record says and who the money went to, and sent again does the same", async () => {
        const session = await open({ account: "us", customer: "cust é", price: { kind: "other" } });
        expect(session).toMatchObject({ provider: "openai", account: "us" });
        expect(await move(session)).toBe(true);
        expect(await move(session)).toBe(true);
        const moved = { ...session, provider: "xai", account: "eu", price };
        expect(await read(session)).toEqual(moved);
        await end(session);
        expect(await movements()).toMatchObject([
          { provider: "xai", model: "gpt-realtime", customer: "cust é", chargedMicros: 300 },
        ]);
      });

      test("to one without named accounts, and to a free model", async () => {
        const session = await open({ account: "us", price });
        const to = { provider: "local", account: null, price: null };
        expect(await bench.store.moveSession(session.id, session.fence, to)).toBe(true);
        expect(await read(session)).toEqual({ ...session, ...to });
      });

      test("is not done for a session that is another's or has ended", async () => {
        const session = await open();
        expect(await move({ ...session, fence: session.fence + 1 })).toBe(false);
        expect(await move({ ...session, id: bench.draft().id })).toBe(false);
        await end(session);
        expect(await move(session)).toBe(false);
        expect(await read(session)).toMatchObject({ provider: "openai", account: null });
      });
    });

    describe("the end", () => {
      test("settles: the hold is given back, what it cost is moved, its place is free", async () => {
        const session = await open({ subject: "ann", customer: "cust" });
        await renew(session, { audioInMs: 5 });
        bench.advance(1_000);
        expect(await end(session)).toBe(true);
        expect(await read(session)).toEqual({
          ...session,
          leaseUntil: null,
          fence: expect.any(Number),
          counters: { audioInMs: 5, tokensOut: 9 },
          endedAt: bench.now(),
          closeReason: "client closed",
          chargedMicros: 300,
          settled: true,
        });
        expect(await bench.store.listHolds("a", 10)).toEqual([]);
        expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: 300 });
        expect(await balance("a", "cust")).toEqual({ reservedMicros: 0, chargedMicros: 300 });
        expect(await movements()).toMatchObject([
          {
            id: `session/${session.id}`,
            source: "session",
            sourceId: session.id,
            keyId: "a",
            subject: "ann",
            customer: "cust",
            type: "realtime",
            model: "gpt-realtime",
            provider: "openai",
            chargedMicros: 300,
            windows: ["total", new Date(bench.now()).toISOString().slice(0, 10)],
            at: bench.now(),
          },
        ]);
        expect((await tryOpen({}, { maxPerKey: 1, max: 1 })).outcome).toBe("opened");
      });

      test("charges no more than was held", async () => {
        const session = await open();
        await end(session, RESERVED * 9);
        expect(await read(session)).toMatchObject({ chargedMicros: RESERVED, settled: true });
        expect(await movements()).toMatchObject([
          { chargedMicros: RESERVED, upstreamMicros: RESERVED * 9, overrunMicros: RESERVED * 8 },
        ]);
        expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: RESERVED });
      });

      test("happens once, and only by whoever holds the session", async () => {
        const session = await open();
        expect(await end({ ...session, fence: session.fence + 1 })).toBe(false);
        expect(await end({ ...session, id: bench.draft().id })).toBe(false);
        expect((await read(session)).endedAt).toBeNull();
        const ended = await Promise.all([end(session, 100), end(session, 200), end(session, 300)]);
        expect(ended.filter(Boolean)).toHaveLength(1);
        const { chargedMicros } = await read(session);
        expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros });
        expect(await movements()).toHaveLength(1);
      });
    });

    describe("a session whose lease ran out", () => {
      test("is ended once, unsettled, under a fence of its own, and its place is free", async () => {
        const session = await open();
        await renew(session, { audioInMs: 700 });
        bench.advance(LEASE_MS - 1);
        expect(await bench.store.endLostSessions(10)).toEqual([]);
        bench.advance(1);
        const [ended, ...none] = await bench.store.endLostSessions(10);
        expect(none).toEqual([]);
        expect(ended).toMatchObject({
          id: session.id,
          endedAt: bench.now(),
          leaseUntil: null,
          counters: { audioInMs: 700 },
          chargedMicros: 0,
          settled: false,
        });
        expect(ended!.fence).toBeGreaterThan(session.fence);
        expect(await read(session)).toEqual(ended);
        expect((await tryOpen({}, { maxPerKey: 1, max: 1 })).outcome).toBe("opened");
      });

      test("is no longer its holder's: neither a renewal nor an end is accepted", async () => {
        const session = await open();
        bench.advance(LEASE_MS);
        await bench.store.endLostSessions(10);
        const ended = await read(session);
        expect(await renew(session, { audioInMs: 99 })).toBe(false);
        expect(await end(session)).toBe(false);
        expect(await read(session)).toEqual(ended);
      });

      test("keeps its money held until it is settled, once, within the reservation", async () => {
        const session = await lost({ customer: "cust" });
        expect(await balance()).toEqual({ reservedMicros: RESERVED, chargedMicros: 0 });
        bench.advance(5_000);
        const settle = (chargedMicros: number, fence = session.fence) =>
          bench.store.settleSession(session.id, fence, chargedMicros);
        expect(await settle(100, session.fence - 1)).toBe(false);
        const settled = await Promise.all([settle(RESERVED * 5), settle(RESERVED * 5)]);
        expect(settled.filter(Boolean)).toHaveLength(1);
        expect(await settle(1)).toBe(false);
        expect(await read(session)).toMatchObject({
          chargedMicros: RESERVED,
          settled: true,
          counters: { audioInMs: 700 },
        });
        expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: RESERVED });
        expect(await balance("a", "cust")).toEqual({ reservedMicros: 0, chargedMicros: RESERVED });
        expect(await movements()).toMatchObject([
          { source: "session", sourceId: session.id, chargedMicros: RESERVED, at: bench.now() },
        ]);
        expect(await bench.store.listHolds("a", 10)).toEqual([]);
      });

      test("comes again, for whoever settles it then, where nobody did", async () => {
        const first = await lost();
        bench.advance(SETTLE_LOST_SESSION_MS - 1_000);
        expect(await bench.store.endLostSessions(10)).toEqual([]);
        bench.advance(1_000);
        const [second, ...none] = await bench.store.endLostSessions(10);
        expect(none).toEqual([]);
        expect(second).toEqual({ ...first, fence: second!.fence });
        expect(second!.fence).toBeGreaterThan(first.fence);
        expect(await bench.store.settleSession(first.id, first.fence, 70)).toBe(false);
        expect(await bench.store.settleSession(first.id, second!.fence, 50)).toBe(true);
        bench.advance(SETTLE_LOST_SESSION_MS);
        expect(await bench.store.endLostSessions(10)).toEqual([]);
        expect(await balance()).toEqual({ reservedMicros: 0, chargedMicros: 50 });
      });

      test("is found in bounded steps", async () => {
        const sessions = [await open(), await open(), await open()];
        bench.advance(LEASE_MS);
        const found: string[] = [];
        for (const size of [2, 1]) {
          const ended = await bench.store.endLostSessions(2);
          expect(ended).toHaveLength(size);
          for (const session of ended) {
            found.push(session.id);
            await bench.store.settleSession(session.id, session.fence, 0);
          }
        }
        expect(found.sort()).toEqual(sessions.map(({ id }) => id).sort());
        expect(await bench.store.endLostSessions(2)).toEqual([]);
      });

      test("is found by one of those who look at once", async () => {
        await open();
        await open();
        bench.advance(LEASE_MS);
        const found = await Promise.all(Array.from({ length: 5 }, () => bench.store.endLostSessions(10)));
        expect(found.flat()).toHaveLength(2);
      });

      test("settles once between its end, its loss and its settlement", async () => {
        for (let round = 0; round < 8; round++) {
          const session = await open();
          bench.advance(LEASE_MS);
          await Promise.all([
            end(session, 100),
            bench.store
              .endLostSessions(10)
              .then((ended) =>
                Promise.all(ended.map(({ id, fence }) => bench.store.settleSession(id, fence, 70))),
              ),
            renew(session, { audioInMs: 1 }),
          ]);
          // Renewed before anybody looked.
          if ((await read(session)).endedAt === null) await end(session, 100);
          expect(await read(session)).toMatchObject({ settled: true });
        }
        const charged = (await movements()).map(({ chargedMicros }) => chargedMicros);
        expect(charged).toHaveLength(8);
        expect(await balance()).toEqual({
          reservedMicros: 0,
          chargedMicros: charged.reduce((total, micros) => total + micros, 0),
        });
      });
    });

    describe("reading", () => {
      test("answers nothing outside the scope", async () => {
        const own = await open();
        const anns = await open({ subject: "ann" });
        const get = (scope: Parameters<typeof bench.store.getSession>[0], { id }: Session) =>
          bench.store.getSession(scope, id);
        expect(await get(scopeOf("a"), own)).toEqual(own);
        expect(await get(scopeOf("a"), anns)).toEqual(anns);
        expect(await get({ keyId: "a", subject: "ann" }, anns)).toEqual(anns);
        expect(await get({ keyId: "a", subject: "ann" }, own)).toBeNull();
        expect(await get({ keyId: "a", subject: "bob" }, anns)).toBeNull();
        expect(await get(scopeOf("b"), own)).toBeNull();
        expect(await get(scopeOf("a"), { ...own, id: bench.draft().id })).toBeNull();
      });

      test("lists the tenant's newest first, in pages", async () => {
        const ids: string[] = [];
        for (let index = 0; index < 5; index++) {
          ids.unshift((await open({ subject: index % 2 === 0 ? "ann" : "" })).id);
          bench.advance(1);
        }
        await open({ keyId: "b" });
        const page = async (subject: string | null, limit: number, before: string | null) => {
          const query = { open: true, limit, before };
          const listed = await bench.store.listSessions({ keyId: "a", subject }, query);
          return [listed.sessions.map(({ id }) => id), listed.hasMore];
        };
        expect(await page(null, 2, null)).toEqual([ids.slice(0, 2), true]);
        expect(await page(null, 2, ids[1]!)).toEqual([ids.slice(2, 4), true]);
        expect(await page(null, 2, ids[3]!)).toEqual([ids.slice(4), false]);
        expect(await page(null, 5, null)).toEqual([ids, false]);
        expect(await page("ann", 10, null)).toEqual([[ids[0], ids[2], ids[4]], false]);
        expect(await page("bob", 10, null)).toEqual([[], false]);
      });

      test("lists as open what is open, and the ended ones when they are asked for", async () => {
        const [closed, running] = [await open(), await open()];
        await end(closed);
        const list = async (isOpen: boolean) => {
          const query = { open: isOpen, limit: 10, before: null };
          return (await bench.store.listSessions(scopeOf("a"), query)).sessions;
        };
        expect((await list(true)).map(({ id }) => id)).toEqual([running.id]);
        expect((await list(false)).map(({ id }) => id)).toContain(closed.id);
      });
    });
  });
}
