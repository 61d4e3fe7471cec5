/** What a client asks to be streamed. */

import type { Position, TenantScope } from "../tasks/task.ts";
import type { PendingSubscription, Rooms } from "./rooms.ts";
import type { Subscriber } from "./subscriber.ts";

/** One task or all tasks of a tenant, and from where. */
export type StreamRequest = {
  readonly scope: TenantScope;
  /** Null: all tasks of the tenant. */
  readonly taskId: string | null;
  /** Where it resumes; null begins with the current state. */
  readonly after: Position | null;
};

/** Subscribes to what is asked for. */
export function subscribeToStream(
  rooms: Pick<Rooms, "subscribeToTask" | "subscribeToTenant">,
  { scope, taskId, after }: StreamRequest,
  subscriber: Subscriber,
): PendingSubscription {
  return taskId === null
    ? rooms.subscribeToTenant(scope, subscriber, after)
    : rooms.subscribeToTask(scope, taskId, subscriber, after);
}
