/** Reading a task on behalf of a tenant: only what its scope may see. */

import type { TenantScope } from "../../../tasks/task.ts";
import { isVisible } from "../../scopes.ts";
import type { Transaction } from "../transaction.ts";
import type { TaskRow } from "./task-table.ts";

/** The task, if it is inside the scope. Null alike for one that does not exist and for one that is somebody else's. */
export function visibleTask({ sql, tasks }: Transaction, scope: TenantScope, taskId: string): TaskRow | null {
  const row = tasks.byId(sql, taskId);
  return row !== null && isVisible(scope, row.task) ? row : null;
}
