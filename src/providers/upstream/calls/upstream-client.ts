/** Calls one provider's API: time-outs in each phase, no redirects, failures classified, answers read with a bound. */

import type { Json } from "../../../protocol/task.ts";
import type { Clock } from "../../../tasks/ports/clock.ts";
import type { Failure } from "../../../tasks/ports/media-provider.ts";
import { type ErrorReport, reportOf } from "./error-text.ts";
import {
  answerTooLarge,
  type CallContext,
  connectionFailed,
  interrupted,
  phaseTimeout,
  refused,
  unusableAnswer,
} from "./failures.ts";
import { timedBody } from "./timed-body.ts";
import { UpstreamError } from "./upstream-error.ts";

/** Until the headers of a call that is answered at once, ms. */
export const QUICK_HEADERS_MS = 60_000;
/** Until the headers of a call that answers when its picture is ready, ms: as long as a picture may take at all. */
export const WORK_HEADERS_MS = 3_600_000;
/** The longest silence within an answer, ms. */
const CHUNK_MS = 60_000;
/** Answers without files are small; what is larger is none. */
export const MAX_JSON_BYTES = 1_048_576;
/** As much as is read of a refusal. */
const MAX_REFUSAL_BYTES = 65_536;

/** The platform's `fetch`, as far as it is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export type UpstreamHost = {
  /** As people call the provider; begins the sentences of its failures. */
  readonly provider: string;
  readonly fetch: Fetch;
  readonly clock: Clock;
  /**
   * What the provider's own error codes mean, asked before the table of HTTP statuses; null leaves it to the table.
   */
  readonly dialect?: Dialect;
};

export type Dialect = (
  refusal: { status: number; report: ErrorReport; body: unknown; headers: Headers },
  context: CallContext,
) => Failure | null;

export type UpstreamRequest = {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  /** Of the step: aborts at the deadline and on cancel. */
  readonly signal: AbortSignal;
  /** Whether the call starts work that is paid for; default false. */
  readonly startsWork?: boolean;
  /** Default: `WORK_HEADERS_MS` for a call that starts work, else `QUICK_HEADERS_MS`. */
  readonly headersMs?: number;
  /** Default: a minute. */
  readonly chunkMs?: number;
  /** What no message may quote: the account's key. */
  readonly secrets?: readonly string[];
};

export class UpstreamClient {
  readonly #host: UpstreamHost;

  constructor(host: UpstreamHost) {
    this.#host = host;
  }

  /** The answer, once its headers are there. Throws `UpstreamError` for a status that is no success, and for none. */
  async call(request: UpstreamRequest): Promise<UpstreamAnswer> {
    const { provider, fetch, clock, dialect } = this.#host;
    const { signal, startsWork = false, secrets = [], chunkMs = CHUNK_MS } = request;
    const { headersMs = startsWork ? WORK_HEADERS_MS : QUICK_HEADERS_MS } = request;
    const context: CallContext = { provider, startsWork, secrets };
    if (signal.aborted) throw new UpstreamError(interrupted({ ...context, startsWork: false }));

    const controller = new AbortController();
    const stop = () => controller.abort();
    signal.addEventListener("abort", stop, { once: true });
    const over = () => signal.removeEventListener("abort", stop);
    let late = false;
    const timer = clock.after(headersMs, () => {
      late = true;
      controller.abort();
    });
    let response: Response;
    try {
      response = await unlessAborted(
        fetch(request.url, {
          method: request.method,
          headers: request.headers,
          redirect: "manual",
          signal: controller.signal,
          ...(request.body !== undefined && { body: request.body }),
          // Asked for by runtimes that follow the standard to the letter, where the body is a stream.
          ...(request.body instanceof ReadableStream && { duplex: "half" }),
        }),
        controller.signal,
      );
    } catch (error) {
      over();
      if (late) throw new UpstreamError(phaseTimeout("headers", headersMs, context));
      throw new UpstreamError(signal.aborted ? interrupted(context) : connectionFailed(error, context));
    } finally {
      timer.cancel();
    }
    const body = timedBody(response.body ?? new Blob([]).stream(), {
      clock,
      chunkMs,
      signal,
      over,
      abort: () => controller.abort(),
      silent: () => phaseTimeout("chunk", chunkMs, context),
      broken: (error) => connectionFailed(error, context),
      interrupted: () => interrupted(context),
    });
    const answer = new UpstreamAnswer(response.status, response.headers, body, context);
    if (response.ok) return answer;
    const text = await answer.refusalText();
    const read = parsed(text);
    const refusal = { status: answer.status, headers: answer.headers, report: reportOf(read), body: read };
    throw new UpstreamError(
      dialect?.(refusal, context) ?? refused({ ...refusal, now: clock.now() }, context),
    );
  }
}

/** An answer whose headers are there. Its body is read once, by one of these, or given up by `discard`. */
export class UpstreamAnswer {
  constructor(
    readonly status: number,
    readonly headers: Headers,
    /** Errors with an `UpstreamError`. */
    readonly body: ReadableStream<Uint8Array>,
    readonly context: CallContext,
  ) {}

  /** The answer as JSON. Throws `UpstreamError` for a web page, half a document, an empty body and one beyond the bound. */
  async json(maxBytes = MAX_JSON_BYTES): Promise<Json> {
    const bytes = await readWithin(this.body, maxBytes);
    if (bytes === null) throw new UpstreamError(answerTooLarge(maxBytes, this.context));
    return parseJson(new TextDecoder().decode(bytes), this.context);
  }

  /** Ends the call unread. */
  async discard(): Promise<void> {
    await this.body.cancel();
  }

  /** The beginning of a refusal; a refusal that cannot be read to its end says what it said so far. */
  async refusalText(): Promise<string> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const chunk of this.body) {
        chunks.push(chunk);
        size += chunk.length;
        if (size >= MAX_REFUSAL_BYTES) break;
      }
    } catch {
      // The status is known, and the reason is the lesser part.
    }
    return new TextDecoder().decode(joined(chunks));
  }
}

/** JSON text as a value. Throws `UpstreamError` saying what came instead, without quoting it. */
export function parseJson(text: string, context: CallContext): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    const start = text.trimStart();
    const what =
      start === ""
        ? "an empty body"
        : start.startsWith("<")
          ? "a web page"
          : "something that is no whole JSON";
    throw new UpstreamError(unusableAnswer(what, context));
  }
}

/** All bytes of a stream; null when there are more than `maxBytes`, and then the rest is not read. */
export async function readWithin(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > maxBytes) return null;
    chunks.push(chunk);
  }
  return joined(chunks);
}

function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A web page says nothing to a caller.
    return text.trimStart().startsWith("<") ? "" : text;
  }
}

/** The promise's value, or a rejection as soon as the signal aborts, whether or not the promise listens to it. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    promise.then(resolve, reject);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
