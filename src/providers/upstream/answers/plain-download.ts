/** A `Download` over `fetch` that follows redirects by hand. Which networks may be reached is not its business. */

import type { Clock } from "../../../tasks/ports/clock.ts";
import { type Fetch, UpstreamClient } from "../calls/upstream-client.ts";
import { UpstreamError } from "../calls/upstream-error.ts";
import { type Download, DownloadError, type DownloadFault } from "./download.ts";

const MAX_REDIRECTS = 5;
const HEADERS_MS = 30_000;

export type PlainDownloadHost = {
  fetch: Fetch;
  clock: Clock;
  /** Fetches from this origin alone, redirects included: one that the operator configured. Absent: from any. */
  origin?: string;
};

/** Takes http and https addresses. The byte bound holds for what really comes, whatever `content-length` says. */
export function createPlainDownload(host: PlainDownloadHost): Download {
  return async (url, { signal, headers = {}, maxBytes }) => {
    let address = url;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      if (!/^https?:\/\//i.test(address) || !URL.canParse(address)) throw new DownloadError("forbidden");
      if (host.origin !== undefined && new URL(address).origin !== host.origin)
        throw new DownloadError("forbidden");
      // A credential goes to the host it was meant for and to no other.
      const sent = new URL(address).origin === new URL(url).origin ? headers : {};
      const next = await open(address, sent, signal, host);
      if ("location" in next) {
        address = URL.canParse(next.location, address) ? new URL(next.location, address).href : "";
        continue;
      }
      if (Number(next.headers.get("content-length")) > maxBytes) {
        await next.body.cancel();
        throw new DownloadError("too_large");
      }
      return { body: bounded(next.body, maxBytes), contentType: next.headers.get("content-type") };
    }
    throw new DownloadError("forbidden");
  };
}

type Opened = { location: string } | { body: ReadableStream<Uint8Array>; headers: Headers };

async function open(
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  { fetch, clock }: PlainDownloadHost,
): Promise<Opened> {
  let location: string | null = null;
  let status = 0;
  const client = new UpstreamClient({
    provider: "",
    fetch,
    clock,
    dialect: (refusal) => {
      ({ status } = refusal);
      location = refusal.headers.get("location");
      return null;
    },
  });
  try {
    const answer = await client.call({ method: "GET", url, headers, signal, headersMs: HEADERS_MS });
    return { body: unavailableOnError(answer.body), headers: answer.headers };
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    if (location !== null && status >= 300 && status < 400) return { location };
    throw new DownloadError(faultOf(status));
  }
}

function faultOf(status: number): DownloadFault {
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) return "expired";
  return status >= 300 && status < 400 ? "forbidden" : "unavailable";
}

/** The bytes; what breaks them off is a `DownloadError`. */
function unavailableOnError(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  return mapped(
    body,
    (chunk) => chunk,
    () => new DownloadError("unavailable"),
  );
}

function bounded(body: ReadableStream<Uint8Array>, maxBytes: number): ReadableStream<Uint8Array> {
  let size = 0;
  return mapped(
    body,
    (chunk) => {
      size += chunk.length;
      if (size > maxBytes) throw new DownloadError("too_large");
      return chunk;
    },
    (error) => error,
  );
}

function mapped(
  body: ReadableStream<Uint8Array>,
  take: (chunk: Uint8Array) => Uint8Array,
  fault: (error: unknown) => unknown,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(take(value));
        } catch (error) {
          controller.error(fault(error));
          await reader.cancel().catch(() => {});
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
