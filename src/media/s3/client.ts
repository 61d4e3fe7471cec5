/** Calls the S3 API of one bucket: signed, with time-outs, and again where a repetition changes nothing. */

import { AwsV4Signer } from "aws4fetch";
import { FetchError } from "../../fetch/fetch-error.ts";
import { PhaseTimer, type Timeouts } from "../../fetch/phase-timer.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import { failure, isError, refusal, S3Error } from "./error.ts";

/** Where a bucket is and who may use it. */
export type S3Access = {
  /** Scheme, host and perhaps a path, without a slash at the end. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Whether the bucket is named in the path (`https://host/bucket/key`); else in the host (`https://bucket.host/key`). */
  readonly pathStyle: boolean;
};

export type S3Host = {
  /** The platform's `fetch`, as far as it is used. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly clock: Clock;
  /** From 0 to 1; spreads the waits between tries. */
  readonly random?: () => number;
};

export type S3Request = {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Absent for the bucket itself. Letters, digits and `/.-_` only. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** Statuses that are an answer; any other one is an error. */
  readonly accept: readonly number[];
  /** Ends the sentence "The media bucket refused to …". */
  readonly what: string;
  /** Whether it may be repeated when nobody knows what came of it. Default true. */
  readonly repeatable?: boolean;
};

export type S3Answer = { readonly status: number; readonly headers: Headers; readonly text: string };
export type S3Stream = { readonly status: number; readonly stream: ReadableStream<Uint8Array> };

/** Tries of one call, the first one included. */
const TRIES = 3;
/** Before the second try, ms; twice as long before the third. */
const FIRST_WAIT_MS = 250;
/** The bucket is busy, and did nothing. */
const BUSY = new Set([429, 503]);
/** Of trouble that passes by itself. */
const PASSING = new Set([408, 500, 502, 504, ...BUSY]);

const MINUTE_MS = 60_000;
/** A part of 8 MiB in two minutes is 70 kB/s. A completion may take as long, says AWS. */
const TIMEOUTS: Timeouts = {
  connectMs: 2 * MINUTE_MS,
  headersMs: 2 * MINUTE_MS,
  chunkMs: MINUTE_MS,
  totalMs: 5 * MINUTE_MS,
};
/** Without a body to send the answer begins soon. */
const QUICK: Timeouts = { ...TIMEOUTS, headersMs: MINUTE_MS / 2 };
/** Whoever reads a file may be slow for as long as it likes, but not the bucket. */
const READING: Timeouts = { ...QUICK, totalMs: 24 * 60 * MINUTE_MS };
/** A page of 1,000 keys of the longest kind with what stands beside them. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024;
const SERVICE = "s3";

export class S3Client {
  readonly #access: S3Access;
  readonly #base: string;
  readonly #host: S3Host;
  readonly #random: () => number;
  /** Signing keys by day. */
  #keys = { day: "", cache: new Map<string, ArrayBuffer>() };

  constructor(access: S3Access, host: S3Host) {
    this.#access = access;
    this.#base = baseOf(access);
    this.#host = host;
    this.#random = host.random ?? Math.random;
  }

  /** The whole answer. Rejects with `S3Error`. */
  async call(request: S3Request): Promise<S3Answer> {
    return this.#repeated(request, async (timer, response) => {
      const { status, headers } = response;
      const text = request.method === "HEAD" ? "" : await textOf(response, timer);
      // Of work that takes long the status is sent before the work is done.
      if (status === 200 && isError(text)) throw refusal(500, text, request.what);
      timer.stop();
      return { status, headers, text };
    });
  }

  /** An answer whose body is read later, as slowly as its reader likes; it breaks off when the bucket is silent. */
  async open(request: S3Request): Promise<S3Stream> {
    return this.#repeated(
      request,
      async (timer, response) => ({
        status: response.status,
        stream: watched(response, timer, request.what),
      }),
      READING,
    );
  }

  async #repeated<T>(
    request: S3Request,
    take: (timer: PhaseTimer, response: Response) => Promise<T>,
    timeouts = request.body === undefined ? QUICK : TIMEOUTS,
  ): Promise<T> {
    for (let tried = 1; ; tried++) {
      try {
        return await this.#once(request, take, timeouts);
      } catch (error) {
        if (tried === TRIES || !mayPass(error, request.repeatable ?? true)) throw error;
        await this.#wait(FIRST_WAIT_MS * 2 ** (tried - 1) * (0.5 + this.#random()));
      }
    }
  }

  async #once<T>(
    request: S3Request,
    /** Stops the timer when nothing more is read. */
    take: (timer: PhaseTimer, response: Response) => Promise<T>,
    timeouts: Timeouts,
  ): Promise<T> {
    const { what } = request;
    const timer = new PhaseTimer(this.#host.clock, timeouts);
    try {
      const { url, init } = await this.#signed(request);
      timer.enter("headers");
      const response = await timer.unlessOver(
        this.#host.fetch(url, { ...init, signal: timer.signal }),
        (late) => void late.body?.cancel().catch(ignore),
      );
      if (!request.accept.includes(response.status))
        throw refusal(response.status, await textOf(response, timer), what);
      return await take(timer, response);
    } catch (error) {
      timer.stop();
      if (error instanceof S3Error) throw error;
      throw failure(why(error, timer), what);
    }
  }

  async #signed({
    method,
    key,
    query,
    headers,
    body,
  }: S3Request): Promise<{ url: string; init: RequestInit }> {
    const { region, accessKeyId, secretAccessKey } = this.#access;
    const datetime = new Date(this.#host.clock.now()).toISOString().replace(/[:-]|\.\d{3}/g, "");
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    const sent = bytes as Uint8Array<ArrayBuffer> | undefined;
    const signed = await new AwsV4Signer({
      method,
      url: `${this.#base}${key === undefined ? "" : `/${key}`}${queryOf(query)}`,
      // The bytes are signed too: what arrives otherwise is refused.
      headers: { ...headers, "x-amz-content-sha256": await sha256(sent ?? new Uint8Array(0)) },
      body: sent ?? null,
      accessKeyId,
      secretAccessKey,
      service: SERVICE,
      region,
      datetime,
      cache: this.#keysOf(datetime.slice(0, 8)),
    }).sign();
    const all = new Headers(signed.headers);
    // Behind the signature, since proxies change it: an answer that is packed has no length.
    all.set("accept-encoding", "identity");
    return {
      url: signed.url.toString(),
      init: { method, headers: all, redirect: "manual", ...(sent !== undefined && { body: sent }) },
    };
  }

  #keysOf(day: string): Map<string, ArrayBuffer> {
    if (this.#keys.day !== day) this.#keys = { day, cache: new Map() };
    return this.#keys.cache;
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.#host.clock.after(ms, resolve));
  }
}

