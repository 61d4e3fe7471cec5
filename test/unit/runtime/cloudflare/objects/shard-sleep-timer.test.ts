import { beforeEach, expect, test } from "vitest";
import { ShardSleepTimer } from "../../../../../src/runtime/cloudflare/objects/shard-sleep-timer.ts";
import { ManualClock, settled } from "../../../../fixture/manual-clock.ts";

const ALARM_MS = 20_000;

let clock: ManualClock;
let rest: ShardSleepTimer;
let looks: number;
let connections: number;
let restful: boolean;
/** As the platform keeps it. */
let alarm: number | null;
let set: number;

beforeEach(() => {
  clock = new ManualClock();
  looks = 0;
  connections = 1;
  restful = true;
  alarm = null;
  set = 0;
  rest = life();
});

function life(): ShardSleepTimer {
  return new ShardSleepTimer({
    clock,
    storage: {
      getAlarm: async () => alarm,
      setAlarm: async (at) => {
        alarm = Number(at);
        set += 1;
      },
    },
    look: () => {
      looks += 1;
      return { connections, restful };
    },
  });
}

test("one look follows whatever happens, and then nothing keeps the shard awake", async () => {
  for (let count = 0; count < 5; count += 1) rest.wake();
  expect(clock.pendingTimers).toBe(1);
  await clock.advance(10_000);
  expect([looks, clock.pendingTimers]).toEqual([1, 0]);
});

test("while something would be lost it stays awake and looks again every second", async () => {
  restful = false;
  rest.wake();
  await clock.advance(5_000);
  expect([looks, clock.pendingTimers]).toEqual([5, 1]);
  restful = true;
  await clock.advance(1_000);
  expect([looks, clock.pendingTimers]).toEqual([6, 0]);
});

test("an alarm is set while there are connections, and put off by nothing that happens meanwhile", async () => {
  const first = clock.now() + 100 + ALARM_MS;
  for (let count = 0; count < 10; count += 1) {
    rest.wake();
    await clock.advance(1_000);
  }
  expect([alarm, set]).toEqual([first, 1]);
  rest = life();
  rest.wake();
  await clock.advance(1_000);
  expect([alarm, set]).toEqual([first, 1]);
});

test("the alarm is set again when it has come, not without connections, and when it was lost", async () => {
  rest.wake();
  await clock.advance(ALARM_MS + 1_000);
  alarm = null;
  rest.alarmed();
  rest.look();
  await settled();
  expect([alarm, set]).toEqual([clock.now() + ALARM_MS, 2]);
  await clock.advance(60_000);
  rest = life();
  rest.look();
  await settled();
  expect([alarm, set]).toEqual([clock.now() + ALARM_MS, 3]);
  connections = 0;
  rest.alarmed();
  rest.look();
  await settled();
  expect(set).toBe(3);
});
