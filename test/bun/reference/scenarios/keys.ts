/** Keys of every kind, their usage and webhooks, by their owner and by an administrator. */

import { test } from "vitest";
import { ADMIN_KEY } from "../../../fixture/gateway-world.ts";
import { settled } from "../../../fixture/manual-clock.ts";
import { FOX } from "../../../fixture/reference/route-calls.ts";
import { asked, browserKey, byAdmin, completedTask, refused, type TheWorld } from "./scenario.ts";

const ASYNC = "POST /v1/images/generations/async";
const MINTING = [
  "POST /v1/auth/ephemeral-keys",
  "POST /v1/realtime/client_secrets",
  "POST /v1/realtime/sessions",
  "POST /v1/realtime/transcription_sessions",
];

export function keyScenarios(world: TheWorld): void {
  test("keys for browsers are made by keys that may, listed and taken back", async () => {
    const key = await browserKey(world());
    const narrow = await world().makeKey({ name: "narrow", allowedModels: ["local/*"] });
    const silent = await world().makeKey({ name: "silent", permissions: { canGenerateImages: true } });
    for (const route of MINTING) {
      await asked(world(), route, { body: {} });
      await refused(world(), route, "permission_denied", { body: {}, key });
      const isOurs = route.includes("ephemeral");
      const named = isOurs ? { allowed_models: ["other"] } : { model: "other" };
      const body = route.endsWith("client_secrets") ? { session: named } : named;
      await refused(world(), route, "model_not_allowed", { body, key: narrow.key });
      if (!isOurs) await refused(world(), route, "permission_denied", { body: {}, key: silent.key });
    }
    const list = await asked<{ data: { id: string }[] }>(world(), "GET /v1/auth/ephemeral-keys");
    await refused(world(), "GET /v1/auth/ephemeral-keys", "permission_denied", { key });
    await refused(world(), `DELETE /v1/auth/ephemeral-keys/${"0".repeat(64)}`, "permission_denied", { key });
    await asked(world(), `DELETE /v1/auth/ephemeral-keys/${list.data[0]!.id}`);
    await asked(world(), "GET /v1/key");
    await asked(world(), "GET /v1/key", { key: await browserKey(world()) });
    await asked(world(), "GET /v1/usage");
    await asked(world(), "GET /v1/usage?format=csv");
    const other = await browserKey(world());
    await refused(world(), "GET /v1/usage?customer=bob", "permission_denied", { key: other });
  });

  test("webhooks are registered, changed, pinged, rotated, replayed and removed by the key itself", async () => {
    const key = await browserKey(world());
    const made = await asked<{ id: string }>(world(), "POST /v1/webhooks/endpoints", {
      body: { url: "https://user.org/hook", events: ["task.started", "task.completed"] },
    });
    const one = `/v1/webhooks/endpoints/${made.id}`;
    await completedTask(world(), ASYNC);
    await world().clock.advance(5_000);
    await settled();
    const { data } = await asked<{ data: { id: string }[] }>(world(), "GET /v1/webhooks/deliveries");
    const replay = `/v1/webhooks/deliveries/${data[0]!.id}/replay`;
    for (const [route, body] of [
      ["GET /v1/webhooks/endpoints"],
      [`GET ${one}`],
      [`PATCH ${one}`, { description: "ours" }],
      [`POST ${one}/ping`],
      [`POST ${one}/rotate`, {}],
      ["POST /v1/webhooks/secret/rotate", {}],
      [`POST ${replay}`],
      ["GET /v1/webhooks/deliveries"],
      [`DELETE ${one}`],
    ] as const) {
      await refused(world(), route, "permission_denied", { key, ...(body && { body }) });
      await asked(world(), route, body && { body });
    }
    await refused(world(), "POST /v1/webhooks/endpoints", "permission_denied", {
      key,
      body: { url: "https://user.org/hook" },
    });
    const { taskId } = await asked<{ taskId: string }>(world(), ASYNC, { body: FOX });
    await asked(world(), `GET /v1/tasks/${taskId}/deliveries`);
    await byAdmin(world(), `GET /admin/v1/keys/key_bootstrap/tasks/${taskId}`);
    await byAdmin(world(), "GET /admin/v1/webhook-deliveries");
    await refused(world(), "GET /admin/v1/webhook-deliveries?endpointId=x", "missing_parameter", {
      key: ADMIN_KEY,
    });
    await byAdmin(world(), `POST /admin/v1/webhook-deliveries/${data[0]!.id}/replay`);
  });

  test("administrators make, read, change, rotate and delete keys, and see what was done", async () => {
    const headers = { "idempotency-key": "once" };
    const made = await byAdmin<{ id: string }>(world(), "POST /admin/v1/keys", {
      body: { name: "a shop" },
      headers,
    });
    await refused(world(), "POST /admin/v1/keys", "idempotency_key_reused", {
      body: { name: "another" },
      headers,
      key: ADMIN_KEY,
    });
    const one = `/admin/v1/keys/${made.id}`;
    const stale = { key: ADMIN_KEY, headers: { "if-match": '"stale"' } };
    await byAdmin(world(), "GET /admin/v1/keys?limit=5");
    await byAdmin(world(), `GET ${one}`);
    await refused(world(), `GET ${one}?deleted=maybe`, "invalid_parameter", { key: ADMIN_KEY });
    await byAdmin(world(), `PATCH ${one}`, {
      body: { budgets: [{ limit: 5, period: "daily" }], metadata: { a: 1 } },
    });
    await refused(world(), `PATCH ${one}`, "precondition_failed", { ...stale, body: { name: "b" } });
    await refused(world(), `POST ${one}/rotate`, "precondition_failed", stale);
    await byAdmin(world(), `POST ${one}/rotate`, { headers });
    await refused(world(), `POST ${one}/rotate`, "idempotency_key_reused", {
      key: ADMIN_KEY,
      headers,
      body: { overlapSeconds: 5 },
    });
    await byAdmin(world(), `POST ${one}/webhook-secret/rotate`);
    await byAdmin(world(), `POST ${one}/cancel`);
    await byAdmin(world(), `PUT ${one}/customers/ann`, { body: { budget: { limit: 2 } } });
    await byAdmin(world(), `GET ${one}/customers/ann`);
    await byAdmin(world(), `DELETE ${one}/customers/ann`);
    await byAdmin(world(), `GET ${one}/tasks`);
    await refused(world(), `GET ${one}/tasks?status=gone`, "invalid_parameter", { key: ADMIN_KEY });
    await refused(world(), `GET ${one}/tasks/no-task`, "task_not_found", { key: ADMIN_KEY });
    await byAdmin(world(), `GET ${one}/usage`);
    await byAdmin(world(), `GET ${one}/ledger`);
    await byAdmin(world(), "GET /admin/v1/usage?groupBy=customer");
    await refused(world(), `DELETE ${one}`, "precondition_failed", stale);
    await refused(world(), "DELETE /admin/v1/keys/key_bootstrap", "invalid_parameter", { key: ADMIN_KEY });
    await byAdmin(world(), `DELETE ${one}`);
    await byAdmin(world(), "GET /admin/v1/keys?deleted=true");
    await byAdmin(world(), `GET ${one}?deleted=true`);
    await byAdmin(world(), "GET /admin/v1/audit");
    await byAdmin(world(), "GET /admin/v1/providers");
    await byAdmin(world(), "GET /admin/v1/models");
    for (const route of ["usage", "ledger", "tasks", "tasks/no-task"])
      await refused(world(), `GET /admin/v1/keys/no%20id/${route}`, "not_found", { key: ADMIN_KEY });
  });
}