function baseOf({ endpoint, bucket, pathStyle }: S3Access): string {
  if (pathStyle) return `${endpoint}/${bucket}`;
  return endpoint.replace("://", `://${bucket}.`);
}

/** Spaces are %20: the signature counts them so, while a form's `+` would be another character. */
function queryOf(query: S3Request["query"] = {}): string {
  const pairs = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

function mayPass(error: unknown, repeatable: boolean): boolean {
  if (!(error instanceof S3Error)) return false;
  if (error.status === null) return repeatable;
  if (BUSY.has(error.status)) return true;
  return repeatable && PASSING.has(error.status);
}

/** Only what a limit says is repeated: a runtime's own errors quote addresses. */
function why(error: unknown, timer: PhaseTimer): string {
  const reason = timer.reasonFor(error);
  return reason instanceof FetchError ? reason.message : "could not be reached, or broke off";
}

/** At most `MAX_TEXT_BYTES` of text. */
async function textOf(response: Response, timer: PhaseTimer): Promise<string> {
  if (response.body === null) return "";
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for (;;) {
    timer.enter("chunk");
    const { done, value } = await timer.unlessOver(reader.read());
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > MAX_TEXT_BYTES) {
      reader.cancel().catch(ignore);
      throw new FetchError("too_large", "answered more than is ever needed");
    }
    text += decoder.decode(value, { stream: true });
  }
}

/** The body, read as it is asked for. */
function watched(response: Response, timer: PhaseTimer, what: string): ReadableStream<Uint8Array> {
  const reader = response.body?.getReader();
  timer.rest();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          timer.enter("chunk");
          const { done, value } = (await (reader && timer.unlessOver(reader.read()))) ?? { done: true };
          timer.rest();
          if (value !== undefined && !done) return controller.enqueue(value);
          timer.stop();
          controller.close();
        } catch (error) {
          timer.stop();
          reader?.cancel().catch(ignore);
          controller.error(failure(why(error, timer), what));
        }
      },
      async cancel(reason) {
        timer.stop();
        await reader?.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

function ignore(): void {}
