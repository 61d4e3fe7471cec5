/** Reading a task as somebody. */

import type { TenantScope } from "../../tasks/task.ts";
import { isVisible } from "../scopes.ts";
import type { Sql } from "../sql.ts";
import { type TaskRow, taskById } from "./task-row.ts";

/** The task if it exists inside the scope; the two ways of not being there look the same. */
export function visibleTask(sql: Sql, scope: TenantScope, taskId: string): TaskRow | null {
  const row = taskById(sql, taskId);
  return row !== null && isVisible(scope, row.task) ? row : null;
}
