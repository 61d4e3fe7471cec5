/** The body of an answer under watch: each chunk has to come in time, and what breaks is said as a provider's failure. */

import type { Clock } from "../../../tasks/ports/clock.ts";
import type { Failure } from "../../../tasks/ports/media-provider.ts";
import { UpstreamError } from "./upstream-error.ts";

export type TimedBodyOptions = {
  clock: Pick<Clock, "after">;
  /** The longest silence between two chunks, ms. */
  chunkMs: number;
  /** Ends the request behind the body. */
  abort(): void;
  /** Of the step. */
  signal: AbortSignal;
  silent(): Failure;
  broken(error: unknown): Failure;
  interrupted(): Failure;
  /** Called once, when nothing more will be read. */
  over(): void;
};

/**
 * The same bytes. Errors with an `UpstreamError` when a chunk is late, the connection breaks or the step is stopped;
 * cancelling it ends the request. Reads only when it is read.
 */
export function timedBody(
  body: ReadableStream<Uint8Array>,
  options: TimedBodyOptions,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const end = () => {
    options.abort();
    // A body that does not listen to its request's signal is told once more; what it says to that is of no interest.
    reader.cancel().catch(() => {});
    options.over();
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          for (;;) {
            const { done, value } = await nextChunk(reader, options);
            if (done || value === undefined) {
              options.over();
              return controller.close();
            }
            if (value.length > 0) return controller.enqueue(value);
          }
        } catch (error) {
          end();
          controller.error(error);
        }
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}

function nextChunk(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { clock, chunkMs, signal, ...options }: TimedBodyOptions,
): Promise<{ done: boolean; value?: Uint8Array | undefined }> {
  return new Promise((resolve, reject) => {
    const stopped = () => settle(() => reject(new UpstreamError(options.interrupted())));
    const timer = clock.after(chunkMs, () => settle(() => reject(new UpstreamError(options.silent()))));
    const settle = (act: () => void) => {
      timer.cancel();
      signal.removeEventListener("abort", stopped);
      act();
    };
    if (signal.aborted) return stopped();
    signal.addEventListener("abort", stopped, { once: true });
    reader.read().then(
      (chunk) => settle(() => resolve(chunk)),
      (error: unknown) => settle(() => reject(new UpstreamError(options.broken(error)))),
    );
  });
}
