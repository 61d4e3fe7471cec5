/** The scripts as they are sent: whole, and nothing that the server would make in vain at every call. */

import { describe, expect, test } from "vitest";
import { DOMAIN_EVENT_TYPES } from "../../../../src/protocol/domain-event.ts";
import { SCRIPT_NAMES, Scripts } from "../../../../src/stores/redis/scripts.ts";
import { TaskFields } from "../../../../src/stores/redis/tasks/fields.ts";
import { DATA_RELEASE } from "../../../../src/stores/release.ts";
import { TASK_FIELDS } from "../../../../src/stores/task-fields.ts";

const scripts = new Scripts(new TaskFields(TASK_FIELDS), DATA_RELEASE);
const withSink = new Scripts(new TaskFields(TASK_FIELDS), DATA_RELEASE, {
  types: new Set(DOMAIN_EVENT_TYPES),
  maxRows: 100,
});
/** Lua takes 200 local variables in one function, some of which are those of loops. */
const MOST_LOCALS = 184;

describe.each(SCRIPT_NAMES)("the script %s", (name) => {
  const text = scripts.text(name);

  test("makes no function that it does not use", () => {
    const words = text.match(/\w+/g) ?? [];
    const unused = [...text.matchAll(/^local function (\w+)/gm)]
      .map(([, made]) => made)
      .filter((made) => words.filter((word) => word === made).length < 2);
    expect(unused).toEqual([]);
  });

  test("defines whatever it calls", () => {
    const lua = "and do else elseif end for function if in local not or repeat return then until while";
    const known = new Set([
      ...lua.split(" "),
      ..."pairs ipairs pcall error type unpack tonumber next string table".split(" "),
    ]);
    for (const [, names = ""] of text.matchAll(/\blocal (?:function )?([\w, ]+)/g))
      for (const one of names.split(/, */)) known.add(one.trim());
    for (const [, names = ""] of text.matchAll(/\bfunction ?\w*\(([\w, .]*)\)/g))
      for (const one of names.split(/, */)) known.add(one.trim());
    const called = [...text.replaceAll(/'[^']*'/g, "''").matchAll(/(?<![\w.:])(\w+)\(/g)].map(
      ([, one]) => one,
    );
    expect(called.filter((one) => !known.has(one as string))).toEqual([]);
  });

  test("has no more variables on its outermost level than Lua takes, also where a sink is told", () => {
    const locals = withSink
      .text(name)
      .matchAll(/^local (?:function )?([\w, ]+)/gm)
      .flatMap(([, names = ""]) => names.split(","));
    expect([...locals].length).toBeLessThanOrEqual(MOST_LOCALS);
  });

  test("carries no comment and no constant by its name", () => {
    expect(text).not.toMatch(/^\s*--/m);
    expect(text).not.toMatch(/\b(?:T_\w+|(?:MAX|TENANT|PROMOTE|OWN|REMEMBER)_[A-Z_]+)\b/);
  });
});
