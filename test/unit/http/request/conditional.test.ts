import { describe, expect, test } from "vitest";
import { isUnchanged, rangeApplies } from "../../../../src/http/request/conditional.ts";

const file = { etag: '"v1"', modifiedAt: Date.parse("2026-11-21T10:30:00.500Z") };
const unchanged = (headers: Record<string, string>) => isUnchanged(new Headers(headers), file);
const applies = (ifRange: string | null) =>
  rangeApplies(new Headers(ifRange === null ? {} : { "if-range": ifRange }), file);

describe("a copy is current", () => {
  test("by its tag, weak or strong, alone or in a list", () => {
    for (const tag of ['"v1"', 'W/"v1"', '"v0", "v1"', "*"])
      expect(unchanged({ "if-none-match": tag })).toBe(true);
    expect(unchanged({ "if-none-match": '"v2"' })).toBe(false);
  });

  test("by its date, to the second, unless a tag says otherwise", () => {
    expect(unchanged({ "if-modified-since": "Sat, 21 Nov 2026 10:30:00 GMT" })).toBe(true);
    expect(unchanged({ "if-modified-since": "Sat, 21 Nov 2026 10:29:59 GMT" })).toBe(false);
    expect(unchanged({ "if-modified-since": "yesterday" })).toBe(false);
    expect(unchanged({ "if-none-match": '"v2"', "if-modified-since": "Sat, 21 Nov 2026 10:30:00 GMT" })).toBe(
      false,
    );
  });
});

test("a part is sent only of the version the caller has, and a weak tag proves nothing", () => {
  expect([null, '"v1"', "Sat, 21 Nov 2026 10:30:00 GMT"].map(applies)).toEqual([true, true, true]);
  expect(['W/"v1"', '"v2"', "Sat, 21 Nov 2026 10:30:01 GMT", "rubbish"].map(applies)).toEqual([
    false,
    false,
    false,
    false,
  ]);
});
