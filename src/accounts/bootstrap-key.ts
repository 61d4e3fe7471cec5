/** The bootstrap key without a store: for a host that has only its configuration. */

import type { AccountStore } from "./account-store.ts";
import { BOOTSTRAP_KEY_ID } from "./keys.ts";
import { hashKey } from "./plain-key.ts";

/** A lookup that knows one key, with every permission and no end. */
export function bootstrapKeyOnly(plain: string): Pick<AccountStore, "findKeyByHash"> {
  const known = hashKey(plain);
  return {
    async findKeyByHash(hash) {
      if (hash !== (await known)) return null;
      return {
        id: BOOTSTRAP_KEY_ID,
        name: "Bootstrap key",
        hash,
        last4: plain.slice(-4),
        enabled: true,
        expiresAt: null,
        allowedModels: null,
        permissions: { canGenerateImages: true, canGenerateVideos: true, canUseRealtimeAudio: true },
        maxPriority: "high",
        maxConcurrentTasks: null,
        metadata: {},
        createdAt: 0,
        updatedAt: 0,
      };
    },
  };
}
