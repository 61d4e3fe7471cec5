/** Sends requests: with the key, a time limit for each try, and repeats where a repeat cannot do anything twice. */

import { type ClientClock, retryWaitMs, sleep, systemTimers } from "../clock.ts";
import { Credentials, type KeyOptions } from "./credentials.ts";
import { ConnectionError, deservesRepeat, errorOfAnswer, StatusError } from "./errors.ts";
import { startTimeLimit } from "./time-limit.ts";

export type FetchFunction = (input: string, init: RequestInit) => Promise<Response>;

/** What both clients are made with, besides the key. */
export type ConnectionOptions = {
  /** Where the gateway is, such as `https://media.example.com`. Default: the page's own origin; elsewhere required. */
  baseUrl?: string | undefined;
  /** Of one try. Default 60,000 ms; 330,000 ms for synchronous pictures. */
  timeoutMs?: number | undefined;
  /** Repeats after the first try. Default 2. */
  maxRetries?: number | undefined;
  /** Sent with every request, such as `x-conduit-customer`. */
  headers?: Record<string, string> | undefined;
  fetch?: FetchFunction | undefined;
  clock?: ClientClock | undefined;
  /** From 0 to 1, for the waits between repeats. */
  random?: (() => number) | undefined;
};
export type ClientOptions = KeyOptions & ConnectionOptions;

/** What every call takes. */
export type CallOptions = {
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
  maxRetries?: number | undefined;
  /** Of what creates: your own, where a program may be started again and must not create twice. Default: a random one. */
  idempotencyKey?: string | undefined;
};

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
export type Sending = CallOptions & {
  query?: Query;
  /** JSON, or a form with files. */
  body?: unknown;
  /** It creates: sent with an idempotency key, so that it may be repeated. */
  creates?: boolean;
  /** A POST that does nothing twice. */
  repeatable?: boolean;
  /** It outlives its page. */
  keepalive?: boolean;
  /** Of this call alone. */
  headers?: Readonly<Record<string, string>>;
};

/** How a stream is asked for. */
export type StreamOpening = {
  method?: "GET" | "POST";
  headers: Readonly<Record<string, string>>;
  body?: string | FormData | undefined;
  signal: AbortSignal;
};

const TIMEOUT_MS = 60_000;
const MAX_RETRIES = 2;
/** Longer than this we do not wait for a gateway that asks for it. */
const LONGEST_RETRY_AFTER_SECONDS = 60;

export class Requester {
  readonly baseUrl: string;
  readonly clock: ClientClock;
  readonly random: () => number;
  readonly credentials: Credentials;
  /** Repeats after the first try, where a call says nothing else. */
  readonly maxRetries: number;
  readonly #fetch: FetchFunction;
  readonly #options: ConnectionOptions;

  constructor(options: ClientOptions) {
    const { baseUrl = pageOrigin() } = options;
    if (!baseUrl)
      throw new TypeError("Expected baseUrl, such as https://media.example.com: there is no page here.");
    this.baseUrl = baseUrl.replace(/\/+$/, "").replace(/\/v1$/, "");
    this.clock = options.clock ?? systemTimers;
    this.random = options.random ?? Math.random;
    this.credentials = new Credentials(options, this.clock);
    this.maxRetries = options.maxRetries ?? MAX_RETRIES;
    // Called as a method of something else a browser's own fetch refuses.
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.#options = options;
  }

  /** The JSON of the answer. */
  async json<T>(method: string, path: string, sending: Sending = {}): Promise<T> {
    const { text, response } = await this.exchange(method, path, sending);
    return (text === "" ? null : parsed(text, response)) as T;
  }

  /** The text of the answer to a GET. */
  async text(path: string, sending: Sending = {}): Promise<string> {
    return (await this.exchange("GET", path, sending)).text;
  }

