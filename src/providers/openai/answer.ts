/** From an answer of the images API - a document or a stream of events - to stored pictures and what they used. */

import type { Json } from "../../protocol/task.ts";
import type { StepIo, Usage } from "../../tasks/ports/media-provider.ts";
import type { MediaRef } from "../../tasks/task.ts";
import { type DownloadHost, storeDownload } from "../upstream/answers/download.ts";
import { EventStreamReader, type SseEvent } from "../upstream/answers/event-stream.ts";
import { documentFault, readJsonWithMedia } from "../upstream/answers/json-with-media.ts";
import { openSection } from "../upstream/answers/media-section.ts";
import { detectedContentType, storeMedia } from "../upstream/answers/store-media.ts";
import { isRecord, reportOf } from "../upstream/calls/error-text.ts";
import { unusableAnswer } from "../upstream/calls/failures.ts";
import { parseJson, readWithin, type UpstreamAnswer } from "../upstream/calls/upstream-client.ts";
import { UpstreamError } from "../upstream/calls/upstream-error.ts";
import type { Made } from "../upstream/jobs/items.ts";
import { streamedFailure, usageOf } from "./dialect.ts";

export type ImageReading = {
  readonly io: Pick<StepIo, "putMedia" | "signal" | "progress" | "preview">;
  readonly downloads: DownloadHost;
  /** Of a picture that is fetched from an address. */
  readonly maxFileBytes: number;
  /** The wall clock. */
  readonly now: () => number;
  /** How many previews were asked for; 0 for a call that is not streamed. */
  readonly partials: number;
  /** The index of the first picture of this call. */
  readonly index: number;
};

const PICTURE = /^data\.\d+\.b64_json$/;
/** One event without its picture. */
const MAX_EVENT_BYTES = 262_144;
/** A preview beyond this is not shown: it would be held in memory as a whole. */
const MAX_PREVIEW_BYTES = 8_388_608;
/** Until a picture is stored progress stays below. */
const LAST_PREVIEW_PERCENT = 95;

/** Reads the answer to its end and stores its pictures. Throws `UpstreamError`. */
export function readOpenAiImages(answer: UpstreamAnswer, reading: ImageReading): Promise<Made> {
  // A server that does not stream answers with a document, whatever it was asked.
  const type = answer.headers.get("content-type") ?? "";
  return type.startsWith("text/event-stream") ? readStream(answer, reading) : readDocument(answer, reading);
}

async function readDocument(answer: UpstreamAnswer, reading: ImageReading): Promise<Made> {
  const { io, downloads, maxFileBytes } = reading;
  const { context } = answer;
  const { value, media } = await readJsonWithMedia<MediaRef>(answer, {
    isMedia: (path) => PICTURE.test(path),
    store: (stream) => storeMedia(io, stream, "image", context),
  });
  if (!isRecord(value))
    throw new UpstreamError(unusableAnswer("something that is no list of pictures", context));
  if (value.error !== undefined && value.error !== null)
    throw new UpstreamError(streamedFailure(reportOf(value), reading.now(), context));
  const { data } = value;
  if (!Array.isArray(data))
    throw new UpstreamError(unusableAnswer("something that is no list of pictures", context));
  const items: Made["items"][number][] = [];
  for (const [place, picture] of data.entries()) {
    if (!isRecord(picture)) continue;
    let stored = media.get(`data.${place}.b64_json`);
    if (stored === undefined && typeof picture.url === "string") {
      const link = { url: picture.url, kind: "image", maxBytes: maxFileBytes } as const;
      stored = await storeDownload(link, io, downloads, context);
    }
    if (stored === undefined) continue;
    const revised = picture.revised_prompt;
    items.push({
      media: stored,
      ...(typeof revised === "string" && revised !== "" && { revisedPrompt: revised }),
    });
  }
  return { items, usage: withImages(items.length, usageOf(value.usage, value.svg_usage)) };
}

async function readStream(answer: UpstreamAnswer, reading: ImageReading): Promise<Made> {
  const { io } = reading;
  const { context } = answer;
  const reader = new EventStreamReader({
    isMedia: (path) => path === "b64_json",
    maxEventBytes: MAX_EVENT_BYTES,
  });
  /** What went wrong with the stream; the store may have thrown something of its own because of it. */
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
    let name = "";
    let stored: MediaRef | null = null;
    let preview: Uint8Array | null = null;
    for (let event = await next(); !event.done; event = await next()) {
      switch (event.value.kind) {
        case "event_start":
          ({ name } = event.value);
          [stored, preview] = [null, null];
          break;
        case "media_start": {
          const section = await openSection(next);
          if (section.stream !== null) {
            if (isPartial(name)) preview = await readWithin(section.stream, MAX_PREVIEW_BYTES);
            else stored = await storeMedia(io, section.stream, "image", context);
          }
          await section.drain();
          break;
        }
        case "event_end": {
          if (event.value.data.trim() === "[DONE]") break;
          const data = parseJson(event.value.data, context);
          const type = isRecord(data) && typeof data.type === "string" ? data.type : name;
          if (type === "error" || (isRecord(data) && isRecord(data.error)))
            throw new UpstreamError(streamedFailure(reportOf(data), reading.now(), context));
          if (isPartial(type)) notePartial(data, preview, reading);
          else if (type.endsWith(".completed")) {
            // What may still come are previews that the picture has overtaken.
            if (stored !== null) return completed(stored, data);
            throw new UpstreamError(unusableAnswer("an empty picture", context));
          }
        }
      }
    }
    throw new UpstreamError(unusableAnswer("a stream that ended without a picture", context));
  } catch (error) {
    throw documentFault(fault ?? error, context, MAX_EVENT_BYTES);
  } finally {
    await events.return(undefined);
  }
}

async function* eventsOf(answer: UpstreamAnswer, reader: EventStreamReader): AsyncGenerator<SseEvent> {
  for await (const chunk of answer.body) yield* reader.push(chunk);
}

function isPartial(type: string): boolean {
  return type.endsWith(".partial_image");
}

function notePartial(data: Json, bytes: Uint8Array | null, { io, partials, index }: ImageReading): void {
  const given = isRecord(data) ? data.partial_image_index : null;
  const partial = typeof given === "number" && Number.isInteger(given) && given >= 0 ? given : 0;
  const share = Math.min(1, (partial + 1) / (Math.max(partials, 1) + 1));
  io.progress(Math.floor(LAST_PREVIEW_PERCENT * share), "a first preview is there");
  const contentType = bytes === null ? null : detectedContentType(bytes);
  if (bytes !== null && contentType !== null) io.preview?.({ index, partial, bytes, contentType });
}

function completed(media: MediaRef, data: Json): Made {
  return { items: [{ media }], usage: withImages(1, isRecord(data) ? usageOf(data.usage) : undefined) };
}

function withImages(images: number, tokens: Usage["tokens"]): Usage {
  return { images, ...(tokens !== undefined && { tokens }) };
}
