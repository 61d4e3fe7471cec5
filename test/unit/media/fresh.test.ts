import { beforeEach, expect, test } from "vitest";
import { FreshMedia } from "../../../src/media/fresh.ts";

const MIB = 1024 * 1024;

let stored: string[];
let awaited: Set<string>;
let media: FreshMedia;

beforeEach(() => {
  stored = [];
  awaited = new Set(["task"]);
  media = new FreshMedia(
    {
      get: async () => null,
      put: async (taskId, bytes, contentType) => {
        const path = `${taskId}/${stored.length}.png`;
        stored.push(path);
        return { path, contentType, bytes: bytes instanceof Uint8Array ? bytes.byteLength : 0 };
      },
    },
    (taskId) => awaited.has(taskId),
  );
});

test("a file of a task that is awaited is handed over once, besides being stored", async () => {
  const bytes = Uint8Array.of(1, 2, 3);
  const { path } = await media.put("task", bytes, "image/png");
  expect(stored).toEqual([path]);
  expect(media.take(path)).toEqual(bytes);
  expect(media.take(path)).toBeNull();
});

test("nothing is kept of a task that nobody waits for, of a stream, and of a file that could not be stored", async () => {
  const other = await media.put("other", Uint8Array.of(1), "image/png");
  expect(media.take(other.path)).toBeNull();
  const streamed = await media.put("task", new Blob(["x"]).stream(), "image/png");
  expect(media.take(streamed.path)).toBeNull();
  const full = new FreshMedia(
    { get: async () => null, put: () => Promise.reject(new Error("the disk is full")) },
    () => true,
  );
  await expect(full.put("task", Uint8Array.of(1), "image/png")).rejects.toThrow("the disk is full");
});

test("files that nobody fetches give way to newer ones beyond 8 MiB", async () => {
  const paths: string[] = [];
  for (let file = 0; file < 9; file += 1)
    paths.push((await media.put("task", new Uint8Array(MIB), "image/png")).path);
  expect(paths.map((path) => media.take(path) !== null)).toEqual([false, ...Array(8).fill(true)]);
  const large = await media.put("task", new Uint8Array(9 * MIB), "image/png");
  expect(media.take(large.path)).toBeNull();
});
