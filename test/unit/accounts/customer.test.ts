/** Who the customer of a request is. */

import { expect, test } from "vitest";
import { customerOf, storedCustomer } from "../../../src/accounts/money/customer.ts";

const own = { keyId: "a", subject: "" };

test("an ephemeral key's customer is its subject, whatever the request says", async () => {
  expect(await customerOf({ keyId: "a", subject: "ann" }, ["bob", "cid"])).toBe("ann");
});

test("a key's customer is the first that is named", async () => {
  expect(await customerOf(own, [null, undefined, "", "bob", "cid"])).toBe("bob");
  expect(await customerOf(own, [{ user: "x" }, 5, "cid"])).toBe("cid");
  expect(await customerOf(own, [undefined])).toBeNull();
});

test("a long name is kept as its hash, and one of 128 characters as it is", async () => {
  expect(await storedCustomer("x".repeat(128))).toBe("x".repeat(128));
  expect(await storedCustomer("x".repeat(129))).toMatch(/^[0-9a-f]{64}$/);
  expect(await storedCustomer("x".repeat(129))).not.toBe(await storedCustomer("x".repeat(130)));
  expect(await storedCustomer("\ud800")).toBe("\ufffd");
});