  /**
   * An answer that is a success. Repeated after a lost connection, a time-out, 408, 409, 429 and 5xx, unless the answer
   * says `x-should-retry: false` or the request might create something twice; throws what came last.
   */
  async exchange(
    method: string,
    path: string,
    sending: Sending,
  ): Promise<{ response: Response; text: string }> {
    const { signal, maxRetries = this.maxRetries } = sending;
    const init = this.#init(method, sending);
    const repeatable = method !== "POST" || sending.creates === true || sending.repeatable === true;
    let renewed = !this.credentials.renewable;
    for (let tries = 0; ; ) {
      signal?.throwIfAborted();
      try {
        const token = await this.credentials.token(signal);
        const came = await this.#once(urlOf(this.baseUrl, path, sending.query), init, token, sending);
        if (!came.response.ok) throw errorOfAnswer(came.response, came.text);
        return came;
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof StatusError && error.status === 401 && !renewed) {
          renewed = true;
          continue;
        }
        if (tries >= maxRetries || !repeatable || !deservesRepeat(error)) throw error;
        tries += 1;
        await sleep(this.clock, this.#waitMs(error, tries), signal);
      }
    }
  }

  /** Opens a stream: resolves when its headers have come, and is not repeated. */
  async open(path: string, { method = "GET", headers, body, signal }: StreamOpening): Promise<Response> {
    for (let renewed = !this.credentials.renewable; ; renewed = true) {
      const token = await this.credentials.token(signal);
      const response = await this.#send(
        `${this.baseUrl}${path}`,
        {
          method,
          headers: { ...this.#options.headers, ...headers },
          signal,
          ...(body === undefined ? {} : { body }),
        },
        token,
      );
      if (response.ok) return response;
      const error = errorOfAnswer(response, await response.text());
      if (error.status !== 401 || renewed) throw error;
    }
  }

  #init(
    method: string,
    { body, creates, idempotencyKey, keepalive, headers }: Sending,
  ): RequestInit & { headers: Record<string, string> } {
    const form = body instanceof FormData;
    return {
      method,
      headers: {
        accept: "application/json",
        ...(body === undefined || form ? {} : { "content-type": "application/json" }),
        ...(creates ? { "idempotency-key": idempotencyKey ?? randomKey() } : {}),
        ...this.#options.headers,
        ...headers,
      },
      ...(body === undefined ? {} : { body: form ? body : JSON.stringify(body) }),
      ...(keepalive === undefined ? {} : { keepalive }),
    };
  }

  /** One try, body included, within its time. */
  async #once(
    url: string,
    init: RequestInit,
    token: string,
    { signal, timeoutMs = this.#options.timeoutMs ?? TIMEOUT_MS }: CallOptions,
  ): Promise<{ response: Response; text: string }> {
    const message = `No answer of ${this.baseUrl} came within ${timeoutMs} ms.`;
    const limit = startTimeLimit(this.clock, { signal, timeoutMs, message });
    try {
      const response = await this.#send(url, { ...init, signal: limit.signal }, token);
      return { response, text: await response.text() };
    } catch (error) {
      if (limit.signal.aborted) throw limit.signal.reason;
      throw error instanceof ConnectionError ? error : lost(this.baseUrl, error);
    } finally {
      limit.end();
    }
  }

  async #send(url: string, init: RequestInit, token: string): Promise<Response> {
    try {
      const response = await this.#fetch(url, {
        ...init,
        headers: { ...init.headers, authorization: `Bearer ${token}` },
      });
      if (response.status === 401) this.credentials.refused(token);
      return response;
    } catch (error) {
      if (init.signal?.aborted) throw init.signal.reason;
      throw lost(this.baseUrl, error);
    }
  }

  #waitMs(error: unknown, tries: number): number {
    const asked = error instanceof StatusError ? error.retryAfterSeconds : null;
    if (asked !== null && asked <= LONGEST_RETRY_AFTER_SECONDS) return Math.max(0, asked * 1_000);
    return retryWaitMs(tries, { random: this.random });
  }
}

function lost(baseUrl: string, cause: unknown): ConnectionError {
  return new ConnectionError(`The connection to ${baseUrl} failed or broke.`, { cause });
}

function parsed(text: string, response: Response): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw errorOfAnswer(response, text);
  }
}

function urlOf(baseUrl: string, path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  return `${baseUrl}${path}${search.size === 0 ? "" : `?${search}`}`;
}

function pageOrigin(): string | undefined {
  const { location } = globalThis as { location?: { origin?: string } };
  return location?.origin === "null" ? undefined : location?.origin;
}

/** Random as a UUID is; pages without TLS have no `crypto.randomUUID`. */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
