import { beforeEach, describe, expect, test } from "vitest";
import { KeyWatch } from "../../../src/accounts/keys/key-watch.ts";
import type { VirtualKey } from "../../../src/accounts/keys/virtual-key.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import { type RecordingLog, recordingLog } from "../../fixture/recording-log.ts";
import { virtualKey } from "../../fixture/virtual-key.ts";

let clock: ManualClock;
let keys: Map<string, VirtualKey>;
let connected: Set<string>;
/** What was ended, with the second at which it was. */
let ended: string[];
let reads: string[];
let broken: boolean;
let log: RecordingLog;
let watch: KeyWatch;

beforeEach(() => {
  clock = new ManualClock(0);
  keys = new Map();
  connected = new Set();
  ended = [];
  reads = [];
  broken = false;
  log = recordingLog();
  watch = new KeyWatch({
    store: {
      async getKey(id) {
        if (broken) throw new Error("away");
        reads.push(id);
        return keys.get(id) ?? null;
      },
    },
    clock,
    log,
    connectedKeys: () => connected,
    disconnect: (keyId, why) => {
      ended.push(`${keyId} at ${clock.now() / 1_000}: ${why}`);
      connected.delete(keyId);
    },
  });
  watch.start();
});

function connect(id: string, fields: Partial<VirtualKey> = {}): void {
  keys.set(id, virtualKey({ id, ...fields }));
  connected.add(id);
}

test("a key that expires between two checks ends within a second, and is told why", async () => {
  await clock.advance(31_500);
  connect("key_a", { expiresAt: 37_200 });
  connect("key_b");
  await clock.advance(25_000);
  expect(ended).toEqual(["key_a at 38: the key has expired"]);
});

test("a key disabled or deleted elsewhere ends with the next check of all", async () => {
  connect("key_a");
  connect("key_b");
  await clock.advance(5_000);
  keys.set("key_a", virtualKey({ id: "key_a", enabled: false }));
  keys.delete("key_b");
  await clock.advance(40_000);
  expect(ended).toEqual([
    "key_a at 30: the key was disabled or revoked",
    "key_b at 30: the key was disabled or revoked",
  ]);
});

test("a key is read once when it comes, once with each check of all, and again when it was changed", async () => {
  connect("key_a", { expiresAt: 3_600_000 });
  await clock.advance(29_000);
  expect(reads).toHaveLength(1);
  await clock.advance(30_000);
  expect(reads).toHaveLength(2);
  connect("key_a", { expiresAt: 59_500 });
  watch.forget("key_a");
  await clock.advance(1_000);
  expect(ended).toEqual(["key_a at 60: the key has expired"]);
});

test("a key whose time was made longer stays", async () => {
  connect("key_a", { expiresAt: 10_000 });
  await clock.advance(5_000);
  connect("key_a", { expiresAt: 20_000 });
  await clock.advance(10_000);
  expect(ended).toEqual([]);
  await clock.advance(10_000);
  expect(ended).toEqual(["key_a at 20: the key has expired"]);
});

test("while the store cannot be read nobody is disconnected, and the log is told once for each check of all", async () => {
  connect("key_a", { expiresAt: 5_000 });
  broken = true;
  await clock.advance(59_000);
  expect(ended).toEqual([]);
  expect(log.lines).toHaveLength(2);
  broken = false;
  await clock.advance(1_000);
  expect(ended).toEqual(["key_a at 60: the key has expired"]);
});

describe("a plain form that was rotated away", () => {
  /** The key as it is after a rotation whose old form works until then. */
  const rotated = (validUntil: number) => ({
    previous: { hash: "old", last4: "aaaa", validUntil, successor: "hash-of-key_a" },
  });

  test("ends the key's connections once, within a second of its end", async () => {
    connect("key_a", rotated(37_200));
    await clock.advance(60_000);
    expect(ended).toEqual(["key_a at 38: the key was rotated: reconnect with its new form"]);
  });

  test("ends no connection that was made after its end", async () => {
    await clock.advance(10_000);
    connect("key_a", rotated(5_000));
    await clock.advance(60_000);
    expect(ended).toEqual([]);
  });

  test("ends connections also when the rotation was made elsewhere, and was over before it was heard of", async () => {
    connect("key_a");
    await clock.advance(5_000);
    keys.set("key_a", virtualKey({ id: "key_a", ...rotated(20_000) }));
    await clock.advance(40_000);
    expect(ended).toEqual(["key_a at 30: the key was rotated: reconnect with its new form"]);
  });

  test("still ends them after the store was away at its end", async () => {
    connect("key_a", rotated(10_500));
    await clock.advance(5_000);
    broken = true;
    await clock.advance(20_000);
    expect(ended).toEqual([]);
    broken = false;
    await clock.advance(10_000);
    expect(ended).toEqual(["key_a at 30: the key was rotated: reconnect with its new form"]);
  });

  test("is no matter once the key itself is off", async () => {
    connect("key_a", { ...rotated(10_500), enabled: false });
    await clock.advance(20_000);
    expect(ended).toEqual(["key_a at 1: the key was disabled or revoked"]);
  });
});
