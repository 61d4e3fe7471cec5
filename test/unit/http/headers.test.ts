/** Small readings of single headers. */

import { describe, expect, test } from "vitest";
import { presentedKey } from "../../../src/http/middleware/credentials.ts";
import { preferredWaitSeconds } from "../../../src/http/request/preference.ts";
import { chooseRequestId } from "../../../src/http/request/request-id.ts";

describe("the preferred wait", () => {
  test.each([
    ["wait=10", 10],
    ["respond-async, wait=10", 10],
    ['Wait = "7"; foo', 7],
    ["wait=61", 60],
    ["wait=3, wait=9", 3],
    ["wait=0", null],
    ["wait=-1", null],
    ["wait=1.5", null],
    ["waiting=3", null],
    ["wait", null],
    ["", null],
    [null, null],
  ])("of %s is %s", (header, seconds) => {
    expect(preferredWaitSeconds(header)).toBe(seconds);
  });
});

describe("the presented key", () => {
  const keyOf = (headers: Record<string, string>, withQuery = false) =>
    presentedKey(new Request("http://h/x?access_token=fromQuery", { headers }), withQuery);

  test("is looked for in the order of the contract", () => {
    const all = { authorization: "bearer fromBearer", "x-api-key": "fromX", "api-key": "fromApi" };
    expect(keyOf(all, true)).toBe("fromBearer");
    expect(keyOf({ ...all, authorization: "Basic abc" }, true)).toBe("fromX");
    expect(keyOf({ "api-key": "fromApi" }, true)).toBe("fromApi");
    expect(keyOf({}, true)).toBe("fromQuery");
    expect(keyOf({})).toBeNull();
  });
});

describe("a request id", () => {
  test("is the caller's where it is harmless, else a new one", () => {
    const choose = (incoming: string | null) => chooseRequestId(incoming, () => "new");
    expect(choose("00-4bf92f3577b34da6-01")).toBe("00-4bf92f3577b34da6-01");
    for (const bad of [null, "", "a b", "a\tb", "é", "x".repeat(129), `condt_${"k".repeat(43)}`, "sk-live"]) {
      expect(choose(bad)).toBe("new");
    }
  });
});
