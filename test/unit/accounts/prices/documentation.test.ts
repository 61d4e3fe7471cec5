/** The page about prices and the table say the same, and its sample is taken. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { PRICE_TABLE } from "../../../../src/accounts/prices/table.ts";
import { loadConfig } from "../../../../src/config/load.ts";
import { tableOfPrices } from "../../../fixture/price-table.ts";

const PAGE = readFileSync(resolve(import.meta.dirname, "../../../../docs/prices.md"), "utf8");

test("docs/prices.md shows every line of the table as it is", () => {
  const shown = PAGE.slice(PAGE.indexOf("| model ")).trimEnd();
  expect(shown).toBe(tableOfPrices(PRICE_TABLE));
});

test("the sample of docs/prices.md is taken", () => {
  const [, file = ""] = /^```json\n([\s\S]*?)^```$/m.exec(PAGE) ?? [];
  const { settings, warnings } = loadConfig({ env: {}, file });
  expect(Object.keys(settings.prices)).toHaveLength(3);
  expect(warnings).toEqual([]);
});
