/** Fetching a result from the address a provider gave, into the media store. Addresses never reach a message. */

import type { Clock } from "../../../tasks/ports/clock.ts";
import type { Failure, StepIo } from "../../../tasks/ports/media-provider.ts";
import type { MediaRef } from "../../../tasks/task.ts";
import { type CallContext, interrupted, permanent } from "../calls/failures.ts";
import { UpstreamError } from "../calls/upstream-error.ts";
import { storeMedia } from "./store-media.ts";

/** Opens a file by its address. Follows redirects, each judged anew; throws `DownloadError`. */
export type Download = (
  url: string,
  options: { signal: AbortSignal; headers?: Readonly<Record<string, string>>; maxBytes: number },
) => Promise<{ body: ReadableStream<Uint8Array>; contentType: string | null }>;

export type DownloadFault =
  /** The link is no longer, or not yet, valid: 401, 403, 404, 410. */
  | "expired"
  /** The address is none that may be fetched: no http(s), a private network, too many redirects. */
  | "forbidden"
  | "too_large"
  /** Everything that may pass: no connection, 5xx, silence. */
  | "unavailable";

export class DownloadError extends Error {
  override readonly name = "DownloadError";
  constructor(readonly fault: DownloadFault) {
    super(`the download failed: ${fault}`);
  }
}

/** Waits before the second and the third try, ms: a fresh link may not be everywhere at once. */
const RETRY_WAITS_MS = [1_000, 4_000];

export type DownloadHost = { readonly download: Download; readonly clock: Pick<Clock, "after"> };

export type ResultLink = {
  readonly url: string;
  readonly kind: "image" | "video";
  /** For a provider that asks for its key here as well. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly maxBytes: number;
};

/**
 * Downloads and stores one result, in up to three tries. Throws `UpstreamError`: `transient` when the link is dead or the
 * other side unreachable, so that a poll asks for a fresh link, `permanent` when the file may not be fetched at all.
 */
export async function storeDownload(
  link: ResultLink,
  io: Pick<StepIo, "putMedia" | "signal">,
  host: DownloadHost,
  context: CallContext,
): Promise<MediaRef> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const { url, headers, maxBytes } = link;
      const { signal } = io;
      const { body } = await host.download(url, { signal, maxBytes, ...(headers && { headers }) });
      return await storeMedia(io, body, link.kind, context);
    } catch (error) {
      if (io.signal.aborted) throw new UpstreamError(interrupted(context));
      if (!(error instanceof DownloadError)) throw error;
      const waitMs = error.fault === "unavailable" ? RETRY_WAITS_MS[attempt] : undefined;
      if (waitMs === undefined) throw new UpstreamError(failureOf(error.fault, context));
      await pause(waitMs, io.signal, host.clock);
    }
  }
}

function failureOf(fault: DownloadFault, { provider, startsWork }: CallContext): Failure {
  switch (fault) {
    case "expired":
      return {
        kind: "transient",
        code: "provider_error",
        message: `${provider} made a result, but the link to it is not valid any more.`,
        mayHaveStarted: startsWork,
      };
    case "unavailable":
      return {
        kind: "transient",
        code: "provider_unavailable",
        message: `${provider} made a result, but it could not be fetched.`,
        mayHaveStarted: startsWork,
      };
    case "forbidden":
      return permanent("provider_error", `${provider} named a result at an address that may not be fetched.`);
    case "too_large":
      return permanent(
        "provider_error",
        `${provider} made a result larger than the gateway stores (media.maxFileBytes).`,
      );
  }
}

function pause(ms: number, signal: AbortSignal, clock: Pick<Clock, "after">): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      timer.cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = clock.after(ms, end);
    signal.addEventListener("abort", end, { once: true });
  });
}
