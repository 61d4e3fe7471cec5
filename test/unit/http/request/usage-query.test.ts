/** What a request for usage may ask for. */

import { describe, expect, test } from "vitest";
import { csvLine } from "../../../../src/http/usage/csv.ts";
import { cursorOf, usageQuery } from "../../../../src/http/usage/usage-query.ts";
import { ApiError } from "../../../../src/protocol/error.ts";
import { USAGE_GROUPS } from "../../../../src/protocol/usage.ts";

const NOW = Date.UTC(2026, 10, 30, 23, 59, 59, 999);
const dayOf = (text: string) => Date.parse(text) / 86_400_000;
const read = (query: Record<string, string>) => usageQuery((name) => query[name], USAGE_GROUPS, NOW);
const refusal = (query: Record<string, string>): string => {
  try {
    read(query);
  } catch (error) {
    if (error instanceof ApiError) return `${error.param}: ${error.message}`;
    throw error;
  }
  return "taken";
};

describe("the days", () => {
  test.each<[string, Record<string, string>, string, string]>([
    ["are the last thirty", {}, "2026-11-01", "2026-11-30"],
    ["are thirty up to the one named", { to: "2026-03-31" }, "2026-03-02", "2026-03-31"],
    ["go from the one named to today", { from: "2026-10-01" }, "2026-10-01", "2026-11-30"],
    ["may be one", { from: "2026-11-30", to: "2026-11-30" }, "2026-11-30", "2026-11-30"],
    [
      "are those that the times lie in, in UTC",
      { from: "2026-11-02T00:30:00+02:00", to: "2026-11-02T23:00:00-02:00" },
      "2026-11-01",
      "2026-11-03",
    ],
    ["may lie ahead", { from: "2026-12-05" }, "2026-12-05", "2026-12-05"],
    ["may be four hundred", { from: "2025-10-27" }, "2025-10-27", "2026-11-30"],
  ])("%s", (_, query, from, to) => {
    expect(read(query).days).toEqual({ from: dayOf(from), to: dayOf(to) });
  });

  test.each<[Record<string, string>, string]>([
    [{ from: "2026-11-30", to: "2026-11-29" }, "from: from must be a day that is not after"],
    [{ from: "2025-10-26" }, "from: from and to may be at most 400 days apart"],
    [{ from: "yesterday" }, "from: from must be a date such as"],
    [{ to: "2026-02-30" }, "to: to must be a date such as"],
    [{ to: "2026-11-30T10:00:00" }, "to: to must be a date such as"],
    [{ groupBy: "key" }, "groupBy: groupBy must be one of day, model, type, customer"],
    [{ format: "xml" }, "format: format must be one of json, csv"],
    [{ limit: "1001" }, "limit: limit must be a whole number from 1 to 1000"],
    [{ limit: "10001", format: "csv" }, "limit: limit must be a whole number from 1 to 10000"],
    [{ after: "x" }, "after: after must be the cursor"],
    [{ after: btoa('{"keyId":1}') }, "after: after must be the cursor"],
    [{ customer: "c".repeat(600) }, "customer: customer must be at most"],
  ])("are refused with what was expected: %j", (query, message) => {
    expect(refusal(query)).toContain(message);
  });
});

test("a cursor is read back, whatever the customer is called", () => {
  for (const customer of [null, "", "Zoë ✨ \n"]) {
    const place = { keyId: "key_a", customer };
    expect(read({ after: cursorOf(place) }).after).toEqual(place);
  }
});

describe("a line of CSV", () => {
  test.each(["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx"])("is no formula: %j", (cell) => {
    expect(csvLine([cell]).replaceAll('"', "")).toBe(`'${cell}\r\n`);
  });

  test("quotes what would end a cell, and leaves numbers and nothing as they are", () => {
    expect(csvLine(["a,b", 'say "x"', "two\nlines", -1.5, null, "plain"])).toBe(
      '"a,b","say ""x""","two\nlines",-1.5,,plain\r\n',
    );
  });
});
