/** One connection to an event stream, read until it ends, breaks or falls silent. */

import { ConnectionError } from "./errors.ts";
import { EventParser, type ServerSentEvent } from "./event-parser.ts";
import type { Requester } from "./requester.ts";

/** The stream was opened and nothing came of it: something in between holds it back. */
export class SilentStreamError extends ConnectionError {
  override name = "SilentStreamError";
}

export type EventStreamRequest = {
  path: string;
  /** Default GET. */
  method?: "GET" | "POST";
  headers?: Readonly<Record<string, string>>;
  body?: string | FormData | undefined;
  /** Goes on behind this event. */
  lastEventId?: string | null;
  signal?: AbortSignal | undefined;
  /** Called when the gateway has answered with a stream. */
  onOpen?: (() => void) | undefined;
  /** So long may the first byte take, ms. Default 10,000. */
  firstByteMs?: number;
  /** The largest event, characters. Default 4 MiB. */
  mostEventCharacters?: number;
};

/** The gateway sends a comment at once, and one every 15 s. */
const FIRST_BYTE_MS = 10_000;
const SILENCE_MS = 45_000;

/**
 * The events of a stream. Ends when the stream does, at once where there is nothing more (204). Throws a `StatusError` that refuses
 * it, a `SilentStreamError`, a `ConnectionError`, or the signal's reason.
 */
export async function* readEventStream(
  requester: Requester,
  {
    path,
    signal,
    lastEventId = null,
    firstByteMs = FIRST_BYTE_MS,
    mostEventCharacters,
    onOpen,
    ...asked
  }: EventStreamRequest,
): AsyncGenerator<ServerSentEvent, void, void> {
  const controller = new AbortController();
  const leave = () => controller.abort(signal?.reason);
  if (signal?.aborted) leave();
  signal?.addEventListener("abort", leave, { once: true });
  let heard = false;
  const watch = () =>
    requester.clock.after(heard ? SILENCE_MS : firstByteMs, () =>
      controller.abort(
        heard
          ? new ConnectionError("The event stream fell silent.")
          : new SilentStreamError("The event stream is held back."),
      ),
    );
  let timer = watch();
  try {
    const headers = {
      ...asked.headers,
      accept: "text/event-stream",
      ...(lastEventId === null ? {} : { "last-event-id": lastEventId }),
    };
    const response = await requester.open(path, { ...asked, headers, signal: controller.signal });
    if (response.status === 204) return;
    onOpen?.();
    if (!response.body) throw new SilentStreamError("Streams cannot be read here.");
    const reader = response.body.getReader();
    // Not every runtime ends a read when the signal is aborted after the headers.
    controller.signal.addEventListener("abort", () => void reader.cancel().catch(() => {}), { once: true });
    const decoder = new TextDecoder();
    const parser = new EventParser(mostEventCharacters);
    for (;;) {
      const { done, value } = await reader.read();
      if (controller.signal.aborted) throw controller.signal.reason;
      if (done) return;
      // The time that the caller takes for an event is no silence of the gateway.
      timer.cancel();
      heard = true;
      yield* parser.feed(decoder.decode(value, { stream: true }));
      timer = watch();
    }
  } catch (error) {
    if (controller.signal.aborted) throw controller.signal.reason;
    throw error instanceof ConnectionError || !(error instanceof TypeError)
      ? error
      : new ConnectionError("The event stream broke.", { cause: error });
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", leave);
    controller.abort();
  }
}
