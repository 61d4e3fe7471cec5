/** Ephemeral keys as hashes: their times as the script wrote them, the rest as one JSON text. */

import {
  type EphemeralKey,
  type EphemeralKeyDraft,
  type EphemeralKeyStore,
  EXPIRED_KEPT_MS,
} from "../../../accounts/ephemeral/ephemeral-key-store.ts";
import type { Reply } from "../server/replies.ts";
import { listReply, numberOf, textOf } from "../server/replies.ts";
import type { ScriptRunner } from "../server/script-runner.ts";

export class RedisEphemeralKeys implements EphemeralKeyStore {
  readonly #scripts: ScriptRunner;

  constructor(scripts: ScriptRunner) {
    this.#scripts = scripts;
  }

  async createEphemeralKey(
    { ttlMs, ...draft }: EphemeralKeyDraft,
    maxLive: number | null,
  ): Promise<EphemeralKey | null> {
    const reply = await this.#scripts.run(
      "createEphemeralKey",
      draft.hash,
      draft.keyId,
      String(ttlMs),
      String(EXPIRED_KEPT_MS),
      String(maxLive ?? ""),
      JSON.stringify(draft),
    );
    return readEphemeralKey(reply);
  }

  async findEphemeralKey(hash: string): Promise<EphemeralKey | null> {
    return readEphemeralKey(await this.#scripts.run("getEphemeralKey", hash));
  }
}

/** The fields this release knows; null for an empty reply. */
function readEphemeralKey(reply: Reply): EphemeralKey | null {
  const [createdAt, expiresAt, details] = listReply(reply);
  if (details === undefined || details === null) return null;
  const { hash, keyId, parentHash, subject, granted, permissions, allowedModels, maxPriority, session } =
    JSON.parse(textOf(details)) as EphemeralKey;
  return {
    hash,
    keyId,
    parentHash,
    subject,
    granted,
    permissions,
    allowedModels,
    maxPriority,
    session,
    createdAt: numberOf(createdAt),
    expiresAt: numberOf(expiresAt),
  };
}
