/** Small copies of pictures: made once, in a thread, kept beside the picture, refused by reason. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createFolderMediaStore } from "../../src/media/folder.ts";
import { createPictureReader } from "../../src/media/thumbnails/codecs.ts";
import { createLazyThumbnails, type PictureShrinker } from "../../src/media/thumbnails/lazy.ts";
import { codecModules } from "../../src/runtime/process/threads/codec-wasm.ts";
import { createThreadShrinker } from "../../src/runtime/process/threads/thread-shrinker.ts";
import { createTaskIds } from "../../src/tasks/ids.ts";
import type { MediaFile, MediaStore } from "../../src/tasks/ports/media-store.ts";
import { ThumbnailError } from "../../src/tasks/ports/thumbnails.ts";
import { ManualClock, settled } from "../fixture/manual-clock.ts";
import { GIF, JPEG, MP4, PNG, WEBP } from "../fixture/media-samples.ts";

const newTaskId = createTaskIds(Date.now);
let root: string;
let media: MediaStore;
let clock: ManualClock;
let shrinker: PictureShrinker;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "thumbnails-"));
  media = createFolderMediaStore({ root, fsync: false });
  clock = new ManualClock();
  shrinker = createThreadShrinker({ clock });
});
afterEach(async () => {
  await clock.advance(60_000);
  await rm(root, { recursive: true });
});

const stored = (bytes: Uint8Array, type: string) => media.put(newTaskId(), bytes, type);
const bytesOf = async (file: MediaFile | null) =>
  new Uint8Array(await new Response(await file!.open()).arrayBuffer());

async function refusalOf(work: Promise<unknown>) {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  if (error instanceof ThumbnailError) return error.refusal;
  throw error;
}

/** A shrinker that waits for the test. */
function waitingShrinker() {
  const asked: { answer(copy: Uint8Array<ArrayBuffer>): void }[] = [];
  const slow: PictureShrinker = {
    shrink: () => new Promise((resolve) => asked.push({ answer: resolve })),
  };
  return { asked, slow };
}

/** A picture that says it is of this size, with nothing behind. */
function claiming(width: number, height: number): Uint8Array<ArrayBuffer> {
  const bytes = PNG.slice();
  const view = new DataView(bytes.buffer);
  view.setUint32(16, width);
  view.setUint32(20, height);
  return bytes;
}

