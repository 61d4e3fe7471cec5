/**
 * A synchronous image route as OpenAI's event stream: previews where there are any, then one `completed` event per picture, or
 * one `error`. The events of a route have its own names, as typed clients expect them of the call they made. OpenAI's libraries
 * take an orderly end without a terminal event for success, so there always is one.
 */

import { ApiError } from "../../protocol/error.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import type { Preview } from "../../tasks/ports/media-provider.ts";
import type { TaskView } from "../../tasks/ports/task-store.ts";
import type { PreviewWatcher } from "../../tasks/previews.ts";
import type { Task } from "../../tasks/task.ts";
import type { WireContext } from "../../tasks/wire.ts";
import { type ResultFiles, readBase64Images } from "../response/base64-images.ts";
import { ByteStream } from "../response/byte-stream.ts";
import { envelope, toApiError } from "../response/error-response.ts";
import { echoedFields, requireCompleted } from "../response/openai-images.ts";

/** What the events of a route are called: `image_generation.completed`, `image_edit.partial_image` and so on. */
export type ImageEventPrefix = "image_generation" | "image_edit";

export type ImageStreamOptions = {
  prefix: ImageEventPrefix;
  /** As it was accepted. */
  task: Task;
  /** Calls back with every preview of the task until the answer is called. */
  watch(watcher: PreviewWatcher): () => void;
  requestId: string;
  wireContext: WireContext;
  media: ResultFiles;
  clock: Pick<Clock, "after" | "now">;
  /** How often a silent stream carries a comment line, so that no proxy cuts it. */
  heartbeatMs: number;
};

/** No model behind this gateway reports tokens for pictures; typed clients read the field without asking. */
const NO_USAGE = {
  input_tokens: 0,
  input_tokens_details: { image_tokens: 0, text_tokens: 0 },
  output_tokens: 0,
  total_tokens: 0,
};
const encoder = new TextEncoder();
/** Hosts send no headers before the first byte, and clients time out on headers. */
const OPENING = encoder.encode(": accepted\n\n");
const HEARTBEAT = encoder.encode(": waiting\n\n");

/**
 * The body of the stream. `wait` resolves with the accepted task's end; its signal is aborted when the reader leaves.
 */
export function imageEventStream(
  wait: (signal: AbortSignal) => Promise<TaskView>,
  options: ImageStreamOptions,
): ReadableStream<Uint8Array> {
  const left = new AbortController();
  const stream = new ByteStream({
    opening: OPENING,
    onEnded: () => {
      timer.cancel();
      unwatch();
      left.abort();
    },
  });
  const beat = () => {
    timer = options.clock.after(options.heartbeatMs, beat);
    stream.send(HEARTBEAT);
  };
  let timer = options.clock.after(options.heartbeatMs, beat);
  const unwatch = options.watch((preview) => stream.send(partialEvent(options, preview)));
  void terminalEvents(wait(left.signal), options).then((events) => {
    for (const event of events) stream.send(event);
    stream.finish();
  });
  return stream.body;
}

async function terminalEvents(ended: Promise<TaskView>, options: ImageStreamOptions): Promise<Uint8Array[]> {
  try {
    const { task } = await ended;
    requireCompleted(task);
    const images = await readBase64Images(task, options.media);
    const created_at = Math.floor((task.finishedAt ?? task.updatedAt) / 1000);
    // Without the holes, which are pictures that failed.
    const pictures = Object.values(images);
    if (pictures.length === 0) throw new ApiError("not_found", "The pictures are no longer kept.");
    return pictures.map((b64_json) => {
      const fields = { b64_json, created_at, ...promisedFields(task), usage: NO_USAGE };
      return event(`${options.prefix}.completed`, fields);
    });
  } catch (thrown) {
    return [event("error", envelope(toApiError(thrown), options.requestId))];
  }
}

function partialEvent(
  { prefix, task, clock }: ImageStreamOptions,
  { partial, bytes, contentType }: Preview,
): Uint8Array {
  return event(`${prefix}.partial_image`, {
    b64_json: bytes.toBase64(),
    partial_image_index: partial,
    created_at: Math.floor(clock.now() / 1000),
    ...promisedFields(task),
    output_format: contentType.split("/")[1] ?? "png",
  });
}

/** What OpenAI's types promise of every event, whether or not the request named it. */
function promisedFields(task: Task): object {
  const subtype = task.result?.items[0]?.media.contentType.split("/")[1];
  const defaults = { background: "auto", output_format: subtype ?? "png", quality: "auto", size: "auto" };
  return { ...defaults, ...echoedFields(task) };
}

function event(type: string, fields: object): Uint8Array {
  return encoder.encode(`event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`);
}
