/** `conduit.images.generate({ stream: true })`: previews and pictures as they come. */

import type { OpenAiImageEvent } from "../../protocol/openai-images.ts";
import { retryWaitMs, sleep } from "../clock.ts";
import { ConnectionError, deservesRepeat, errorOfEnvelope } from "../transport/errors.ts";
import { readEventStream } from "../transport/event-stream-reader.ts";
import { type CallOptions, type Requester, randomKey } from "../transport/requester.ts";
import { bodyOf } from "./form.ts";

/** A picture of 64 MiB as Base64, and room for the fields beside it. */
const MOST_PICTURE_CHARACTERS = 96 * 1024 * 1024;

export type StreamingOptions = CallOptions & { timeoutMs: number };

/**
 * The events of one request; nothing is sent before the first is asked for. A stream that breaks is asked for again under the same
 * idempotency key, which waits with the work that goes on: each event comes once. Throws the error with which the work ended.
 */
export async function* imageEvents(
  requester: Requester,
  path: string,
  fields: Readonly<Record<string, unknown>>,
  { signal, timeoutMs, maxRetries = requester.maxRetries, idempotencyKey = randomKey() }: StreamingOptions,
): AsyncGenerator<OpenAiImageEvent, void, void> {
  const body = bodyOf({ ...fields, stream: true });
  const form = body instanceof FormData;
  const request = {
    path,
    method: "POST" as const,
    headers: {
      "idempotency-key": idempotencyKey,
      ...(form ? {} : { "content-type": "application/json" }),
    },
    body: form ? body : JSON.stringify(body),
    signal,
    // Uploads take their time, and what holds streams back hands them on once they are complete.
    firstByteMs: timeoutMs,
    mostEventCharacters: MOST_PICTURE_CHARACTERS,
  };
  let previews = 0;
  let pictures = 0;
  for (let tries = 1; ; tries += 1) {
    let passed = 0;
    try {
      for await (const { event, data } of readEventStream(requester, request)) {
        if (event === "error") throw errorOfEnvelope(data);
        const told = JSON.parse(data) as OpenAiImageEvent;
        const index = told.partial_image_index;
        if (index === undefined) {
          passed += 1;
          if (passed <= pictures) continue;
          pictures = passed;
        } else {
          if (tries > 1 && index < previews) continue;
          previews = Math.max(previews, index + 1);
        }
        yield told;
      }
      if (passed > 0) return;
      throw new ConnectionError("The stream ended before the picture came.");
    } catch (error) {
      signal?.throwIfAborted();
      if (tries > maxRetries || !deservesRepeat(error)) throw error;
      await sleep(requester.clock, retryWaitMs(tries, { random: requester.random }), signal);
    }
  }
}
