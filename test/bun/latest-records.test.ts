/** The file of latest records: what is gathered, what counts when it is read, and that it does not grow for ever. */

import { appendFile, mkdir, readFile, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LatestRecords, readLatestRecords } from "../../src/runtime/process/data/latest-records.ts";
import { ManualClock } from "../fixture/manual-clock.ts";
import { temporaryFolder } from "../fixture/server-process.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let clock: ManualClock;
let path: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  clock = new ManualClock();
  path = join(folder.path, "records");
});
afterEach(() => folder.remove());

function openRecords(failures: unknown[] = []) {
  return new LatestRecords<unknown>({ path, clock, failed: (error) => failures.push(error) });
}

const read = async () => Object.fromEntries(await readLatestRecords(path));

test("the latest record of each id is read, and none of one that was removed", async () => {
  const records = openRecords();
  records.put("a", { n: 1 });
  records.put("b", { n: 1 });
  await clock.advance(10);
  records.put("a", { n: 2 });
  records.remove("b");
  expect(records.size).toBe(1);
  await records.close();
  expect(await read()).toEqual({ a: { n: 2 } });
});

test("what was replaced before it was written is not written", async () => {
  const records = openRecords();
  for (let n = 1; n <= 100; n += 1) records.put("a", n);
  await records.close();
  expect(await readFile(path, "utf8")).toBe("a 100\n");
});

test("a line that was cut off counts as not written", async () => {
  const records = openRecords();
  records.put("a", { n: 1 });
  await records.close();
  await appendFile(path, 'a {"n":2');
  expect(await read()).toEqual({ a: { n: 1 } });
  await appendFile(path, "\nno record\n");
  expect(await read()).toEqual({ a: { n: 1 } });
});

test("a file that has grown long is written anew, with what counts", async () => {
  const records = openRecords();
  const large = "x".repeat(1_000_000);
  for (let n = 0; n < 20; n += 1) {
    records.put("a", { n, large });
    while (!(await readFile(path, "utf8").catch(() => "")).includes(`a {"n":${n},`)) await clock.advance(10);
  }
  await records.close();
  expect((await stat(path)).size).toBeLessThan(7_000_000);
  expect(await read()).toEqual({ a: { n: 19, large } });
});

test("what a disk did not take is written as soon as it takes something again", async () => {
  const failures: unknown[] = [];
  const records = openRecords(failures);
  // Where the file is made, there is a folder.
  await mkdir(`${path}.new`);
  records.put("a", 1);
  await clock.advance(10);
  while (failures.length === 0) await new Promise(setImmediate);
  await rmdir(`${path}.new`);
  records.put("b", 1);
  await records.close();
  expect(failures).toHaveLength(1);
  expect(await read()).toEqual({ a: 1, b: 1 });
});

test("no file is none", async () => {
  expect(await read()).toEqual({});
});
