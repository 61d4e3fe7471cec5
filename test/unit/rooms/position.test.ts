import { expect, test } from "vitest";
import { ApiError } from "../../../src/protocol/error.ts";
import { parsePosition, printPosition } from "../../../src/rooms/position.ts";

test("a printed position is read back as it was", () => {
  const position = { epoch: "aZ09_-", seq: 900_000_000_000_000 };
  expect(parsePosition(printPosition(position), "after")).toEqual(position);
  expect(parsePosition("e.0", "after")).toEqual({ epoch: "e", seq: 0 });
});

test.each([
  ["without a dot", "abc"],
  ["without an epoch", ".7"],
  ["without a number", "abc."],
  ["with a negative number", "abc.-1"],
  ["with a leading zero", "abc.07"],
  ["with a number beyond what is exact", "abc.9999999999999999"],
  ["with a fraction", "abc.1.5"],
  ["with spaces", " abc.1"],
  ["with a line break", "abc.1\n"],
  ["with other letters", "äbc.1"],
  ["with an endless epoch", `${"a".repeat(65)}.1`],
  ["of megabytes", "a".repeat(1_000_000)],
  ["that is empty", ""],
])("an id %s is refused, naming the parameter", (_name, text) => {
  const error = (() => {
    try {
      parsePosition(text, "Last-Event-ID");
    } catch (thrown) {
      return thrown;
    }
  })();
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ code: "invalid_parameter", status: 400, param: "Last-Event-ID" });
  expect(String(error).length).toBeLessThan(300);
});
