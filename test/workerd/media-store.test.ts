/** The media store contract over an R2 bucket and over Durable Objects, and what only these promise. */

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { R2Bucket } from "@cloudflare/workers-types";
import { describe, expect, test } from "vitest";
import { CHUNK_BYTES, createChunkedMediaStore } from "../../src/media/chunked.ts";
import { newMediaPath } from "../../src/media/media-path.ts";
import { createR2MediaStore } from "../../src/runtime/cloudflare/clients/r2-media.ts";
import { createTaskIds } from "../../src/tasks/ids.ts";
import { mediaStoreContract } from "../contract/media-store.ts";

const MAX_FILE_BYTES = 400_000;
/** This deployment has one. */
const bucket = env.MEDIA as R2Bucket;
const newTaskId = createTaskIds(Date.now);

/** The bucket is shared by the tests of a file: each begins with none of the others' files. */
async function emptyBucket(): Promise<void> {
  const { objects } = await bucket.list();
  await bucket.delete(objects.map(({ key }) => key));
}

let namespaces = 0;
/** Objects that no other test uses. */
function freshObjects() {
  const prefix = `media ${namespaces++}`;
  return { getByName: (name: string) => env.MEDIA_STORE.getByName(`${prefix}/${name}`) };
}

mediaStoreContract({
  name: "an R2 bucket",
  async open() {
    await emptyBucket();
    const store = createR2MediaStore({ bucket, maxFileBytes: MAX_FILE_BYTES });
    return { store, maxFileBytes: MAX_FILE_BYTES, close: emptyBucket };
  },
});

mediaStoreContract({
  name: "Durable Objects",
  async open() {
    const store = createChunkedMediaStore(freshObjects(), { maxFileBytes: MAX_FILE_BYTES });
    return { store, maxFileBytes: MAX_FILE_BYTES, close: async () => {} };
  },
});

describe("the media store in an R2 bucket", () => {
  const MIB = 1024 * 1024;
  const store = createR2MediaStore({ bucket, maxFileBytes: 100 * MIB });

  test("takes a film of many megabytes as a stream, in parts, and gives back any of its bytes", async () => {
    const { path, bytes } = await store.put(newTaskId(), film(20 * MIB + 5), "video/mp4");
    expect(bytes).toBe(20 * MIB + 5);
    const file = await store.get(path);
    expect(file?.bytes).toBe(bytes);
    for (const start of [0, 8 * MIB - 2, 16 * MIB - 2, bytes - 4]) {
      const opened = await file!.open({ start, end: start + 3 });
      const expected = [0, 1, 2, 3].map((index) => filmByte(start + index));
      expect([...new Uint8Array(await new Response(opened).arrayBuffer())]).toEqual(expected);
    }
    await store.remove([path]);
  });

  test("leaves nothing readable of a film that breaks off between its parts", async () => {
    const broken = film(20 * MIB, new Error("the line went dead"));
    const taskId = newTaskId();
    await expect(store.put(taskId, broken, "video/mp4")).rejects.toThrow("the line went dead");
    expect(await store.filesOf(taskId)).toEqual([]);
  });

  test("lists and removes nothing of what else is in the bucket", async () => {
    await emptyBucket();
    const foreign = ["0", "2026/notes.txt", "z"];
    for (const key of foreign) await bucket.put(key, "ours? no");
    const taskId = newTaskId();
    const { path } = await store.put(taskId, Uint8Array.of(1), "image/png");
    for (const limit of [1, 2, 10])
      expect(await store.tasksBefore(Date.now() + 86_400_000, limit)).toEqual([taskId]);
    expect(await store.filesOf(taskId)).toEqual([path]);
    await store.remove([...foreign, path]);
    const { objects } = await bucket.list();
    expect(objects.map(({ key }) => key)).toEqual(foreign);
    await emptyBucket();
  });
});

