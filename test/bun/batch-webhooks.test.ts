/** Word of a batch's end: once, for the webhook that was named with it and for endpoints that listen. */

import { afterEach, beforeEach, expect, test } from "vitest";
import type { WireAcceptedBatch } from "../../src/protocol/batch.ts";
import type { WireError } from "../../src/protocol/error.ts";
import { type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { PNG } from "../fixture/media-samples.ts";
import { verified, WebhookReceiver } from "../fixture/webhook-receiver.ts";

const BATCHES = "/v1/batches";
const FOX = { type: "image", model: "local/canvas", prompt: "a red fox" };
const HOOK = "https://user.org/batch";
/** The engine looks for due work so often, ms. */
const SWEEP_MS = 1_000;

let world: GatewayWorld;
let receiver: WebhookReceiver;
beforeEach(async () => {
  receiver = new WebhookReceiver();
  world = await gatewayWorld({ transport: receiver.transport });
});
afterEach(() => {
  for (const { message } of receiver.calls) world.described.checkMessage(message);
  return world.close();
});

const json = async <T>(response: Response) => (await response.json()) as T;
const post = async <T>(path: string, body: object) => json<T>(await world.send("POST", path, { body }));

async function finishOne(): Promise<void> {
  const call = await world.provider.next();
  call.answer({ kind: "done", items: [{ index: 0, media: await call.io.putMedia(PNG, "image/png") }] });
  await settled();
}

test("a batch tells its webhook and the listening endpoints of its end, signed, as it is read", async () => {
  const { secret } = await post<{ secret: string }>("/v1/webhooks/secret/rotate", { overlapSeconds: 0 });
  await post("/v1/webhooks/endpoints", { url: "https://ends.org/", events: ["batch.completed"] });
  const { batchId } = await post<WireAcceptedBatch>(BATCHES, {
    requests: [FOX, FOX, { ...FOX, webhook_url: "https://item.org/" }],
    webhook_url: HOOK,
    webhook_headers: { "X-Mine": "yes" },
    metadata: { order: "7" },
  });
  for (let task = 0; task < 3; task++) await finishOne();
  await world.clock.advance(SWEEP_MS);
  await receiver.came(3);
  await settled();
  expect(receiver.at("item.org").map(({ message }) => message.type)).toEqual(["task.completed"]);
  const [call, ...others] = receiver.at("user.org");
  expect(others).toEqual([]);
  const batch = await json<Record<string, unknown>>(await world.send("GET", `${BATCHES}/${batchId}`));
  expect(batch).toMatchObject({ status: "completed", counts: { completed: 3, total: 3 } });
  expect(call?.headers).toMatchObject({ "webhook-id": batchId, "x-mine": "yes" });
  expect(verified(secret, call!, world.clock.now())).toEqual({
    type: "batch.completed",
    timestamp: batch.finishedAt,
    data: batch,
  });
  expect(receiver.at("ends.org").map(({ message }) => message.data)).toEqual([batch]);
});

test.each([
  [{ webhook_url: "https://127.0.0.1/" }, 400, "webhook_url"],
  [{ webhook_url: HOOK, webhook_headers: { host: "x" } }, 400, "webhook_headers"],
  [{ webhook_headers: { "x-a": "1" } }, 400, "webhook_url"],
  [{ webhook_url: HOOK, webhook_events: ["task.completed"] }, 400, "webhook_events"],
])("a batch with %j is refused by the field's name", async (fields, status, param) => {
  const response = await world.send("POST", BATCHES, { body: { requests: [FOX], ...fields } });
  expect(response.status).toBe(status);
  expect((await json<WireError>(response)).error.param).toBe(param);
});

test("a request of a batch that names a target nobody may send to refuses the batch by its name", async () => {
  const requests = [FOX, { ...FOX, webhook_url: "https://10.0.0.1/" }];
  const response = await world.send("POST", BATCHES, { body: { requests } });
  expect((await json<WireError>(response)).error.param).toBe("requests.1.webhook_url");
});
