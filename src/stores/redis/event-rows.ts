/** Rows of the outbox as scripts are given them, and what scripts know of the outbox. */

import type { OutboxOptions } from "../../events/outbox.ts";
import { sessionStarted } from "../../events/session-events.ts";
import { taskEventsOf, taskEventTypeOf } from "../../events/task-events.ts";
import type { DomainEvent, DomainEventType } from "../../protocol/domain-event.ts";
import { TASK_TYPES } from "../../protocol/task.ts";
import type { SessionDraft } from "../../realtime/session-store.ts";
import type { Task, TaskEvent } from "../../tasks/task.ts";

/**
 * What scripts are told of the outbox: how many rows it holds (0: there is none), for which lanes starts are told (1, 2, or 3 for
 * both), and which of their other events are (1) or are not (0).
 */
export function outboxConstants(outbox: OutboxOptions | null): Readonly<Record<string, number>> {
  const told = (type: DomainEventType | null) => (type !== null && outbox?.types.has(type) ? 1 : 0);
  const starts = TASK_TYPES.map((type, index) => told(taskEventTypeOf(type, "started")) << index);
  return {
    OUTBOX_ROWS: outbox?.maxRows ?? 0,
    TOLD_STARTS: starts.reduce((sum, bit) => sum + bit, 0),
    TOLD_SESSION_ENDS: told("RealtimeSessionEnded"),
    TOLD_SPEND: told("SpendUpdateRequested"),
    TOLD_THRESHOLDS: told("SpendThresholdReached"),
  };
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

/** The row that goes with the opening of a session; "" without one. */
export function startRow(outbox: OutboxOptions | null, draft: SessionDraft): string {
  return outbox?.types.has("RealtimeSessionStarted") ? begunText(sessionStarted(draft, 0)) : "";
}

function begunText({ at: _, ...rest }: DomainEvent): string {
  return JSON.stringify(rest).slice(0, -1);
}
