/** The filters of the list. Each is a link: it can be copied, opened in another tab, and gone back from. */

import type { TaskFilter } from "../../client/index.ts";
import { TASK_STATUSES, TASK_TYPES, type TaskStatus } from "../../protocol/task.ts";
import { shortId } from "../design/format.ts";
import { hrefOf } from "../shell/route.ts";

const TYPE_WORDS = { image: "Pictures", video: "Films" } as const;

/** What the address asks for; what is no filter is left out. */
export function filterOf(query: URLSearchParams): TaskFilter {
  const statuses = (query.get("status") ?? "").split(",");
  const known = TASK_STATUSES.filter((status) => statuses.includes(status));
  const type = TASK_TYPES.find((one) => one === query.get("type"));
  const batchId = query.get("batch");
  return {
    ...(known.length > 0 && { status: known }),
    ...(type && { type }),
    ...(batchId && { batchId }),
  };
}

/** The address of the list under this filter. */
export function hrefOfFilter({ status, type, batchId }: TaskFilter): string {
  return hrefOf("tasks", { status: status && [status].flat().join(","), type, batch: batchId });
}

export function Filters({ filter }: { filter: TaskFilter }) {
  const { type, batchId } = filter;
  const statuses = statusesOf(filter);
  return (
    <nav className="filters" aria-label="Filters">
      <div>
        <Pick filter={{ ...filter, status: undefined }} chosen={statuses.length === 0}>
          Any state
        </Pick>
        {TASK_STATUSES.map((status) => (
          <Pick
            key={status}
            filter={{ ...filter, status: toggled(statuses, status) }}
            chosen={statuses.includes(status)}
          >
            {status}
          </Pick>
        ))}
      </div>
      <div>
        <Pick filter={{ ...filter, type: undefined }} chosen={type === undefined}>
          Any kind
        </Pick>
        {TASK_TYPES.map((one) => (
          <Pick key={one} filter={{ ...filter, type: one }} chosen={type === one}>
            {TYPE_WORDS[one]}
          </Pick>
        ))}
      </div>
      {batchId !== undefined && (
        <Pick filter={{ ...filter, batchId: undefined }} chosen>
          {`Batch ${shortId(batchId)} ×`}
        </Pick>
      )}
    </nav>
  );
}

export function statusesOf({ status }: TaskFilter): readonly TaskStatus[] {
  return status === undefined ? [] : [status].flat();
}

function Pick({ filter, chosen, children }: { filter: TaskFilter; chosen: boolean; children: string }) {
  return (
    <a className="pick" href={hrefOfFilter(filter)} aria-current={chosen ? "true" : undefined}>
      {children}
    </a>
  );
}

function toggled(statuses: readonly TaskStatus[], status: TaskStatus): TaskStatus[] | undefined {
  const left = statuses.includes(status)
    ? statuses.filter((other) => other !== status)
    : [...statuses, status];
  return left.length === 0 ? undefined : left;
}
