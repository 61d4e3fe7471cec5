/** What voice sessions used, in files: written as they go, removed when the store has it, settled when their process is dead. */

import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Session } from "../../src/realtime/session-store.ts";
import { openBunSqlite } from "../../src/runtime/bun/sqlite-file.ts";
import { readLatestRecords } from "../../src/runtime/process/data/latest-records.ts";
import { SessionFiles } from "../../src/runtime/process/data/session-files.ts";
import { ManualClock } from "../fixture/manual-clock.ts";
import { recordingLog } from "../fixture/recording-log.ts";
import { temporaryFolder } from "../fixture/server-process.ts";

const ID = "01939f00-0000-7000-8000-000000000001";
const PRICE = { kind: "per_session", minuteMicros: 60_000, reserveMinuteMicros: 60_000 };

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let clock: ManualClock;
const ends: { id: string; fence: number; costMicros: number | null }[] = [];
const renewals: { id: string; leaseMs: number; counters: unknown }[] = [];
let storeFails = false;
let callId: string | null = null;

beforeEach(async () => {
  folder = await temporaryFolder();
  clock = new ManualClock();
  ends.length = 0;
  renewals.length = 0;
  storeFails = false;
  callId = null;
});
afterEach(() => folder.remove());

function files(node: string) {
  const log = recordingLog();
  const made = new SessionFiles({
    folder: join(folder.path, "new"),
    olderFolder: join(folder.path, "old"),
    node,
    openSqlite: openBunSqlite,
    store: {
      findSession: async (id) => {
        if (storeFails) throw new Error("the store is away");
        return { id, callId } as Session;
      },
      endSession: async (id, fence, { costMicros }) => {
        ends.push({ id, fence, costMicros });
        return true;
      },
      renewSession: async (id, _fence, leaseMs, counters) => {
        renewals.push({ id, leaseMs, counters });
        return true;
      },
    },
    clock,
    log,
  });
  return { made, log };
}

const session = { id: ID, fence: 1, price: PRICE, counters: {} } as unknown as Session;
const fileOf = (node: string) => join(folder.path, "new", node, "sessions");

/** Until the file says so: the disk takes its time. */
async function until(node: string, sessionMs: number): Promise<void> {
  const wanted = `"sessionMs":${sessionMs}}`;
  while (!(await readFile(fileOf(node), "utf8").catch(() => "")).includes(wanted)) await clock.advance(10);
}

async function gone(node: string): Promise<void> {
  while (existsSync(fileOf(node))) await new Promise(setImmediate);
}

/** A process that counted a minute of a session, and died: its lock is free. */
async function died(node: string): Promise<void> {
  const { made } = files(node);
  made.opened(session);
  made.keep(ID, { sessionMs: 60_000 });
  await until(node, 60_000);
  await made.stop();
}

test("the latest of what was used stands in the file, until the store has it", async () => {
  const { made } = files("a");
  made.opened(session);
  for (let n = 1; n <= 50; n += 1) made.keep(ID, { sessionMs: n });
  await until("a", 50);
  const kept = { id: ID, fence: 1, price: PRICE, counters: { sessionMs: 50 } };
  expect([...(await readLatestRecords(fileOf("a")))]).toEqual([[ID, kept]]);
  made.ended(ID);
  await made.stop();
  expect(await readdir(join(folder.path, "new"))).toEqual([]);
});

test("the sessions of a process that lives are left alone, those of a dead one settled once", async () => {
  await died("a");
  const { made: alive } = files("b");
  alive.opened(session);
  alive.keep(ID, { sessionMs: 1 });
  await until("b", 1);
  const { made } = files("c");
  await made.start();
  expect(ends).toEqual([{ id: ID, fence: 1, costMicros: 60_000 }]);
  expect(await readdir(join(folder.path, "new"))).toEqual(["b"]);
  await made.start();
  expect(ends).toHaveLength(1);
  await alive.stop();
  await made.stop();
});

test("a store that is away is asked again, and nothing is removed meanwhile", async () => {
  await died("a");
  storeFails = true;
  const { made, log } = files("b");
  await made.start();
  expect(log.lines.map(({ message }) => message)).toEqual([
    "the voice sessions of a dead process could not be settled",
  ]);
  expect(existsSync(fileOf("a"))).toBe(true);
  storeFails = false;
  await clock.advance(10_000);
  await gone("a");
  expect(ends).toHaveLength(1);
  await made.stop();
});

test("a file that is damaged settles nothing and stands in nobody's way", async () => {
  await died("a");
  await writeFile(fileOf("a"), `${ID} {"id":`);
  const { made } = files("b");
  await made.start();
  expect(ends).toEqual([]);
  expect(await readdir(join(folder.path, "new"))).toEqual([]);
  await made.stop();
});

test("the sessions of a dead process of an earlier release are settled, which had a file for each", async () => {
  const own = join(folder.path, "old", "a");
  await mkdir(own, { recursive: true });
  const kept = { id: ID, fence: 1, price: PRICE, counters: { sessionMs: 60_000 } };
  await writeFile(join(own, `${ID}.json`), JSON.stringify(kept));
  const { made } = files("b");
  await made.start();
  expect(ends).toEqual([{ id: ID, fence: 1, costMicros: 60_000 }]);
  expect(await readdir(join(folder.path, "old"))).toEqual([]);
  await made.stop();
});

test("the lease of a call is let run out with its counters written, so that the sweep hangs it up", async () => {
  await died("a");
  callId = "rtc_1";
  const { made } = files("b");
  await made.start();
  expect(ends).toEqual([]);
  expect(renewals).toEqual([{ id: ID, leaseMs: 1, counters: { sessionMs: 60_000 } }]);
  await made.stop();
});
