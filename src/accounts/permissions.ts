/** The checks made against a caller: which work, models and priorities its key allows, and what an ephemeral key may not do. */

import { ApiError } from "../protocol/error.ts";
import type { Permissions } from "../protocol/key.ts";
import { PRIORITIES, type Priority, type TaskType } from "../protocol/task.ts";
import { matchesModel } from "./model-patterns.ts";
import { isEphemeral, type Principal } from "./principal.ts";

/** The kinds of work a key can be allowed. */
export type Work = TaskType | "realtime";

const PERMISSION_OF = {
  image: "canGenerateImages",
  video: "canGenerateVideos",
  realtime: "canUseRealtimeAudio",
} as const satisfies Record<Work, keyof Permissions>;

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
