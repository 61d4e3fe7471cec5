/** What a store leaves for webhooks of a task's event. */

import { isTerminal, type TaskEventType } from "../protocol/task.ts";
import type { Task, TaskWebhook } from "../tasks/task.ts";
import type { WebhookSnapshot } from "./delivery-store.ts";
import { isWanted, messageTypeOf } from "./events.ts";

export type TaskMessage = {
  readonly id: string;
  readonly type: string;
  readonly seq: number;
  readonly snapshot: WebhookSnapshot;
  /** The task's own webhook, where it wants to hear of this. */
  readonly own: TaskWebhook | null;
};

/** Null where no webhook may hear of the event. */
export function taskMessage(before: Task, after: Task, event: TaskEventType | null): TaskMessage | null {
  const type = messageTypeOf(before, after, event);
  if (type === null) return null;
  const { id, seq, webhook } = after;
  const own = webhook !== null && isWanted(webhook.events, type) ? webhook : null;
  return { id: `${id}-${seq}`, type, seq, snapshot: snapshotOf(after), own };
}

function snapshotOf(task: Task): WebhookSnapshot {
  const { status, progress, message, attempt, costMicros, settled, cancellation } = task;
  const snapshot = { status, progress, message, attempt };
  return isTerminal(status) ? { ...snapshot, costMicros, settled, cancellation } : snapshot;
}
