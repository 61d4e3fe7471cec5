import { expect, test } from "vitest";
import { byteRange } from "../../../../src/http/request/byte-range.ts";

test.each([
  ["bytes=0-0", { start: 0, end: 0 }],
  ["bytes=2-5", { start: 2, end: 5 }],
  ["bytes=2-", { start: 2, end: 9 }],
  ["bytes=2-900", { start: 2, end: 9 }],
  ["bytes=-3", { start: 7, end: 9 }],
  ["bytes=-900", { start: 0, end: 9 }],
  ["BYTES= 1-2", { start: 1, end: 2 }],
])("%s of ten bytes is a range", (header, range) => {
  expect(byteRange(header, 10)).toEqual(range);
});

test.each(["bytes=10-", "bytes=10-12", "bytes=-0"])("%s of ten bytes cannot be satisfied", (header) => {
  expect(byteRange(header, 10)).toBe("unsatisfiable");
});

test.each([
  null,
  "",
  "bytes",
  "bytes=",
  "bytes=-",
  "bytes=5-2",
  "bytes=0-1,3-4",
  "bytes=a-b",
  "bytes=1.5-2",
  "items=0-1",
  "bytes=99999999999999999-",
])("%s asks for the whole file", (header) => {
  expect(byteRange(header, 10)).toBeNull();
});

test("nothing of an empty file can be satisfied", () => {
  expect(byteRange("bytes=0-", 0)).toBe("unsatisfiable");
  expect(byteRange("bytes=-1", 0)).toBe("unsatisfiable");
});
