/** A JSON body with files in it as base64, written while it is sent, so that a large file never stands in memory as text. */

import type { MediaRef } from "../../../tasks/task.ts";
import { readWithin } from "../calls/upstream-client.ts";

/** Stands in a value for the text of a file. */
export class InlineFile {
  constructor(
    readonly file: Pick<MediaRef, "bytes">,
    /** The file from its beginning. */
    readonly open: () => Promise<ReadableStream<Uint8Array>>,
    /** Written before the base64, such as a data URL's head. */
    readonly head = "",
  ) {}
}

/** A body up to this size is sent as a whole, with its length: not every server takes one that comes in pieces. */
const WHOLE_BYTES = 4_194_304;
/** Base64 turns groups of three bytes into four letters. */
const GROUP = 3;
const encoder = new TextEncoder();

/** `value` as JSON. Rejects with what `open` rejects with, as far as the files are read at once. */
export async function jsonWithFiles(
  value: unknown,
): Promise<Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>> {
  const files: InlineFile[] = [];
  // No text of a caller's can be taken for a place, since nobody knows the name.
  const name = crypto.randomUUID();
  const text = JSON.stringify(value, (_, part: unknown) => {
    if (!(part instanceof InlineFile)) return part;
    files.push(part);
    return name;
  });
  const texts = text.split(`"${name}"`);
  const pieces = () => piecesOf(texts, files);
  const bytes = files.reduce(
    (sum, { file }) => sum + Math.ceil(file.bytes / GROUP) * (GROUP + 1),
    text.length,
  );
  if (bytes > WHOLE_BYTES) return streamOf(pieces());
  // Twice the bound: files say their sizes, and letters beyond ASCII take more than one byte.
  return (await readWithin(streamOf(pieces()), 2 * WHOLE_BYTES)) ?? streamOf(pieces());
}

async function* piecesOf(texts: readonly string[], files: readonly InlineFile[]): AsyncGenerator<Uint8Array> {
  for (const [place, text] of texts.entries()) {
    yield encoder.encode(text);
    const file = files[place];
    if (file !== undefined) yield* base64Of(file);
  }
}

async function* base64Of({ open, head }: InlineFile): AsyncGenerator<Uint8Array> {
  yield encoder.encode(JSON.stringify(head).slice(0, -1));
  let rest = new Uint8Array();
  for await (const chunk of await open()) {
    const bytes = new Uint8Array(rest.length + chunk.length);
    bytes.set(rest);
    bytes.set(chunk, rest.length);
    const whole = bytes.length - (bytes.length % GROUP);
    rest = bytes.slice(whole);
    if (whole > 0) yield encoder.encode(bytes.subarray(0, whole).toBase64());
  }
  yield encoder.encode(`${rest.toBase64()}"`);
}

function streamOf(pieces: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await pieces.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
