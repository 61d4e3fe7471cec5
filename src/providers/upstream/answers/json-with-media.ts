/** Reads a provider's JSON answer and stores the pictures in it on the way, one after the other, in bounded memory. */

import type { Json } from "../../../protocol/task.ts";
import { answerTooLarge, type CallContext, unusableAnswer } from "../calls/failures.ts";
import { MAX_JSON_BYTES, parseJson, type UpstreamAnswer } from "../calls/upstream-client.ts";
import { UpstreamError } from "../calls/upstream-error.ts";
import { Base64Error } from "./base64-decoder.ts";
import { type JsonEvent, JsonEventReader, JsonStreamError } from "./json-events.ts";
import { openSection } from "./media-section.ts";

export type JsonWithMedia<T> = {
  /** The answer; the texts that were taken out are empty. */
  readonly value: Json;
  /** What `store` made of each of them, by its dotted path such as `data.0.b64_json`. Empty texts are not among them. */
  readonly media: ReadonlyMap<string, T>;
};

export type MediaReading<T> = {
  /** Whether the text at a dotted path is base64 to be taken out. */
  isMedia(path: string): boolean;
  /** Stores one; need not read it to its end. Called one at a time, in the order of the answer. */
  store(bytes: ReadableStream<Uint8Array>, path: string): Promise<T>;
  /** Bounds everything but the media; default 1 MiB. */
  maxBytes?: number;
};

/**
 * Reads the answer to its end. Throws `UpstreamError` when it breaks off, is no JSON or too large, and whatever `store`
 * throws; a picture that breaks off makes `store` fail.
 */
export async function readJsonWithMedia<T>(
  answer: UpstreamAnswer,
  { isMedia, store, maxBytes = MAX_JSON_BYTES }: MediaReading<T>,
): Promise<JsonWithMedia<T>> {
  const reader = new JsonEventReader({ isMedia, maxBytes });
  const media = new Map<string, T>();
  /** What went wrong with the answer; `store` may have thrown something of its own because of it. */
  let fault: unknown;
  const events = eventsOf(answer, reader);
  const next = async () => {
    try {
      return await events.next();
    } catch (error) {
      fault = error;
      throw error;
    }
  };
  try {
    for (let event = await next(); !event.done; event = await next()) {
      if (event.value.kind !== "media_start") continue;
      const { path } = event.value;
      const section = await openSection(next);
      if (section.stream !== null) media.set(path, await store(section.stream, path));
      await section.drain();
    }
    return { value: parseJson(reader.finish(), answer.context), media };
  } catch (error) {
    throw documentFault(fault ?? error, answer.context, maxBytes);
  } finally {
    await events.return(undefined);
  }
}

async function* eventsOf(answer: UpstreamAnswer, reader: JsonEventReader): AsyncGenerator<JsonEvent> {
  for await (const chunk of answer.body) yield* reader.push(chunk);
}

/** What is wrong with a document or an event, as a provider's failure; any other error as it is. */
export function documentFault(error: unknown, context: CallContext, maxBytes: number): unknown {
  if (error instanceof JsonStreamError) {
    return new UpstreamError(
      error.fault === "too_large"
        ? answerTooLarge(maxBytes, context)
        : unusableAnswer("something that is no whole JSON", context),
    );
  }
  if (error instanceof Base64Error)
    return new UpstreamError(unusableAnswer("a picture that cannot be decoded", context));
  return error;
}
