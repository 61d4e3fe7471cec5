/** Windows and periods of budgets, and thresholds. */

import { describe, expect, test } from "vitest";
import {
  dayIn,
  dayNumberOf,
  dayText,
  grantedMicros,
  periodEnd,
  periodName,
  reachedThresholds,
  startOfDay,
  windowsAt,
  windowsIn,
} from "../../../src/accounts/money/budgets.ts";
import fc from "../../fixture/property.ts";

const at = (text: string) => Date.parse(text);
const day = (text: string) => dayNumberOf(at(`${text}T12:00:00Z`));

describe("a hold", () => {
  test("counts in the total and the UTC day it is made in", () => {
    const before = windowsAt(at("2026-11-30T23:59:59.999Z"));
    expect(before).toMatchObject({ windows: ["total", "2026-11-30"], text: '["total","2026-11-30"]' });
    expect(windowsAt(at("2026-12-01T00:00:00.000Z")).windows).toEqual(["total", "2026-12-01"]);
    // The clock was set back.
    expect(windowsAt(at("2026-11-30T12:00:00.000Z")).text).toBe(before.text);
    expect(dayIn(["total", "2026-12-01"])).toBe(day("2026-12-01"));
  });

  test("of an earlier release counts in no day", () => {
    expect(dayIn(["total"])).toBeNull();
    expect(dayIn(["total", "no day"])).toBeNull();
  });
});

describe("a period", () => {
  test.each([
    ["daily", "2028-02-29", "2028-02-29", "2028-02-29", "2028-03-01", "2028-02-29"],
    ["weekly", "2026-11-29", "2026-11-23", "2026-11-29", "2026-11-30", "2026-11-23"],
    ["weekly", "2026-11-30", "2026-11-30", "2026-12-06", "2026-12-07", "2026-11-30"],
    ["weekly", "2027-01-01", "2026-12-28", "2027-01-03", "2027-01-04", "2026-12-28"],
    ["monthly", "2026-12-31", "2026-12-01", "2026-12-31", "2027-01-01", "2026-12"],
    ["monthly", "2028-02-01", "2028-02-01", "2028-02-29", "2028-03-01", "2028-02"],
  ] as const)("that is %s, of %s, goes from %s to %s", (period, of, first, last, end, name) => {
    expect(windowsIn(period, day(of))).toEqual({ first, last });
    expect(periodEnd(period, day(of))).toBe(at(`${end}T00:00:00Z`));
    expect(periodName(period, day(of))).toBe(name);
  });

  test("that is total has no end", () => {
    expect(windowsIn("total", 0)).toEqual({ first: "total", last: "total" });
    expect(periodEnd("total", 0)).toBeNull();
    expect(periodName("total", 0)).toBe("total");
  });

  test("has each day in exactly one period of a kind", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 60_000 }),
        fc.constantFrom("daily", "weekly", "monthly"),
        (one, period) => {
          const { first, last } = windowsIn(period, one);
          expect(first <= dayText(one) && dayText(one) <= last).toBe(true);
          const next = dayNumberOf(periodEnd(period, one) ?? 0);
          expect(windowsIn(period, next - 1)).toEqual({ first, last });
          expect(windowsIn(period, next).first > last).toBe(true);
          expect(dayIn(["total", dayText(one)])).toBe(one);
          expect(dayNumberOf(startOfDay(one))).toBe(one);
        },
      ),
    );
  });
});

test("grants add up until the moment they expire", () => {
  const grants = [
    { amountMicros: 1, expiresAt: 10 },
    { amountMicros: 20, expiresAt: 11 },
  ];
  expect(grantedMicros(grants, 9)).toBe(21);
  expect(grantedMicros(grants, 10)).toBe(20);
  expect(grantedMicros(grants, 11)).toBe(0);
});

test.each([
  [49, 100, []],
  [50, 100, [50]],
  [79, 100, [50]],
  [99, 100, [50, 80, 90]],
  [250, 100, [50, 80, 90, 100]],
  [0, 0, []],
  [5, 0, []],
  [899_999_999_999_999, 1_000_000_000_000_000, [50, 80]],
  [900_000_000_000_000, 1_000_000_000_000_000, [50, 80, 90]],
])("%i charged of %i reaches %j", (charged, limit, reached) => {
  expect(reachedThresholds(charged, limit)).toEqual(reached);
});
