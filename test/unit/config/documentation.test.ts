/** The page for operators and the schema say the same. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import { SETTINGS } from "../../../src/config/schema.ts";
import { dottedName, listSettings, type NamedSetting } from "../../../src/config/setting-names.ts";

const read = (page: string) => readFileSync(resolve(import.meta.dirname, "../../../docs", page), "utf8");
const PAGE = read("configuration.md");
/** The first one of a page. */
const JSON_BLOCK = /^```json\n([\s\S]*?)^```$/m;
const ROW = /^\| `([^`]+)`(?: `([A-Z_]+)`)? +\| (.+?) +\| (.+?) +\| (.+?) +\|$/gm;

function fallbackText(value: unknown): string {
  const nothing =
    value === null || value === "" || (typeof value === "object" && Object.keys(value).length === 0);
  return nothing ? "none" : String(value);
}

function rowOf({ path, setting }: NamedSetting) {
  return {
    name: dottedName(path),
    variable: setting.variable,
    fallback: setting.fallbackText ?? fallbackText(setting.fallback),
    expected: setting.expected,
    meaning: setting.meaning,
  };
}

describe("docs/configuration.md", () => {
  const rows = [...PAGE.matchAll(ROW)].map(([, name, variable, fallback, expected, meaning]) => ({
    name,
    variable: variable ?? null,
    fallback,
    expected,
    meaning,
  }));

  it("describes every setting with its variable, default, bounds and meaning, and nothing that is no setting", () => {
    expect(rows).toEqual(listSettings(SETTINGS).map(rowOf));
  });
});

describe.each(["configuration.md", "production.md"])("the sample conduit.json of docs/%s", (page) => {
  it("is taken without a warning", () => {
    const [, file = ""] = JSON_BLOCK.exec(read(page)) ?? [];
    expect(file).toContain("imageGeneration");
    expect(loadConfig({ env: {}, file }).warnings).toEqual([]);
  });
});

describe("the schema", () => {
  it("holds defaults that keep their own bounds", () => {
    for (const { path, setting } of listSettings(SETTINGS)) {
      if (setting.fallback === null || setting.fallback === "") continue;
      expect(setting.schema().safeParse(setting.fallback).success, dottedName(path)).toBe(true);
    }
  });

  it("gives no two settings one variable", () => {
    const variables = listSettings(SETTINGS).flatMap(({ setting }) => setting.variable ?? []);
    expect(new Set(variables).size).toBe(variables.length);
  });
});
