/** A `Download` that goes only where the target guard lets it: for results at addresses that a provider names. */

import { FetchError, type FetchFailure } from "../../../fetch/fetch-error.ts";
import type { GuardedFetch } from "../../../fetch/guarded-fetch.ts";
import { type Download, DownloadError, type DownloadFault } from "./download.ts";

const MAX_REDIRECTS = 5;
/** A film of hundreds of megabytes over a slow line. */
const TIMEOUTS = { connectMs: 10_000, headersMs: 30_000, chunkMs: 30_000, totalMs: 1_800_000 } as const;

const FAULTS = {
  refused: "forbidden",
  unreachable: "unavailable",
  timeout: "unavailable",
  too_large: "too_large",
  too_many_redirects: "forbidden",
  encoded: "unavailable",
} as const satisfies Record<FetchFailure, DownloadFault>;

export function createGuardedDownload({ fetch }: GuardedFetch): Download {
  return async (url, { signal, headers = {}, maxBytes }) => {
    const options = { headers, maxBytes, maxRedirects: MAX_REDIRECTS, timeouts: TIMEOUTS, signal };
    try {
      const answer = await fetch(url, options);
      const fault = faultOf(answer.status);
      if (fault !== null) {
        await answer.body.cancel().catch(() => {});
        throw new DownloadError(fault);
      }
      return { body: withDownloadErrors(answer.body), contentType: answer.headers.get("content-type") };
    } catch (error) {
      throw downloadError(error);
    }
  };
}

function faultOf(status: number): DownloadFault | null {
  if (status >= 200 && status < 300) return null;
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) return "expired";
  return "unavailable";
}

/** What breaks the bytes off is a `DownloadError` too. */
function withDownloadErrors(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          controller.error(downloadError(error));
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

function downloadError(error: unknown): unknown {
  return error instanceof FetchError ? new DownloadError(FAULTS[error.failure]) : error;
}
