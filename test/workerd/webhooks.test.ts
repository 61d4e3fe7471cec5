/** Webhooks on Workers: named with a task, kept in the store's object, sent where steps run and by the cron trigger. */

import { env } from "cloudflare:workers";
import type { ExecutionContext, ScheduledController } from "@cloudflare/workers-types";
import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { WireAccepted } from "../../src/protocol/task.ts";
import type { WireDeliveryPage, WireNewWebhookEndpoint } from "../../src/protocol/webhook.ts";
import type { Bindings } from "../../src/runtime/cloudflare/bindings.ts";
import worker from "../../src/runtime/cloudflare/worker.ts";

const KEY = `condt_${"h".repeat(43)}`;
const bindings: Bindings = {
  ...(env as Bindings),
  CONDUIT_BOOTSTRAP_KEY: KEY,
  CONDUIT_ADMIN_KEY: "the-admin-key-of-this-worker",
  CONDUITLLM__LOGGING__LEVEL: "silent",
};
const CRON = { cron: "* * * * *" } as ScheduledController;

type Call = { url: string; headers: Record<string, string>; body: string };

const platformFetch = globalThis.fetch;
let calls: Call[];
/** Resolves when both have come: a step runner may be quicker than the trigger. */
let bothCame: Promise<void>;
/** What the receiver answers, in the order of the calls; 204 beyond them. */
let statuses: number[];
beforeEach(() => {
  calls = [];
  statuses = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  bothCame = promise;
  const received = async (input: RequestInfo | URL, init?: RequestInit) => {
    const request = new Request(input as RequestInfo, init);
    const headers = Object.fromEntries(request.headers);
    if (calls.push({ url: request.url, headers, body: await request.text() }) === 2) resolve();
    return new Response(null, { status: statuses.shift() ?? 204 });
  };
  globalThis.fetch = received as typeof fetch;
});
afterEach(() => {
  globalThis.fetch = platformFetch;
});

async function ask<T>(method: string, path: string, body?: object): Promise<T> {
  const request = new Request(`https://gateway.example${path}`, {
    method,
    headers: { authorization: `Bearer ${KEY}`, ...(body && { "content-type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const response = await worker.fetch(request, bindings);
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

test("the end of a task is sent, signed, by the cron trigger where nobody sent it before", async () => {
  const { secret } = await ask<{ secret: string }>("POST", "/v1/webhooks/secret/rotate", {
    overlapSeconds: 0,
  });
  const endpoint = await ask<WireNewWebhookEndpoint>("POST", "/v1/webhooks/endpoints", {
    url: "https://endpoint.org/hook",
    events: ["task.cancelled"],
  });
  const { taskId } = await ask<WireAccepted>("POST", "/v1/images/generations/async", {
    model: "local/canvas",
    prompt: "a fox",
    provider_options: { steps: 100, step_ms: 1_000 },
    webhook_url: "https://user.org/hook",
    webhook_events: ["task.cancelled"],
  });
  await ask("DELETE", `/v1/tasks/${taskId}`);
  await worker.scheduled(CRON, bindings, {} as ExecutionContext);
  await bothCame;
  const secrets: Record<string, string> = {
    "https://user.org/hook": secret,
    "https://endpoint.org/hook": endpoint.secret,
  };
  expect(calls.map(({ url }) => url).toSorted()).toEqual(Object.keys(secrets).toSorted());
  for (const { url, body, headers } of calls)
    expect(new Webhook(secrets[url] ?? "").verify(body, headers)).toMatchObject({
      type: "task.cancelled",
      data: { taskId, status: "cancelled" },
    });
  const { data } = await ask<WireDeliveryPage>("GET", `/v1/tasks/${taskId}/deliveries`);
  const ids = calls.map(({ headers }) => headers["webhook-id"]);
  expect(data.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  await ask("DELETE", `/v1/webhooks/endpoints/${endpoint.id}`);
});

test("what a receiver could not take is sent again when that is due, by an alarm and not by the cron trigger", {
  // The first try is followed by the second after five seconds.
  timeout: 20_000,
}, async () => {
  statuses = [503];
  const { taskId } = await ask<WireAccepted>("POST", "/v1/images/generations/async", {
    model: "local/canvas",
    prompt: "a fox",
    size: "64x64",
    provider_options: { steps: 1 },
    webhook_url: "https://user.org/again",
  });
  await bothCame;
  const [first, second] = calls.map(({ url, headers }) => [url, headers["webhook-id"]]);
  expect(first).toEqual(["https://user.org/again", expect.any(String)]);
  expect(second).toEqual(first);
  const { data } = await ask<WireDeliveryPage>("GET", `/v1/tasks/${taskId}/deliveries`);
  expect(data[0]?.attempts.map(({ httpStatus }) => httpStatus)).toEqual(
    [503, 204].slice(0, data[0]?.attempts.length),
  );
});
