import { describe, expect, test } from "vitest";
import { TextReader, utf8Length } from "../../../../src/signalr/protocols/text-format.ts";

const RS = "\x1e";
const utf8 = new TextEncoder();

function readAll(reader: TextReader): string[] {
  const records: string[] = [];
  for (let record = reader.next(); record !== null; record = reader.next()) records.push(record);
  return records;
}

describe("reading text records", () => {
  test("several records in one chunk come out one by one", () => {
    const reader = new TextReader(100);
    reader.push(`a${RS}bc${RS}${RS}d`);
    expect(readAll(reader)).toEqual(["a", "bc", ""]);
    expect(reader.partial).toBe(true);
    reader.push(RS);
    expect(readAll(reader)).toEqual(["d"]);
    expect(reader.partial).toBe(false);
  });

  test("a record cut anywhere is the same record, as text and as bytes", () => {
    const text = `{"a":"héllo €uro 🎈"}${RS}{}${RS}`;
    const bytes = utf8.encode(text);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const reader = new TextReader(100);
      reader.push(bytes.subarray(0, cut));
      reader.push(bytes.subarray(cut));
      expect(readAll(reader)).toEqual(['{"a":"héllo €uro 🎈"}', "{}"]);
    }
  });

  test("bytes that are not UTF-8 are a protocol error", () => {
    expect(() => new TextReader(100).push(Uint8Array.of(0xff, 0x1e))).toThrow("not valid UTF-8");
  });

  test("the limit counts bytes, separator included", () => {
    const fits = new TextReader(10);
    fits.push(`${"é".repeat(4)}x${RS}`);
    expect(readAll(fits)).toEqual(["ééééx"]);
    const over = new TextReader(10);
    over.push(`${"é".repeat(5)}${RS}`);
    expect(() => over.next()).toThrow("The maximum message size of 10B was exceeded.");
  });

  test("a record that does not end is refused as soon as it reaches the limit", () => {
    const reader = new TextReader(10);
    for (let count = 0; count < 9; count++) {
      reader.push("x");
      expect(reader.next()).toBeNull();
    }
    reader.push("x");
    expect(() => reader.next()).toThrow("exceeded");
  });

  test("what is unread is known, so that the owner can bound it", () => {
    const reader = new TextReader(10);
    reader.push(`ab${RS}cd${RS}e`);
    expect(reader.unread).toBe(7);
    reader.next();
    expect(reader.unread).toBe(4);
    readAll(reader);
    expect(reader.unread).toBe(0);
  });

  test("UTF-8 lengths are those of the encoder", () => {
    for (const text of ["", "a", "é", "€", "🎈", "日本語🎈x"])
      expect(utf8Length(text)).toBe(utf8.encode(text).length);
  });
});
