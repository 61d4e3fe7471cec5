/** WAVE files: 16-bit PCM in two channels, in parts that say of themselves which they are. Facts: RIFF, IBM/Microsoft 1991. */

import { encodePcm } from "../../audio/pcm.ts";

export const RATE = 24_000;
export const CHANNELS = 2;
const SAMPLE_BYTES = 2;
export const FRAME_BYTES = CHANNELS * SAMPLE_BYTES;
/** Our own chunk, which players pass over: the part's place among the frames of the recording. */
const PLACE = "cdpl";
const PLACE_BYTES = 8;
const FORMAT_BYTES = 16;
const CHUNK_HEAD = 8;
const RIFF_HEAD = 12;
/** Bytes before the sound of a part. */
export const PART_HEAD_BYTES = RIFF_HEAD + CHUNK_HEAD + FORMAT_BYTES + CHUNK_HEAD + PLACE_BYTES + CHUNK_HEAD;
const PCM = 1;

export type WavePart = { readonly firstFrame: number; readonly frames: number };

/** A part as a file of its own. `samples` are those of both channels by turns. */
export function wavePart(firstFrame: number, samples: Int16Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(PART_HEAD_BYTES + samples.length * SAMPLE_BYTES);
  writeHead(bytes, samples.length * SAMPLE_BYTES, firstFrame);
  bytes.set(encodePcm(samples), PART_HEAD_BYTES);
  return bytes;
}

/** The head of a whole file with that many frames. */
export function waveHead(frames: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(PART_HEAD_BYTES);
  writeHead(bytes, frames * FRAME_BYTES, 0);
  return bytes;
}

/** What a part's head says; null for what is none of ours. */
export function readWavePart(head: Uint8Array): WavePart | null {
  if (head.length < PART_HEAD_BYTES) return null;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const place = RIFF_HEAD + CHUNK_HEAD + FORMAT_BYTES;
  const name = String.fromCharCode(...head.subarray(place, place + 4));
  if (name !== PLACE) return null;
  const dataBytes = view.getUint32(PART_HEAD_BYTES - 4, true);
  return {
    firstFrame: view.getUint32(place + CHUNK_HEAD, true),
    frames: Math.floor(dataBytes / FRAME_BYTES),
  };
}

function writeHead(bytes: Uint8Array, dataBytes: number, firstFrame: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let at = 0;
  const word = (text: string) => {
    for (const letter of text) {
      view.setUint8(at, letter.charCodeAt(0));
      at += 1;
    }
  };
  const four = (value: number) => {
    view.setUint32(at, value, true);
    at += 4;
  };
  const two = (value: number) => {
    view.setUint16(at, value, true);
    at += 2;
  };
  word("RIFF");
  four(PART_HEAD_BYTES - CHUNK_HEAD + dataBytes);
  word("WAVEfmt ");
  four(FORMAT_BYTES);
  two(PCM);
  two(CHANNELS);
  four(RATE);
  four(RATE * FRAME_BYTES);
  two(FRAME_BYTES);
  two(SAMPLE_BYTES * 8);
  word(PLACE);
  four(PLACE_BYTES);
  four(firstFrame);
  four(0);
  word("data");
  four(dataBytes);
}
