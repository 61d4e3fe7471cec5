import { describe, expect, test } from "vitest";
import { EventStreamReader } from "../../../../src/providers/upstream/answers/event-stream.ts";
import { JsonStreamError } from "../../../../src/providers/upstream/answers/json-events.ts";

type Read = { name: string; data: unknown; media: string | null };

/** Reads a stream that comes in chunks of `size` bytes. */
function read(text: string, size: number, maxEventBytes = 1_000): Read[] {
  const reader = new EventStreamReader({ isMedia: (path) => path === "b64_json", maxEventBytes });
  const bytes = new TextEncoder().encode(text);
  const events: Read[] = [];
  let media: string | null = null;
  for (let at = 0; at < bytes.length; at += size) {
    for (const event of reader.push(bytes.subarray(at, at + size))) {
      if (event.kind === "event_start") media = null;
      else if (event.kind === "media_start") media = "";
      else if (event.kind === "media_bytes") media += new TextDecoder().decode(event.bytes);
      else if (event.kind === "event_end")
        events.push({ name: event.name, data: JSON.parse(event.data), media });
    }
  }
  return events;
}

describe("a stream of events with pictures", () => {
  const text = [
    ": a comment, longer than any name is \u00fc\n\n",
    'event: partial\ndata: {"b64_json":"YWJj","n":1}\n\n',
    'event:close\r\nid: 7\r\nretry: 10\r\ndata:{"n":2,\r\ndata: "text":"a b"}\r\n\r\n',
    "\n\n\n",
    'data: {"n":3}\r\r',
    'dat: {"n":9}\ndata_: 1\nevent\n\n',
    'event: last\ndata: {"b64_json":null,"n":4}\n\n',
    'event: cut\ndata: {"n":5',
  ].join("");

  test.each([1, 2, 3, 7, 64, 10_000])("is read the same in chunks of %i bytes", (size) => {
    expect(read(text, size)).toEqual([
      { name: "partial", data: { b64_json: "", n: 1 }, media: "abc" },
      { name: "close", data: { n: 2, text: "a b" }, media: null },
      { name: "", data: { n: 3 }, media: null },
      { name: "last", data: { b64_json: null, n: 4 }, media: null },
    ]);
  });

  test("is refused when an event is larger than the bound, which does not count its picture", () => {
    const picture = new Uint8Array(30_000).fill(0x61).toBase64();
    expect(read(`data: {"b64_json":"${picture}"}\n\n`, 1_000)[0]?.media).toHaveLength(30_000);
    expect(() => read(`data: {"text":"${"x".repeat(2_000)}"}\n\n`, 100)).toThrow(JsonStreamError);
  });

  test("holds no more of a line without data than a name", () => {
    expect(read(`: ${"x".repeat(5_000_000)}\ndata: {"n":1}\n\n`, 65_536)).toHaveLength(1);
  });
});