describe("the media store in Durable Objects", () => {
  test("keeps a file of several rows through a restart, and gives back any of its bytes", async () => {
    const objects = freshObjects();
    const store = createChunkedMediaStore(objects);
    const taskId = newTaskId();
    const { path, bytes } = await store.put(taskId, film(3 * CHUNK_BYTES + 7), "video/mp4");
    await evictDurableObject(objects.getByName(taskId.slice(-1)));
    const file = await store.get(path);
    expect(file?.bytes).toBe(bytes);
    const { start, end } = { start: CHUNK_BYTES - 3, end: 2 * CHUNK_BYTES + 3 };
    const read = new Uint8Array(await new Response(await file!.open({ start, end })).arrayBuffer());
    expect(read).toEqual(Uint8Array.from({ length: end - start + 1 }, (_, index) => filmByte(start + index)));
  });

  test("goes on with a file whose object is restarted between its rows, written or read", async () => {
    const objects = freshObjects();
    const store = createChunkedMediaStore(objects);
    const taskId = newTaskId();
    const restart = () =>
      runInDurableObject(objects.getByName(taskId.slice(-1)), (_, state) =>
        state.abort("a new release"),
      ).catch(() => {});
    const source = film(3 * CHUNK_BYTES).getReader();
    let chunks = 0;
    const interrupted = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (chunks++ === 3) await restart();
        const { value } = await source.read();
        if (value === undefined) controller.close();
        else controller.enqueue(value);
      },
    });
    const { path, bytes } = await store.put(taskId, interrupted, "video/mp4");
    const reader = (await (await store.get(path))!.open()).getReader();
    let read = 0;
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      const from = read;
      read += chunk.value.byteLength;
      expect(chunk.value.every((byte, index) => byte === filmByte(from + index))).toBe(true);
      await restart();
    }
    expect(read).toBe(bytes);
  });

  test("takes nothing above 64 MiB, whatever it is told", async () => {
    const store = createChunkedMediaStore(freshObjects(), { maxFileBytes: 1e12 });
    const endless = film(Number.MAX_SAFE_INTEGER);
    await expect(store.put(newTaskId(), endless, "video/mp4")).rejects.toThrow(`${64 * 1024 * 1024} bytes`);
  });

  test("clears away, an hour later, what a caller that died has left unfinished, and never shows it", async () => {
    const objects = freshObjects();
    const store = createChunkedMediaStore(objects);
    const taskId = newTaskId();
    const stub = () => objects.getByName(taskId.slice(-1));
    const { path } = newMediaPath(taskId, "image/png");
    let now = Date.now();
    await runInDurableObject(stub(), (object) => Object.assign(object, { now: () => now }));
    await stub().write(path, 0, new Uint8Array(CHUNK_BYTES), false);
    const left = () =>
      runInDurableObject(stub(), (_, { storage }) => [
        ...storage.sql.exec("SELECT count(*) AS n FROM files UNION ALL SELECT count(*) FROM chunks"),
      ]);
    expect(await store.get(path)).toBeNull();
    now += 3_500_000;
    expect(await store.filesOf(taskId)).toEqual([]);
    expect(await left()).toEqual([{ n: 1 }, { n: 1 }]);
    now += 200_000;
    expect(await store.tasksBefore(now, 10)).toEqual([]);
    expect(await left()).toEqual([{ n: 0 }, { n: 0 }]);
    expect(await stub().write(path, 1, new Uint8Array(1), true)).toBe(false);
  });
});

/** Nothing else here is a multiple of it. */
const FILM_CHUNK = Uint8Array.from({ length: 700_001 }, (_, index) => (index * 7 + (index >> 8)) & 255);

function filmByte(at: number): number {
  return FILM_CHUNK[at % FILM_CHUNK.byteLength] ?? 0;
}

/** So many bytes, made as they are read; with an error instead of its end. */
function film(bytes: number, error?: Error): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < bytes) {
        const chunk = FILM_CHUNK.slice(0, bytes - at);
        at += chunk.byteLength;
        controller.enqueue(chunk);
      } else if (error === undefined) controller.close();
      else controller.error(error);
    },
  });
}
