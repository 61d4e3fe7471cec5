/**
 * Which requests are repeats of each other: the claim a create request lays on its `Idempotency-Key`, or on its body.
 */

import { ApiError } from "../../protocol/error.ts";
import type { IdempotencyClaim } from "../../tasks/ports/task-store.ts";

export type IdempotencyOptions = {
  /** How long an `Idempotency-Key` is remembered. */
  keyMs: number;
  /** How long after its end a task answers a library's own repeat that carries no key. */
  repeatMs: number;
};

/** As long as Stripe's, whose habits clients have. */
const MAX_KEY_CHARACTERS = 255;
/** What a key has to be, in the words of errors. */
export const IDEMPOTENCY_KEY_SHAPE = `1 to ${MAX_KEY_CHARACTERS} printable ASCII characters, such as a UUID`;
const KEY = new RegExp(`^[\\x21-\\x7e](?:[\\x20-\\x7e]{0,${MAX_KEY_CHARACTERS - 2}}[\\x21-\\x7e])?$`);
/** OpenAI's libraries number their attempts here, from 0, and send no key. */
const ATTEMPT_HEADER = "x-stainless-retry-count";

/**
 * The claim of a create request; null when nothing about it says that it may be repeated.
 * `route` scopes the key, `body` is the validated body: equal bodies have one fingerprint however they are spelled.
 * Rejects with `invalid_parameter` for a key that cannot be one.
 */
export function idempotencyClaim(
  request: Request,
  route: string,
  body: unknown,
  options: IdempotencyOptions,
): Promise<IdempotencyClaim> | null {
  if (request.headers.has("idempotency-key")) return keyClaim(request.headers, route, body, options);
  const attempt = request.headers.get(ATTEMPT_HEADER);
  if (attempt === null || !/^\d{1,4}$/.test(attempt)) return null;
  return bodyClaim(Number(attempt) > 0, route, body, options);
}

/** The `Idempotency-Key` of a request; null without one. Throws `invalid_parameter` for what cannot be one. */
export function idempotencyKey(headers: Headers): string | null {
  const key = headers.get("idempotency-key");
  if (key === null || isIdempotencyKey(key)) return key;
  throw new ApiError("invalid_parameter", `Idempotency-Key must be ${IDEMPOTENCY_KEY_SHAPE}.`, {
    param: "Idempotency-Key",
  });
}

/** Whether a text can be an `Idempotency-Key`. */
export function isIdempotencyKey(text: string): boolean {
  return KEY.test(text);
}

async function keyClaim(
  headers: Headers,
  route: string,
  body: unknown,
  { keyMs }: IdempotencyOptions,
): Promise<IdempotencyClaim> {
  return {
    key: `${route}:key:${idempotencyKey(headers)}`,
    fingerprint: await fingerprint(body),
    ttlMs: keyMs,
  };
}

/**
 * Without an `Idempotency-Key`: the first sending always makes a task, however equal an earlier request was; a client
 * library's own repeat of it gets that task as long as it is unfinished, or ended a moment ago.
 */
async function bodyClaim(
  repeat: boolean,
  route: string,
  body: unknown,
  options: IdempotencyOptions,
): Promise<IdempotencyClaim> {
  const print = await fingerprint(body);
  const claim = { key: `${route}:body:${print}`, fingerprint: print, ttlMs: options.keyMs };
  return repeat ? { ...claim, onlyIfEndedWithinMs: options.repeatMs } : { ...claim, takeOver: true };
}

/** SHA-256 of the canonical form of a body, lower-case hex. */
export async function fingerprint(body: unknown): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(canonicalJson(body)));
  return new Uint8Array(digest).toHex();
}

/** JSON with every object's names in order; the schema has bounded the depth. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = value as Record<string, unknown>;
  const parts: string[] = [];
  for (const name of Object.keys(fields).sort()) {
    if (fields[name] !== undefined) parts.push(`${JSON.stringify(name)}:${canonicalJson(fields[name])}`);
  }
  return `{${parts.join(",")}}`;
}
