/** JSON with files in it as base64. */

import { describe, expect, test } from "vitest";
import { InlineFile, jsonWithFiles } from "../../../../src/providers/upstream/requests/json-with-files.ts";

/** A file that comes in chunks of this size. */
function file(bytes: Uint8Array, chunk = bytes.length, head = ""): InlineFile {
  const open = async () => {
    let at = 0;
    return new ReadableStream<Uint8Array>({
      pull(controller) {
        if (at >= bytes.length) return controller.close();
        controller.enqueue(bytes.slice(at, at + chunk));
        at += chunk;
      },
    });
  };
  return new InlineFile({ bytes: bytes.length }, open, head);
}

async function text(body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>): Promise<string> {
  return new Response(body).text();
}

const BYTES = new Uint8Array(1_000).map((_, index) => index * 7);

describe("a file within JSON", () => {
  test.each([1, 2, 3, 4, 7, 1_000])("is the same in chunks of %i bytes", async (chunk) => {
    const body = await jsonWithFiles({ parts: [{ data: file(BYTES, chunk) }, { text: 'a "b" é' }] });
    expect(JSON.parse(await text(body))).toEqual({
      parts: [{ data: BYTES.toBase64() }, { text: 'a "b" é' }],
    });
  });

  test("may have a data URL's head, and may be empty, and there may be several", async () => {
    const body = await jsonWithFiles([
      file(BYTES.slice(0, 5), 2, "data:image/png;base64,"),
      file(new Uint8Array()),
      file(BYTES.slice(0, 4)),
    ]);
    expect(JSON.parse(await text(body))).toEqual([
      `data:image/png;base64,${BYTES.slice(0, 5).toBase64()}`,
      "",
      BYTES.slice(0, 4).toBase64(),
    ]);
  });

  test("is sent whole when it is small, and while it is read when it is large", async () => {
    expect(await jsonWithFiles({ data: file(BYTES) })).toBeInstanceOf(Uint8Array);
    const large = new Uint8Array(5_000_000).fill(3);
    const body = await jsonWithFiles({ data: file(large, 65_536) });
    expect(body).toBeInstanceOf(ReadableStream);
    expect(JSON.parse(await text(body))).toEqual({ data: large.toBase64() });
  });

  test("that is gone fails the body", async () => {
    const gone = new InlineFile({ bytes: 3 }, () => Promise.reject(new Error("gone")));
    await expect(jsonWithFiles({ data: gone })).rejects.toThrow("gone");
  });
});
