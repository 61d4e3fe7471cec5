/** Replicate's calls are signed by Standard Webhooks; each account has its own secret, which its key may read. */

import type { Clock } from "../../tasks/ports/clock.ts";
import type { HookCall, HookVerdict } from "../../tasks/ports/media-provider.ts";
import type { Account } from "../upstream/calls/account.ts";
import { CachedKeys } from "../upstream/calls/cached-keys.ts";
import { isRecord } from "../upstream/calls/error-text.ts";
import { isSignedBy } from "../upstream/calls/standard-webhooks.ts";
import type { UpstreamClient } from "../upstream/calls/upstream-client.ts";

/** Until the secret is answered, ms: Replicate waits for the answer to its call. */
const SECRET_MS = 5_000;

/** Judges a call by the secrets of all accounts: which one began the job is not known yet. */
export function createReplicateHook(
  accounts: readonly Account[],
  client: UpstreamClient,
  clock: Clock,
): (call: HookCall) => Promise<HookVerdict> {
  const secrets = accounts.map(
    ({ baseUrl, key }) =>
      new CachedKeys(async (signal) => {
        const answer = await client.call({
          method: "GET",
          url: `${baseUrl}/webhooks/default/secret`,
          headers: { authorization: `Bearer ${key}` },
          signal,
          headersMs: SECRET_MS,
          chunkMs: SECRET_MS,
          secrets: [key],
        });
        const value = await answer.json();
        if (!isRecord(value) || typeof value.key !== "string") throw new Error("the answer has no secret");
        return value.key;
      }, clock),
  );
  return async (call) => {
    const judge = (keys: CachedKeys<string>) =>
      keys.judge((secret) => isSignedBy(call, secret, clock.now()), call.signal);
    const verdicts = await Promise.all(secrets.map(judge));
    if (verdicts.includes("hint")) return { kind: "hint" };
    return { kind: verdicts.includes("unknown") ? "unknown" : "refused" };
  };
}
