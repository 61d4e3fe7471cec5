/** Sends one message to one address, signed; what came of it is a value. */

import { FetchError } from "../fetch/fetch-error.ts";
import type { GuardedFetch } from "../fetch/guarded-fetch.ts";
import type { DeliveryAttempt } from "../tasks/due-work.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import { signatureOf } from "./signature.ts";

export type SignedMessage = {
  /** The `webhook-id`. */
  readonly id: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** One or two, the current one first. */
  readonly secrets: readonly string[];
  /** JSON. */
  readonly text: string;
};

export type SendResult = DeliveryAttempt & {
  /** `refused`: the address is none that anything is sent to; `unreachable`: no answer came. */
  readonly outcome: "arrived" | "answered" | "refused" | "unreachable";
  /** How long the receiver asks to be left alone, ms; null when it does not. */
  readonly retryAfterMs: number | null;
};

/** One try may take so long in all, ms. */
export const SEND_TIMEOUT_MS = 10_000;
const TIMEOUTS = {
  connectMs: SEND_TIMEOUT_MS,
  headersMs: SEND_TIMEOUT_MS,
  chunkMs: SEND_TIMEOUT_MS,
  totalMs: SEND_TIMEOUT_MS,
};
const SECOND_MS = 1_000;
const GONE = 410;
const MAX_LOCATION_CHARACTERS = 200;

/** Sends by Standard Webhooks and follows no redirect. Rejects with the signal's reason when that aborts. */
export async function sendMessage(
  { fetch, clock }: { fetch: GuardedFetch; clock: Pick<Clock, "now" | "monotonic"> },
  { id, url, headers, secrets, text }: SignedMessage,
  signal?: AbortSignal,
): Promise<SendResult> {
  const from = clock.monotonic();
  const took = () => Math.max(0, Math.round(clock.monotonic() - from));
  const body = new TextEncoder().encode(text);
  const timestamp = Math.floor(clock.now() / SECOND_MS);
  const signature = await signatureOf({ id, timestamp, body }, secrets);
  try {
    const answer = await fetch.fetch(url, {
      method: "POST",
      headers: {
        ...headers,
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": String(timestamp),
        "webhook-signature": signature,
      },
      body,
      maxBytes: 0,
      maxRedirects: 0,
      anyEncoding: true,
      timeouts: TIMEOUTS,
      ...(signal && { signal }),
    });
    // The status says everything: nothing of the body is read.
    await answer.body.cancel().catch(() => {});
    const { status } = answer;
    const arrived = status >= 200 && status < 300;
    return {
      outcome: arrived ? "arrived" : "answered",
      ms: took(),
      httpStatus: status,
      error: arrived ? null : refusalText(status, answer.headers),
      retryAfterMs: arrived ? null : retryAfterMs(answer.headers.get("retry-after"), clock.now()),
    };
  } catch (error) {
    if (signal?.aborted || !(error instanceof FetchError)) throw error;
    const outcome = error.failure === "refused" ? "refused" : "unreachable";
    const text = `The address ${error.message}`;
    return { outcome, ms: took(), httpStatus: null, error: text, retryAfterMs: null };
  }
}

function refusalText(status: number, headers: Headers): string {
  if (status >= 300 && status < 400) {
    const location = headers.get("location")?.slice(0, MAX_LOCATION_CHARACTERS);
    const where = location === undefined ? "" : ` to ${location}`;
    return `Answered ${status}, a redirect${where}; redirects are not followed: name the address that it leads to`;
  }
  return status === GONE ? "Answered 410: nothing is sent there any more" : `Answered ${status}`;
}

/** Milliseconds by `Retry-After`, as seconds or as a date; null when it cannot be read. */
function retryAfterMs(text: string | null, now: number): number | null {
  if (text === null) return null;
  if (/^\s*\d{1,9}\s*$/.test(text)) return Number(text) * SECOND_MS;
  const date = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
