/** Rows of the outbox as scripts are given them, and what scripts know of the outbox. */

import type { OutboxOptions } from "../../events/outbox.ts";
import { taskEventsOf, taskEventTypeOf } from "../../events/task-events.ts";
import type { DomainEvent } from "../../protocol/domain-event.ts";
import { TASK_TYPES } from "../../protocol/task.ts";
import type { Task, TaskEvent } from "../../tasks/task.ts";

/** What scripts are told of the outbox: how many rows it holds (0: there is none), and for which lanes starts are told (1, 2, or 3 for both). */
export function outboxConstants(outbox: OutboxOptions | null): Record<"OUTBOX_ROWS" | "TOLD_STARTS", number> {
  const starts = TASK_TYPES.map((type, index) => {
    const name = taskEventTypeOf(type, "started");
    return name !== null && outbox?.types.has(name) ? index + 1 : 0;
  });
  return { OUTBOX_ROWS: outbox?.maxRows ?? 0, TOLD_STARTS: starts.reduce((sum, bit) => sum + bit, 0) };
}

/** The rows that go with a change of a task, as arguments: each event's JSON as far as it is known here. The server adds when it was. */
export function taskRows(
  outbox: OutboxOptions | null,
  task: Task,
  event: Pick<TaskEvent, "type" | "seq"> | null,
): string[] {
  if (outbox === null || event === null) return [];
  return taskEventsOf({ task, events: [{ ...event, at: 0 }] }, outbox.types).map(begunText);
}

function begunText({ at: _, ...rest }: DomainEvent): string {
  return JSON.stringify(rest).slice(0, -1);
}
