/** A list query as arguments: of each status and type one range of scores, read in the order of the list. */

import { TASK_STATUSES, TASK_TYPES } from "../../../protocol/task.ts";
import { isTaskId, taskIdTime } from "../../../tasks/ids.ts";
import type { ListQuery } from "../../../tasks/ports/task-store.ts";
import type { TenantScope } from "../../../tasks/task.ts";
import type { ScriptName } from "../scripts.ts";

/** Room for the time of an id in a score: 48 bits. Above it stand status and type (see list_score in scripts/parts/events.lua). */
const TIME_RANGE = 2 ** 48;

/** One task more than is asked for says whether there are more. */
export function listScript(scope: TenantScope, query: ListQuery): [ScriptName, ...string[]] {
  // A task id that is none is above all of them, as any text of other letters would be.
  const after = query.after !== undefined && isTaskId(query.after) ? query.after : "";
  const head = [scope.keyId, scope.subject ?? "", after, String(query.limit + 1)];
  const granted = scope.subject === null ? [] : (scope.granted ?? []);
  const kinds = kindsOf(query);
  if (query.batchId !== undefined) {
    const names = kinds.map(({ name }) => name);
    return ["listBatch", ...head, query.batchId, String(names.length), ...names, ...granted];
  }
  const rising = query.order === "asc";
  const [from, to] = rising ? [0, TIME_RANGE - 1] : [TIME_RANGE - 1, 0];
  const begin = after === "" ? from : taskIdTime(after);
  const ranges = kinds.flatMap(({ code, name }) => [
    String(code * TIME_RANGE + begin),
    String(code * TIME_RANGE + to),
    name,
  ]);
  return ["list", ...head, String(kinds.length), rising ? "asc" : "desc", ...ranges, ...granted];
}

function kindsOf({ statuses = TASK_STATUSES, type }: ListQuery): { code: number; name: string }[] {
  const types = type === undefined ? TASK_TYPES : [type];
  return [...new Set(statuses)].flatMap((status) =>
    types.map((one) => ({
      code: TASK_STATUSES.indexOf(status) * TASK_TYPES.length + TASK_TYPES.indexOf(one),
      name: `${status} ${one}`,
    })),
  );
}
