/** Small readings of single headers. */

import { describe, expect, test } from "vitest";
import { plainHost } from "../../../src/http/host.ts";
import { presentedKey } from "../../../src/http/middleware/credentials.ts";
import { isLoopbackAddress, isLoopbackCaller } from "../../../src/http/request/loopback.ts";
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

describe("a caller on this machine", () => {
  test.each(["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])("has an address like %s", (address) => {
    expect(isLoopbackAddress(address)).toBe(true);
  });

  test.each([null, "", "10.0.0.1", "::2", "1270.0.0.1", "127.0.0.1.evil.example"])(
    "has none like %s",
    (address) => {
      expect(isLoopbackAddress(address)).toBe(false);
    },
  );

  test("is believed through a trusted proxy alone, by the address that proxy saw", () => {
    const host = { ...plainHost, peerAddress: () => "127.0.0.1" };
    const request = (forwardedFor: string) =>
      new Request("http://h/", { headers: { "x-forwarded-for": forwardedFor } });
    expect(isLoopbackCaller(new Request("http://h/"), host, false)).toBe(true);
    expect(isLoopbackCaller(request("127.0.0.1"), host, false)).toBe(false);
    expect(isLoopbackCaller(request("127.0.0.1"), host, true)).toBe(true);
    expect(isLoopbackCaller(request("127.0.0.1, 8.8.8.8"), host, true)).toBe(false);
    expect(isLoopbackCaller(new Request("http://h/"), plainHost, true)).toBe(false);
  });
});
