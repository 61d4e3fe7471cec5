import { inspect } from "node:util";
import { beforeEach, describe, expect, it } from "vitest";
import { Authenticator } from "../../../src/accounts/keys/authenticator.ts";
import { hashKey, makePlainKey } from "../../../src/accounts/keys/plain-key.ts";
import type { VirtualKey } from "../../../src/accounts/keys/virtual-key.ts";
import { ApiError } from "../../../src/protocol/error.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import { RecordedKeys } from "../../fixture/recorded-keys.ts";
import { virtualKey } from "../../fixture/virtual-key.ts";

const PLAIN = `condt_${"p".repeat(43)}`;
const UNKNOWN = `condt_${"u".repeat(43)}`;

let clock: ManualClock;
let store: RecordedKeys;
let authenticator: Authenticator;

async function addKey(plain: string, fields: Partial<VirtualKey> = {}): Promise<VirtualKey> {
  const key = virtualKey({
    id: `key_${plain.slice(6, 12)}`,
    name: "App",
    hash: await hashKey(plain),
    last4: plain.slice(-4),
    ...fields,
  });
  store.keys.set(key.hash, key);
  return key;
}

async function refusal(plain: string): Promise<string> {
  const error: unknown = await authenticator.authenticate(plain).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ApiError)) throw new Error(`expected a refusal, got ${String(error)}`);
  expect(error.message).not.toContain(plain.slice(6));
  return error.code;
}

beforeEach(async () => {
  clock = new ManualClock();
  store = new RecordedKeys();
  authenticator = new Authenticator({ store, clock });
  await addKey(PLAIN);
});

