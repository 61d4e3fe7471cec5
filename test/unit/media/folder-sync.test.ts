/** Callers share a sync of a folder, and never one that began before they came. */

import { describe, expect, test } from "vitest";
import { FolderSync } from "../../../src/media/folder-sync.ts";

/** Syncs that end when a test says so. */
function scripted() {
  const begun: { folder: string; end: () => void; fail: (error: Error) => void }[] = [];
  const folders = new FolderSync((folder) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    begun.push({ folder, end: resolve, fail: reject });
    return promise;
  });
  return { begun, folders };
}

describe("syncing a folder", () => {
  test("begins at once for the first, and once more for all who come meanwhile", async () => {
    const { begun, folders } = scripted();
    const first = folders.sync("day");
    const ended: string[] = [];
    const meanwhile = ["second", "third"].map((name) => folders.sync("day").then(() => ended.push(name)));
    expect(begun).toHaveLength(1);
    begun[0]?.end();
    await first;
    await Promise.resolve();
    expect(ended).toEqual([]);
    expect(begun).toHaveLength(2);
    begun[1]?.end();
    await Promise.all(meanwhile);
    expect(ended).toEqual(["second", "third"]);
    const later = folders.sync("day");
    expect(begun).toHaveLength(3);
    begun[2]?.end();
    await later;
  });

  test("of others does not wait", () => {
    const { begun, folders } = scripted();
    void folders.sync("day");
    void folders.sync("another");
    expect(begun.map(({ folder }) => folder)).toEqual(["day", "another"]);
  });

  test("that fails tells its own callers only", async () => {
    const { begun, folders } = scripted();
    const first = folders.sync("day");
    const second = folders.sync("day");
    begun[0]?.fail(new Error("the disk is gone"));
    await expect(first).rejects.toThrow("the disk is gone");
    await Promise.resolve();
    begun[1]?.end();
    await expect(second).resolves.toBeUndefined();
  });
});
