/** Which tasks are meant: the filters of the list, in a query or as JSON. */

import { ApiError } from "../../protocol/error.ts";
import { TASK_STATUSES, TASK_TYPES, type TaskStatus, type TaskType } from "../../protocol/task.ts";
import { isTaskId } from "../../tasks/ids.ts";
import type { TaskFilter } from "../../tasks/ports/task-store.ts";
import { describeReceived } from "./schema-issue.ts";

/** What other gateways' clients filter by. */
const STATUS_SPELLINGS: Readonly<Record<string, TaskStatus>> = { pending: "queued", processing: "running" };

/** As they came; what is empty is no filter. */
export type TaskFilterTexts = {
  readonly status?: string | readonly string[] | undefined;
  readonly type?: string | undefined;
  readonly batchId?: string | undefined;
};

/** The filters there are. Throws `invalid_parameter`. */
export function taskFilter({ status, type, batchId }: TaskFilterTexts): TaskFilter {
  const filter: TaskFilter = {};
  const statuses = typeof status === "string" ? status.split(",") : status;
  if (status && statuses) filter.statuses = statuses.map(statusOf);
  if (type) filter.type = typeOf(type);
  if (batchId) filter.batchId = idOf("batchId", batchId, "the id of a batch");
  return filter;
}

/** An id, whatever its letter case. Throws `invalid_parameter`. */
export function idOf(param: string, text: string, expected: string): string {
  const id = text.toLowerCase();
  if (isTaskId(id)) return id;
  throw invalidFilter(param, `must be ${expected}`, text);
}

export function invalidFilter(param: string, expected: string, came: unknown): ApiError {
  return new ApiError("invalid_parameter", `${param} ${expected}; ${describeReceived(came)} came.`, {
    param,
  });
}

function statusOf(text: string): TaskStatus {
  const name = Object.hasOwn(STATUS_SPELLINGS, text) ? STATUS_SPELLINGS[text] : text;
  const status = TASK_STATUSES.find((known) => known === name);
  if (status === undefined) throw invalidFilter("status", `must be one of ${TASK_STATUSES.join(", ")}`, text);
  return status;
}

function typeOf(text: string): TaskType {
  const type = TASK_TYPES.find((name) => name === text);
  if (type === undefined) throw invalidFilter("type", `must be one of ${TASK_TYPES.join(", ")}`, text);
  return type;
}
