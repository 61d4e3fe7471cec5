/** Conduit's store as a file under Bun, with one key: what the in-process benches share. */

import { join } from "node:path";
import { openSqliteFile } from "../../src/runtime/bun/sqlite-file.ts";
import { createSqliteStore, type SqliteStore } from "../../src/stores/sqlite/store.ts";
import type { Tenant, TenantScope } from "../../src/tasks/task.ts";

export const TENANT: Tenant = { keyId: "key-bench", subject: "" };
export const SCOPE: TenantScope = { keyId: TENANT.keyId, subject: null };

const PERMISSIONS = { canGenerateImages: true, canGenerateVideos: true, canUseRealtimeAudio: true };

/** Opens the store in `folder` and makes the bench's key, and as many further ones as asked. */
export async function openBenchStore(
  folder: string,
  furtherKeys: readonly string[] = [],
): Promise<SqliteStore> {
  const store = createSqliteStore({
    database: openSqliteFile(join(folder, "conduit.sqlite")),
    now: () => Date.now(),
  });
  for (const id of [TENANT.keyId, ...furtherKeys]) {
    await store.createKey({
      id,
      name: id,
      hash: new Bun.CryptoHasher("sha256").update(id).digest("hex"),
      last4: id.slice(-4),
      enabled: true,
      expiresAt: null,
      allowedModels: null,
      permissions: PERMISSIONS,
      maxPriority: "high",
      maxConcurrentTasks: null,
      metadata: {},
      createdAt: Date.now(),
      updatedAt: Date.now(),
    });
  }
  return store;
}
