import { expect, test } from "vitest";
import { createEventEncodings } from "../../../../src/http/streams/event-encodings.ts";
import { ScriptedLogs } from "../../../fixture/scripted-logs.ts";

const encodings = createEventEncodings({ publicUrl: null, tasksMs: 0, now: () => 0 });
const text = (frame: string | Uint8Array | null) =>
  typeof frame === "string" || frame === null ? frame : new TextDecoder().decode(frame);

test("an event in a stream is a type, an id and one line of data, whatever the text holds", () => {
  const logs = new ScriptedLogs();
  const { task, events } = logs.create();
  const [first] = events;
  if (first === undefined) throw new Error("no event");
  const event = { ...first, message: "two\nlines\r\n\u2028and: a colon" };
  const lines = text(encodings.stream.event({ event, task }, "e.7"))?.split("\n") ?? [];
  expect(lines.slice(0, 2)).toEqual(["event: queued", "id: e.7"]);
  expect(lines.slice(3)).toEqual(["", ""]);
  const data = JSON.parse(lines[2]?.slice("data: ".length) ?? "") as Record<string, unknown>;
  expect(data).toMatchObject({ id: "e.7", taskId: task.id, seq: 1, type: "queued", message: event.message });
  expect(JSON.parse(String(encodings.socket.event({ event, task }, "e.7")))).toEqual(data);
});

test("a snapshot carries the read shape, a reset nothing but its type", () => {
  const { task } = new ScriptedLogs().create();
  const view = { task, queuePosition: 3 };
  const snapshot = JSON.parse(String(encodings.socket.snapshot(view, "e.1"))) as Record<string, unknown>;
  expect(snapshot).toEqual({
    type: "snapshot",
    id: "e.1",
    seq: 1,
    task: expect.objectContaining({ taskId: task.id, queuePosition: 3 }),
  });
  expect(encodings.socket.reset("e.1")).toBe('{"type":"reset"}');
  expect(text(encodings.stream.reset("e.1"))).toBe('event: reset\nid: e.1\ndata: {"type":"reset"}\n\n');
});

test("a tenant's stream begins with an id and no event; a socket has no word for it", () => {
  expect(text(encodings.stream.begin("e.1"))).toBe("id: e.1\n\n");
  expect(encodings.socket.begin("e.1")).toBeNull();
});

test("a batch is lines of JSON", () => {
  expect(encodings.batch.pack?.(['{"a":1}', '{"b":2}'])).toBe('{"a":1}\n{"b":2}');
  expect(encodings.batch.name).not.toBe(encodings.socket.name);
});
