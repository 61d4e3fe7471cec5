/** Frames as people read, search and copy them. */

import { describe, expect, test } from "vitest";
import { EventBlocks } from "../../../src/console/trace/event-blocks.ts";
import { copyOf, excerptOf, framesWith, prettyText } from "../../../src/console/trace/frame-text.ts";
import type { TraceFrame } from "../../../src/console/trace/trace-log.ts";

const ID = "01a22d1b-0b43-763c-a5f1-5057bf61f895";

function frame(text: string): TraceFrame {
  return { id: 1, at: Date.UTC(2026, 10, 30), direction: "in", bytes: text.length, text };
}

describe("a frame", () => {
  test("is shown as indented JSON, each message of it and the data of an event", () => {
    expect(prettyText('{"a":1}\u001e{"b":[2]}\u001e')).toBe('{\n  "a": 1\n}\n{\n  "b": [\n    2\n  ]\n}');
    expect(prettyText('id: 7\ndata: {"a":1}')).toBe('id: 7\ndata: {\n  "a": 1\n}');
    expect(prettyText('404 Not Found\n{"error":{}}')).toBe('404 Not Found\n{\n  "error": {}\n}');
  });

  test("that is no JSON, or whose end is missing, is shown as it is", () => {
    expect(prettyText(": keep-alive")).toBe(": keep-alive");
    expect(prettyText('{"a":1 …')).toBe('{"a":1 …');
  });

  test("has one line that tells what it is, with short ids", () => {
    expect(excerptOf(`{"id":"${ID}"}\u001e\n  {}`)).toBe('{"id":"…bf61f895"} {}');
  });

  test("is found by what stands in it, in any letter case", () => {
    const frames = [frame("TaskProgress"), frame("TaskFailed")];
    expect(framesWith(frames, " taskfailed ")).toEqual([frames[1]]);
    expect(framesWith(frames, " ")).toBe(frames);
  });

  test("is copied with its time, direction and size", () => {
    expect(copyOf([frame("{}"), frame("[]")])).toBe(
      "2026-11-30T00:00:00.000Z in 2 B\n{}\n\n2026-11-30T00:00:00.000Z in 2 B\n[]",
    );
  });
});

describe("an event stream", () => {
  test("is cut into events and comments, however it comes in pieces", () => {
    const blocks = new EventBlocks();
    expect(blocks.feed(": hi\n\nid: 1\nda")).toEqual([": hi"]);
    expect(blocks.feed('ta: {}\n\n\n\n: "')).toEqual(["id: 1\ndata: {}"]);
    expect(blocks.feed("\r\n\r\n")).toEqual([': "']);
  });

  test("keeps no more than 4 MiB of what never ends", () => {
    const blocks = new EventBlocks();
    const endless = "x".repeat(4 * 1024 * 1024 + 1);
    expect(blocks.feed(endless)).toEqual([endless]);
    expect(blocks.feed("\n\n: next\n\n")).toEqual([": next"]);
  });
});
