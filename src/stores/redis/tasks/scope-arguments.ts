/** Whose tasks may be seen, as scripts take it. */

import type { TenantScope } from "../../../tasks/task.ts";
import { assertScope } from "../../scopes.ts";

/** Key, subject ("" = the key itself), and whether the task was granted. */
export function scopeArguments(scope: TenantScope, taskId: string): string[] {
  assertScope(scope);
  const { keyId, subject, granted } = scope;
  return [keyId, subject ?? "", granted?.includes(taskId) ? "1" : "0"];
}
