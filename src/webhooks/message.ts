/** The body of a delivery: what Standard Webhooks asks for, the same at every try. */

import { isTerminal, type Json } from "../protocol/task.ts";
import type { Task } from "../tasks/task.ts";
import { isoTime, toWireTask, type WireContext } from "../tasks/wire.ts";
import type { Delivery, WebhookSnapshot } from "./delivery-store.ts";

/** The JSON of `{type, timestamp, data}`. */
export function messageText(type: string, at: number, data: unknown): string {
  return JSON.stringify({ type, timestamp: isoTime(at), data });
}

/** What a delivery tells; null where the task that it tells of is not there. */
export function dataOf(
  { body, at }: Pick<Delivery, "body" | "at">,
  task: Task | null,
  context: WireContext,
): Json | null {
  if ("data" in body) return body.data;
  if (task === null) return null;
  const view = { task: taskAsOf(task, body.task, at), queuePosition: null };
  return toWireTask(view, { ...context, now: () => at }) as unknown as Json;
}

/** The task as it was at the event. */
function taskAsOf(task: Task, snapshot: WebhookSnapshot, at: number): Task {
  const then: Task = { ...task, ...snapshot, updatedAt: at, dueAt: null };
  if (isTerminal(snapshot.status)) return then;
  return { ...then, result: null, error: null, finishedAt: null, cancellation: null };
}
