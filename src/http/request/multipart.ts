/**
 * A multipart body, read while it comes: texts are kept, a file is handed on piece by piece, and no faster than whoever
 * takes it keeps up. What is in memory does not grow with the files.
 */

import * as parser from "multipasta";
import { ApiError } from "../../protocol/error.ts";
import { bodyTooLarge, brokenOff, requirePlain } from "./body.ts";

export type MultipartBounds = {
  /** Of the whole body. */
  readonly maxBytes: number;
  /** Of one text. */
  readonly maxTextBytes: number;
  readonly maxFiles: number;
};

export type FormText = { readonly name: string; readonly text: string };
/** Takes a file; what it rejects with ends the reading. It MUST read the file to its end, or cancel it. */
export type FileTaker = (name: string, file: ReadableStream<Uint8Array>) => Promise<void>;

type Event =
  | { kind: "text"; name: string; text: string }
  /** Without a name of its own a file may be one that was not chosen: it has no bytes then. */
  | { kind: "file"; name: string; nameless: boolean }
  | { kind: "bytes"; bytes: Uint8Array }
  | { kind: "end" };

/** Texts and files together. */
const MAX_PARTS = 200;
/** The parser is given no more at once, so that what it has cut out waits in small pieces. */
const STEP_BYTES = 64 * 1024;
/** A parameter of Content-Disposition, whatever characters its value has: names of files come in Latin-1 and in UTF-8. */
const PARAMETER = /;\s*([!#$%&'*+.^\w`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))/gu;

/**
 * The texts of the body, in order. Rejects with `payload_too_large`, `invalid_parameter` for what is no form, or what
 * `takeFile` rejects with; the rest of the body is left unread then.
 */
export async function readMultipart(
  request: Request,
  bounds: MultipartBounds,
  takeFile: FileTaker,
): Promise<FormText[]> {
  requirePlain(request.headers);
  if (Number(request.headers.get("content-length") ?? 0) > bounds.maxBytes)
    throw bodyTooLarge(bounds.maxBytes);
  const reader = request.body?.getReader();
  if (reader === undefined) throw malformed("it is empty");
  const events: Event[] = [];
  const { write, end, failure } = eventParser(request.headers, bounds, events);
  const sink = new FormSink(bounds, takeFile);
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => {
        throw brokenOff();
      });
      if (done) break;
      bytes += value.byteLength;
      if (bytes > bounds.maxBytes) throw bodyTooLarge(bounds.maxBytes);
      for (let start = 0; start < value.byteLength; start += STEP_BYTES) {
        write(value.subarray(start, start + STEP_BYTES));
        await sink.take(events.splice(0));
        const fault = failure();
        if (fault !== null) throw fault;
      }
    }
    end();
    await sink.take(events.splice(0));
    const fault = failure();
    if (fault !== null) throw fault;
    return sink.texts;
  } catch (error) {
    await reader.cancel(error).catch(ignore);
    await sink.giveUp(error);
    throw error;
  }
}

/** The parser calls back while it is written to; what it says is queued, and taken up when it has returned. */
function eventParser(headers: Headers, { maxTextBytes }: MultipartBounds, events: Event[]) {
  let fault: ApiError | null = null;
  const { write, end } = parser.make({
    headers: { "content-type": headers.get("content-type") ?? "" },
    maxParts: MAX_PARTS,
    maxFieldSize: maxTextBytes,
    isFile: (part) => isFile(part),
    onFile(part) {
      const { name = "", filename } = dispositionOf(part);
      events.push({ kind: "file", name, nameless: filename === "" });
      return (bytes) => events.push(bytes === null ? { kind: "end" } : { kind: "bytes", bytes });
    },
    onField(part, value) {
      events.push({ kind: "text", name: dispositionOf(part).name ?? "", text: utf8(value) });
    },
    onError(error) {
      fault ??= faultOf(error, maxTextBytes);
    },
    onDone() {},
  });
  return { write, end, failure: () => fault };
}

