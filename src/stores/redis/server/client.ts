/** The Upstash client as the store needs it: replies stay as they came, and no two callers share a request. */

import { Redis, type Requester } from "@upstash/redis";

/** How long one REST request may take, ms. */
const REQUEST_LIMIT_MS = 5_000;
/** How often the client itself sends a request again that got no answer; the store repeats calls besides. */
const CLIENT_REPEATS = 1;

/** Speaks through a requester of ours, such as one over TCP. */
export class RequesterRedis extends Redis {
  constructor(requester: Requester) {
    super(requester);
    this.opts = { automaticDeserialization: false };
  }
}

/** Speaks to Upstash's REST interface. */
export function createUpstashRedis({ url, token }: { url: string; token: string }): Redis {
  return new Redis({
    url,
    token,
    automaticDeserialization: false,
    // It would let requests of several callers wait for one another, which Workers do not allow.
    enableAutoPipelining: false,
    enableTelemetry: false,
    retry: { retries: CLIENT_REPEATS },
    signal: () => AbortSignal.timeout(REQUEST_LIMIT_MS),
  });
}
