import { beforeEach, expect, test } from "vitest";
import { ShardSleepTimer } from "../../../../src/hubs/sharding/shard-sleep-timer.ts";
import { ManualClock, settled } from "../../../fixture/manual-clock.ts";

const ALARM_MS = 20_000;

let clock: ManualClock;
let timer: ShardSleepTimer;
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
  timer = create();
});

function create(): ShardSleepTimer {
  return new ShardSleepTimer({
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
  for (let count = 0; count < 5; count += 1) timer.wake();
  expect(clock.pendingTimers).toBe(1);
  await clock.advance(10_000);
  expect([settlings, clock.pendingTimers]).toEqual([1, 0]);
});

test("while something would be lost it stays in memory and settles again every second", async () => {
  maySleep = false;
  timer.wake();
  await clock.advance(5_000);
  expect([settlings, clock.pendingTimers]).toEqual([5, 1]);
  maySleep = true;
  await clock.advance(1_000);
  expect([settlings, clock.pendingTimers]).toEqual([6, 0]);
});

test("an alarm is set while there are connections, and put off by nothing that happens meanwhile", async () => {
  const first = clock.now() + 100 + ALARM_MS;
  for (let count = 0; count < 10; count += 1) {
    timer.wake();
    await clock.advance(1_000);
  }
  expect([alarm, set]).toEqual([first, 1]);
  timer = create();
  timer.wake();
  await clock.advance(1_000);
  expect([alarm, set]).toEqual([first, 1]);
});

test("the alarm is set again when it has come, not without connections, and when it was lost", async () => {
  timer.wake();
  await clock.advance(ALARM_MS + 1_000);
  alarm = null;
  timer.alarmFired();
  timer.settle();
  await settled();
  expect([alarm, set]).toEqual([clock.now() + ALARM_MS, 2]);
  await clock.advance(60_000);
  timer = create();
  timer.settle();
  await settled();
  expect([alarm, set]).toEqual([clock.now() + ALARM_MS, 3]);
  connections = 0;
  timer.alarmFired();
  timer.settle();
  await settled();
  expect(set).toBe(3);
});

test("the alarm comes earlier where something has to be done earlier, and as usual where that is past or never", async () => {
  timer.wake();
  await clock.advance(1_000);
  wakeBy = clock.now() + 5_000;
  timer.wake();
  await clock.advance(1_000);
  expect([alarm, set]).toEqual([wakeBy, 2]);
  timer.wake();
  await clock.advance(1_000);
  timer = create();
  timer.wake();
  await clock.advance(1_000);
  expect([alarm, set]).toEqual([wakeBy, 2]);
  for (wakeBy of [clock.now() - 1, Number.POSITIVE_INFINITY]) {
    alarm = null;
    timer.alarmFired();
    timer.settle();
    await settled();
    expect(alarm).toBe(clock.now() + ALARM_MS);
  }
});
