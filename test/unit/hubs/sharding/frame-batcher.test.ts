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

test("all callbacks run by the same timer, in order, and none is pending afterwards", async () => {
  batcher.schedule(note("one"));
  await clock.advance(BATCH_MS - 1);
  batcher.schedule(note("two"));
  expect([log.length, clock.pendingTimers]).toEqual([0, 1]);
  await clock.advance(1);
  expect([log, clock.pendingTimers]).toEqual([["one", "two"], 0]);
});

test("an urgent callback runs the others at once as well", async () => {
  batcher.schedule(note("one"));
  batcher.schedule(note("two"), true);
  batcher.schedule(note("three"), true);
  await clock.advance(0);
  expect([log, clock.pendingTimers]).toEqual([["one", "two", "three"], 0]);
});

test("a callback may schedule again, for the next batch", async () => {
  batcher.schedule(() => batcher.schedule(note("again")));
  await clock.advance(BATCH_MS);
  expect(log).toEqual([]);
  await clock.advance(BATCH_MS);
  expect(log).toEqual(["again"]);
});

test("frames are collected while callbacks run only, and flushed once afterwards", async () => {
  const socket = { flush: note("flush") };
  expect(batcher.collects(socket)).toBe(false);
  batcher.schedule(() => log.push(`collects ${batcher.collects(socket)}`));
  batcher.schedule(() => log.push(`collects ${batcher.collects(socket)}`));
  await clock.advance(BATCH_MS);
  expect(log).toEqual(["collects true", "collects true", "flush"]);
  expect(batcher.collects(socket)).toBe(false);
});
