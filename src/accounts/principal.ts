/** The caller: an authenticated key with what it may do. The checks made against it are in permissions.ts. */

import type { Permissions } from "../protocol/key.ts";
import { PRIORITIES, type Priority } from "../protocol/task.ts";
import type { Tenant, TenantScope } from "../tasks/task.ts";
import type { EphemeralKey } from "./ephemeral/ephemeral-key-store.ts";
import type { VirtualKey } from "./keys/virtual-key.ts";
import { commonPatterns } from "./model-patterns.ts";
import type { Budget, Grant } from "./money/budgets.ts";

/** Frozen and shared between the requests of a key; holds neither the plain key nor its hash. */
export type Principal = {
  readonly keyId: string;
  readonly keyName: string;
  /** What it may read, follow and cancel. */
  readonly scope: TenantScope;
  /** Who owns what it creates. */
  readonly tenant: Tenant;
  readonly permissions: Readonly<Permissions>;
  /** Model names, `*` as last character matches any rest; null allows every model. */
  readonly allowedModels: readonly string[] | null;
  readonly maxPriority: Priority;
  readonly maxConcurrentTasks: number | null;
  readonly grants: readonly Grant[];
  readonly customerBudget: Budget | null;
  readonly requestsPerMinute: number | null;
  readonly requestsPerDay: number | null;
  /** Milliseconds since the epoch; null = never. */
  readonly expiresAt: number | null;
};

/** The principal of a virtual key itself, which sees every subject of its own. */
export function principalOf(key: VirtualKey): Principal {
  return Object.freeze({
    keyId: key.id,
    keyName: key.name,
    scope: Object.freeze({ keyId: key.id, subject: null }),
    tenant: Object.freeze({ keyId: key.id, subject: "" }),
    permissions: Object.freeze({ ...key.permissions }),
    allowedModels: key.allowedModels === null ? null : Object.freeze([...key.allowedModels]),
    maxPriority: key.maxPriority,
    maxConcurrentTasks: key.maxConcurrentTasks,
    grants: Object.freeze([...key.grants]),
    customerBudget: key.customerBudget,
    requestsPerMinute: key.requestsPerMinute,
    requestsPerDay: key.requestsPerDay,
    expiresAt: key.expiresAt,
  });
}

/**
 * The principal of an ephemeral key: its own tenant within its parent, with what both allow now. Money and limits are the
 * parent's.
 */
export function ephemeralPrincipalOf(key: EphemeralKey, parent: VirtualKey): Principal {
  const { subject, granted, permissions } = key;
  const allowedModels = commonPatterns(key.allowedModels, parent.allowedModels);
  return Object.freeze({
    ...principalOf(parent),
    scope: Object.freeze({ keyId: parent.id, subject, granted: Object.freeze([...granted]) }),
    tenant: Object.freeze({ keyId: parent.id, subject }),
    permissions: Object.freeze({
      canGenerateImages: permissions.canGenerateImages && parent.permissions.canGenerateImages,
      canGenerateVideos: permissions.canGenerateVideos && parent.permissions.canGenerateVideos,
      canUseRealtimeAudio: permissions.canUseRealtimeAudio && parent.permissions.canUseRealtimeAudio,
    }),
    allowedModels: allowedModels === null ? null : Object.freeze([...allowedModels]),
    maxPriority: lowerPriority(key.maxPriority, parent.maxPriority),
    expiresAt: Math.min(key.expiresAt, parent.expiresAt ?? Number.POSITIVE_INFINITY),
  });
}

/** Whether this is an ephemeral key, which is one tenant within its parent, and no virtual key. */
export function isEphemeral({ scope }: Pick<Principal, "scope">): boolean {
  return scope.subject !== null;
}

function lowerPriority(one: Priority, other: Priority): Priority {
  return PRIORITIES.indexOf(one) < PRIORITIES.indexOf(other) ? one : other;
}
