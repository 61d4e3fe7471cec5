/** Reading a task as somebody. */

import type { TenantScope } from "../../../tasks/task.ts";
import { isVisible } from "../../scopes.ts";
import type { Transaction } from "../transaction.ts";
import type { TaskRow } from "./task-table.ts";

/** The task if it exists inside the scope; the two ways of not being there look the same. */
export function visibleTask({ sql, tasks }: Transaction, scope: TenantScope, taskId: string): TaskRow | null {
  const row = tasks.byId(sql, taskId);
  return row !== null && isVisible(scope, row.task) ? row : null;
}
