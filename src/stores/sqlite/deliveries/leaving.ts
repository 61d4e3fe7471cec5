/** Leaving deliveries: in the same step as what they tell of, each with a work item that makes somebody send it. */

import type { TaskEventType } from "../../../protocol/task.ts";
import { originOf } from "../../../tasks/due-work.ts";
import type { Task, TaskWebhook } from "../../../tasks/task.ts";
import type { MessageBody } from "../../../webhooks/delivery-store.ts";
import { isWanted } from "../../../webhooks/events.ts";
import { taskMessage } from "../../../webhooks/task-message.ts";
import { endpointsOf } from "../accounts/endpoint-rows.ts";
import { addWork } from "../due-work/queues.ts";
import type { Transaction } from "../transaction.ts";

/** What webhooks are to be told. */
export type Message = {
  /** Of letters, digits, `-` and `_`, and nobody else's: the same id again is the same message. */
  readonly id: string;
  readonly keyId: string;
  readonly type: string;
  readonly body: MessageBody;
  /** Where it tells of a task. */
  readonly task?: { readonly id: string; readonly subject: string; readonly seq: number };
};

const INSERT = `INSERT OR IGNORE INTO deliveries
  (id, key_id, subject, task_id, endpoint_id, url, headers, type, seq, at, body, status, next_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?)`;

/**
 * Leaves a delivery for every endpoint of the key that is on and wants messages of the type, and for `own`, the webhook
 * that was named with what is told of; whether that wants it is the caller's to know.
 */
export function leaveDeliveries(
  tx: Transaction,
  message: Message,
  own: Pick<TaskWebhook, "url" | "headers"> | null = null,
): boolean {
  let left = own !== null;
  if (own !== null) leave(tx, message, { id: message.id, endpointId: null, ...own });
  for (const endpoint of endpointsOf(tx.sql, message.keyId)) {
    if (!endpoint.enabled || !isWanted(endpoint.events, message.type)) continue;
    const id = `${message.id}-${endpoint.id}`;
    leave(tx, message, { id, endpointId: endpoint.id, url: endpoint.url, headers: {} });
    left = true;
  }
  return left;
}

/** Leaves what webhooks hear of a task's event; false when that is nothing. */
export function leaveTaskDeliveries(
  tx: Transaction,
  before: Task,
  after: Task,
  event: TaskEventType | null,
): boolean {
  const message = taskMessage(before, after, event);
  if (message === null) return false;
  const { id, type, seq, snapshot, own } = message;
  const { keyId, subject } = after.tenant;
  return leaveDeliveries(
    tx,
    { id, keyId, type, body: { task: snapshot }, task: { id: after.id, subject, seq } },
    own,
  );
}

function leave(
  tx: Transaction,
  { keyId, type, body, task }: Message,
  to: { id: string; endpointId: string | null; url: string; headers: Readonly<Record<string, string>> },
): void {
  const { sql, now } = tx;
  const added = sql.change(
    INSERT,
    to.id,
    keyId,
    task?.subject ?? "",
    task?.id ?? null,
    to.endpointId,
    to.url,
    JSON.stringify(to.headers),
    type,
    task?.seq ?? 0,
    now,
    JSON.stringify(body),
    now,
  );
  if (added > 0) addWork(tx, deliveryWork(to.id, to.url, task?.id ?? ""));
}

/** The work item that makes somebody send a delivery. */
export function deliveryWork(id: string, url: string, taskId: string) {
  return { id, kind: "delivery", destination: originOf(url), taskId, payload: null } as const;
}
