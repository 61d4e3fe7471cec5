/** Which addresses may be fetched because somebody named them. */

import { describe, expect, test } from "vitest";
import { FetchError } from "../../../src/fetch/fetch-error.ts";
import { requireTarget, type TargetPolicy } from "../../../src/fetch/target-guard.ts";

const DEFAULT: TargetPolicy = { allowHttp: false, allowedHosts: new Set() };

function verdict(address: string, policy: Partial<TargetPolicy> = {}): string {
  try {
    return requireTarget(address, { ...DEFAULT, ...policy }).url.href;
  } catch (error) {
    if (error instanceof FetchError) return error.failure;
    throw error;
  }
}

describe("the target guard", () => {
  test.each([
    "https://example.org/picture.png",
    "https://example.org:8443/a?b=c",
    "https://93.184.215.14/picture.png",
    "https://[2606:4700:4700::1111]/picture.png",
    "https://bücher.example.org/",
  ])("takes %s", (address) => {
    expect(verdict(address)).toMatch(/^https:/);
  });

  test("speaks of addresses of pictures and of webhooks alike", () => {
    expect(() => requireTarget("nowhere", DEFAULT)).toThrow(/such as https:\/\/example\.com\/path$/);
    expect(() => requireTarget("https://10.0.0.1", DEFAULT)).toThrow(
      /public internet, and no other is called$/,
    );
  });

  test.each([
    ["loopback", "127.0.0.1"],
    ["loopback, any of it", "127.8.9.10"],
    ["loopback in decimal", "2130706433"],
    ["loopback in octal", "0177.0.0.1"],
    ["loopback in hexadecimal", "0x7f.0.0.1"],
    ["loopback in one hexadecimal number", "0x7f000001"],
    ["loopback in two parts", "127.1"],
    ["loopback in full-width digits", "１２７.０.０.１"],
    ["loopback with a dot at the end", "127.0.0.1."],
    ["loopback, percent-encoded", "%31%32%37.0.0.1"],
    ["this host", "0.0.0.0"],
    ["this host, short", "0"],
    ["private 10/8", "10.1.2.3"],
    ["private 172.16/12", "172.16.0.1"],
    ["private 172.16/12, its end", "172.31.255.254"],
    ["private 192.168/16", "192.168.1.1"],
    ["link-local", "169.254.1.1"],
    ["metadata of most clouds", "169.254.169.254"],
    ["metadata of most clouds in decimal", "2852039166"],
    ["metadata of Alibaba", "100.100.100.200"],
    ["metadata of Azure", "168.63.129.16"],
    ["metadata of Oracle", "192.0.0.192"],
    ["carrier-grade NAT", "100.64.0.1"],
    ["benchmarking", "198.18.0.1"],
    ["documentation 1", "192.0.2.1"],
    ["documentation 2", "198.51.100.1"],
    ["documentation 3", "203.0.113.1"],
    ["6to4 relay", "192.88.99.1"],
    ["multicast", "224.0.0.1"],
    ["reserved", "240.0.0.1"],
    ["broadcast", "255.255.255.255"],
    ["IPv6 unspecified", "[::]"],
    ["IPv6 loopback", "[::1]"],
    ["IPv6 loopback in full", "[0:0:0:0:0:0:0:1]"],
    ["IPv4-mapped loopback", "[::ffff:127.0.0.1]"],
    ["IPv4-mapped private, in hexadecimal", "[::ffff:a00:1]"],
    ["IPv4-compatible loopback", "[::127.0.0.1]"],
    ["IPv4-translated", "[::ffff:0:7f00:1]"],
    ["NAT64 of loopback", "[64:ff9b::7f00:1]"],
    ["NAT64 of a network's own", "[64:ff9b:1::7f00:1]"],
    ["6to4 of loopback", "[2002:7f00:1::]"],
    ["Teredo", "[2001::1]"],
    ["unique local", "[fd00::1]"],
    ["metadata of AWS over IPv6", "[fd00:ec2::254]"],
    ["IPv6 link-local", "[fe80::1]"],
    ["site-local", "[fec0::1]"],
    ["IPv6 multicast", "[ff02::1]"],
    ["IPv6 documentation", "[2001:db8::1]"],
    ["discard-only", "[100::1]"],
    ["segment routing", "[5f00::1]"],
    ["what nobody was given", "[4000::1]"],
  ])("refuses %s: %s", (_what, host) => {
    expect(verdict(`https://${host}/picture.png`)).toBe("refused");
  });

  test.each([
    "localhost",
    "localhost.",
    "LOCALHOST",
    "api.localhost",
    "redis",
    "printer.local",
    "metadata.google.internal",
    "metadata.google.internal.",
    "db.corp",
    "nas.home.arpa",
    "router.lan",
    "hidden.onion",
    "a.test",
  ])("refuses the name %s", (host) => {
    expect(verdict(`https://${host}/`)).toBe("refused");
  });

  test.each([
    "http://example.org/",
    "ftp://example.org/",
    "file:///etc/passwd",
    "data:text/plain,x",
    "javascript:alert(1)",
    "//example.org/a",
    "/v1/media/a.png",
    "example.org",
    "",
    "https://",
    "https://user@example.org/",
    "https://user:secret@example.org/",
    "https://example.org@127.0.0.1/",
    `https://example.org/${"a".repeat(9_000)}`,
    "https://[fe80::1%25eth0]/",
  ])("refuses %s", (address) => {
    expect(verdict(address)).toBe("refused");
  });

  test("takes http only when it is configured", () => {
    expect(verdict("http://example.org/", { allowHttp: true })).toBe("http://example.org/");
    expect(verdict("http://127.0.0.1/", { allowHttp: true })).toBe("refused");
  });

  test("takes a host of the operator's network only by its exact name", () => {
    const allowedHosts = new Set(["media.corp", "10.0.0.5", "fd00::5"]);
    expect(verdict("https://media.corp/a", { allowedHosts })).toBe("https://media.corp/a");
    expect(verdict("https://MEDIA.corp./a", { allowedHosts })).toBe("https://media.corp./a");
    expect(verdict("https://10.0.0.5/a", { allowedHosts })).toBe("https://10.0.0.5/a");
    expect(verdict("https://[fd00::5]/a", { allowedHosts })).toBe("https://[fd00::5]/a");
    expect(verdict("https://x.media.corp/a", { allowedHosts })).toBe("refused");
    expect(verdict("https://10.0.0.6/a", { allowedHosts })).toBe("refused");
    expect(requireTarget("https://media.corp/a", { ...DEFAULT, allowedHosts }).anyAddress).toBe(true);
  });

  test("quotes no address in its refusals", () => {
    for (const address of ["https://user:secret@example.org/", "https://10.1.2.3/hidden", "hidden"]) {
      try {
        requireTarget(address, DEFAULT);
        expect.unreachable();
      } catch (error) {
        expect((error as Error).message).not.toMatch(/secret|hidden|10\.1/);
      }
    }
  });
});
