/** Key management over the real store: what an administrator does must reach whoever uses the key at once. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createAdminCheck } from "../../src/accounts/keys/admin-key.ts";
import { Authenticator } from "../../src/accounts/keys/authenticator.ts";
import { BOOTSTRAP_KEY_ID } from "../../src/accounts/keys/key-refusals.ts";
import { type KeyEvent, KeyService } from "../../src/accounts/keys/keys.ts";
import { isPlainKey, makePlainKey } from "../../src/accounts/keys/plain-key.ts";
import { JsonLog } from "../../src/logging/json-log.ts";
import { openSqliteFile } from "../../src/runtime/bun/sqlite-file.ts";
import { createSqliteStore, type SqliteStore } from "../../src/stores/sqlite/store.ts";
import { ManualClock } from "../fixture/manual-clock.ts";

let clock: ManualClock;
let store: SqliteStore;
let keys: KeyService;
let authenticator: Authenticator;
let events: KeyEvent[];
let logged: string;

beforeEach(() => {
  clock = new ManualClock();
  store = createSqliteStore({ database: openSqliteFile(":memory:"), now: () => clock.now() });
  logged = "";
  const log = new JsonLog({ level: "debug", write: (line) => (logged += line), now: () => clock.now() });
  keys = new KeyService({ store, clock, log });
  authenticator = new Authenticator({ store, clock });
  events = [];
  keys.onKeyChanged(({ keyId }) => authenticator.forget(keyId));
  keys.onKeyChanged((event) => events.push(event));
});

afterEach(() => store.close());

describe("a key that is made", () => {
  it("works, is shown once, and is stored as a hash only", async () => {
    const { key, plain } = await keys.create({ name: "App" });
    expect(isPlainKey(plain)).toBe(true);
    expect(plain).toMatch(/^condt_[A-Za-z0-9]{43}$/);
    expect(await authenticator.authenticate(plain)).toMatchObject({ keyId: key.id, keyName: "App" });
    expect(key.last4).toBe(plain.slice(-4));
    expect(JSON.stringify(await keys.read(key.id))).not.toContain(plain);
    expect(key.hash).toMatch(/^[0-9a-f]{64}$/);
  });

  it("may do everything by default, and only what is named once something is named", async () => {
    const all = await keys.create({ name: "all" });
    expect(all.key.permissions).toEqual({
      canGenerateImages: true,
      canGenerateVideos: true,
      canUseRealtimeAudio: true,
    });
    const one = await keys.create({ name: "one", permissions: { canGenerateImages: true } });
    expect(one.key.permissions).toEqual({
      canGenerateImages: true,
      canGenerateVideos: false,
      canUseRealtimeAudio: false,
    });
  });

  it("is listed newest first, a page at a time", async () => {
    const made = [];
    for (const name of ["a", "b", "c"]) made.push((await keys.create({ name })).key.id);
    const first = await keys.search({ limit: 2, after: null });
    expect(first).toMatchObject({ hasMore: true, keys: [{ name: "c" }, { name: "b" }] });
    expect(await keys.search({ limit: 2, after: made[1] ?? "" })).toMatchObject({
      hasMore: false,
      keys: [{ name: "a" }],
    });
  });
});

describe("a key that is changed", () => {
  it("keeps what the change does not name, and is updated now", async () => {
    const { key } = await keys.create({ name: "App", allowedModels: ["local/*"], maxPriority: "low" });
    await clock.advance(1_000);
    const changed = await keys.change(key.id, {
      name: "New",
      maxPriority: undefined,
      permissions: { canGenerateVideos: false },
    });
    expect(changed).toEqual({
      ...key,
      revision: 2,
      name: "New",
      permissions: { ...key.permissions, canGenerateVideos: false },
      updatedAt: clock.now(),
    });
    expect(events).toEqual([{ keyId: key.id, alive: true }]);
  });

  it("is refused at once when it was disabled, works at once when it was enabled, and listeners learn both", async () => {
    const { key, plain } = await keys.create({ name: "App" });
    await authenticator.authenticate(plain);
    await keys.change(key.id, { enabled: false });
    await expect(authenticator.authenticate(plain)).rejects.toMatchObject({ code: "key_disabled" });
    await keys.change(key.id, { enabled: true });
    expect(await authenticator.authenticate(plain)).toMatchObject({ keyId: key.id });
    expect(events.map(({ alive }) => alive)).toEqual([false, true]);
  });

  it("ends its connections when its expiry was set to the past", async () => {
    const { key } = await keys.create({ name: "App" });
    await keys.change(key.id, { expiresAt: clock.now() });
    expect(events).toEqual([{ keyId: key.id, alive: false, expired: true }]);
  });

  it("gets a new plain form by rotation; the old one is refused at once", async () => {
    const { key, plain } = await keys.create({ name: "App" });
    await authenticator.authenticate(plain);
    const rotated = await keys.rotate(key.id);
    expect(rotated.key.id).toBe(key.id);
    await expect(authenticator.authenticate(plain)).rejects.toMatchObject({ code: "invalid_api_key" });
    expect(await authenticator.authenticate(rotated.plain)).toMatchObject({ keyId: key.id });
    expect(events).toEqual([{ keyId: key.id, alive: false }]);
  });

  it("is refused at once after it was deleted", async () => {
    const { key, plain } = await keys.create({ name: "App" });
    await authenticator.authenticate(plain);
    await keys.remove(key.id);
    await expect(authenticator.authenticate(plain)).rejects.toMatchObject({ code: "invalid_api_key" });
    expect(events).toEqual([{ keyId: key.id, alive: false }]);
  });

  it("must exist", async () => {
    const refusal = expect.objectContaining({ code: "not_found" });
    await expect(keys.read("key_none")).rejects.toEqual(refusal);
    await expect(keys.change("key_none", { name: "x" })).rejects.toEqual(refusal);
    await expect(keys.rotate("key_none")).rejects.toEqual(refusal);
    await expect(keys.remove("key_none")).rejects.toEqual(refusal);
    expect(events).toEqual([]);
  });

  it("is changed although a listener fails, and the other listeners are called", async () => {
    const { key } = await keys.create({ name: "App" });
    keys.onKeyChanged(() => {
      throw new Error("broken listener");
    });
    const late: KeyEvent[] = [];
    const end = keys.onKeyChanged((event) => late.push(event));
    await keys.change(key.id, { name: "x" });
    end();
    await keys.change(key.id, { name: "y" });
    expect(late).toHaveLength(1);
    expect(logged).toContain("broken listener");
  });
});

describe("the key from the configuration", () => {
  const FIRST = makePlainKey();
  const SECOND = makePlainKey();

  it("is there after every start, and stays one key", async () => {
    const first = await keys.ensureBootstrapKey(FIRST);
    expect(await keys.ensureBootstrapKey(FIRST)).toEqual(first);
    expect((await keys.search({ limit: 10, after: null })).keys.map(({ id }) => id)).toEqual([
      BOOTSTRAP_KEY_ID,
    ]);
    expect(await authenticator.authenticate(FIRST)).toMatchObject({
      keyId: BOOTSTRAP_KEY_ID,
      allowedModels: null,
    });
  });

  it("is refused in its old form once the configuration names another", async () => {
    await keys.ensureBootstrapKey(FIRST);
    await authenticator.authenticate(FIRST);
    await keys.ensureBootstrapKey(SECOND);
    await expect(authenticator.authenticate(FIRST)).rejects.toMatchObject({ code: "invalid_api_key" });
    expect(await authenticator.authenticate(SECOND)).toMatchObject({ keyId: BOOTSTRAP_KEY_ID });
  });

  it("stays disabled when an administrator disabled it", async () => {
    await keys.ensureBootstrapKey(FIRST);
    await keys.change(BOOTSTRAP_KEY_ID, { enabled: false });
    await keys.ensureBootstrapKey(FIRST);
    await expect(authenticator.authenticate(FIRST)).rejects.toMatchObject({ code: "key_disabled" });
  });

  it("is not rotated or deleted, which the next start would undo; it can be disabled", async () => {
    await keys.ensureBootstrapKey(FIRST);
    for (const change of [() => keys.rotate(BOOTSTRAP_KEY_ID), () => keys.remove(BOOTSTRAP_KEY_ID)]) {
      await expect(change()).rejects.toMatchObject({ code: "invalid_parameter", param: "id" });
    }
    expect(await authenticator.authenticate(FIRST)).toMatchObject({ keyId: BOOTSTRAP_KEY_ID });
  });

  it("may be a key that an administrator made", async () => {
    const { key, plain } = await keys.create({ name: "App" });
    expect(await keys.ensureBootstrapKey(plain)).toEqual(key);
    expect((await keys.search({ limit: 10, after: null })).keys).toHaveLength(1);
  });
});

describe("the admin key", () => {
  it("is the whole text and nothing else", () => {
    const isAdmin = createAdminCheck("correct horse battery");
    expect(isAdmin("correct horse battery")).toBe(true);
    for (const guess of [
      "",
      "correct",
      "correct horse batterx",
      "correct horse battery ",
      "correct horse batterycorrect horse battery",
    ]) {
      expect(isAdmin(guess)).toBe(false);
    }
  });

  it("does not exist when none is configured", () => {
    for (const none of [null, ""]) {
      for (const guess of ["", "x", "null"]) expect(createAdminCheck(none)(guess)).toBe(false);
    }
  });
});
