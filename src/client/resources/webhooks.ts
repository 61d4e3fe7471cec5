/** `conduit.webhooks`: whether a call that arrived was signed by the gateway. Standard Webhooks, by WebCrypto. */

import type { WebhookMessage } from "../../protocol/webhook.ts";
import { WebhookVerificationError } from "../transport/errors.ts";

export type WebhookCall = {
  /** As it arrived: what is parsed and printed again is signed no more. */
  body: string | Uint8Array;
  headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>;
  /** `whsec_…`; several while one is replaced. */
  secret: string | readonly string[];
  /** How far the moment of signing may be from now, either way. Default 300 s. */
  toleranceSeconds?: number | undefined;
};

const TOLERANCE_SECONDS = 300;
const PREFIX = "whsec_";
const VERSION = "v1,";
const HMAC = { name: "HMAC", hash: "SHA-256" };

export class WebhooksResource {
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The message of a call that is ours and fresh; rejects with a `WebhookVerificationError` that quotes nothing of it. */
  async verify(call: WebhookCall): Promise<WebhookMessage> {
    const { toleranceSeconds = TOLERANCE_SECONDS } = call;
    const id = headerOf(call.headers, "webhook-id");
    const timestamp = headerOf(call.headers, "webhook-timestamp");
    const signatures = headerOf(call.headers, "webhook-signature")
      .split(" ")
      .filter((signature) => signature.startsWith(VERSION))
      .map((signature) => bytesOf(signature.slice(VERSION.length)));
    const age = this.#now() / 1_000 - Number(timestamp);
    if (!/^\d+$/.test(timestamp)) throw refused("webhook-timestamp is no number of seconds");
    if (Math.abs(age) > toleranceSeconds) throw refused(`it was signed ${Math.round(age)} s ago`);

    const body = typeof call.body === "string" ? new TextEncoder().encode(call.body) : call.body;
    const head = new TextEncoder().encode(`${id}.${timestamp}.`);
    const signed = new Uint8Array(head.length + body.length);
    signed.set(head);
    signed.set(body, head.length);
    for (const secret of [call.secret].flat()) {
      const key = await keyOf(secret);
      for (const signature of signatures)
        if (signature !== null && (await crypto.subtle.verify("HMAC", key, signature, signed)))
          return messageOf(new TextDecoder().decode(body));
    }
    throw refused("none of its signatures is of this secret");
  }
}

function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = secret.startsWith(PREFIX) ? bytesOf(secret.slice(PREFIX.length)) : null;
  if (bytes === null)
    throw new TypeError("Expected a webhook secret (whsec_ and Base64), got something else.");
  return crypto.subtle.importKey("raw", bytes, HMAC, false, ["verify"]);
}

function messageOf(text: string): WebhookMessage {
  try {
    return JSON.parse(text) as WebhookMessage;
  } catch {
    throw refused("its body is no JSON");
  }
}

function headerOf(headers: WebhookCall["headers"], name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : headers[name];
  const text = typeof value === "string" ? value : value?.[0];
  if (!text) throw refused(`it has no header ${name}`);
  return text;
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

function refused(why: string): WebhookVerificationError {
  return new WebhookVerificationError(`The webhook was not accepted: ${why}.`);
}