/** Gathers the texts and passes the files on. */
class FormSink {
  readonly texts: FormText[] = [];
  readonly #bounds: MultipartBounds;
  readonly #takeFile: FileTaker;
  #files = 0;
  /** A file that has no name, until it has bytes. */
  #nameless: string | null = null;
  #file: { writer: WritableStreamDefaultWriter<Uint8Array>; taken: Promise<void> } | null = null;

  constructor(bounds: MultipartBounds, takeFile: FileTaker) {
    this.#bounds = bounds;
    this.#takeFile = takeFile;
  }

  async take(events: readonly Event[]): Promise<void> {
    for (const event of events) {
      if (event.kind === "text") this.texts.push(event);
      else if (event.kind === "file" && event.nameless) this.#nameless = event.name;
      else if (event.kind === "file") this.#begin(event.name);
      else if (event.kind === "bytes") await this.#pass(event.bytes);
      else await this.#finish();
    }
  }

  /** Ends a file that is under way. */
  async giveUp(reason: unknown): Promise<void> {
    if (this.#file === null) return;
    await this.#file.writer.abort(reason).catch(ignore);
    await this.#file.taken.catch(ignore);
  }

  #begin(name: string): void {
    this.#nameless = null;
    this.#files += 1;
    if (this.#files > this.#bounds.maxFiles) {
      throw new ApiError("invalid_parameter", `At most ${this.#bounds.maxFiles} files are taken.`, {
        param: name,
      });
    }
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const taken = this.#takeFile(name, readable);
    // It is waited for later; until then a failure shows in the writer.
    taken.catch(() => void writer.abort().catch(ignore));
    const writer = writable.getWriter();
    writer.closed.catch(ignore);
    this.#file = { writer, taken };
  }

  async #pass(bytes: Uint8Array): Promise<void> {
    if (this.#nameless !== null && bytes.byteLength > 0) this.#begin(this.#nameless);
    if (this.#file === null) return;
    const { writer, taken } = this.#file;
    try {
      await writer.write(bytes);
    } catch (error) {
      await taken;
      throw error;
    }
  }

  async #finish(): Promise<void> {
    this.#nameless = null;
    if (this.#file === null) return;
    const { writer, taken } = this.#file;
    await writer.close().catch(ignore);
    await taken;
    this.#file = null;
  }
}

type PartHead = { contentType: string; headers: Record<string, string | string[]> };

/** A part is a file when it has the name of one, be it empty, or is bytes without one. */
function isFile(part: PartHead): boolean {
  const { filename } = dispositionOf(part);
  if (filename !== undefined) return true;
  return part.contentType === "application/octet-stream" || part.contentType.startsWith("image/");
}

/** The parser's own reading stops at names beyond Latin-1 (seen with multipasta 0.2.8). */
function dispositionOf({ headers }: PartHead): { name?: string; filename?: string } {
  const header = [headers["content-disposition"] ?? ""].flat()[0] ?? "";
  const parameters: Record<string, string> = {};
  for (const [, key = "", quoted, bare = ""] of header.matchAll(PARAMETER))
    parameters[key.toLowerCase()] ??= quoted?.replace(/\\(.)/g, "$1") ?? bare;
  const { name, filename = parameters["filename*"] } = parameters;
  return { ...(name !== undefined && { name }), ...(filename !== undefined && { filename }) };
}

function faultOf(error: parser.MultipartError, maxTextBytes: number): ApiError {
  switch (error._tag) {
    case "ReachedLimit":
      return error.limit === "MaxFieldSize" ? bodyTooLarge(maxTextBytes) : malformed("it has too many parts");
    case "EndNotReached":
      return brokenOff();
    case "InvalidBoundary":
      return malformed("no boundary is declared");
    case "BadHeaders":
      return malformed("a part has broken headers");
    case "InvalidDisposition":
      return malformed("a part has no name");
  }
}

function malformed(why: string): ApiError {
  return new ApiError(
    "invalid_parameter",
    `The body is not the multipart form that its Content-Type announces: ${why}.`,
    { param: "Content-Type" },
  );
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ApiError("invalid_parameter", "A text of the form is not valid UTF-8. Encode it as UTF-8.");
  }
}

function ignore(): void {}
