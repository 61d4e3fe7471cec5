/** What webhooks hear of: the types of messages, and who wants which. */

import { isTerminal, type TaskEventType } from "../protocol/task.ts";
import type { Task } from "../tasks/task.ts";

/** What a webhook hears of that names nothing. */
export const DEFAULT_EVENTS: readonly string[] = ["task.completed", "task.failed", "task.cancelled"];

/** Percent between two deliveries of a task's progress: there are ten of them at most, however often it changes. */
export const PROGRESS_STEP = 10;

/** Whether a webhook with these events (none: the three ends) hears of a type. */
export function isWanted(events: readonly string[], type: string): boolean {
  return (events.length === 0 ? DEFAULT_EVENTS : events).includes(type);
}

/** The type under which webhooks hear of a task's event; null where they do not. */
export function messageTypeOf(
  before: Pick<Task, "progress">,
  after: Pick<Task, "progress" | "status">,
  event: TaskEventType | null,
): string | null {
  switch (event) {
    case "progress": {
      const step = (progress: number) => Math.floor(progress / PROGRESS_STEP);
      return step(after.progress) > step(before.progress) ? "task.progress" : null;
    }
    case "started":
      return "task.started";
    default:
      return event !== null && isTerminal(after.status) ? `task.${event}` : null;
  }
}
