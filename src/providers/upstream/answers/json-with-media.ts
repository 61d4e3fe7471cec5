/**
 * Reads a provider's JSON answer and stores the pictures in it on the way, one after the other, in bounded memory. A small
 * answer is read as a whole, which takes a fraction of the work.
 */

import type { Json } from "../../../protocol/task.ts";
import { answerTooLarge, type CallContext, unusableAnswer } from "../calls/failures.ts";
import { MAX_JSON_BYTES, parseJson, type UpstreamAnswer } from "../calls/upstream-client.ts";
import { UpstreamError } from "../calls/upstream-error.ts";
import { Base64Error, decodeBase64 } from "./base64-decoder.ts";
import { type JsonEvent, JsonEventReader, JsonStreamError, MAX_ANSWER_DEPTH } from "./json-events.ts";
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
  /** Stores one; need not read a stream to its end. Called one at a time, in the order of the answer. */
  store(bytes: Uint8Array | ReadableStream<Uint8Array>, path: string): Promise<T>;
  /** Bounds everything but the media; default 1 MiB. */
  maxBytes?: number;
  /** An answer up to this size is read as a whole; default 64 KiB. */
  smallBytes?: number;
};

const SMALL_BYTES = 65_536;
/** Of a larger chunk so much is decoded at a time. */
const PIECE_BYTES = 65_536;

/**
 * Reads the answer to its end. Throws `UpstreamError` when it breaks off, is no JSON or too large, and whatever `store`
 * throws; a picture that breaks off makes `store` fail.
 */
export async function readJsonWithMedia<T>(
  answer: UpstreamAnswer,
  reading: MediaReading<T>,
): Promise<JsonWithMedia<T>> {
  const body = answer.body.getReader();
  const { maxBytes = MAX_JSON_BYTES, smallBytes = SMALL_BYTES } = reading;
  // What is within its bound with its media is so without them as well.
  const { chunks, whole } = await beginningOf(body, Math.min(maxBytes, smallBytes));
  const value = whole ? parsed(chunks) : undefined;
  if (value !== undefined) return takeMedia(value, reading, answer);
  return readEvents(answer, chunksOf(chunks, whole ? null : body), reading);
}

/** Reads until the body has ended, or is no small one. */
async function beginningOf(
  body: ReadableStreamDefaultReader<Uint8Array>,
  smallBytes: number,
): Promise<{ chunks: Uint8Array[]; whole: boolean }> {
  const chunks: Uint8Array[] = [];
  for (let size = 0; size <= smallBytes; ) {
    const { done, value } = await body.read();
    if (done) return { chunks, whole: true };
    chunks.push(value);
    size += value.length;
  }
  return { chunks, whole: false };
}

/** Undefined where it is no JSON; reading it bit by bit tells what is wrong with it. */
function parsed(chunks: readonly Uint8Array[]): Json | undefined {
  const decoder = new TextDecoder();
  const text = chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode();
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** Takes the media out of a document that is in memory. */
async function takeMedia<T>(
  document: Json,
  { isMedia, store, maxBytes = MAX_JSON_BYTES }: MediaReading<T>,
  { context }: UpstreamAnswer,
): Promise<JsonWithMedia<T>> {
  const found: { path: string; bytes: Uint8Array }[] = [];
  const without = (value: Json, path: string, depth: number): Json => {
    if (typeof value === "string") {
      if (!isMedia(path)) return value;
      if (value !== "") found.push({ path, bytes: decodeBase64(value) });
      return "";
    }
    if (typeof value !== "object" || value === null) return value;
    if (depth === MAX_ANSWER_DEPTH) throw new JsonStreamError("malformed");
    const begin = path === "" ? "" : `${path}.`;
    if (Array.isArray(value)) return value.map((item, index) => without(item, `${begin}${index}`, depth + 1));
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        name,
        without(member, begin + name.replaceAll(".", ".."), depth + 1),
      ]),
    );
  };
  try {
    const value = without(document, "", 0);
    const media = new Map<string, T>();
    for (const { path, bytes } of found) if (bytes.length > 0) media.set(path, await store(bytes, path));
    return { value, media };
  } catch (error) {
    throw documentFault(error, context, maxBytes);
  }
}

async function readEvents<T>(
  answer: UpstreamAnswer,
  chunks: AsyncIterable<Uint8Array>,
  { isMedia, store, maxBytes = MAX_JSON_BYTES }: MediaReading<T>,
): Promise<JsonWithMedia<T>> {
  const reader = new JsonEventReader({ isMedia, maxBytes });
  const media = new Map<string, T>();
  /** What went wrong with the answer; `store` may have thrown something of its own because of it. */
  let fault: unknown;
  const events = eventsOf(chunks, reader);
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

async function* eventsOf(
  chunks: AsyncIterable<Uint8Array>,
  reader: JsonEventReader,
): AsyncGenerator<JsonEvent> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES)
      yield* reader.push(chunk.subarray(at, at + PIECE_BYTES));
    free(chunk);
  }
}

/** Gives a chunk's memory back at once; garbage of this size is collected late, when there are hundreds of megabytes of it. */
function free(chunk: Uint8Array): void {
  const { buffer } = chunk;
  if (chunk.length > PIECE_BYTES && buffer instanceof ArrayBuffer && buffer.byteLength === chunk.length)
    buffer.transfer(0);
}

/** What was read already, and then the rest, which is given up where nobody reads it to its end; null when there is none. */
async function* chunksOf(
  begun: readonly Uint8Array[],
  rest: ReadableStreamDefaultReader<Uint8Array> | null,
): AsyncGenerator<Uint8Array> {
  let ended = rest === null;
  try {
    yield* begun;
    while (rest !== null) {
      const { done, value } = await rest.read();
      if (done) {
        ended = true;
        return;
      }
      yield value;
    }
  } finally {
    if (!ended) await rest?.cancel();
  }
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
