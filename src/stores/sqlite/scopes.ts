/** Who may see what: the one place that compares a scope with a task. */

import type { Task, TenantScope } from "../../tasks/task.ts";
import type { Sql } from "../sql.ts";
import { type TaskRow, taskById } from "./task-row.ts";

/** Whether the task is inside the scope. Throws `TypeError` for an empty subject, which would mean the whole key. */
export function isVisible(scope: TenantScope, task: Task): boolean {
  assertScope(scope);
  if (task.tenant.keyId !== scope.keyId) return false;
  if (scope.subject === null || scope.subject === task.tenant.subject) return true;
  return scope.granted?.includes(task.id) ?? false;
}

/** The task if it exists inside the scope; the two ways of not being there look the same. */
export function visibleTask(sql: Sql, scope: TenantScope, taskId: string): TaskRow | null {
  const row = taskById(sql, taskId);
  return row !== null && isVisible(scope, row.task) ? row : null;
}

export function assertScope(scope: TenantScope): void {
  if (scope.subject === "")
    throw new TypeError("A scope's subject is a non-empty name, or null for the key itself");
}
