/**
 * Calls of the gateway's own routes in this process, in the name of the caller of the request at hand. What a route checks,
 * limits, charges and answers holds for its callers here too, and is written once.
 */

import { ApiError, type WireError } from "../../protocol/error.ts";
import type { HttpContext } from "../exchange.ts";
import { type BaseUrlOptions, baseUrl, requestOrigin } from "../request/base-url.ts";

/** Answers a request as the whole application does. */
export type Dispatch = (request: Request) => Response | Promise<Response>;

export type GatewayCall = {
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly idempotencyKey?: string | undefined;
  /** Aborted when the caller has left. */
  readonly signal?: AbortSignal | undefined;
};

/** What says who calls, and how the gateway was reached; everything else belongs to the outer request alone. */
const CARRIED_HEADERS = [
  "authorization",
  "x-api-key",
  "api-key",
  "x-conduit-customer",
  "x-forwarded-proto",
  "host",
];

export class GatewayCalls {
  readonly #context: HttpContext;
  readonly #dispatch: Dispatch;
  readonly #urls: BaseUrlOptions;

  constructor(context: HttpContext, dispatch: Dispatch, urls: BaseUrlOptions) {
    this.#context = context;
    this.#dispatch = dispatch;
    this.#urls = urls;
  }

  /**
   * The answer's JSON. Rejects with the `ApiError` that the route answered, and with `not_found` for a path that an id such as
   * `..` would lead to another route.
   */
  async json<Answer>(method: string, path: string, call: GatewayCall = {}): Promise<Answer> {
    return (await this.#answer<Answer>(method, path, call)).answer;
  }

  /** Makes something by a POST. `replayed`: an earlier call with the same idempotency key has made it. Rejects as `json` does. */
  async create<Answer>(path: string, call: GatewayCall): Promise<{ answer: Answer; replayed: boolean }> {
    const { answer, headers } = await this.#answer<Answer>("POST", path, call);
    return { answer, replayed: headers.get("idempotent-replayed") === "true" };
  }

  async #answer<Answer>(
    method: string,
    path: string,
    call: GatewayCall,
  ): Promise<{ answer: Answer; headers: Headers }> {
    const response = await this.#dispatch(this.#request(method, path, call));
    const answer: unknown = await response.json();
    if (!response.ok) throw refusal(answer as WireError, response.headers);
    return { answer: answer as Answer, headers: response.headers };
  }

  #request(method: string, path: string, { body, query = {}, idempotencyKey, signal }: GatewayCall): Request {
    const outer = this.#context.req.raw;
    const headers = new Headers({ "x-request-id": this.#context.get("exchange").requestId });
    for (const name of CARRIED_HEADERS) {
      const value = outer.headers.get(name);
      if (value !== null) headers.set(name, value);
    }
    // Hosts may not let a request say its own Host; behind a trusted proxy this is where it is looked for.
    const host = outer.headers.get("x-forwarded-host") ?? outer.headers.get("host");
    if (host !== null) headers.set("x-forwarded-host", host);
    if (idempotencyKey !== undefined) headers.set("idempotency-key", idempotencyKey);
    if (body !== undefined) headers.set("content-type", "application/json");
    const url = new URL(path, requestOrigin(outer) ?? baseUrl(outer, this.#urls));
    if (url.pathname !== path) throw new ApiError("not_found", "There is nothing of this id.");
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    return new Request(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  }
}

function refusal({ error }: WireError, headers: Headers): ApiError {
  const retryAfter = headers.get("retry-after");
  return new ApiError(error.code, error.message, {
    ...(error.param === null ? {} : { param: error.param }),
    ...(retryAfter === null ? {} : { retryAfterSeconds: Number(retryAfter) }),
  });
}
