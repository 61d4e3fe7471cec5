import { expect, test } from "vitest";
import { imageEventStream } from "../../../../src/http/streams/openai-image-stream.ts";
import type { MediaItem } from "../../../../src/tasks/task.ts";
import { ManualClock } from "../../../fixture/manual-clock.ts";
import { MemoryMedia } from "../../../fixture/memory-media.ts";
import { runningTask } from "../../../fixture/task.ts";

/** The stream of a completed task for three pictures, of which those of `indexes` came. */
async function streamOf(media: MemoryMedia, indexes: readonly number[]): Promise<string> {
  const task = runningTask({ status: "completed", finishedAt: 1_000 });
  const items: MediaItem[] = [];
  for (const index of indexes) {
    items.push({ index, media: await media.put(task.id, new Uint8Array([index]), "image/webp") });
  }
  const errors = [0, 1, 2]
    .filter((index) => !indexes.includes(index))
    .map((index) => ({ index, code: "provider_error" as const, message: "lost" }));
  const view = { task: { ...task, result: { items, errors } }, queuePosition: null };
  const stream = imageEventStream(() => Promise.resolve(view), {
    prefix: "image_generation",
    task,
    watch: () => () => {},
    requestId: "request-1",
    wireContext: { publicUrl: null, tasksMs: 0, now: () => 0 },
    media,
    clock: new ManualClock(),
    heartbeatMs: 15_000,
  });
  return new Response(stream).text();
}

test("a stream sends the pictures that came when others failed", async () => {
  const text = await streamOf(new MemoryMedia(), [2]);
  expect(text.match(/^event: /gm)).toHaveLength(1);
  expect(text).toContain('"b64_json":"Ag=="');
});

test("a stream names the format of its pictures, whether or not it was asked for", async () => {
  expect(await streamOf(new MemoryMedia(), [0])).toContain('"output_format":"webp"');
});

test("a stream of pictures that are gone ends with an error, never with nothing", async () => {
  const media = new MemoryMedia();
  media.get = async () => null;
  expect(await streamOf(media, [0, 1])).toMatch(/^event: error\ndata: .*"code":"not_found"/m);
});
