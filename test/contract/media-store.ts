/**
 * What every media store must do: a file is there completely or not at all, its path cannot be guessed and no path
 * reaches outside the store.
 */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createTaskIds } from "../../src/tasks/ids.ts";
import type { MediaStore } from "../../src/tasks/ports/media-store.ts";

export type MediaStoreSubject = { store: MediaStore; maxFileBytes: number; close(): Promise<void> };

const MADE_AT = Date.UTC(2026, 10, 21, 23, 59, 59, 999);
const DAY_MS = 86_400_000;

export function mediaStoreContract(subject: { name: string; open(): Promise<MediaStoreSubject> }): void {
  describe(`the media store in ${subject.name}`, () => {
    let opened: MediaStoreSubject;
    let store: MediaStore;
    const newTaskId = createTaskIds(() => MADE_AT);

    beforeEach(async () => {
      opened = await subject.open();
      store = opened.store;
    });
    afterEach(() => opened.close());

    /** Every file there is. */
    const paths = async (): Promise<string[]> => {
      const found: string[] = [];
      for (const taskId of await store.tasksBefore(MADE_AT + 365 * DAY_MS, 1_000))
        found.push(...(await store.filesOf(taskId)));
      return found;
    };

    test("a file comes back as it went in, with its type, size and a strong validator", async () => {
      const taskId = newTaskId();
      const ref = await store.put(taskId, numbered(1000), "image/png");
      expect(ref).toMatchObject({ contentType: "image/png", bytes: 1000 });
      expect(ref.path).toMatch(new RegExp(`^2026/11/21/${taskId}/[A-Za-z0-9]{22}\\.png$`));
      const file = await store.get(ref.path);
      expect(file).toMatchObject({ contentType: "image/png", bytes: 1000 });
      expect(file?.etag).toMatch(/^"[^"\s]+"$/);
      expect(await bytesOf(await file?.open())).toEqual(numbered(1000));
    });

    test("a stream is stored chunk by chunk", async () => {
      const ref = await store.put(
        newTaskId(),
        streamOf(numbered(300), numbered(5), numbered(70_000)),
        "video/mp4",
      );
      expect(ref.bytes).toBe(70_305);
      const file = await store.get(ref.path);
      expect(await bytesOf(await file?.open())).toEqual(
        Uint8Array.of(...numbered(300), ...numbered(5), ...numbered(70_000)),
      );
    });

    test("an empty file is a file", async () => {
      const file = await store.get((await store.put(newTaskId(), new Uint8Array(0), "image/png")).path);
      expect(file?.bytes).toBe(0);
      expect(await bytesOf(await file?.open())).toEqual(new Uint8Array(0));
    });

    test.each([
      [0, 0],
      [0, 99_999],
      [65_535, 65_537],
      [99_999, 99_999],
    ])("the bytes %i to %i can be opened alone, both included", async (start, end) => {
      const whole = numbered(100_000);
      const file = await store.get((await store.put(newTaskId(), whole, "video/mp4")).path);
      expect(await bytesOf(await file?.open({ start, end }))).toEqual(whole.slice(start, end + 1));
    });

    test("two files of the same bytes have different paths and validators", async () => {
      const taskId = newTaskId();
      const one = await store.put(taskId, numbered(9), "image/png");
      const other = await store.put(taskId, numbered(9), "image/png");
      expect(one.path).not.toBe(other.path);
      expect((await store.get(one.path))?.etag).not.toBe((await store.get(other.path))?.etag);
    });

    test.each([
      ["image/jpeg", "jpg", "image/jpeg"],
      ["IMAGE/PNG; charset=binary", "png", "image/png"],
      ["image/webp", "webp", "image/webp"],
      ["image/gif", "gif", "image/gif"],
      ["video/webm", "webm", "video/webm"],
      ["audio/x-wav", "wav", "audio/wav"],
      ["text/html", "bin", "application/octet-stream"],
      ["", "bin", "application/octet-stream"],
      ["__proto__", "bin", "application/octet-stream"],
    ])("content of type %j is named .%s and served as %s", async (given, extension, served) => {
      const ref = await store.put(newTaskId(), numbered(3), given);
      expect(ref.path.endsWith(`.${extension}`)).toBe(true);
      expect(ref.contentType).toBe(served);
      expect((await store.get(ref.path))?.contentType).toBe(served);
    });

    test("a stream that breaks leaves nothing behind", async () => {
      const taskId = newTaskId();
      const broken = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(numbered(100)),
        pull: (controller) => controller.error(new Error("the line went dead")),
      });
      await expect(store.put(taskId, broken, "image/png")).rejects.toThrow("the line went dead");
      expect(await paths()).toEqual([]);
    });

    test("a file above the bound is refused, its source is cancelled, and nothing stays", async () => {
      let cancelled = false;
      const endless = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(numbered(60_000)),
        cancel: () => {
          cancelled = true;
        },
      });
      await expect(store.put(newTaskId(), endless, "video/mp4")).rejects.toThrow(String(opened.maxFileBytes));
      expect(cancelled).toBe(true);
      const large = new Uint8Array(opened.maxFileBytes + 1);
      await expect(store.put(newTaskId(), large, "video/mp4")).rejects.toThrow(String(opened.maxFileBytes));
      expect(await paths()).toEqual([]);
    });

    test("a file exactly at the bound is taken", async () => {
      const ref = await store.put(newTaskId(), new Uint8Array(opened.maxFileBytes), "video/mp4");
      expect(ref.bytes).toBe(opened.maxFileBytes);
    });

    test("what is no task id is refused before anything is written", async () => {
      await expect(store.put("../../etc", numbered(1), "image/png")).rejects.toThrow("task id");
      expect(await paths()).toEqual([]);
    });

    test("malformed and foreign paths are unknown, never an error", async () => {
      const { path } = await store.put(newTaskId(), numbered(4), "image/png");
      const [year, month, day, task, name] = path.split("/") as [string, string, string, string, string];
      const wrong = [
        "",
        ".",
        "/",
        `/${path}`,
        `${path}/`,
        `./${path}`,
        `${path}\0.png`,
        `${path}\n`,
        path.replaceAll("/", "\\"),
        `${year}/${month}/${day}/${task}/../${task}/${name}`,
        `../${path}`,
        "../../../etc/passwd",
        `${year}/${month}/${day}`,
        `${year}/${month}/${day}/${task}`,
        `${year}/${month}/22/${task}/${name}`,
        path.toUpperCase(),
        path.replace(".png", ".jpg"),
        path.replace(".png", ""),
        path.replace("/", "%2f"),
        `${year}/${month}/${day}/${task}/${"A".repeat(22)}.png`,
        "x".repeat(100_000),
      ];
      for (const one of wrong) expect(await store.get(one), JSON.stringify(one.slice(0, 80))).toBeNull();
      await store.remove(wrong);
      expect(await store.get(path)).not.toBeNull();
    });

    test("removing takes exactly the named files, and what is not there is no error", async () => {
      const taskId = newTaskId();
      const refs = [];
      for (let index = 0; index < 3; index++) refs.push(await store.put(taskId, numbered(5), "image/png"));
      await store.remove([refs[0]!.path, refs[0]!.path, refs[2]!.path]);
      await store.remove([refs[0]!.path]);
      expect(await paths()).toEqual([refs[1]!.path]);
    });

    test("removing a task takes all of its files and no other's", async () => {
      const taskId = newTaskId();
      await store.put(taskId, numbered(5), "image/png");
      await store.put(taskId, numbered(5), "video/mp4");
      const other = await store.put(newTaskId(), numbered(5), "image/png");
      await store.removeTask(taskId);
      await store.removeTask(taskId);
      expect(await paths()).toEqual([other.path]);
    });

    test("the files of a task are named, each once, and no other's", async () => {
      const [taskId, other] = [newTaskId(), newTaskId()];
      const own = [];
      for (let index = 0; index < 3; index++)
        own.push((await store.put(taskId, numbered(2), "image/png")).path);
      await store.put(other, numbered(2), "image/png");
      expect((await store.filesOf(taskId)).sort()).toEqual(own.sort());
      await store.remove([own[0]!]);
      expect((await store.filesOf(taskId)).sort()).toEqual(own.slice(1));
      await store.removeTask(taskId);
      expect(await store.filesOf(taskId)).toEqual([]);
      expect(await store.filesOf(newTaskId())).toEqual([]);
    });

    test("tasks made before a day are those with files of earlier days, each once, whatever hour it is", async () => {
      const days: string[] = [];
      for (const [day, count] of [3, 1, 2].entries()) {
        days.push(createTaskIds(() => MADE_AT + day * DAY_MS)());
        for (let file = 0; file < count; file++) await store.put(days[day]!, numbered(2), "image/png");
      }
      const midnight = MADE_AT + 1;
      // Room for every file, wherever its task is kept: a store of several parts asks each for its share of the limit.
      const limit = 100;
      expect(await store.tasksBefore(MADE_AT, limit)).toEqual([]);
      for (const moment of [midnight, midnight + DAY_MS - 1])
        expect(await store.tasksBefore(moment, limit)).toEqual([days[0]]);
      expect((await store.tasksBefore(midnight + DAY_MS, limit)).sort()).toEqual(days.slice(0, 2));
      expect((await store.tasksBefore(midnight + 40 * DAY_MS, limit)).sort()).toEqual(days);
    });

    test("who removes the tasks it is told of is told of all, a few at a time", async () => {
      const left = new Set<string>();
      for (let index = 0; index < 9; index++) {
        const taskId = createTaskIds(() => MADE_AT + (index % 3) * DAY_MS)();
        await store.put(taskId, numbered(2), "image/png");
        left.add(taskId);
      }
      while (left.size > 0) {
        const told = await store.tasksBefore(MADE_AT + 10 * DAY_MS, 2);
        expect([1, 2]).toContain(told.length);
        for (const taskId of told) {
          expect(left.delete(taskId)).toBe(true);
          await store.removeTask(taskId);
        }
      }
      expect(await store.tasksBefore(MADE_AT + 10 * DAY_MS, 2)).toEqual([]);
    });

    test("a file made from another stands beside it, takes its own place, and goes with the task", async () => {
      const taskId = newTaskId();
      const { path } = await store.put(taskId, numbered(50), "image/png");
      for (const bytes of [numbered(7), numbered(9)]) {
        const derived = await store.putDerived(path, "256", bytes, "image/webp");
        expect(derived).toEqual({ path: `${path}-256.webp`, contentType: "image/webp", bytes: bytes.length });
        const file = await store.get(derived.path);
        expect(file).toMatchObject({ contentType: "image/webp", bytes: bytes.length });
        expect(file?.etag).not.toBe((await store.get(path))?.etag);
        expect(await bytesOf(await file?.open())).toEqual(bytes);
      }
      const other = await store.putDerived(path, "64", numbered(2), "image/webp");
      expect((await store.filesOf(taskId)).sort()).toEqual([path, `${path}-256.webp`, other.path].sort());
      await store.remove([other.path]);
      expect((await store.filesOf(taskId)).sort()).toEqual([path, `${path}-256.webp`].sort());
      await store.removeTask(taskId);
      expect(await paths()).toEqual([]);
    });

    test("nothing is made from what is no file's path, and nothing from what was made itself", async () => {
      const { path } = await store.put(newTaskId(), numbered(5), "image/png");
      const small = await store.putDerived(path, "64", numbered(2), "image/webp");
      for (const [wrong, label] of [
        [small.path, "64"],
        ["../x.png", "64"],
        [path, "../x"],
        [path, ""],
        [path, "UPPER"],
      ] as const)
        await expect(async () => store.putDerived(wrong, label, numbered(1), "image/webp")).rejects.toThrow();
      expect((await paths()).sort()).toEqual([path, small.path].sort());
    });

    test("a reader that leaves early and one that reads on do not disturb each other", async () => {
      const whole = numbered(300_000);
      const file = await store.get((await store.put(newTaskId(), whole, "video/mp4")).path);
      const leaving = (await file!.open()).getReader();
      await leaving.read();
      await leaving.cancel();
      expect(await bytesOf(await file!.open())).toEqual(whole);
    });

    test("files put at the same time, removed folders between them, all arrive", async () => {
      const refs = await Promise.all(
        Array.from({ length: 12 }, async (_, index) => {
          const taskId = newTaskId();
          const ref = await store.put(taskId, numbered(50), "image/png");
          if (index % 3 !== 0) return ref;
          await store.remove([ref.path]);
          return store.put(taskId, numbered(50), "image/png");
        }),
      );
      expect((await paths()).sort()).toEqual(refs.map((ref) => ref.path).sort());
    });
  });
}

function numbered(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 255);
}

function streamOf(...chunks: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

async function bytesOf(stream: ReadableStream<Uint8Array> | undefined): Promise<Uint8Array> {
  if (stream === undefined) throw new Error("there is no file to read");
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
