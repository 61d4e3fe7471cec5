/** fal's calls are signed with Ed25519; its public keys stand at an address of its own. */

import type { Clock } from "../../tasks/ports/clock.ts";
import type { HookCall, HookVerdict } from "../../tasks/ports/media-provider.ts";
import { CachedKeys } from "../upstream/calls/cached-keys.ts";
import { isRecord } from "../upstream/calls/error-text.ts";
import { isRecent } from "../upstream/calls/standard-webhooks.ts";
import type { UpstreamClient } from "../upstream/calls/upstream-client.ts";

/** Until the keys are answered, ms: fal waits for the answer to its call. */
const KEYS_MS = 5_000;
const ALGORITHM = "Ed25519";
/** More keys are none of fal's. */
const MAX_KEYS = 16;

/** Judges calls by the keys at an address, which are kept for a day. */
export function createFalHook(
  keysUrl: string,
  client: UpstreamClient,
  clock: Clock,
): (call: HookCall) => Promise<HookVerdict> {
  const keys = new CachedKeys(async (signal) => {
    const answer = await client.call({
      method: "GET",
      url: keysUrl,
      headers: {},
      signal,
      headersMs: KEYS_MS,
      chunkMs: KEYS_MS,
    });
    return importKeys(await answer.json());
  }, clock);
  return async (call) => ({
    kind: await keys.judge((known) => isSigned(call, known, clock.now()), call.signal),
  });
}

async function importKeys(set: unknown): Promise<CryptoKey[]> {
  const list: unknown[] = isRecord(set) && Array.isArray(set.keys) ? set.keys.slice(0, MAX_KEYS) : [];
  const found: CryptoKey[] = [];
  for (const key of list) {
    if (!isRecord(key) || key.kty !== "OKP" || key.crv !== ALGORITHM || typeof key.x !== "string") continue;
    const { kty, crv, x } = key;
    const imported = await crypto.subtle
      .importKey("jwk", { kty, crv, x }, ALGORITHM, false, ["verify"])
      // One damaged key is no reason to take none.
      .catch(() => null);
    if (imported !== null) found.push(imported);
  }
  if (found.length === 0) throw new Error("the answer has no keys");
  return found;
}

async function isSigned(
  { headers, body }: HookCall,
  keys: readonly CryptoKey[],
  now: number,
): Promise<boolean> {
  const [id, user, time, text] = ["Request-Id", "User-Id", "Timestamp", "Signature"].map((name) =>
    headers.get(`X-Fal-Webhook-${name}`),
  );
  const signature = bytesOf(text ?? "");
  if (id == null || user == null || signature === null || !isRecent(time ?? null, now)) return false;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body)).toHex();
  const message = new TextEncoder().encode([id, user, time, digest].join("\n"));
  for (const key of keys) if (await crypto.subtle.verify(ALGORITHM, key, signature, message)) return true;
  return false;
}

function bytesOf(hex: string): Uint8Array<ArrayBuffer> | null {
  try {
    return hex === "" ? null : Uint8Array.fromHex(hex);
  } catch {
    return null;
  }
}
