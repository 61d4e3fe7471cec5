/**
 * What was kept of sessions, in the media store: files under the session's id, in parts of which each says which one it is. They go with
 * media: a file of no task is removed once media of its day are. Their paths are told to nobody.
 */

import type { WireTranscriptEntry } from "../../protocol/voice-session.ts";
import type { MediaFile, MediaStore } from "../../tasks/ports/media-store.ts";
import { FRAME_BYTES, PART_HEAD_BYTES, readWavePart, type WavePart, waveHead } from "./wave.ts";

export type TranscriptPart = {
  /** When it was written, ms: parts are in this order. */
  readonly at: number;
  readonly complete: boolean;
  readonly entries: readonly WireTranscriptEntry[];
};

/** The sound of a session as one file. */
export type RecordingFile = { readonly bytes: number; open(): ReadableStream<Uint8Array> };

const TRANSCRIPT = { type: "application/json", ending: ".json" };
const SOUND = { type: "audio/wav", ending: ".wav" };
/** Silence in place of a part that could not be kept is sent in pieces of so many bytes. */
const SILENCE_BYTES = 65_536;

export class ArtefactFiles {
  readonly #media: Pick<MediaStore, "put" | "filesOf" | "get" | "remove">;

  constructor(media: Pick<MediaStore, "put" | "filesOf" | "get" | "remove">) {
    this.#media = media;
  }

  /** Rejects when it could not be kept. */
  async keepTranscript(sessionId: string, part: TranscriptPart): Promise<void> {
    const bytes = new TextEncoder().encode(JSON.stringify(part));
    await this.#media.put(sessionId, bytes, TRANSCRIPT.type);
  }

  /** A part as `Recording` makes it. Rejects when it could not be kept. */
  async keepSound(sessionId: string, part: Uint8Array): Promise<void> {
    await this.#media.put(sessionId, part, SOUND.type);
  }

  /** Whether there is a transcript, and whether there is sound. */
  async kindsOf(sessionId: string): Promise<{ transcript: boolean; recording: boolean }> {
    const paths = await this.#media.filesOf(sessionId);
    return {
      transcript: paths.some((path) => path.endsWith(TRANSCRIPT.ending)),
      recording: paths.some((path) => path.endsWith(SOUND.ending)),
    };
  }

  /** Null where none was kept. Rejects where a part of it cannot be read now. */
  async transcriptOf(sessionId: string): Promise<Omit<TranscriptPart, "at"> | null> {
    const files = await this.#filesOf(sessionId, TRANSCRIPT.ending);
    if (files.length === 0) return null;
    const parts = await Promise.all(files.map(readPart));
    const inOrder = parts.filter((part) => part !== null).toSorted((one, other) => one.at - other.at);
    return {
      complete: inOrder.every(({ complete }) => complete),
      entries: inOrder.flatMap(({ entries }) => entries),
    };
  }

  /** Null where none was kept. Rejects where a part of it cannot be read now. */
  async recordingOf(sessionId: string): Promise<RecordingFile | null> {
    const files = await this.#filesOf(sessionId, SOUND.ending);
    const found = await Promise.all(files.map(async (file) => ({ file, part: await headOf(file) })));
    const parts = found
      .filter((one): one is { file: MediaFile; part: WavePart } => one.part !== null)
      .toSorted((one, other) => one.part.firstFrame - other.part.firstFrame);
    const last = parts.at(-1)?.part;
    if (last === undefined) return null;
    const frames = last.firstFrame + last.frames;
    return {
      bytes: PART_HEAD_BYTES + frames * FRAME_BYTES,
      open: () => streamOf(soundOf(parts, frames)),
    };
  }

  /** Removes all that was kept of a session; answers how many files. */
  async remove(sessionId: string): Promise<number> {
    const paths = await this.#media.filesOf(sessionId);
    await this.#media.remove(paths);
    return paths.length;
  }

  async #filesOf(sessionId: string, ending: string): Promise<MediaFile[]> {
    const paths = (await this.#media.filesOf(sessionId)).filter((path) => path.endsWith(ending));
    const files = await Promise.all(paths.map((path) => this.#media.get(path)));
    return files.filter((file) => file !== null);
  }
}

/** Null for what is none. Rejects where it cannot be read: a part that is left out would be missed by nobody. */
async function readPart(file: MediaFile): Promise<TranscriptPart | null> {
  const text = await new Response(await file.open()).text();
  try {
    const part = JSON.parse(text) as TranscriptPart | null;
    return typeof part?.at === "number" && Array.isArray(part.entries) ? part : null;
  } catch {
    return null;
  }
}

async function headOf(file: MediaFile): Promise<WavePart | null> {
  if (file.bytes < PART_HEAD_BYTES) return null;
  const head = await new Response(await file.open({ start: 0, end: PART_HEAD_BYTES - 1 })).bytes();
  return readWavePart(head);
}

async function* soundOf(
  parts: readonly { readonly file: MediaFile; readonly part: WavePart }[],
  frames: number,
): AsyncGenerator<Uint8Array> {
  yield waveHead(frames);
  let at = 0;
  for (const { file, part } of parts) {
    if (part.firstFrame < at || part.frames === 0) continue;
    yield* silence((part.firstFrame - at) * FRAME_BYTES);
    const end = PART_HEAD_BYTES + part.frames * FRAME_BYTES - 1;
    yield* await file.open({ start: PART_HEAD_BYTES, end });
    at = part.firstFrame + part.frames;
  }
}

/** Not every runtime has `ReadableStream.from`. */
function streamOf(pieces: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
}

function* silence(bytes: number): Generator<Uint8Array> {
  for (let left = bytes; left > 0; left -= SILENCE_BYTES) yield new Uint8Array(Math.min(left, SILENCE_BYTES));
}
