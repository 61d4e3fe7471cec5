/** Who may see what: the one place that compares a scope with a task. */

import type { Task, TenantScope } from "../tasks/task.ts";

/** Whether the task is inside the scope. Throws `TypeError` for an empty subject, which would mean the whole key. */
export function isVisible(scope: TenantScope, task: Task): boolean {
  assertScope(scope);
  if (task.tenant.keyId !== scope.keyId) return false;
  if (scope.subject === null || scope.subject === task.tenant.subject) return true;
  return scope.granted?.includes(task.id) ?? false;
}

export function assertScope(scope: TenantScope): void {
  if (scope.subject === "")
    throw new TypeError("A scope's subject is a non-empty name, or null for the key itself");
}
