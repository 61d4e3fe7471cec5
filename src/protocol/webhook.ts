/** Webhooks on the wire: registered endpoints, deliveries, and what is sent. */

import type { WireTask } from "./task.ts";

/** Types that a webhook may name. `endpoint.ping` is sent on request alone. */
export const WEBHOOK_EVENTS = [
  "task.started",
  "task.progress",
  "task.completed",
  "task.failed",
  "task.cancelled",
  "batch.completed",
  "spend.threshold_reached",
] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** A registered endpoint: where a key wants to hear of all its tasks. */
export type WireWebhookEndpoint = {
  id: string;
  url: string;
  /** Event types; empty: the three ends of a task. */
  events: string[];
  description: string;
  /** False: nothing is sent. Answering 410 switches an endpoint off. */
  enabled: boolean;
  created: string;
};

/** The answer to making an endpoint, and to rotating its secret: the only ones that show the secret (`whsec_…`). */
export type WireNewWebhookEndpoint = WireWebhookEndpoint & { secret: string };

export type WireWebhookEndpointList = { data: WireWebhookEndpoint[] };
export type WireWebhookEndpointDeleted = { id: string; deleted: true };

/** The body of `POST /v1/webhooks/endpoints`. */
export type CreateWebhookEndpointRequest = {
  url: string;
  /** Default: the three ends of a task. */
  events?: string[] | undefined;
  description?: string | undefined;
};

/** The body of `PATCH /v1/webhooks/endpoints/{id}`; what is left out stays. */
export type ChangeWebhookEndpointRequest = {
  url?: string | undefined;
  events?: string[] | undefined;
  description?: string | undefined;
  enabled?: boolean | undefined;
};

/** How long the secret before goes on signing, seconds; default 24 hours. */
export type RotateSecretRequest = { overlapSeconds?: number | undefined };

/** The answer to rotating a key's own secret. */
export type WireWebhookSecret = { secret: string };

/** What a ping came to. */
export type WireWebhookPing = {
  delivered: boolean;
  /** Null where no answer came. */
  httpStatus: number | null;
  durationMs: number;
  error: string | null;
};

export type WireDelivery = {
  /** The `webhook-id` of every try. */
  id: string;
  /** Null for a message that is about no task. */
  taskId: string | null;
  /** Null for a webhook that was named with a request. */
  endpointId: string | null;
  url: string;
  type: string;
  status: "pending" | "delivered" | "dead";
  /** Oldest first, the last sixteen. */
  attempts: { at: string; ms: number; httpStatus: number | null; error: string | null }[];
  nextAttemptAt: string | null;
  created: string;
};

/** The same for administrators. */
export type WireAdminDelivery = WireDelivery & { keyId: string };

/** A page of deliveries, newest first; `after` asks for the next one. */
export type WireDeliveryPage<Delivery = WireDelivery> = {
  data: Delivery[];
  hasMore: boolean;
  after: string | null;
};

/** The body that a webhook gets. */
export type WebhookMessage = {
  type: string;
  /** When what it tells of happened. */
  timestamp: string;
  /** Of a `task.…`: the task as it was then. */
  data: WireTask | Record<string, unknown>;
};
