import { expect, test } from "vitest";
import { SnapshotDelay } from "../../../src/hubs/snapshot-delay.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";

test("all entries wait the whole delay, by one timer, in the order they came", async () => {
  const clock = new ManualClock();
  const delay = new SnapshotDelay(clock, 50);
  const done: string[] = [];
  delay.add({ elapsed: () => done.push("one") });
  await clock.advance(20);
  delay.add({ elapsed: () => done.push("two") });
  delay.add({ elapsed: () => done.push("three") });
  expect([clock.pendingTimers, delay.waiting]).toEqual([1, 3]);
  await clock.advance(30);
  expect(done).toEqual(["one"]);
  await clock.advance(19);
  expect(done).toEqual(["one"]);
  await clock.advance(1);
  expect(done).toEqual(["one", "two", "three"]);
  expect([clock.pendingTimers, delay.waiting]).toEqual([0, 0]);
});

test("a timer that fires early does not shorten the delay", () => {
  let [now, armed] = [0, () => {}];
  const clock = {
    monotonic: () => now,
    after(_: number, callback: () => void) {
      armed = callback;
      return { cancel: () => {} };
    },
  };
  const delay = new SnapshotDelay(clock, 50);
  let elapsed = 0;
  delay.add({ elapsed: () => elapsed++ });
  now = 49.4;
  armed();
  expect(elapsed).toBe(0);
  now = 50;
  armed();
  expect(elapsed).toBe(1);
});

test("one that is added again from within waits again, also when there is no delay; thousands leave nothing behind", async () => {
  const clock = new ManualClock();
  const delay = new SnapshotDelay(clock, 0);
  let rounds = 0;
  const again = {
    elapsed() {
      rounds++;
      if (rounds < 3) delay.add(again);
    },
  };
  delay.add(again);
  expect(rounds).toBe(0);
  await clock.advance(0);
  expect(rounds).toBe(3);
  let many = 0;
  for (let count = 0; count < 5_000; count++) delay.add({ elapsed: () => many++ });
  await clock.advance(0);
  expect([many, delay.waiting]).toEqual([5_000, 0]);
});
