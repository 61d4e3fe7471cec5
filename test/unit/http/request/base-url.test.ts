import { describe, expect, test } from "vitest";
import { baseUrl, requestOrigin } from "../../../../src/http/request/base-url.ts";

/** A request as a host may hand it on, whatever the platform's own URL parser would say. */
const requestTo = (url: string, headers: Record<string, string> = {}) =>
  ({ url, headers: new Headers(headers) }) as Request;

describe("the origin of a request", () => {
  test.each([
    ["http://127.0.0.1:8787/v1/x?y=http://z/", "http://127.0.0.1:8787"],
    ["https://gateway.example/", "https://gateway.example"],
    ["http://[::1]:8787/a", "http://[::1]:8787"],
    ["http://host", "http://host"],
  ])("%s is %s", (url, origin) => {
    expect(requestOrigin(requestTo(url))).toBe(origin);
  });

  test.each([
    "/v1/x",
    "http://a b/",
    "http://user:pass@host/",
    'http://x"onload=/',
    "http:///x",
    "http://-a/",
    "http://a:123456/",
  ])("of %s there is none", (url) => {
    expect(requestOrigin(requestTo(url))).toBeNull();
  });
});

describe("the base of URLs", () => {
  const own = { publicUrl: null, trustProxy: false };
  const forwarded = { "x-forwarded-proto": "https", "x-forwarded-host": "api.example" };

  test("is the public URL where there is one, however the request came", () => {
    expect(baseUrl(requestTo("/x"), { publicUrl: "https://p.example", trustProxy: true })).toBe(
      "https://p.example",
    );
  });

  test("believes a proxy only when told to, and then its nearest word", () => {
    const request = requestTo("http://inside:1/x", forwarded);
    expect(baseUrl(request, own)).toBe("http://inside:1");
    expect(baseUrl(request, { ...own, trustProxy: true })).toBe("https://api.example");
    const chain = { "x-forwarded-proto": "http, https", "x-forwarded-host": "evil.example, api.example" };
    expect(baseUrl(requestTo("http://inside/x", chain), { ...own, trustProxy: true })).toBe(
      "https://api.example",
    );
    const wrong = { ...forwarded, "x-forwarded-proto": "javascript" };
    expect(baseUrl(requestTo("http://inside/x", wrong), { ...own, trustProxy: true })).toBe("http://inside");
  });

  test("cannot be made of nothing", () => {
    expect(() => baseUrl(requestTo("/x"), own)).toThrow(/Host header/);
  });
});
