/** The webhook that a create request names. */

import type { Principal } from "../../accounts/principal.ts";
import type { TargetPolicy } from "../../fetch/target-guard.ts";
import type { WebhookFields } from "../../protocol/create-request.ts";
import { ApiError } from "../../protocol/error.ts";
import type { TaskWebhook } from "../../tasks/task.ts";
import { requireWebhookHeaders, requireWebhookUrl } from "../../webhooks/target.ts";

/** As the fields have it, not judged yet; null where they name none. Throws `missing_parameter` without an address. */
export function webhookOf({
  webhook_url,
  webhook_headers,
  webhook_events,
}: WebhookFields): TaskWebhook | null {
  if (webhook_url !== undefined)
    return { url: webhook_url, headers: webhook_headers ?? {}, events: webhook_events ?? [] };
  const stray =
    webhook_headers !== undefined
      ? "webhook_headers"
      : webhook_events !== undefined
        ? "webhook_events"
        : null;
  if (stray === null) return null;
  throw new ApiError("missing_parameter", `webhook_url is required where there is ${stray}.`, {
    param: "webhook_url",
  });
}

/**
 * The webhook as it is kept. Throws `invalid_parameter` naming the field for what nothing is sent to, and
 * `permission_denied` for an ephemeral key: whoever has a browser's key must not have messages signed by its parent's.
 */
export function requireWebhook(
  webhook: TaskWebhook,
  principal: Principal,
  targets: TargetPolicy,
): TaskWebhook {
  if (principal.tenant.subject !== "")
    throw new ApiError(
      "permission_denied",
      "An ephemeral key names no webhook. Leave webhook_url out; the endpoints of its parent hear of the task.",
      { param: "webhook_url" },
    );
  return {
    url: requireWebhookUrl(webhook.url, targets, "webhook_url"),
    headers: requireWebhookHeaders(webhook.headers, "webhook_headers"),
    events: webhook.events,
  };
}
