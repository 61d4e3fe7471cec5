/**
 * The port of webhook deliveries. A delivery is a record that is written in the same step as what it tells of, next to a
 * work item of the kind `delivery` with the same id, which makes somebody send it. The item goes when the delivery has
 * arrived or was given up; the record stays for the log, as long as tasks do. One that tells of a task goes with the task.
 */

import type { Json, TaskStatus } from "../protocol/task.ts";
import type { DeliveryAttempt, DeliveryReport } from "../tasks/due-work.ts";
import type { Task } from "../tasks/task.ts";
import type { SigningSecret } from "./secret-store.ts";

export type DeliveryStatus = DeliveryReport["status"];
export const DELIVERY_STATUSES = [
  "pending",
  "delivered",
  "dead",
] as const satisfies readonly DeliveryStatus[];

/** Tries that a delivery remembers; older ones are dropped. */
export const MAX_DELIVERY_ATTEMPTS_KEPT = 16;

/**
 * What of a task may be another by the time its delivery is sent. With it the body is the read shape as of the event,
 * and the same at every try.
 */
export type WebhookSnapshot = {
  readonly status: TaskStatus;
  readonly progress: number;
  readonly message: string | null;
  readonly attempt: number;
  /** Of an end: what it came to then. A job that was left behind may still be billed. */
  readonly costMicros?: number;
  readonly settled?: boolean;
  readonly cancellation?: Task["cancellation"];
};

/** What a message says: a task as of an event, or data of its own. */
export type MessageBody = { readonly task: WebhookSnapshot } | { readonly data: Json };

export type Delivery = {
  /** The `webhook-id` of every try. */
  readonly id: string;
  readonly keyId: string;
  /** Of the task; '' where it is none's. */
  readonly subject: string;
  readonly taskId: string | null;
  /** The registered endpoint; null for a webhook that was named with what it tells of. */
  readonly endpointId: string | null;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Such as `task.completed`. */
  readonly type: string;
  /** The task's position; 0 for a message that is about no task. */
  readonly seq: number;
  /** When what it tells of happened. */
  readonly at: number;
  readonly body: MessageBody;
  readonly status: DeliveryStatus;
  /** Oldest first, at most `MAX_DELIVERY_ATTEMPTS_KEPT`. */
  readonly attempts: readonly (DeliveryAttempt & { readonly at: number })[];
  /** Null unless it is pending. */
  readonly nextAttemptAt: number | null;
};

/** A delivery with what it takes to send it. */
export type OpenDelivery = {
  readonly delivery: Delivery;
  /** Whether its registered endpoint is there and on; true where it is for none. */
  readonly enabled: boolean;
  /** Of the endpoint, or of the key for a webhook that was named. */
  readonly secrets: readonly SigningSecret[];
};

export type DeliveryQuery = {
  readonly status?: DeliveryStatus | undefined;
  readonly endpointId?: string | undefined;
  /** 1-100. */
  readonly limit: number;
  /** The id of a delivery: the page begins with the next older one. One that is gone begins anew. */
  readonly after?: string | undefined;
};

export type DeliveryPage = { readonly deliveries: Delivery[]; readonly hasMore: boolean };

/** What stands in a store. */
export type DeliveryCounts = { readonly pending: number; readonly dead: number };

export interface DeliveryStore {
  /** What a sender needs; null when there is no record of that id. */
  openDelivery(id: string): Promise<OpenDelivery | null>;
  /** Newest first, of one key or (null) of all. With `endpointId` a key has to be named. */
  listDeliveries(keyId: string | null, query: DeliveryQuery): Promise<DeliveryPage>;
  /** All that tell of a task, newest first. The caller has looked whether the task is visible. */
  taskDeliveries(taskId: string): Promise<Delivery[]>;
  /**
   * Makes a delivery due now, for as long as a new one is tried: to the URL that its endpoint has now, if that is still
   * there. One that is being sent is not changed. Null when there is no such delivery of that key; with `keyId` null, of all keys.
   */
  replayDelivery(keyId: string | null, id: string): Promise<Delivery | null>;
  countDeliveries(): Promise<DeliveryCounts>;
}
