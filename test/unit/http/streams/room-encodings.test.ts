import { expect, test } from "vitest";
import { createEventEncodings } from "../../../../src/http/streams/event-encodings.ts";
import { createRoomEncodings } from "../../../../src/http/streams/room-encodings.ts";
import { ScriptedLogs } from "../../../fixture/scripted-logs.ts";

const CONTEXT = { publicUrl: null, tasksMs: 1_000, now: () => 0 };

test("a room speaks to sockets, to the Worker's streams and to those who wait for an end", () => {
  expect([...createRoomEncodings(CONTEXT).keys()]).toEqual(["json", "json-lines", "sse", "end"]);
});

test("blocks of one tick are the stream that they would be alone", () => {
  const { task, events } = new ScriptedLogs().create();
  const [event] = events;
  const encoding = createRoomEncodings(CONTEXT).get("sse");
  if (event === undefined || encoding === undefined) throw new Error("there is nothing to encode");
  const frames = ["x.1", "x.2", "x.3"].map((id) => encoding.event({ event, task }, id) ?? "");
  const alone = ["x.1", "x.2", "x.3"].map((id) => {
    const frame = createEventEncodings(CONTEXT).stream.event({ event, task }, id);
    return new TextDecoder().decode(frame as Uint8Array);
  });
  expect(new TextDecoder().decode(encoding.pack?.(frames) as Uint8Array)).toBe(alone.join(""));
});