describe("the authenticator", () => {
  it("answers the principal of a known key", async () => {
    expect(await authenticator.authenticate(PLAIN)).toMatchObject({
      keyId: "key_pppppp",
      maxPriority: "high",
    });
  });

  it("refuses unknown, disabled and expired keys with their own codes", async () => {
    const disabled = `condt_${"d".repeat(43)}`;
    const expired = `condt_${"e".repeat(43)}`;
    await addKey(disabled, { enabled: false });
    await addKey(expired, { expiresAt: clock.now() });
    expect(await refusal(UNKNOWN)).toBe("invalid_api_key");
    expect(await refusal(disabled)).toBe("key_disabled");
    expect(await refusal(expired)).toBe("expired_api_key");
  });

  it.each([
    "",
    "condt_",
    "sk-something",
    `condt_${"x".repeat(31)}`,
    `condt_${"x".repeat(257)}`,
    `condt_${"é".repeat(43)}`,
    `${PLAIN}\n`,
  ])("asks no store about %j, which is no key of ours", async (text) => {
    const before = store.lookups;
    await expect(authenticator.authenticate(text)).rejects.toMatchObject({ code: "invalid_api_key" });
    expect(store.lookups).toBe(before);
  });

  it("reads the store once for many requests, and again after 10 s", async () => {
    for (let request = 0; request < 100; request += 1) await authenticator.authenticate(PLAIN);
    expect(store.lookups).toBe(1);
    await clock.advance(9_999);
    await authenticator.authenticate(PLAIN);
    expect(store.lookups).toBe(1);
    await clock.advance(1);
    await authenticator.authenticate(PLAIN);
    expect(store.lookups).toBe(2);
  });

  it("recalls without waiting what it knows, with the same refusals", async () => {
    expect(authenticator.recall(PLAIN)).toBeNull();
    const principal = await authenticator.authenticate(PLAIN);
    expect(authenticator.recall(PLAIN)).toBe(principal);
    const expiring = `condt_${"e".repeat(43)}`;
    await addKey(expiring, { expiresAt: clock.now() + 5_000 });
    await authenticator.authenticate(expiring);
    await clock.advance(5_000);
    expect(() => authenticator.recall(expiring)).toThrow(
      expect.objectContaining({ code: "expired_api_key" }),
    );
  });

  it("shares one read between simultaneous requests", async () => {
    await Promise.all(Array.from({ length: 50 }, () => authenticator.authenticate(PLAIN)));
    expect(store.lookups).toBe(1);
  });

  it("remembers unknown keys for a second, so that a guess repeated costs no read", async () => {
    await refusal(UNKNOWN);
    await refusal(UNKNOWN);
    expect(store.lookups).toBe(1);
    await addKey(UNKNOWN);
    await clock.advance(1_000);
    expect(await authenticator.authenticate(UNKNOWN)).toMatchObject({ keyId: "key_uuuuuu" });
  });

  it("sees a change at once after forgetting the key", async () => {
    const key = await addKey(PLAIN);
    await authenticator.authenticate(PLAIN);
    store.keys.set(key.hash, { ...key, enabled: false });
    authenticator.forget(key.id);
    expect(authenticator.recall(PLAIN)).toBeNull();
    expect(await refusal(PLAIN)).toBe("key_disabled");
  });

  it("does not remember what it read before a key was forgotten", async () => {
    const key = await addKey(PLAIN);
    const gate = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    store.gate = gate.promise;
    store.onLookup = asked.resolve;
    const early = authenticator.authenticate(PLAIN);
    // The read has the old record in its hands while the key is disabled.
    await asked.promise;
    store.gate = null;
    store.keys.set(key.hash, { ...key, enabled: false });
    authenticator.forget(key.id);
    expect(await refusal(PLAIN)).toBe("key_disabled");
    gate.resolve();
    await early;
    expect(await refusal(PLAIN)).toBe("key_disabled");
  });

  it("forgets the least recently used key beyond its bound", async () => {
    authenticator = new Authenticator({ store, clock, knownEntries: 2 });
    const [first, second, third] = [makePlainKey(), makePlainKey(), makePlainKey()] as const;
    for (const plain of [first, second, third]) await addKey(plain, { id: plain });
    await authenticator.authenticate(first);
    await authenticator.authenticate(second);
    authenticator.recall(first);
    await authenticator.authenticate(third);
    expect(authenticator.recall(first)).not.toBeNull();
    expect(authenticator.recall(second)).toBeNull();
    expect(authenticator.recall(third)).not.toBeNull();
  });

  it("lets no flood of guesses push a real key out", async () => {
    authenticator = new Authenticator({ store, clock, knownEntries: 1, unknownEntries: 2 });
    await authenticator.authenticate(PLAIN);
    for (let guess = 0; guess < 10; guess += 1) await refusal(`condt_${String(guess).repeat(40)}`);
    expect(authenticator.recall(PLAIN)).not.toBeNull();
    const before = store.lookups;
    await refusal(`condt_${"9".repeat(40)}`);
    expect(store.lookups).toBe(before);
    await refusal(`condt_${"0".repeat(40)}`);
    expect(store.lookups).toBe(before + 1);
  });

  it("reads again after the store failed", async () => {
    store.failure = new Error("disk full");
    await expect(authenticator.authenticate(PLAIN)).rejects.toThrow("disk full");
    store.failure = null;
    expect(await authenticator.authenticate(PLAIN)).toMatchObject({ keyId: "key_pppppp" });
  });

  it("keeps plain keys out of everything that prints it", async () => {
    await authenticator.authenticate(PLAIN);
    await refusal(UNKNOWN);
    for (const printed of [
      JSON.stringify(authenticator),
      inspect(authenticator, { depth: 9, showHidden: true }),
      String(authenticator),
    ]) {
      expect(printed).not.toContain(PLAIN);
      expect(printed).not.toContain(UNKNOWN);
    }
  });
});

describe("a plain form that was rotated away", () => {
  it("is refused from its end on, also while it is remembered", async () => {
    const key = await addKey(PLAIN);
    const previous = { hash: key.hash, last4: key.last4, validUntil: clock.now() + 5_000, successor: "new" };
    store.keys.set(key.hash, { ...key, hash: "new", previous });
    expect(await authenticator.authenticate(PLAIN)).toMatchObject({ keyId: key.id });
    await clock.advance(4_999);
    expect(authenticator.recall(PLAIN)).toMatchObject({ keyId: key.id });
    await clock.advance(1);
    expect(() => authenticator.recall(PLAIN)).toThrow("not known here");
    expect(await refusal(PLAIN)).toBe("invalid_api_key");
  });
});
