/** A realtime session's object: its lease in the store, its counters, and what an eviction must not lose. */

import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { SessionDraft } from "../../src/realtime/session-store.ts";
import { createRemoteStore } from "../../src/stores/remote/remote-store.ts";
import { createTaskIds } from "../../src/tasks/ids.ts";

const LIMITS = { maxPerKey: 5, max: 1_000 };
const nextId = createTaskIds(Date.now);
const store = createRemoteStore(env);

function draft(changes: Partial<SessionDraft> = {}): SessionDraft {
  return {
    id: nextId(),
    keyId: `key-${nextId()}`,
    subject: "",
    customer: null,
    provider: "local",
    model: "echo",
    reservedMicros: 0,
    price: null,
    ...changes,
  };
}

const objectOf = ({ id }: SessionDraft) => env.REALTIME_SESSION.getByName(id);
const scopeOf = ({ keyId }: SessionDraft) => ({ keyId, subject: null });

describe("a realtime session's object", () => {
  test("opens the session, counts, and settles it with what was counted", async () => {
    const session = draft();
    const opened = await objectOf(session).open(session, LIMITS);
    expect(opened).toMatchObject({ outcome: "opened", session: { id: session.id, endedAt: null } });
    await objectOf(session).count({ audioInMs: 1_500, tokensIn: 7 });
    await objectOf(session).count({ audioInMs: 500, tokensIn: -3, tokensOut: Number.NaN });
    expect(await objectOf(session).end({ closeReason: "client", chargedMicros: 0 })).toBe(true);
    expect(await store.getSession(scopeOf(session), session.id)).toMatchObject({
      leaseUntil: null,
      closeReason: "client",
      counters: { audioInMs: 2_000, tokensIn: 7 },
      settled: true,
    });
    expect(await objectOf(session).end({ closeReason: "again", chargedMicros: 0 })).toBe(false);
    expect(await objectOf(session).count({ tokensIn: 1 })).toBe(false);
  });

  test("renews the lease by its alarm and brings the counters along, also after an eviction", async () => {
    const session = draft();
    await objectOf(session).open(session, LIMITS);
    const before = await store.getSession(scopeOf(session), session.id);
    await objectOf(session).count({ tokensIn: 3 });
    await evictDurableObject(objectOf(session));
    expect(await runDurableObjectAlarm(objectOf(session))).toBe(true);
    const after = await store.getSession(scopeOf(session), session.id);
    expect(after?.counters).toEqual({ tokensIn: 3 });
    expect(after?.leaseUntil ?? 0).toBeGreaterThanOrEqual(before?.leaseUntil ?? Number.POSITIVE_INFINITY);
    await objectOf(session).end({ closeReason: "client", chargedMicros: 0 });
    // The alarm went with the session.
    expect(await runDurableObjectAlarm(objectOf(session))).toBe(false);
  });

  test("holds nothing where as many are open as may", async () => {
    const first = draft();
    await objectOf(first).open(first, { ...LIMITS, maxPerKey: 1 });
    const second = draft({ keyId: first.keyId });
    expect(await objectOf(second).open(second, { ...LIMITS, maxPerKey: 1 })).toEqual({
      outcome: "too_many",
      limit: "key",
      open: 1,
    });
    expect(await objectOf(second).end({ closeReason: "client", chargedMicros: 0 })).toBe(false);
  });
});
