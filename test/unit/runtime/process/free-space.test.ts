import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { assertRoom, type Stat, scarceRoom } from "../../../../src/runtime/process/data/free-space.ts";

const BLOCK_BYTES = 4_096;
const MEGABYTE = 1024 * 1024;

/** A disk with so many bytes left. */
const left =
  (bytes: number): Stat =>
  async () => ({ bavail: Math.floor(bytes / BLOCK_BYTES), bsize: BLOCK_BYTES });

test("a disk without a megabyte is full, one with little more is scarce, and either is said", async () => {
  await expect(assertRoom("/data", left(MEGABYTE - BLOCK_BYTES))).rejects.toMatchObject({ reason: "full" });
  await expect(assertRoom("/data", left(MEGABYTE))).resolves.toBeUndefined();
  expect(await scarceRoom("/data", left(5.5 * MEGABYTE))).toBe(
    "the disk of the data directory has 5 MB left",
  );
  expect(await scarceRoom("/data", left(64 * MEGABYTE))).toBeNull();
});

test("a disk that cannot be asked counts as one with room", async () => {
  const silent: Stat = () => Promise.reject(new Error("not supported here"));
  await expect(assertRoom("/data", silent)).resolves.toBeUndefined();
  expect(await scarceRoom("/data", silent)).toBeNull();
});

test("this machine's disk can be asked", async () => {
  await expect(assertRoom(tmpdir())).resolves.toBeUndefined();
});
