/** Endpoints of webhooks and their deliveries as they are answered. */

import { z } from "zod";
import type {
  WireAdminDelivery,
  WireDelivery,
  WireNewWebhookEndpoint,
  WireWebhookEndpoint,
  WireWebhookEndpointDeleted,
  WireWebhookEndpointList,
  WireWebhookPing,
  WireWebhookSecret,
} from "../../../protocol/webhook.ts";
import { about, named, page, type Shape, time } from "../shape.ts";

const endpointFields = {
  id: z.string(),
  url: z.string(),
  events: about("Types of messages; empty: the three ends of a task.", z.array(z.string())),
  description: z.string(),
  enabled: about("False: nothing is sent. An endpoint that answers 410 is switched off.", z.boolean()),
  created: time(),
} satisfies Shape<WireWebhookEndpoint>;
export const endpoint = named(
  "WebhookEndpoint",
  "Where a key wants to hear of all its tasks.",
  z.object(endpointFields),
);
export const newEndpoint = named(
  "NewWebhookEndpoint",
  "The only answer that shows the endpoint's secret.",
  z.object({
    ...endpointFields,
    secret: about("`whsec_…`: signs what is sent there.", z.string()),
  } satisfies Shape<WireNewWebhookEndpoint>),
);
export const endpointList = named(
  "WebhookEndpointList",
  "The key's endpoints, 20 at most.",
  z.object({ data: z.array(endpoint) } satisfies Shape<WireWebhookEndpointList>),
);
export const endpointDeleted = named(
  "WebhookEndpointDeleted",
  "Nothing is sent there any more.",
  z.object({ id: z.string(), deleted: z.literal(true) } satisfies Shape<WireWebhookEndpointDeleted>),
);
export const webhookSecret = named(
  "WebhookSecret",
  "The only answer that shows the new secret.",
  z.object({ secret: z.string() } satisfies Shape<WireWebhookSecret>),
);
export const ping = named(
  "WebhookPing",
  "What a ping came to.",
  z.object({
    delivered: z.boolean(),
    httpStatus: about("Null where no answer came.", z.int().nullable()),
    durationMs: z.number(),
    error: z.string().nullable(),
  } satisfies Shape<WireWebhookPing>),
);

const deliveryFields = {
  id: about("The `webhook-id` of every try.", z.string()),
  taskId: about("Null for a message that is about no task.", z.string().nullable()),
  endpointId: about("Null for a webhook that was named with a request.", z.string().nullable()),
  url: z.string(),
  type: z.string(),
  status: z.enum(["pending", "delivered", "dead"]),
  attempts: about(
    "Oldest first, the last sixteen.",
    z.array(
      z.object({
        at: time(),
        ms: z.number(),
        httpStatus: z.int().nullable(),
        error: z.string().nullable(),
      }),
    ),
  ),
  nextAttemptAt: time().nullable(),
  created: time(),
} satisfies Shape<WireDelivery>;
export const delivery = named(
  "Delivery",
  "A message to a webhook, and how it was sent.",
  z.object(deliveryFields),
);
export const adminDelivery = named(
  "AdminDelivery",
  "The same for administrators.",
  z.object({ ...deliveryFields, keyId: z.string() } satisfies Shape<WireAdminDelivery>),
);
export const deliveryPage = named("DeliveryPage", "Deliveries, newest first.", z.object(page(delivery)));
export const adminDeliveryPage = named(
  "AdminDeliveryPage",
  "Deliveries, newest first.",
  z.object(page(adminDelivery)),
);
