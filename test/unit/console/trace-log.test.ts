/** What a trace keeps of a connection and shows of it. */

import { beforeEach, describe, expect, test } from "vitest";
import { MOST_FRAME_CHARACTERS, MOST_FRAMES, TraceLog } from "../../../src/console/trace/trace-log.ts";

const KEY = `condt_${"b".repeat(43)}`;

describe("the log of a trace", () => {
  let log: TraceLog;
  let due: (() => void)[];
  let told: number;
  beforeEach(() => {
    due = [];
    told = 0;
    log = new TraceLog({ now: () => 1_000, after: (_, act) => void due.push(act) });
    log.listen(() => {
      told += 1;
    });
  });

  function pass(): void {
    for (const act of due.splice(0)) act();
  }
  const texts = () => log.view().frames.map(({ text }) => text);

  test("has every frame with its time, direction and bytes, newest last, and tells of many at once", () => {
    log.add("out", "ä");
    log.add("in", "{}");
    expect([told, texts()]).toEqual([0, []]);
    pass();
    expect(told).toBe(1);
    expect(log.view().frames).toEqual([
      { id: 1, at: 1_000, direction: "out", bytes: 2, text: "ä" },
      { id: 2, at: 1_000, direction: "in", bytes: 2, text: "{}" },
    ]);
  });

  test("shows neither what it was told to hide, nor anything that looks like a key", () => {
    log.hide("s3cret");
    log.add("in", `token s3cret, key ${KEY}, other ek_${"c".repeat(40)}, task_id kept`);
    pass();
    expect(texts()).toEqual(["token [hidden], key [hidden], other [hidden], task_id kept"]);
  });

  test("hides a key that stands across the end of what is kept", () => {
    log.add("in", `${"x".repeat(MOST_FRAME_CHARACTERS - 10)} ${KEY}`);
    pass();
    expect(texts()[0]).not.toContain("condt_");
  });

  test("keeps the latest frames, the beginning of long ones, and counts what was let go", () => {
    log.add("in", "x".repeat(MOST_FRAME_CHARACTERS + 1));
    pass();
    expect(log.view().frames[0]).toMatchObject({ bytes: MOST_FRAME_CHARACTERS + 1 });
    expect(texts()[0]).toBe(`${"x".repeat(MOST_FRAME_CHARACTERS)} …`);
    for (let frame = 1; frame <= MOST_FRAMES + 2; frame += 1) log.add("in", String(frame));
    pass();
    expect(texts()).toHaveLength(MOST_FRAMES);
    expect(texts()[0]).toBe("3");
    expect(texts().at(-1)).toBe(String(MOST_FRAMES + 2));
    expect(log.view().dropped).toBe(3);
  });

  test("stands still while it is paused, counts what comes, and shows it afterwards", () => {
    log.add("in", "before");
    log.pause(true);
    log.add("in", "meanwhile");
    pass();
    expect([texts(), log.view().waiting]).toEqual([["before"], 1]);
    log.pause(false);
    expect([texts(), log.view().waiting]).toEqual([["before", "meanwhile"], 0]);
  });

  test("is cleared, also while it is paused", () => {
    log.add("in", "before");
    log.pause(true);
    log.clear();
    expect(log.view()).toMatchObject({ frames: [], isPaused: true, waiting: 0 });
    log.add("in", "after");
    log.pause(false);
    expect(texts()).toEqual(["after"]);
  });
});
