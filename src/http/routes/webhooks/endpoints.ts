/** `/v1/webhooks/endpoints`: where a key wants to hear of all its tasks; and the secret of the key's other webhooks. */

import type { Hono } from "hono";
import { z } from "zod";
import type {
  ChangeWebhookEndpointRequest,
  CreateWebhookEndpointRequest,
  WireNewWebhookEndpoint,
  WireWebhookEndpoint,
  WireWebhookEndpointDeleted,
  WireWebhookEndpointList,
  WireWebhookPing,
  WireWebhookSecret,
} from "../../../protocol/webhook.ts";
import { WEBHOOK_EVENTS } from "../../../protocol/webhook.ts";
import { isoTime } from "../../../tasks/wire.ts";
import type { WebhookEndpoint } from "../../../webhooks/endpoint-store.ts";
import type { WebhookEndpoints } from "../../../webhooks/endpoints.ts";
import type { KeySecrets } from "../../../webhooks/secrets.ts";
import type { HttpContext, HttpEnv, HttpMiddleware } from "../../exchange.ts";
import type { IdleLimit } from "../../idle-limit.ts";
import { jsonBody, validBody } from "../../request/body.ts";
import { webhookOwner } from "./owner.ts";
import { rotationBody, SECOND_MS, validRotation } from "./rotation.ts";

const LIST = "/v1/webhooks/endpoints";
const ONE = "/v1/webhooks/endpoints/:id";
const MAX_URL_CHARACTERS = 2_048;
const MAX_DESCRIPTION_CHARACTERS = 500;

const address = "an https address";
const events = `a list of event types: ${WEBHOOK_EVENTS.join(", ")}`;
const description = `a text of at most ${MAX_DESCRIPTION_CHARACTERS} characters`;

const urlField = z
  .string({ error: address })
  .min(1, address)
  .max(MAX_URL_CHARACTERS, address)
  .meta({ format: "uri" });
const eventsField = z
  .array(z.enum(WEBHOOK_EVENTS, { error: `one of ${WEBHOOK_EVENTS.join(", ")}` }), { error: events })
  .max(WEBHOOK_EVENTS.length, events);
const descriptionField = z
  .string({ error: description })
  .max(MAX_DESCRIPTION_CHARACTERS, description)
  .regex(/^\P{Cc}*$/u, description);

/** The body of `POST /v1/webhooks/endpoints`. */
export const endpointDraftSchema = z.strictObject({
  url: urlField,
  events: eventsField.optional(),
  description: descriptionField.optional(),
}) satisfies z.ZodType<CreateWebhookEndpointRequest>;
/** The body of `PATCH /v1/webhooks/endpoints/{id}`. */
export const endpointChangeSchema = z.strictObject({
  url: urlField.optional(),
  events: eventsField.optional(),
  description: descriptionField.optional(),
  enabled: z.boolean({ error: "true or false" }).optional(),
}) satisfies z.ZodType<ChangeWebhookEndpointRequest>;
export type WebhookEndpointRouteDependencies = {
  endpoints: WebhookEndpoints;
  secrets: Pick<KeySecrets, "rotate">;
  host: IdleLimit;
  maxBodyBytes: number;
};

/** Mounts the routes; `key` authenticates. */
export function mountWebhookEndpoints(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  { endpoints, secrets, host, maxBodyBytes }: WebhookEndpointRouteDependencies,
): void {
  const body = jsonBody(maxBodyBytes);
  const rotation = rotationBody(maxBodyBytes);

  app.post(LIST, key, body, validBody(endpointDraftSchema), async (c) => {
    const { url, events = [], description = "" } = c.req.valid("json");
    const made = await endpoints.create(webhookOwner(c), { url, events, description });
    return answerSecret(c, made);
  });

  app.get(LIST, key, async (c) => {
    const data = (await endpoints.list(webhookOwner(c))).map(wireEndpoint);
    return c.json({ data } satisfies WireWebhookEndpointList);
  });

  app.get(ONE, key, async (c) =>
    c.json(wireEndpoint(await endpoints.read(webhookOwner(c), c.req.param("id")))),
  );

  app.patch(ONE, key, body, validBody(endpointChangeSchema), async (c) => {
    const { url, events, description, enabled } = c.req.valid("json");
    const changed = await endpoints.change(webhookOwner(c), c.req.param("id"), {
      ...(url !== undefined && { url }),
      ...(events !== undefined && { events }),
      ...(description !== undefined && { description }),
      ...(enabled !== undefined && { enabled }),
    });
    return c.json(wireEndpoint(changed));
  });

  app.delete(ONE, key, async (c) => {
    const id = c.req.param("id");
    await endpoints.remove(webhookOwner(c), id);
    return c.json({ id, deleted: true } satisfies WireWebhookEndpointDeleted);
  });

  app.post(`${ONE}/ping`, key, async (c) => {
    const owner = webhookOwner(c);
    host.keepOpen(c.req.raw);
    try {
      const result = await endpoints.ping(owner, c.req.param("id"), c.req.raw.signal);
      return c.json({
        delivered: result.outcome === "arrived",
        httpStatus: result.httpStatus,
        durationMs: result.ms,
        error: result.error,
      } satisfies WireWebhookPing);
    } finally {
      host.limitIdle(c.req.raw);
    }
  });

  app.post(`${ONE}/rotate`, key, rotation, validRotation, async (c) => {
    const { overlapSeconds } = c.req.valid("json");
    const id = c.req.param("id");
    return answerSecret(c, await endpoints.rotate(webhookOwner(c), id, overlapSeconds * SECOND_MS));
  });

  app.post("/v1/webhooks/secret/rotate", key, rotation, validRotation, async (c) => {
    const { overlapSeconds } = c.req.valid("json");
    const secret = await secrets.rotate(webhookOwner(c), overlapSeconds * SECOND_MS);
    c.header("cache-control", "no-store");
    return c.json({ secret } satisfies WireWebhookSecret);
  });
}

function answerSecret(c: HttpContext, { endpoint, secret }: { endpoint: WebhookEndpoint; secret: string }) {
  c.header("cache-control", "no-store");
  return c.json({ ...wireEndpoint(endpoint), secret } satisfies WireNewWebhookEndpoint);
}

function wireEndpoint({
  id,
  url,
  events,
  description,
  enabled,
  createdAt,
}: WebhookEndpoint): WireWebhookEndpoint {
  return { id, url, events: [...events], description, enabled, created: isoTime(createdAt) };
}
