import { beforeEach, expect, test } from "vitest";
import { BATCH_MS, FrameBatcher } from "../../../../src/hubs/sharding/frame-batcher.ts";
import { ManualClock } from "../../../fixture/manual-clock.ts";

let clock: ManualClock;
let batcher: FrameBatcher;
let log: string[];

beforeEach(() => {
  clock = new ManualClock();
  batcher = new FrameBatcher(clock);
  log = [];
});

const note = (text: string) => () => void log.push(text);

test("everybody who waits is called back by the same timer, in order, and nothing waits afterwards", async () => {
  batcher.schedule(note("one"));
  await clock.advance(BATCH_MS - 1);
  batcher.schedule(note("two"));
  expect([log.length, clock.pendingTimers]).toEqual([0, 1]);
  await clock.advance(1);
  expect([log, clock.pendingTimers]).toEqual([["one", "two"], 0]);
});

test("what is urgent takes the others along", async () => {
  batcher.schedule(note("one"));
  batcher.schedule(note("two"), true);
  batcher.schedule(note("three"), true);
  await clock.advance(0);
  expect([log, clock.pendingTimers]).toEqual([["one", "two", "three"], 0]);
});

test("who is called back may wait again, for the next tick", async () => {
  batcher.schedule(() => batcher.schedule(note("again")));
  await clock.advance(BATCH_MS);
  expect(log).toEqual([]);
  await clock.advance(BATCH_MS);
  expect(log).toEqual(["again"]);
});

test("frames are gathered during a tick only, and let go of once at its end", async () => {
  const socket = { flush: note("flush") };
  expect(batcher.collects(socket)).toBe(false);
  batcher.schedule(() => log.push(`gathers ${batcher.collects(socket)}`));
  batcher.schedule(() => log.push(`gathers ${batcher.collects(socket)}`));
  await clock.advance(BATCH_MS);
  expect(log).toEqual(["gathers true", "gathers true", "flush"]);
  expect(batcher.collects(socket)).toBe(false);
});
