/** The domain events of tasks: what a committed transition says, derived from it and from nothing else. */

import type {
  TaskDomainEvent,
  TaskDomainEventType,
  TaskEventData,
  TaskHappening,
} from "../protocol/domain-event.ts";
import type { TaskEventType, TaskType } from "../protocol/task.ts";
import { candidateOf, type Task, type TaskEvent } from "../tasks/task.ts";

/** A task that waits for another attempt is still requested: the next thing that happens to it is its next start. */
const HAPPENINGS: Readonly<Record<TaskEventType, TaskHappening | null>> = {
  queued: "Requested",
  started: "Started",
  progress: "Progress",
  retrying: null,
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
};
const FAMILIES: Readonly<Record<TaskType, "ImageGeneration" | "VideoGeneration">> = {
  image: "ImageGeneration",
  video: "VideoGeneration",
};

/** How an event of a task's log is called as a domain event; null for one that is none. */
export function taskEventTypeOf(type: TaskType, event: TaskEventType): TaskDomainEventType | null {
  const happening = HAPPENINGS[event];
  return happening === null ? null : `${FAMILIES[type]}${happening}`;
}

/** The domain events of a committed transition, in order, as far as their types are wanted. */
export function taskEventsOf(
  { task, events }: { task: Task; events: readonly Pick<TaskEvent, "type" | "seq" | "at">[] },
  wanted: ReadonlySet<string>,
): TaskDomainEvent[] {
  return events.flatMap(({ type, seq, at }) => {
    const name = taskEventTypeOf(task.type, type);
    if (name === null || !wanted.has(name)) return [];
    const { keyId } = task.tenant;
    const event = {
      id: `${task.id}/${seq}`,
      type: name,
      at,
      keyId,
      customer: task.customer,
      data: dataOf(task, type),
    };
    return [event as TaskDomainEvent];
  });
}

/** The fields of the event in the order of docs/events.md. */
function dataOf(task: Task, event: TaskEventType): TaskDomainEvent["data"] {
  const named: TaskEventData = {
    taskId: task.id,
    subject: task.tenant.subject,
    model: task.model,
    provider: candidateOf(task).provider,
  };
  switch (event) {
    case "queued": {
      const { priority, batchId, retryOf, reservedMicros } = task;
      return { ...named, priority, batchId, retryOf, reservedMicros };
    }
    case "started":
      return { ...named, attempt: task.attempt, createdAt: task.createdAt };
    case "progress":
      return { ...named, attempt: task.attempt, progress: task.progress, message: task.message };
    default:
      return {
        ...named,
        attempt: task.attempt,
        createdAt: task.createdAt,
        startedAt: task.startedAt,
        providerMs: task.providerMs,
        storeMs: task.storeMs,
        items: task.result?.items.length ?? 0,
        costMicros: task.costMicros,
        settled: task.settled,
        errorCode: task.error?.code ?? null,
        error: task.error?.message ?? null,
        cancellation: task.cancellation,
      };
  }
}
