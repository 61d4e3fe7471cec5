/** Amounts of money as headers and messages write them. */

import { expect, test } from "vitest";
import { dollarText } from "../../../src/tasks/dollars.ts";
import fc from "../../fixture/property.ts";

test.each([
  [0, "0"],
  [1, "0.000001"],
  [1_000, "0.001"],
  [100_000, "0.1"],
  [999_999, "0.999999"],
  [5_000_000, "5"],
  [100_000_000, "100"],
  [12_345_678, "12.345678"],
  [Number.MAX_SAFE_INTEGER, "9007199254.740991"],
  [-1_500_000, "-1.5"],
])("%d micro-dollars are %s", (micros, text) => {
  expect(dollarText(micros)).toBe(text);
});

test("every amount is its own decimal, without needless noughts", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 40 }), (micros) => {
      const text = dollarText(micros);
      expect(Math.round(Number(text) * 1_000_000)).toBe(micros);
      expect(text).toMatch(/^(0|[1-9]\d*)(\.\d{0,5}[1-9])?$/);
    }),
  );
});
