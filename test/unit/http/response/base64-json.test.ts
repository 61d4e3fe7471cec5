import { expect, test } from "vitest";
import { jsonWithBase64 } from "../../../../src/http/response/base64-json.ts";
import type { MediaFile } from "../../../../src/tasks/ports/media-store.ts";

/** A file that is read in pieces of these lengths, again and again. */
function fileOf(bytes: Uint8Array, lengths: readonly number[]): MediaFile {
  return {
    contentType: "image/png",
    bytes: bytes.length,
    etag: '"x"',
    modifiedAt: 0,
    open: async () => {
      let at = 0;
      let turn = 0;
      return new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            const end = at + (lengths[turn++ % lengths.length] ?? 1);
            if (at < bytes.length) controller.enqueue(bytes.slice(at, end));
            else controller.close();
            at = end;
          },
        },
        { highWaterMark: 0 },
      );
    },
  };
}

function bytesOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
}

test("the text is that of the document with the files in base64, in whatever pieces they are read", async () => {
  const pieces = [[1], [2], [3], [4, 1], [1, 1, 2], [5, 3, 1], [64]];
  for (const lengths of pieces) {
    for (const length of [1, 2, 3, 4, 5, 6, 7, 64, 1_000]) {
      const files = [bytesOf(length), bytesOf(length + 1)];
      const answer = await jsonWithBase64(
        files.map((file) => fileOf(file, lengths)),
        ([first, second]) => ({
          created: 1,
          data: [{ b64_json: second }, { b64_json: first }],
          note: "fox é",
        }),
      );
      const text = new TextDecoder().decode(answer);
      const [first, second] = files.map((file) => file.toBase64());
      expect(JSON.parse(text)).toEqual({
        created: 1,
        data: [{ b64_json: second }, { b64_json: first }],
        note: "fox é",
      });
    }
  }
});

test("a file that is not what it was when it was opened fails the answer", async () => {
  const whole = fileOf(bytesOf(100), [64]);
  const compose = (texts: readonly string[]) => ({ data: texts });
  await expect(jsonWithBase64([{ ...whole, bytes: 103 }], compose)).rejects.toThrow("shorter");
  await expect(jsonWithBase64([{ ...whole, bytes: 97 }], compose)).rejects.toThrow("longer");
  const gone = { ...whole, open: () => Promise.reject(new Error("EIO")) };
  await expect(jsonWithBase64([gone], compose)).rejects.toThrow("EIO");
});
