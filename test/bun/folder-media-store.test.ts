import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createFolderMediaStore } from "../../src/media/folder.ts";
import { createTaskIds } from "../../src/tasks/ids.ts";
import { mediaStoreContract } from "../contract/media-store.ts";

const MAX_FILE_BYTES = 400_000;
const DAY_MS = 86_400_000;

for (const fsync of [true, false]) {
  mediaStoreContract({
    name: `a folder${fsync ? "" : " without fsync"}`,
    async open() {
      const parent = await mkdtemp(join(tmpdir(), "media-"));
      const root = join(parent, "not", "yet", "there");
      const store = createFolderMediaStore({ root, fsync, maxFileBytes: MAX_FILE_BYTES });
      return { store, maxFileBytes: MAX_FILE_BYTES, close: () => rm(parent, { recursive: true }) };
    },
  });
}

describe("the folder itself", () => {
  const newTaskId = createTaskIds(Date.now);
  const bytes = Uint8Array.of(1, 2, 3);
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "media-"));
  });
  afterEach(() => rm(root, { recursive: true }));

  test("holds nothing but the file once a put is over", async () => {
    const store = createFolderMediaStore({ root });
    const { path } = await store.put(newTaskId(), bytes, "image/png");
    expect(await readdir(join(root, dirname(path)))).toEqual([path.split("/").at(-1)]);
  });

  test("is empty again when its last file is gone, whichever way it went", async () => {
    const store = createFolderMediaStore({ root, maxFileBytes: 10 });
    const taskId = newTaskId();
    await store.remove([(await store.put(taskId, bytes, "image/png")).path]);
    expect(await readdir(root)).toEqual([]);
    await store.put(taskId, bytes, "image/png");
    await store.removeTask(taskId);
    expect(await readdir(root)).toEqual([]);
    await expect(store.put(taskId, new Uint8Array(11), "image/png")).rejects.toThrow("at most 10 bytes");
    expect(await readdir(root)).toEqual([]);
  });

  test("never serves, lists or removes through a symbolic link", async () => {
    const outside = await mkdtemp(join(tmpdir(), "outside-"));
    try {
      const store = createFolderMediaStore({ root: join(root, "media") });
      const { path } = await store.put(newTaskId(), bytes, "image/png");
      const secret = join(outside, `${"S".repeat(22)}.png`);
      await writeFile(secret, "secret");
      const linkedFile = join(dirname(path), `${"L".repeat(22)}.png`);
      await symlink(secret, join(root, "media", linkedFile));
      const taskId = newTaskId();
      const linkedFolder = join(dirname(dirname(path)), taskId);
      await symlink(outside, join(root, "media", linkedFolder));
      const throughFolder = `${linkedFolder}/${"S".repeat(22)}.png`;

      expect(await store.get(linkedFile)).toBeNull();
      expect(await store.get(throughFolder)).toBeNull();
      expect(await store.filesOf(path.split("/")[3]!)).toEqual([path]);
      expect(await store.filesOf(taskId)).toEqual([]);
      expect(await store.tasksBefore(Date.now() + DAY_MS, 10)).toEqual([path.split("/")[3]]);
      await store.remove([throughFolder]);
      await store.removeTask(taskId);
      await expect(store.put(taskId, bytes, "image/png")).rejects.toThrow("leads elsewhere");
      expect(existsSync(secret)).toBe(true);
      expect(await readdir(outside)).toHaveLength(1);
    } finally {
      await rm(outside, { recursive: true });
    }
  });

  test("loses the temporary files of a process that died, once they are an hour old", async () => {
    let now = Date.now();
    const store = createFolderMediaStore({ root, now: () => now });
    const taskId = newTaskId();
    const { path } = await store.put(taskId, bytes, "image/png");
    const leftover = join(root, dirname(path), `.${"x".repeat(22)}.part`);
    await writeFile(leftover, "half a pict");
    await utimes(leftover, now / 1000, now / 1000);
    now += 3_500_000;
    expect(await store.filesOf(taskId)).toEqual([path]);
    expect(existsSync(leftover)).toBe(true);
    now += 200_000;
    expect(await store.filesOf(taskId)).toEqual([path]);
    expect(existsSync(leftover)).toBe(false);
  });

  test("may hold what is not ours: it is neither listed nor touched", async () => {
    const store = createFolderMediaStore({ root });
    await mkdir(join(root, "2026", "lost+found"), { recursive: true });
    await mkdir(join(root, "2026", "01", "01", newTaskId()), { recursive: true });
    await writeFile(join(root, "README"), "hello");
    expect(await store.tasksBefore(Date.now() + DAY_MS, 10)).toEqual([]);
    expect((await readdir(root)).sort()).toEqual(["2026", "README"]);
  });
});
