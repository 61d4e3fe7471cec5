/** A key goes to the provider's own hosts alone. */

import { expect, test } from "vitest";
import { isOwnAddress } from "../../../../src/providers/upstream/calls/own-address.ts";

const BASE = "http://127.0.0.1:4000/v1";

test.each([
  "https://api.acme.ai/v1/get_result?id=1",
  "https://api.us1.acme.ai/v1/get_result?id=1",
  "https://acme.ai/x",
  "http://127.0.0.1:4000/other/path",
])("%s is the provider's own", (url) => {
  expect(isOwnAddress(url, BASE, ["acme.ai"])).toBe(true);
});

test.each([
  "http://api.acme.ai/v1/x",
  "https://api.acme.ai:8443/v1/x",
  "https://acme.ai.evil.example/x",
  "https://evilacme.ai/x",
  "https://evil.example/acme.ai",
  "https://acme.ai@evil.example/x",
  "https://user:word@api.acme.ai/x",
  "http://127.0.0.1:4001/v1/x",
  "//api.acme.ai/x",
  "not an address",
  "",
])("%s is none of the provider's", (url) => {
  expect(isOwnAddress(url, BASE, ["acme.ai"])).toBe(false);
});
