/** The bytes of one file within a document that is read event by event. */

import type { JsonEvent } from "./json-events.ts";

export type MediaSection = {
  /** The file; null when it is empty, which is a field that was left empty. */
  readonly stream: ReadableStream<Uint8Array> | null;
  /** Reads what nobody has read of it, so that the document goes on behind it. */
  drain(): Promise<void>;
};

/** Opens the section whose `media_start` was just read; `next` gives the following events. Rejects as `next` does. */
export async function openSection(
  next: () => Promise<IteratorResult<{ readonly kind: string } | JsonEvent, unknown>>,
): Promise<MediaSection> {
  let ended = false;
  const read = async (): Promise<Uint8Array | null> => {
    if (ended) return null;
    const { done, value } = await next();
    if (!done && value.kind === "media_bytes" && "bytes" in value) return value.bytes;
    ended = true;
    return null;
  };
  const first = await read();
  const drain = async () => {
    while ((await read()) !== null);
  };
  if (first === null) return { stream: null, drain };
  let begun = false;
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const bytes = begun ? await read() : first;
        begun = true;
        if (bytes === null) controller.close();
        else controller.enqueue(bytes);
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, drain };
}