describe("a thumbnail", () => {
  test.each([
    ["image/png", PNG],
    ["image/jpeg", JPEG],
    ["image/webp", WEBP],
  ])("of %s is a WebP picture of the same look", async (type, bytes) => {
    const { path } = await stored(bytes, type);
    const file = await createLazyThumbnails(media, shrinker).get(path, 64);
    expect(file).toMatchObject({ contentType: "image/webp" });
    const read = await createPictureReader(await codecModules());
    const copy = read(await bytesOf(file), "image/webp")!;
    const original = read(bytes, type)!;
    // The samples are of 48×32 pixels: nothing is made larger.
    expect([copy.width, copy.height]).toEqual([48, 32]);
    for (const channel of [0, 1, 2])
      expect(Math.abs(copy.data[channel]! - original.data[channel]!)).toBeLessThan(12);
  });

  test("is made once, kept beside its picture, and found again by another process", async () => {
    const { path } = await stored(PNG, "image/png");
    let made = 0;
    const counting: PictureShrinker = {
      shrink: (...job) => {
        made += 1;
        return shrinker.shrink(...job);
      },
    };
    const thumbnails = createLazyThumbnails(media, counting);
    const several = await Promise.all([1, 2, 3].map(() => thumbnails.get(path, 64)));
    const later = await createLazyThumbnails(media, counting).get(path, 64);
    expect(new Set([...several, later].map((file) => file?.etag)).size).toBe(1);
    expect(made).toBe(1);
    await thumbnails.get(path, 128);
    expect((await media.filesOf(path.split("/")[3]!)).sort()).toEqual(
      [path, `${path}-128.webp`, `${path}-64.webp`].sort(),
    );
  });

  test("of what is not there, and of a thumbnail, there is none", async () => {
    const thumbnails = createLazyThumbnails(media, shrinker);
    const { path } = await stored(PNG, "image/png");
    await thumbnails.get(path, 64);
    for (const wrong of ["", "../etc/passwd", `${path}-64.webp`, path.replace(".png", ".jpg")])
      expect(await thumbnails.get(wrong, 64)).toBeNull();
  });

  test("of a picture that is removed meanwhile stays nowhere", async () => {
    const { path } = await stored(PNG, "image/png");
    const { asked, slow } = waitingShrinker();
    const pending = createLazyThumbnails(media, slow).get(path, 64);
    while (asked.length === 0) await settled();
    await media.removeTask(path.split("/")[3]!);
    asked[0]!.answer(Uint8Array.of(1));
    expect(await pending).toBeNull();
    expect(await media.filesOf(path.split("/")[3]!)).toEqual([]);
  });

  test("of films and of other kinds of pictures is refused by name", async () => {
    const thumbnails = createLazyThumbnails(media, shrinker);
    for (const [bytes, contentType] of [
      [MP4, "video/mp4"],
      [GIF, "image/gif"],
    ] as const) {
      const { path } = await stored(bytes, contentType);
      expect(await refusalOf(thumbnails.get(path, 64))).toEqual({ kind: "not_a_picture", contentType });
    }
  });

  test("of a picture with too many pixels is refused before it is unpacked", async () => {
    const { asked, slow } = waitingShrinker();
    const thumbnails = createLazyThumbnails(media, slow);
    const { path } = await stored(claiming(5_000, 3_401), "image/png");
    for (let time = 0; time < 2; time++)
      expect(await refusalOf(thumbnails.get(path, 64))).toEqual({
        kind: "too_large",
        flaw: "has 18 million pixels, and thumbnails are made up to 17 million",
      });
    expect(asked).toEqual([]);
  });

  test.each([
    ["is cut off", PNG.slice(0, PNG.length - 30)],
    ["claims a size that it has not", claiming(4_000, 4_000)],
    ["is another kind than it is called", MP4],
  ])("of a picture that %s is refused, and the next one is made", async (_name, bytes) => {
    const thumbnails = createLazyThumbnails(media, shrinker);
    const broken = await stored(bytes, "image/png");
    const whole = await stored(PNG, "image/png");
    const [refusal, file] = await Promise.all([
      refusalOf(thumbnails.get(broken.path, 64)),
      thumbnails.get(whole.path, 64),
    ]);
    expect(refusal).toEqual({ kind: "unreadable" });
    expect(file?.contentType).toBe("image/webp");
  });

  test("is refused for the moment when too many are waited for", async () => {
    const { asked, slow } = waitingShrinker();
    const thumbnails = createLazyThumbnails(media, slow);
    const refs = await Promise.all(Array.from({ length: 65 }, () => stored(PNG, "image/png")));
    const all = refs.map(({ path }) => thumbnails.get(path, 64).catch((thrown: unknown) => thrown));
    const end = Promise.all(all);
    for (let next = 0; next < 64; next++) {
      while (asked.length <= next) await settled();
      // One at a time.
      expect(asked).toHaveLength(next + 1);
      asked[next]!.answer(Uint8Array.of(1));
    }
    const refused = (await end).filter((outcome) => outcome instanceof ThumbnailError);
    expect(refused.map(({ refusal }) => refusal)).toEqual([{ kind: "busy" }]);
  });
});

describe("the thread", () => {
  test("that hangs is ended, and its picture refused", async () => {
    const script = pathToFileURL(join(root, "hang.ts"));
    await Bun.write(script, `setInterval(() => {}, 1000);`);
    const hanging = createThreadShrinker({ clock, script });
    const refusal = refusalOf(hanging.shrink(PNG.slice(), "image/png", 64));
    await clock.advance(30_000);
    expect(await refusal).toEqual({ kind: "unreadable" });
  });

  test("that dies takes no other thumbnail with it", async () => {
    const script = pathToFileURL(join(root, "die.ts"));
    await Bun.write(script, `throw new Error("no codec");`);
    const dying = createThreadShrinker({ clock, script });
    for (let time = 0; time < 2; time++)
      expect(await refusalOf(dying.shrink(PNG.slice(), "image/png", 64))).toEqual({ kind: "unreadable" });
    expect(clock.pendingTimers).toBe(0);
  });
});
