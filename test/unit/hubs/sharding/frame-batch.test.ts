import { beforeEach, expect, test } from "vitest";
import { ShardTick, TICK_MS } from "../../../../src/hubs/sharding/frame-batch.ts";
import { ManualClock } from "../../../fixture/manual-clock.ts";

let clock: ManualClock;
let tick: ShardTick;
let log: string[];

beforeEach(() => {
  clock = new ManualClock();
  tick = new ShardTick(clock);
  log = [];
});

const note = (text: string) => () => void log.push(text);

test("everybody who waits is called back by the same timer, in order, and nothing waits afterwards", async () => {
  tick.later(note("one"));
  await clock.advance(TICK_MS - 1);
  tick.later(note("two"));
  expect([log.length, clock.pendingTimers]).toEqual([0, 1]);
  await clock.advance(1);
  expect([log, clock.pendingTimers]).toEqual([["one", "two"], 0]);
});

test("what is urgent takes the others along", async () => {
  tick.later(note("one"));
  tick.later(note("two"), true);
  tick.later(note("three"), true);
  await clock.advance(0);
  expect([log, clock.pendingTimers]).toEqual([["one", "two", "three"], 0]);
});

test("who is called back may wait again, for the next tick", async () => {
  tick.later(() => tick.later(note("again")));
  await clock.advance(TICK_MS);
  expect(log).toEqual([]);
  await clock.advance(TICK_MS);
  expect(log).toEqual(["again"]);
});

test("frames are gathered during a tick only, and let go of once at its end", async () => {
  const socket = { flush: note("flush") };
  expect(tick.gathers(socket)).toBe(false);
  tick.later(() => log.push(`gathers ${tick.gathers(socket)}`));
  tick.later(() => log.push(`gathers ${tick.gathers(socket)}`));
  await clock.advance(TICK_MS);
  expect(log).toEqual(["gathers true", "gathers true", "flush"]);
  expect(tick.gathers(socket)).toBe(false);
});
