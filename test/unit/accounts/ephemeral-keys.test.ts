import { inspect } from "node:util";
import { beforeEach, describe, expect, it } from "vitest";
import type { EphemeralKey } from "../../../src/accounts/ephemeral/ephemeral-key-store.ts";
import { Authenticator } from "../../../src/accounts/keys/authenticator.ts";
import {
  hashKey,
  isEphemeralPlainKey,
  isPlainKey,
  makeEphemeralPlainKey,
} from "../../../src/accounts/keys/plain-key.ts";
import { ApiError } from "../../../src/protocol/error.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import { RecordedKeys } from "../../fixture/recorded-keys.ts";
import { createSeededRandom } from "../../fixture/seeded-random.ts";
import { virtualKey } from "../../fixture/virtual-key.ts";

const PLAIN = `ek_${"e".repeat(43)}`;
const TTL_MS = 60_000;

let clock: ManualClock;
let store: RecordedKeys;
let authenticator: Authenticator;

async function add(changes: Partial<EphemeralKey> = {}, plain = PLAIN): Promise<void> {
  const hash = await hashKey(plain);
  store.ephemeralKeys.set(hash, {
    hash,
    keyId: "parent",
    parentHash: "hash-of-parent",
    subject: "user-1",
    granted: ["task-1"],
    permissions: { canGenerateImages: true, canGenerateVideos: true, canUseRealtimeAudio: false },
    allowedModels: ["local/*"],
    maxPriority: "normal",
    session: { instructions: "as long as thirty thousand characters" },
    createdAt: clock.now(),
    expiresAt: clock.now() + TTL_MS,
    ...changes,
  });
}

const putParent = (changes: Partial<Parameters<typeof virtualKey>[0]> = {}) =>
  store.keys.set("hash-of-parent", virtualKey({ id: "parent", ...changes }));

async function refusal(plain = PLAIN): Promise<string> {
  const error: unknown = await authenticator.authenticate(plain).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ApiError)) throw new Error(`expected a refusal, got ${String(error)}`);
  if (plain.length > 3) expect(error.message).not.toContain(plain.slice(3));
  return error.code;
}

beforeEach(async () => {
  clock = new ManualClock();
  store = new RecordedKeys();
  authenticator = new Authenticator({ store, clock });
  putParent();
  await add();
});

describe("the holder of an ephemeral key", () => {
  it("is one tenant within the parent, with what both allow", async () => {
    putParent({
      permissions: { canGenerateImages: true, canGenerateVideos: false, canUseRealtimeAudio: true },
      allowedModels: ["local/canvas", "gpt-image-1"],
      maxPriority: "low",
      maxConcurrentTasks: 3,
    });
    expect(await authenticator.authenticate(PLAIN)).toMatchObject({
      keyId: "parent",
      scope: { keyId: "parent", subject: "user-1", granted: ["task-1"] },
      tenant: { keyId: "parent", subject: "user-1" },
      permissions: { canGenerateImages: true, canGenerateVideos: false, canUseRealtimeAudio: false },
      allowedModels: ["local/canvas"],
      maxPriority: "low",
      maxConcurrentTasks: 3,
      expiresAt: clock.now() + TTL_MS,
    });
  });

  it("is remembered without the session, the hashes and the plain key", async () => {
    const principal = await authenticator.authenticate(PLAIN);
    const shown = JSON.stringify(principal) + inspect(authenticator, { depth: 9, showHidden: true });
    for (const secret of [PLAIN, "thirty thousand", "hash-of-parent", await hashKey(PLAIN)])
      expect(shown).not.toContain(secret);
    expect(authenticator.recall(PLAIN)).toBe(principal);
  });

  it("is looked up again once its parent was changed", async () => {
    await authenticator.authenticate(PLAIN);
    putParent({ enabled: false });
    expect(authenticator.recall(PLAIN)).not.toBeNull();
    authenticator.forget("parent");
    expect(authenticator.recall(PLAIN)).toBeNull();
    expect(await refusal()).toBe("key_disabled");
  });

  it.each([
    ["it expired", () => add({ expiresAt: clock.now() }), "expired_api_key"],
    ["its parent expired", () => putParent({ expiresAt: clock.now() }), "expired_api_key"],
    ["its parent is disabled", () => putParent({ enabled: false }), "key_disabled"],
    ["the plain key that made it is gone", () => store.keys.clear(), "invalid_api_key"],
    ["nobody made it", () => store.ephemeralKeys.clear(), "invalid_api_key"],
  ])("is refused when %s", async (_, happens, code) => {
    await happens();
    expect(await refusal()).toBe(code);
  });

  it("is refused from the moment it expires, also out of the cache", async () => {
    await authenticator.authenticate(PLAIN);
    await clock.advance(TTL_MS - 1);
    expect((await authenticator.authenticate(PLAIN)).keyId).toBe("parent");
    await clock.advance(1);
    expect(await refusal()).toBe("expired_api_key");
  });

  it("is refused while the store is away, and let in again when it is back", async () => {
    store.failure = new Error("away");
    await expect(authenticator.authenticate(PLAIN)).rejects.toThrow("away");
    store.failure = null;
    expect((await authenticator.authenticate(PLAIN)).keyId).toBe("parent");
  });
});

describe("what is spelled like an ephemeral key", () => {
  it("is what is made here, and no virtual key", () => {
    for (let round = 0; round < 1_000; round += 1) {
      const plain = makeEphemeralPlainKey();
      expect([isEphemeralPlainKey(plain), isPlainKey(plain)]).toEqual([true, false]);
      // Legal as a header, in a query and as a subprotocol.
      expect(encodeURIComponent(plain)).toBe(plain);
    }
  });

  it("is nothing else, and whatever else comes never reaches the store", async () => {
    const random = createSeededRandom(11);
    const hostile = [
      "",
      "ek_",
      "ek",
      PLAIN.slice(0, -1),
      `${PLAIN}e`,
      `${PLAIN}\n`,
      ` ${PLAIN}`,
      PLAIN.toUpperCase(),
      `ek_${"é".repeat(43)}`,
      `ek_${"a".repeat(100_000)}`,
      `ek_${"a".repeat(42)}=`,
      `condt_${"a".repeat(10)}`,
      `ek-${"a".repeat(43)}`,
      `Bearer ${PLAIN}`,
      "ek_\u0000".padEnd(46, "a"),
      "__proto__",
      "constructor",
    ];
    // One character of a good one replaced, and texts of random characters.
    for (let round = 0; round < 2_000; round += 1) {
      const at = random.below(PLAIN.length);
      const letter = String.fromCodePoint(random.below(0x2ff));
      if (!/[A-Za-z0-9]/.test(letter) && PLAIN[at] !== letter)
        hostile.push(PLAIN.slice(0, at) + letter + PLAIN.slice(at + 1));
    }
    for (const text of hostile) {
      expect([text, isEphemeralPlainKey(text)]).toEqual([text, false]);
      expect(await refusal(text)).toBe("invalid_api_key");
    }
    expect(store.lookups).toBe(0);
  });
});
