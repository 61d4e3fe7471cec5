import { expect, test } from "vitest";
import { HookAddresses } from "../../../src/tasks/hook-addresses.ts";

const TASK = "019aa5f0-1c00-7000-8000-000000000001";
const OTHER = "019aa5f0-1c00-7000-8000-00000000ff02";
const addresses = (secret = "secret", publicUrl = "https://gateway.example/") =>
  new HookAddresses({ publicUrl, secret });

async function tokenOf(provider = "replicate", task = TASK, secret = "secret"): Promise<string> {
  return (await addresses(secret).urlOf(provider, task)).split("/").at(-1) ?? "";
}

test("an address leads back to its task, in any process that has the secret", async () => {
  expect(await addresses().urlOf("fal", TASK)).toMatch(
    /^https:\/\/gateway\.example\/v1\/hooks\/fal\/[\w-]{43}$/,
  );
  for (const task of [TASK, OTHER])
    expect(await addresses().taskOf("fal", await tokenOf("fal", task))).toBe(task);
});

test("an address of another provider, task or secret leads nowhere", async () => {
  const token = await tokenOf();
  expect(await addresses().taskOf("fal", token)).toBeNull();
  expect(await addresses("another").taskOf("replicate", token)).toBeNull();
  const mixed = (await tokenOf("replicate", OTHER)).slice(0, 22) + token.slice(22);
  expect(mixed).not.toBe(token);
  expect(await addresses().taskOf("replicate", mixed)).toBeNull();
});

test("every changed letter is noticed", async () => {
  const token = await tokenOf();
  // The last letter holds two bits that stand for nothing.
  for (let at = 0; at < token.length - 1; at += 1) {
    const changed = token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
    expect(await addresses().taskOf("replicate", changed)).toBeNull();
  }
});

test.each(["", "short", "A".repeat(44), `${"A".repeat(42)}=`, `${"A".repeat(42)}/`, "ä".repeat(43)])(
  "%j is no address",
  async (token) => {
    expect(await addresses().taskOf("replicate", token)).toBeNull();
  },
);
