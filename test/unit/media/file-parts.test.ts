/** Files cut into parts of one size. */

import { describe, expect, test } from "vitest";
import { partsOfFile } from "../../../src/media/file-parts.ts";
import { MediaTooLargeError } from "../../../src/tasks/ports/media-store.ts";

const PART_BYTES = 4;
const MAX_BYTES = 20;

/** The bytes 0, 1, 2, … in chunks of these lengths. */
function streamOf(lengths: readonly number[]): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    start(controller) {
      for (const length of lengths) controller.enqueue(Uint8Array.from({ length }, () => at++));
      controller.close();
    },
  });
}

async function partsOf(file: Uint8Array | ReadableStream<Uint8Array>): Promise<string[]> {
  const parts: string[] = [];
  for await (const { bytes, last } of partsOfFile(file, PART_BYTES, MAX_BYTES))
    parts.push(`${bytes.join(" ")}${last ? "." : ""}`);
  return parts;
}

describe("the parts of a file", () => {
  test.each<[number[], string[]]>([
    [[], ["."]],
    [[0, 0], ["."]],
    [[1], ["0."]],
    [[4], ["0 1 2 3."]],
    [[3, 1], ["0 1 2 3."]],
    [[5], ["0 1 2 3", "4."]],
    [
      [4, 0, 4],
      ["0 1 2 3", "4 5 6 7."],
    ],
    [
      [1, 1, 1, 1, 1],
      ["0 1 2 3", "4."],
    ],
    [[11], ["0 1 2 3", "4 5 6 7", "8 9 10."]],
    [
      [2, 7, 2],
      ["0 1 2 3", "4 5 6 7", "8 9 10."],
    ],
  ])("in chunks of %j are %j", async (chunks, parts) => {
    expect(await partsOf(streamOf(chunks))).toEqual(parts);
  });

  test("are the same of bytes that are all there", async () => {
    expect(await partsOf(Uint8Array.of(9, 8, 7, 6, 5))).toEqual(["9 8 7 6", "5."]);
  });

  test("are bytes of their own, not views of the chunks they came in", async () => {
    for await (const { bytes } of partsOfFile(streamOf([11]), PART_BYTES, MAX_BYTES))
      expect(bytes.buffer.byteLength).toBe(bytes.byteLength);
  });

  test("end with an error at the first byte too many", async () => {
    expect(await partsOf(streamOf([MAX_BYTES]))).toHaveLength(5);
    await expect(partsOf(streamOf([MAX_BYTES, 1]))).rejects.toBeInstanceOf(MediaTooLargeError);
    await expect(partsOf(new Uint8Array(MAX_BYTES + 1))).rejects.toBeInstanceOf(MediaTooLargeError);
  });

  test("that nobody wants any more cancel their source", async () => {
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(3)),
      cancel: () => {
        cancelled = true;
      },
    });
    for await (const _ of partsOfFile(endless, PART_BYTES, MAX_BYTES)) break;
    expect(cancelled).toBe(true);
  });
});
