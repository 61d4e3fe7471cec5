/** A completed task as films of the AI SDK. */

import type { Experimental_VideoModelV4VideoData, SharedV4ProviderMetadata } from "@ai-sdk/provider";
import type { WireTask } from "../../protocol/task.ts";
import { type ClientClock, systemTimers } from "../clock.ts";
import { ConnectionError, TaskFailedError } from "../transport/errors.ts";
import type { FetchFunction } from "../transport/requester.ts";
import { startTimeLimit } from "../transport/time-limit.ts";
import { PROVIDER } from "./film-request.ts";

/** A name that only the caller's own network knows, or an address without a name. */
const UNNAMED_HOST = /^(?:localhost|.*\.(?:localhost|local|internal)|[\d.]+|\[.*\])$/i;

/** How long one film may take to come, ms. */
const DOWNLOAD_MS = 300_000;

/**
 * The films of a task. The SDK fetches them by their addresses, which it refuses to do from this machine and from private networks:
 * from there they come as bytes. Rejects with a `TaskFailedError`, or a `ConnectionError` where a file cannot be had within five
 * minutes.
 */
export function filmsOf(
  task: WireTask,
  fetching: FetchFunction,
  signal: AbortSignal | undefined,
  clock: ClientClock = systemTimers,
): Promise<Experimental_VideoModelV4VideoData[]> {
  const films = task.result?.videos ?? [];
  if (films.length === 0) throw new TaskFailedError(task);
  return Promise.all(
    films.map(async ({ url, mimeType }): Promise<Experimental_VideoModelV4VideoData> => {
      if (!UNNAMED_HOST.test(new URL(url).hostname)) return { type: "url", url, mediaType: mimeType };
      return { type: "binary", data: await download(url, fetching, signal, clock), mediaType: mimeType };
    }),
  );
}

/** What the SDK has no fields for, under the provider's name. */
export function metadataOf({ taskId, model, result }: WireTask): SharedV4ProviderMetadata {
  const videos = (result?.videos ?? []).map(({ metadata: _, ...film }) => film);
  return {
    [PROVIDER]: { taskId, model, ...(result && { provider: result.provider, cost: result.cost }), videos },
  };
}

async function download(
  url: string,
  fetching: FetchFunction,
  signal: AbortSignal | undefined,
  clock: ClientClock,
): Promise<Uint8Array> {
  const message = `The film at ${url} did not come within ${DOWNLOAD_MS} ms.`;
  const limit = startTimeLimit(clock, { signal, timeoutMs: DOWNLOAD_MS, message });
  try {
    const response = await fetching(url, { method: "GET", signal: limit.signal });
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    throw new ConnectionError(`The film at ${url} was answered with ${response.status}.`);
  } catch (error) {
    limit.signal.throwIfAborted();
    if (error instanceof ConnectionError) throw error;
    throw new ConnectionError(`The film at ${url} could not be fetched.`, { cause: error });
  } finally {
    limit.end();
  }
}
