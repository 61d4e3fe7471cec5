/** Ephemeral keys as hashes: their times as the script wrote them, the rest as one JSON text. */

import {
  type EphemeralKey,
  type EphemeralKeyDraft,
  type EphemeralKeyPlace,
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

  async listEphemeralKeys(
    keyId: string,
    { limit, after }: { limit: number; after: EphemeralKeyPlace | null },
  ): Promise<{ keys: EphemeralKey[]; hasMore: boolean }> {
    const from = after === null ? ["", ""] : [String(after.expiresAt), after.hash];
    const told = listReply(await this.#scripts.run("listEphemeralKeys", keyId, String(limit + 1), ...from));
    const keys = told.map(readEphemeralKey).filter((key) => key !== null);
    return { keys: keys.slice(0, limit), hasMore: told.length > limit };
  }

  async deleteEphemeralKey(keyId: string, hash: string): Promise<boolean> {
    return (await this.#scripts.run("deleteEphemeralKey", hash, keyId)) === 1;
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
