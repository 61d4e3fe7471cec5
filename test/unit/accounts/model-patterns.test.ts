import { describe, expect, it } from "vitest";
import { commonPatterns, coversPattern, matchesModel } from "../../../src/accounts/model-patterns.ts";

/** Every text of at most four letters of a small alphabet: enough to tell any two of the patterns below apart. */
const MODELS = (function texts(length: number): string[] {
  return length === 0
    ? [""]
    : ["", ...["a", "b"].flatMap((letter) => texts(length - 1).map((rest) => letter + rest))];
})(4);
const PATTERNS = ["*", "a*", "ab*", "b*", "aba*", "a", "ab", "b", "aba"];

const names = (patterns: readonly string[] | null) =>
  MODELS.filter((model) => patterns?.some((pattern) => matchesModel(pattern, model)) ?? true);

describe("a pattern", () => {
  it("covers another one exactly when it names everything that one names", () => {
    for (const wide of PATTERNS)
      for (const narrow of PATTERNS) {
        const all = names([narrow]).every((model) => matchesModel(wide, model));
        expect([wide, narrow, coversPattern(wide, narrow)]).toEqual([wide, narrow, all]);
      }
  });
});

describe("what two lists have in common", () => {
  const LISTS = [
    null,
    [],
    ...PATTERNS.map((pattern) => [pattern]),
    ["a*", "b"],
    ["ab*", "b*"],
    ["aba", "ab", "b*"],
    ["*", "a"],
  ];

  it("names what both of them name, and nothing else", () => {
    for (const one of LISTS)
      for (const other of LISTS) {
        const both = names(one).filter((model) => names(other).includes(model));
        expect([one, other, names(commonPatterns(one, other))]).toEqual([one, other, both]);
      }
  });

  it("is every model only where both allow every model", () => {
    expect(commonPatterns(null, null)).toBeNull();
    expect(commonPatterns([], null)).toEqual([]);
  });
});
