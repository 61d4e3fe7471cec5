/** Files are looked at when they are stored. */

import { describe, expect, test } from "vitest";
import { createCheckedMedia } from "../../../src/media/checked.ts";
import { MediaRefusedError } from "../../../src/tasks/ports/media-store.ts";
import { AVIF, FRAGMENTED_MP4, GIF, JPEG, MP4, PNG, WEBM, WEBP } from "../../fixture/media-samples.ts";
import { MemoryMedia } from "../../fixture/memory-media.ts";

const TASK = "019aa000-0000-7000-8000-000000000001";
const text = (words: string) => new TextEncoder().encode(words);

/** In chunks of `size`; says whether it was left. */
function streamOf(bytes: Uint8Array, size = 7) {
  let offset = 0;
  const state = { read: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (offset >= bytes.byteLength) return controller.close();
        controller.enqueue(bytes.slice(offset, offset + size));
        offset += size;
        state.read = Math.min(offset, bytes.byteLength);
      },
      cancel() {
        state.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, state };
}

function world() {
  const memory = new MemoryMedia();
  return { memory, media: createCheckedMedia(memory) };
}

const PICTURES = [
  ["image/png", PNG],
  ["image/jpeg", JPEG],
  ["image/webp", WEBP],
  ["image/gif", GIF],
  ["image/avif", AVIF],
] as const;
const FILMS = [
  ["an MP4", "video/mp4", MP4],
  ["a fragmented MP4", "video/mp4", FRAGMENTED_MP4],
  ["a WebM", "video/webm", WEBM],
] as const;

describe("a checked media store", () => {
  test.each(PICTURES)(
    "tells type and size of %s, whatever picture it was said to be",
    async (type, bytes) => {
      const { media, memory } = world();
      for (const given of [bytes, streamOf(bytes).stream]) {
        const stored = await media.put(TASK, given, "image/x-said");
        expect(stored).toMatchObject({ contentType: type, bytes: bytes.byteLength, width: 48, height: 32 });
        expect(memory.files.get(stored.path)?.bytes).toEqual(bytes);
      }
    },
  );

  test.each(FILMS)("tells type, size, length and rate of %s", async (_name, type, bytes) => {
    const { media, memory } = world();
    for (const given of [bytes, streamOf(bytes, 100).stream]) {
      const stored = await media.put(TASK, given, "video/mp4");
      // A film in fragments has no list that takes its pictures' delay off.
      const durationSeconds = expect.closeTo(2, 0);
      expect(stored).toMatchObject({ contentType: type, width: 64, height: 48, durationSeconds, fps: 12 });
      expect(memory.files.get(stored.path)?.bytes).toEqual(bytes);
    }
    expect(memory.open).toBe(0);
  });

  test.each([
    ["a page", text("<!doctype html><html><body>503</body></html>")],
    ["JSON", text('{"error":"expired"}')],
    [
      "a drawing that can run scripts",
      text('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'),
    ],
    ["nothing", new Uint8Array()],
    ["the beginning of a picture", PNG.slice(0, 8)],
    ["an archive", new Uint8Array([0x50, 0x4b, 3, 4, 20, 0, 0, 0, 8, 0, 0, 0, 0, 0])],
    ["a bitmap", text("BM".padEnd(60, "\u0001"))],
  ])("refuses %s that was said to be a picture, and stores nothing", async (_what, bytes) => {
    const { media, memory } = world();
    await expect(media.put(TASK, bytes, "image/png")).rejects.toThrow(MediaRefusedError);
    await expect(media.put(TASK, streamOf(bytes).stream, "image/png")).rejects.toThrow(MediaRefusedError);
    expect(memory.files.size).toBe(0);
  });

  test("refuses a film for a picture, a picture for a film, and takes both where neither was said", async () => {
    const { media } = world();
    await expect(media.put(TASK, MP4, "image/png")).rejects.toThrow("is video/mp4, which is no picture");
    await expect(media.put(TASK, PNG, "video/mp4")).rejects.toThrow("is image/png, which is no film");
    expect((await media.put(TASK, MP4, "application/octet-stream")).contentType).toBe("video/mp4");
    expect((await media.put(TASK, PNG, "")).contentType).toBe("image/png");
  });

  test("leaves a stream that it refuses, having read no more than it looks at", async () => {
    const { media } = world();
    const { stream, state } = streamOf(text("x".repeat(500_000)), 10_000);
    await expect(media.put(TASK, stream, "image/png")).rejects.toThrow(MediaRefusedError);
    expect(state).toEqual({ read: 70_000, cancelled: true });
  });

  test("passes on what breaks a stream, and stores nothing", async () => {
    const { media, memory } = world();
    const broken = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error("the line broke")),
    });
    await expect(media.put(TASK, broken, "image/png")).rejects.toThrow("the line broke");
    expect(memory.files.size).toBe(0);
  });

  test("finds the size of a JPEG behind much metadata", async () => {
    const { media } = world();
    const stored = await media.put(TASK, streamOf(withMetadata(JPEG, 200_000), 10_000).stream, "image/jpeg");
    expect(stored).toMatchObject({ contentType: "image/jpeg", width: 48, height: 32 });
  });

  test("takes a JPEG whose size it cannot find without one", async () => {
    const { media } = world();
    const huge = withMetadata(JPEG, 1_500_000);
    const stored = await media.put(TASK, streamOf(huge, 50_000).stream, "image/jpeg");
    expect(stored).toMatchObject({ contentType: "image/jpeg", bytes: huge.byteLength });
    expect(stored.width).toBeUndefined();
  });

  test("takes a film that breaks off without its figures", async () => {
    const { media } = world();
    const stored = await media.put(TASK, MP4.slice(0, 600), "video/mp4");
    expect(stored.contentType).toBe("video/mp4");
    expect(stored.durationSeconds).toBeUndefined();
  });
});

/** The JPEG with as many bytes of comments behind its start. */
function withMetadata(jpeg: Uint8Array, bytes: number): Uint8Array {
  const parts = [jpeg.slice(0, 2)];
  for (let left = bytes; left > 0; left -= 60_000) {
    const segment = new Uint8Array(Math.min(left, 60_000) + 4);
    segment.set([0xff, 0xfe, (segment.byteLength - 2) >> 8, (segment.byteLength - 2) & 0xff]);
    parts.push(segment);
  }
  parts.push(jpeg.slice(2));
  return new Uint8Array(parts.flatMap((part) => [...part]));
}
