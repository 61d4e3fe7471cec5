/** The caller: an authenticated key with what it may do, and the checks made against it. */

import { ApiError } from "../protocol/error.ts";
import type { Permissions } from "../protocol/key.ts";
import { PRIORITIES, type Priority, type TaskType } from "../protocol/task.ts";
import type { Tenant, TenantScope } from "../tasks/task.ts";
import type { EphemeralKey } from "./ephemeral/ephemeral-key-store.ts";
import type { VirtualKey } from "./keys/virtual-key.ts";
import { commonPatterns, matchesModel } from "./model-patterns.ts";
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

/** The kinds of work a key can be allowed. */
export type Work = TaskType | "realtime";

const PERMISSION_OF = {
  image: "canGenerateImages",
  video: "canGenerateVideos",
  realtime: "canUseRealtimeAudio",
} as const satisfies Record<Work, keyof Permissions>;

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

/** Throws `permission_denied` for an ephemeral key; `what` is what only the virtual key may do, as in "Making keys is …". */
export function requireVirtualKey(principal: Pick<Principal, "scope">, what: string, param?: string): void {
  if (!isEphemeral(principal)) return;
  throw new ApiError(
    "permission_denied",
    `${what} is for the virtual key, not for an ephemeral key made with it. Do it on your server, with the condt_… key.`,
    param === undefined ? {} : { param },
  );
}

/** Throws `permission_denied` when the key may not do this kind of work. */
export function requirePermission(principal: Principal, work: Work): void {
  const permission = PERMISSION_OF[work];
  if (principal.permissions[permission]) return;
  throw new ApiError(
    "permission_denied",
    `This key lacks the permission ${permission}. Use a key that has it, or have an administrator grant it.`,
  );
}

/** Whether the key may use a model under the name the caller gave. */
export function allowsModel(principal: Pick<Principal, "allowedModels">, model: string): boolean {
  return principal.allowedModels?.some((pattern) => matchesModel(pattern, model)) ?? true;
}

/**
 * Throws `model_not_allowed` unless one of the names is allowed. Pass the name the caller used and the one it leads
 * to: a key that was allowed `local/canvas` may use it under an alias, and a key that was allowed the alias may too.
 */
export function requireModel(principal: Principal, model: string, ...otherNames: readonly string[]): void {
  if (allowsModel(principal, model) || otherNames.some((name) => allowsModel(principal, name))) return;
  throw new ApiError(
    "model_not_allowed",
    `This key may not use the model ${JSON.stringify(model)}. GET /v1/models lists the ones it may use.`,
    { param: "model" },
  );
}

/** The priority a task gets: the one asked for, else `normal` or the key's ceiling where that is lower. */
export function requirePriority(principal: Principal, asked: Priority | undefined): Priority {
  const ceiling = PRIORITIES.indexOf(principal.maxPriority);
  if (asked === undefined) return PRIORITIES.indexOf("normal") > ceiling ? principal.maxPriority : "normal";
  if (PRIORITIES.indexOf(asked) <= ceiling) return asked;
  throw new ApiError(
    "permission_denied",
    `This key may ask for priority ${JSON.stringify(principal.maxPriority)} at most, not ${JSON.stringify(asked)}.`,
    { param: "priority" },
  );
}

function lowerPriority(one: Priority, other: Priority): Priority {
  return PRIORITIES.indexOf(one) < PRIORITIES.indexOf(other) ? one : other;
}
