/** The scripts as they are sent: whole, and nothing that the server would make in vain at every call. */

import { describe, expect, test } from "vitest";
import { SCRIPTS } from "../../../../src/stores/redis/scripts.ts";

describe.each(Object.entries(SCRIPTS))("the script %s", (_, text) => {
  test("makes no function that it does not use", () => {
    const words = text.match(/\w+/g) ?? [];
    const unused = [...text.matchAll(/^local function (\w+)/gm)]
      .map(([, name]) => name)
      .filter((name) => words.filter((word) => word === name).length < 2);
    expect(unused).toEqual([]);
  });

  test("carries no comment and no constant by its name", () => {
    expect(text).not.toMatch(/^\s*--/m);
    expect(text).not.toMatch(/\b(?:MAX|TENANT|CLEANUP|PROMOTE|SCHEMA|REMEMBER)_[A-Z_]+\b/);
  });
});
