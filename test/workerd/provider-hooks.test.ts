/** Addresses of providers' calls and their signatures on Workers: the platform's own cryptography. */

import { expect, test } from "vitest";
import { createFalHook } from "../../src/providers/fal/hook.ts";
import { isSignedBy } from "../../src/providers/upstream/calls/standard-webhooks.ts";
import { UpstreamClient } from "../../src/providers/upstream/calls/upstream-client.ts";
import { HookAddresses } from "../../src/tasks/hook-addresses.ts";
import { systemClock } from "../../src/tasks/ports/clock.ts";

const TASK = "019aa5f0-1c00-7000-8000-000000000001";
const BODY = new TextEncoder().encode('{"status":"OK"}');

test("an address leads back to its task", async () => {
  const addresses = new HookAddresses({ publicUrl: "https://gateway.example", secret: "s" });
  const token = (await addresses.urlOf("fal", TASK)).split("/").at(-1) ?? "";
  expect(await addresses.taskOf("fal", token)).toBe(TASK);
  expect(await addresses.taskOf("replicate", token)).toBeNull();
});

test("a call signed by Standard Webhooks is taken, and a changed one is not", async () => {
  const secret = new TextEncoder().encode("a secret of some thirty-two bytes");
  const now = Date.now();
  const time = String(Math.floor(now / 1_000));
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", secret, hmac, false, ["sign"]);
  const text = new TextEncoder().encode(`msg_1.${time}.{"status":"OK"}`);
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, text)).toBase64();
  const headers = new Headers({
    "webhook-id": "msg_1",
    "webhook-timestamp": time,
    "webhook-signature": `v1,${signature}`,
  });
  const given = `whsec_${secret.toBase64()}`;
  expect(await isSignedBy({ headers, body: BODY }, given, now)).toBe(true);
  expect(await isSignedBy({ headers, body: new Uint8Array(BODY.length) }, given, now)).toBe(false);
});

test("fal's Ed25519 is verified", async () => {
  const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
  const { kty, crv, x } = (await crypto.subtle.exportKey("jwk", pair.publicKey)) as JsonWebKey;
  const client = new UpstreamClient({
    provider: "fal",
    clock: systemClock,
    fetch: async () => Response.json({ keys: [{ kty, crv, x }] }),
  });
  const hook = createFalHook("https://keys.example/jwks.json", client, systemClock);
  const time = String(Math.floor(Date.now() / 1_000));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", BODY)).toHex();
  const message = new TextEncoder().encode(["req", "user", time, digest].join("\n"));
  const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", pair.privateKey, message)).toHex();
  const headers = new Headers({
    "x-fal-webhook-request-id": "req",
    "x-fal-webhook-user-id": "user",
    "x-fal-webhook-timestamp": time,
    "x-fal-webhook-signature": signature,
  });
  const { signal } = new AbortController();
  expect(await hook({ headers, body: BODY, signal })).toEqual({ kind: "hint" });
  headers.set("x-fal-webhook-user-id", "other");
  expect(await hook({ headers, body: BODY, signal })).toEqual({ kind: "refused" });
});
