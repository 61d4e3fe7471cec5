/** Whether a webhook is ours: against what the gateway itself signs. */

import { describe, expect, test } from "vitest";
import { WebhooksResource } from "../../../src/client/resources/webhooks.ts";
import { signatureOf } from "../../../src/webhooks/signature.ts";

const NOW = Date.UTC(2026, 10, 30, 12);
const SECRET = `whsec_${btoa("a secret of 24 bytes ...")}`;
const OTHER = `whsec_${btoa("another one of 24 bytes.")}`;
const BODY = '{"type":"task.completed","timestamp":"2026-11-30T12:00:00.000Z","data":{}}';
const webhooks = new WebhooksResource(() => NOW);

async function call({ secrets = [SECRET], at = NOW, body = BODY } = {}) {
  const timestamp = Math.floor(at / 1_000);
  const signed = { id: "msg_1", timestamp, body: new TextEncoder().encode(body) };
  const headers = {
    "webhook-id": "msg_1",
    "webhook-timestamp": String(timestamp),
    "webhook-signature": await signatureOf(signed, secrets),
  };
  return { body, headers, secret: SECRET };
}

describe("a webhook", () => {
  test("that the gateway signed is read, as text or as bytes, with headers of either kind", async () => {
    const signed = await call();
    expect(await webhooks.verify(signed)).toEqual(JSON.parse(BODY));
    const bytes = { ...signed, body: new TextEncoder().encode(BODY), headers: new Headers(signed.headers) };
    expect(await webhooks.verify(bytes)).toMatchObject({ type: "task.completed" });
  });

  test("is taken while a secret is replaced, by either side", async () => {
    expect(await webhooks.verify(await call({ secrets: [OTHER, SECRET] }))).toBeTruthy();
    expect(
      await webhooks.verify({ ...(await call({ secrets: [OTHER] })), secret: [SECRET, OTHER] }),
    ).toBeTruthy();
  });

  test.each([
    ["another secret", { secrets: [OTHER] }],
    ["a moment too long ago", { at: NOW - 301_000 }],
    ["a moment too far ahead", { at: NOW + 302_000 }],
  ])("with %s is refused", async (_, forged) => {
    await expect(webhooks.verify(await call(forged))).rejects.toThrow("The webhook was not accepted");
  });

  test("whose body or id was changed is refused, and the refusal quotes nothing of it", async () => {
    const signed = await call();
    const changed = webhooks.verify({ ...signed, body: BODY.replace("completed", "stolen") });
    await expect(changed).rejects.toThrow(/^The webhook was not accepted: [a-z ]+\.$/);
    const renamed = { ...signed.headers, "webhook-id": "msg_2" };
    await expect(webhooks.verify({ ...signed, headers: renamed })).rejects.toThrow("not accepted");
    await expect(webhooks.verify({ ...signed, headers: {} })).rejects.toThrow("webhook-id");
  });

  test("with a secret that is none is a mistake of the program", async () => {
    await expect(webhooks.verify({ ...(await call()), secret: "hush" })).rejects.toThrow(TypeError);
  });
});
