/**
 * Fetches from addresses that callers and providers name: only where the target guard lets it, with every redirect judged
 * anew, and with a bound on bytes, on each phase and on the whole.
 */

import type { Clock } from "../tasks/ports/clock.ts";
import { FetchError } from "./fetch-error.ts";
import { PhaseTimer, type Timeouts } from "./phase-timer.ts";
import { requireTarget, type TargetPolicy } from "./target-guard.ts";
import type { Transport, TransportAnswer } from "./transport.ts";

export type GuardedRequest = {
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Of the answer's body; one byte more ends it. */
  readonly maxBytes: number;
  /** Redirects that a GET follows. Beyond 0 the answer's status is none of a redirect. */
  readonly maxRedirects: number;
  /** Set by who reads nothing of the body, so that its encoding does not matter. */
  readonly anyEncoding?: true;
  readonly timeouts: Timeouts;
  readonly signal?: AbortSignal;
};

export type GuardedAnswer = {
  readonly status: number;
  readonly headers: Headers;
  /** Fails with `FetchError`. To be read or cancelled. */
  readonly body: ReadableStream<Uint8Array>;
};

/** What adapters and routes get of it. */
export interface GuardedFetch {
  /** Rejects with `FetchError`, or with the signal's reason. */
  fetch(address: string, request: GuardedRequest): Promise<GuardedAnswer>;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** What may be said to another origin than the one it was meant for. */
const TRAVELLING_HEADERS = new Set(["accept", "accept-language", "user-agent"]);
const USER_AGENT = "conduit";

export function createGuardedFetch(
  transport: Transport,
  clock: Pick<Clock, "after">,
  policy: TargetPolicy,
): GuardedFetch {
  return {
    async fetch(address, request) {
      const timer = new PhaseTimer(clock, request.timeouts, request.signal);
      try {
        const answer = await followed(address, request, timer);
        timer.rest();
        return { ...answer, body: bounded(answer.body, request.maxBytes, timer) };
      } catch (error) {
        timer.stop();
        throw timer.reasonFor(error);
      }
    },
  };

  async function followed(
    address: string,
    request: GuardedRequest,
    timer: PhaseTimer,
  ): Promise<TransportAnswer> {
    const { method = "GET", maxRedirects } = request;
    let target = requireTarget(address, policy);
    let headers = lowerCased(request.headers ?? {});
    for (let redirects = 0; ; redirects += 1) {
      timer.enter("connect");
      const sent = transport.send(target.url, {
        method,
        headers: { "user-agent": USER_AGENT, ...headers, "accept-encoding": "identity" },
        body: request.body ?? null,
        anyAddress: target.anyAddress,
        signal: timer.signal,
        connected: () => timer.enter("headers"),
      });
      const answer = await timer.unlessOver(sent, (late) => void late.body.cancel().catch(ignore));
      if (maxRedirects === 0 || !REDIRECTS.has(answer.status)) {
        if (request.anyEncoding !== true) requireIdentity(answer);
        return answer;
      }
      await answer.body.cancel().catch(ignore);
      if (method !== "GET" || redirects >= maxRedirects)
        throw new FetchError("too_many_redirects", `redirects more than ${maxRedirects} times`);
      const next = requireTarget(locationOf(answer, target.url), policy);
      if (next.url.origin !== target.url.origin) headers = travelling(headers);
      target = next;
    }
  }
}

/** The body, ended by what is too much of it, by the time-outs and with them by the caller's signal. */
function bounded(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
  timer: PhaseTimer,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let bytes = 0;
  const end = (error: unknown): Error => {
    timer.stop();
    void reader.cancel(error).catch(ignore);
    return timer.reasonFor(error);
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        timer.enter("chunk");
        try {
          const { done, value } = await timer.unlessOver(reader.read());
          // While nobody reads, nobody waits for the other side: only the whole has its limit then.
          timer.rest();
          if (done) {
            timer.stop();
            controller.close();
            return;
          }
          bytes += value.byteLength;
          if (bytes > maxBytes) throw new FetchError("too_large", `has more than ${maxBytes} bytes`);
          controller.enqueue(value);
        } catch (error) {
          controller.error(end(error));
        }
      },
      cancel(reason) {
        timer.stop();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

function requireIdentity({ headers, body }: TransportAnswer): void {
  const encoding = headers.get("content-encoding")?.trim().toLowerCase();
  if (!encoding || encoding === "identity") return;
  void body.cancel().catch(ignore);
  throw new FetchError("encoded", "answers compressed although it was asked not to");
}

function locationOf({ headers }: TransportAnswer, from: URL): URL {
  const location = headers.get("location");
  if (location === null || !URL.canParse(location, from))
    throw new FetchError("unreachable", "answers with a redirect that leads nowhere");
  return new URL(location, from);
}

function travelling(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => TRAVELLING_HEADERS.has(name)));
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function ignore(): void {}
