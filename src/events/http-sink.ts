/**
 * The sink over HTTP: one POST for a batch of lines. Its address comes from the operator's settings and never from a caller,
 * so that a private host and plain http are allowed. Redirects are not followed: their target was not configured.
 */

import type { Clock } from "../tasks/ports/clock.ts";

/** The platform's `fetch`, as far as it is used. */
export type Post = (url: string, init: RequestInit) => Promise<Response>;

export type SinkAnswer =
  | { kind: "taken" }
  /** It takes no body of this size. */
  | { kind: "too_large" }
  | { kind: "refused"; reason: string };

/** Where lines go. */
export interface EventSink {
  /** Rejects when no answer came, or the signal aborted. */
  send(lines: string, signal: AbortSignal): Promise<SinkAnswer>;
}

export type HttpSinkOptions = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
};

/** Until the status of a batch, ms. */
const TIMEOUT_MS = 10_000;
const TOO_LARGE = 413;

export function createHttpSink(
  { url, headers }: HttpSinkOptions,
  { post, clock }: { post: Post; clock: Pick<Clock, "after"> },
): EventSink {
  return {
    async send(lines, signal) {
      const call = new AbortController();
      const timer = clock.after(TIMEOUT_MS, () => call.abort(new Error(`no answer within ${TIMEOUT_MS} ms`)));
      const stop = () => call.abort(signal.reason);
      signal.addEventListener("abort", stop);
      if (signal.aborted) stop();
      try {
        const request = post(url, {
          method: "POST",
          headers: { ...headers, "content-type": "application/x-ndjson" },
          body: lines,
          redirect: "manual",
          signal: call.signal,
        });
        const answer = await unlessAborted(call.signal, request);
        // Whatever it says besides its status matters to nobody, and may never end.
        void answer.body?.cancel().catch(() => {});
        return answerOf(answer);
      } finally {
        timer.cancel();
        signal.removeEventListener("abort", stop);
      }
    },
  };
}

function answerOf({ status, ok, type }: Response): SinkAnswer {
  if (ok) return { kind: "taken" };
  if (status === TOO_LARGE) return { kind: "too_large" };
  // A browser's way to hide where a redirect leads; some runtimes answer it, others the status itself.
  const redirected = type === "opaqueredirect" || (status >= 300 && status < 400);
  const reason = redirected
    ? "it redirects; name the address it leads to in events.sink.url"
    : `status ${status}`;
  return { kind: "refused", reason };
}

/** Rejects once the signal aborts, also when the call does not listen to it. */
function unlessAborted<T>(signal: AbortSignal, call: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    call.then(resolve, reject);
  });
}
