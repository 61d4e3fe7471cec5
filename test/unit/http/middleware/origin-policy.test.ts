import { describe, expect, test } from "vitest";
import { createOriginPolicy } from "../../../../src/http/middleware/origin-policy.ts";

const NOWHERE = { publicUrl: null, trustProxy: false };
const ELSEWHERE = new Request("http://gateway.example:8787/v1/key");

const policy = createOriginPolicy(
  [
    "https://app.example",
    "http://localhost:*",
    "https://Upper.example/",
    "https://*.pages.example",
    "https://*.ports.example:*",
    "app://obsidian.md",
    "tauri://localhost",
    "chrome-extension://abcdefgh",
    "vscode-webview://*",
    "null",
  ],
  NOWHERE,
);
const lets = (origin: string) => policy.allows(origin, ELSEWHERE);

test.each([
  "https://app.example",
  "http://localhost",
  "http://localhost:3000",
  "https://upper.example",
  "https://a.pages.example",
  "https://a.b.pages.example",
  "https://a.ports.example:8443",
  "app://obsidian.md",
  "tauri://localhost",
  "chrome-extension://abcdefgh",
  "vscode-webview://0a1b2c",
  "null",
])("%s is let in", (origin) => {
  expect(lets(origin)).toBe(true);
});

test.each([
  "http://app.example",
  "https://app.example:8443",
  "https://app.example.evil.example",
  "https://appXexample",
  "https://evil.example",
  "http://localhost:3000.evil.example",
  "http://localhost:",
  "http://localhost:123456",
  "https://localhost:3000",
  "https://pages.example",
  "https://evilpages.example",
  "https://evil.example/.pages.example",
  "https://a.pages.example:8443",
  "http://a.pages.example",
  "app://elsewhere",
  "tauri://localhost.evil.example",
  "chrome-extension://other",
  "https://vscode-webview",
  "https://null",
  "",
])("%s is kept out", (origin) => {
  expect(lets(origin)).toBe(false);
});

test("a star allows every origin", () => {
  const open = createOriginPolicy(["*"], NOWHERE);
  for (const origin of ["https://anywhere.example", "null", "app://x"])
    expect(open.allows(origin, ELSEWHERE)).toBe(true);
});

describe("the gateway's own origin", () => {
  const own = createOriginPolicy([], NOWHERE);
  const at = (url: string, headers: Record<string, string> = {}) => new Request(url, { headers });

  test.each([
    ["http://gateway.example:8787", "http://gateway.example:8787/v1/key"],
    // A proxy ends TLS: the page is https, the request http.
    ["https://gateway.example", "http://gateway.example/v1/key"],
    ["wss://gateway.example:443", "http://gateway.example/v1/key"],
    ["https://gateway.example", "http://gateway.example:443/v1/key"],
    ["http://gateway.example:80", "http://gateway.example/v1/key"],
    ["HTTPS://Gateway.Example", "http://gateway.example/v1/key"],
    ["http://[::1]:8787", "http://[::1]:8787/v1/key"],
  ])("%s may call %s, whatever the scheme", (origin, url) => {
    expect(own.allows(origin, at(url))).toBe(true);
  });

  test.each([
    ["http://gateway.example:8788", "http://gateway.example:8787/v1/key"],
    ["http://gateway.example", "http://gateway.example:8787/v1/key"],
    ["https://other.example", "http://gateway.example/v1/key"],
    ["https://gateway.example.evil.example", "http://gateway.example/v1/key"],
    ["https://gateway.example@evil.example", "http://gateway.example/v1/key"],
    ["null", "http://null/v1/key"],
    ["gateway.example", "http://gateway.example/v1/key"],
  ])("is not that of %s at %s", (origin, url) => {
    expect(own.allows(origin, at(url))).toBe(false);
  });

  test("is that of the public URL, whatever its path", () => {
    const known = createOriginPolicy([], { publicUrl: "https://media.example/conduit", trustProxy: false });
    expect(known.allows("https://media.example", ELSEWHERE)).toBe(true);
    expect(known.allows("https://media.example:8443", ELSEWHERE)).toBe(false);
  });

  test("is the host that a trusted proxy was asked for, and no other proxy's word", () => {
    const behind = at("http://10.0.0.7:8787/", { "x-forwarded-host": "evil.example, api.example" });
    const trusting = createOriginPolicy([], { publicUrl: null, trustProxy: true });
    expect(trusting.allows("https://api.example", behind)).toBe(true);
    expect(trusting.allows("https://evil.example", behind)).toBe(false);
    expect(own.allows("https://api.example", behind)).toBe(false);
  });
});

describe("against names that an attacker's DNS leads here", () => {
  const listed = createOriginPolicy(["https://app.example"], {
    publicUrl: "https://media.example",
    trustProxy: false,
  });

  test.each([
    ["https://app.example", "http://10.0.0.7:8787/mcp"],
    ["https://media.example", "http://10.0.0.7:8787/mcp"],
    ["http://localhost:8787", "http://localhost:8787/mcp"],
    ["http://127.0.0.1:8787", "http://127.0.0.1:8787/mcp"],
    ["http://[::1]:8787", "http://[::1]:8787/mcp"],
  ])("%s may call %s", (origin, url) => {
    expect(listed.allowsRebound(origin, new Request(url))).toBe(true);
  });

  test.each([
    ["http://evil.example:8787", "http://evil.example:8787/mcp"],
    ["http://127.0.0.1.evil.example", "http://127.0.0.1.evil.example/mcp"],
    ["http://localhost.evil.example", "http://localhost.evil.example/mcp"],
    ["http://localhost:3000", "http://localhost:8787/mcp"],
    ["null", "http://localhost:8787/mcp"],
  ])("%s may not call %s", (origin, url) => {
    expect(listed.allowsRebound(origin, new Request(url))).toBe(false);
  });
});
