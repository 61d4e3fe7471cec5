import { beforeEach, expect, test } from "vitest";
import { ShardAlarm } from "../../../../src/hubs/sharding/shard-alarm.ts";
import { ManualClock, settled } from "../../../fixture/manual-clock.ts";

const ALARM_MS = 20_000;

let clock: ManualClock;
let shardAlarm: ShardAlarm;
let settlings: number;
let connections: number;
let maySleep: boolean;
let wakeBy: number | null;
/** As the platform keeps it. */
let alarm: number | null;
let set: number;

beforeEach(() => {
  clock = new ManualClock();
  settlings = 0;
  connections = 1;
  maySleep = true;
  wakeBy = null;
  alarm = null;
  set = 0;
  shardAlarm = create();
});

function create(): ShardAlarm {
  return new ShardAlarm({
    clock,
    storage: {
      getAlarm: async () => alarm,
      setAlarm: async (at) => {
        alarm = Number(at);
        set += 1;
      },
    },
    settle: () => {
      settlings += 1;
      return { connections, maySleep, wakeBy };
    },
  });
}

test("it settles once after whatever happened, and then nothing keeps the shard in memory", async () => {
  for (let count = 0; count < 5; count += 1) shardAlarm.wake();
  expect(clock.pendingTimers).toBe(1);
  await clock.advance(10_000);
  expect([settlings, clock.pendingTimers]).toEqual([1, 0]);
});

test("while something would be lost it stays in memory and settles again every second", async () => {
  maySleep = false;
  shardAlarm.wake();
  await clock.advance(5_000);
  expect([settlings, clock.pendingTimers]).toEqual([5, 1]);
  maySleep = true;
  await clock.advance(1_000);
  expect([settlings, clock.pendingTimers]).toEqual([6, 0]);
});

test("an alarm is set while there are connections, and put off by nothing that happens meanwhile", async () => {
  const first = clock.now() + 100 + ALARM_MS;
  for (let count = 0; count < 10; count += 1) {
    shardAlarm.wake();
    await clock.advance(1_000);
  }
  expect([alarm, set]).toEqual([first, 1]);
  shardAlarm = create();
  shardAlarm.wake();
  await clock.advance(1_000);
  expect([alarm, set]).toEqual([first, 1]);
});

test("the alarm is set again when it has come, not without connections, and when it was lost", async () => {
  shardAlarm.wake();
  await clock.advance(ALARM_MS + 1_000);
  alarm = null;
  shardAlarm.fired();
  shardAlarm.settle();
  await settled();
  expect([alarm, set]).toEqual([clock.now() + ALARM_MS, 2]);
  await clock.advance(60_000);
  shardAlarm = create();
  shardAlarm.settle();
  await settled();
  expect([alarm, set]).toEqual([clock.now() + ALARM_MS, 3]);
  connections = 0;
  shardAlarm.fired();
  shardAlarm.settle();
  await settled();
  expect(set).toBe(3);
});

test("the alarm comes earlier where something has to be done earlier, and as usual where that is past or never", async () => {
  shardAlarm.wake();
  await clock.advance(1_000);
  wakeBy = clock.now() + 5_000;
  shardAlarm.wake();
  await clock.advance(1_000);
  expect([alarm, set]).toEqual([wakeBy, 2]);
  shardAlarm.wake();
  await clock.advance(1_000);
  shardAlarm = create();
  shardAlarm.wake();
  await clock.advance(1_000);
  expect([alarm, set]).toEqual([wakeBy, 2]);
  for (wakeBy of [clock.now() - 1, Number.POSITIVE_INFINITY]) {
    alarm = null;
    shardAlarm.fired();
    shardAlarm.settle();
    await settled();
    expect(alarm).toBe(clock.now() + ALARM_MS);
  }
});
