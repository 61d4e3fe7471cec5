import { expect, test } from "vitest";
import { createOriginPolicy } from "../../../../src/http/middleware/origin-policy.ts";

const policy = createOriginPolicy(["https://app.example", "http://localhost:*", "https://Upper.example/"]);

test.each(["https://app.example", "http://localhost", "http://localhost:3000", "https://upper.example"])(
  "%s is let in",
  (origin) => {
    expect(policy.allows(origin, null)).toBe(true);
  },
);

test.each([
  "http://app.example",
  "https://app.example:8443",
  "https://app.example.evil.example",
  "https://evil.example",
  "http://localhost:3000.evil.example",
  "http://localhost:",
  "http://localhost:123456",
  "https://localhost:3000",
  "null",
  "",
])("%s is kept out", (origin) => {
  expect(policy.allows(origin, null)).toBe(false);
});

test("a page of the gateway's own is allowed without being listed", () => {
  expect(createOriginPolicy([]).allows("https://gateway.example", "https://gateway.example")).toBe(true);
  expect(createOriginPolicy([]).allows("https://gateway.example", "https://other.example")).toBe(false);
});

test("a star allows every origin", () => {
  expect(createOriginPolicy(["*"]).allows("https://anywhere.example", null)).toBe(true);
});
