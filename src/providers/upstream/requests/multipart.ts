/** A multipart form that is written while it is sent, so that input pictures never stand in memory together. */

import { readWithin } from "../calls/upstream-client.ts";

export type FormPart =
  | { readonly name: string; readonly value: string }
  | {
      readonly name: string;
      readonly fileName: string;
      readonly contentType: string;
      open(): Promise<ReadableStream<Uint8Array>>;
    };

export type Form = {
  readonly contentType: string;
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
};

/** A form up to this size is sent as a whole, with its length: not every server takes one that comes in pieces. */
const WHOLE_BYTES = 4_194_304;
const encoder = new TextEncoder();

/** The form of these parts in their order. Rejects with what `open` rejects with, as far as the form is read at once. */
export async function multipartForm(
  parts: readonly FormPart[],
  fileBytes: number,
  boundary = `conduit-${crypto.randomUUID()}`,
): Promise<Form> {
  const contentType = `multipart/form-data; boundary=${boundary}`;
  const stream = streamOf(piecesOf(parts, boundary));
  if (fileBytes > WHOLE_BYTES) return { contentType, body: stream };
  // Twice the bound: files say their sizes, and the texts beside them are bounded by the request they come from.
  const whole = await readWithin(stream, 2 * WHOLE_BYTES);
  return { contentType, body: whole ?? streamOf(piecesOf(parts, boundary)) };
}

async function* piecesOf(parts: readonly FormPart[], boundary: string): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    const file = "open" in part ? `; filename="${quoted(part.fileName)}"` : "";
    const type = "open" in part ? `content-type: ${part.contentType}\r\n` : "";
    const head = `--${boundary}\r\ncontent-disposition: form-data; name="${quoted(part.name)}"${file}\r\n${type}\r\n`;
    yield encoder.encode(head);
    if ("open" in part) yield* await part.open();
    else yield encoder.encode(part.value);
    yield encoder.encode("\r\n");
  }
  yield encoder.encode(`--${boundary}--\r\n`);
}

/** As browsers write names in a form's headers. */
function quoted(name: string): string {
  return name.replaceAll('"', "%22").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
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
