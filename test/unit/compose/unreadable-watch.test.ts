import { expect, test } from "vitest";
import { UnreadableWatch } from "../../../src/compose/operations/unreadable-watch.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import { recordingLog } from "../../fixture/recording-log.ts";

test("a rise is said once, by the numbers, also one from before the start", async () => {
  const clock = new ManualClock();
  const log = recordingLog();
  let unreadable = 2;
  let away = false;
  const countUnreadable = async () => {
    if (away) throw new Error("away");
    return unreadable;
  };
  const watch = new UnreadableWatch({ store: { countUnreadable }, clock, log });
  const said = () => log.lines.splice(0).map(({ level, fields }) => ({ level, ...fields }));

  watch.start();
  await clock.advance(0);
  expect(said()).toEqual([{ level: "error", unreadable: 2, before: 0 }]);
  await clock.advance(60_000);
  expect(said()).toEqual([]);
  unreadable = 5;
  away = true;
  await clock.advance(60_000);
  expect(said()).toEqual([]);
  away = false;
  await clock.advance(60_000);
  expect(said()).toEqual([{ level: "error", unreadable: 5, before: 2 }]);
  // A damaged record whose time is over is removed.
  unreadable = 4;
  await clock.advance(60_000);
  unreadable = 5;
  await clock.advance(60_000);
  expect(said()).toEqual([{ level: "error", unreadable: 5, before: 4 }]);

  watch.stop();
  expect(clock.pendingTimers).toBe(0);
});

test("nothing is said of data without damage", async () => {
  const log = recordingLog();
  const watch = new UnreadableWatch({
    store: { countUnreadable: async () => 0 },
    clock: new ManualClock(),
    log,
  });
  await watch.look();
  expect(log.lines).toEqual([]);
});
