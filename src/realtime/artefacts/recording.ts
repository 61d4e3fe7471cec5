/**
 * The sound of a session on one line of time, the user on the left and the provider on the right. What a user says is placed by when
 * it came; what the provider says comes faster than it is heard, and is placed behind what it said before, as a player does.
 */

import { audioFormatOf, decodedBase64 } from "../../audio/base64-audio.ts";
import { AudioPath } from "../../audio/converter.ts";
import { decodePcm } from "../../audio/pcm.ts";
import type { RealtimeEvent } from "../../protocol/realtime.ts";
import { type AudioFormat, DEFAULT_AUDIO_FORMAT } from "../../protocol/realtime.ts";
import { objectOr } from "../json.ts";
import { CHANNELS, RATE, wavePart } from "./wave.ts";

const MS = 1_000;
/** Sound of one part. */
export const PART_MS = 30_000;
const PART_FRAMES = (PART_MS * RATE) / MS;
/** Pieces that come within so much of the end of the one before belong together: the network is no metronome. */
const JOINT_FRAMES = (250 * RATE) / MS;
/** Sound that lies further ahead of its time is left out. */
const MOST_AHEAD_FRAMES = 300 * RATE;
/** A file has at most 4 GiB: sound from here on is left out. */
const MOST_FRAMES = 10 * 3_600 * RATE;
const OURS: AudioFormat = { type: "audio/pcm", rate: RATE };

/** Events for the client that are read. */
export const RECORDED_EVENTS: ReadonlySet<string> = new Set([
  "session.created",
  "session.updated",
  "response.output_audio.delta",
  "input_audio_buffer.speech_started",
]);

export class Recording {
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #user = new Track();
  readonly #provider = new Track();
  readonly #fromUser = new AudioPath();
  readonly #fromProvider = new AudioPath();
  #input: AudioFormat = DEFAULT_AUDIO_FORMAT;
  #output: AudioFormat = DEFAULT_AUDIO_FORMAT;
  /** Up to where parts were taken, frames. */
  #taken = 0;

  /** `now` is monotonic, ms. */
  constructor(now: () => number) {
    this.#now = now;
    this.#startedAt = now();
  }

  toClient(event: RealtimeEvent): void {
    switch (event.type) {
      case "response.output_audio.delta":
        if (typeof event.delta === "string") this.#said(event.delta);
        return;
      case "input_audio_buffer.speech_started":
        // Clients stop playing at it.
        this.#provider.cut(this.#frame());
        return;
      default: {
        const audio = objectOr(objectOr(event.session).audio);
        this.#input = audioFormatOf(objectOr(audio.input).format) ?? this.#input;
        this.#output = audioFormatOf(objectOr(audio.output).format) ?? this.#output;
      }
    }
  }

  /** Sound of the user, in the session's input format. */
  heard(bytes: Uint8Array): void {
    const samples = decodePcm(this.#fromUser.convert(bytes, this.#input, OURS));
    this.#user.add(samples, this.#frame() - samples.length, this.#taken, this.#frame());
  }

  /** The next part, once its time is over; null before. `last`: what there is, be it shorter. */
  take(last = false): Uint8Array<ArrayBuffer> | null {
    const now = this.#frame();
    const first = this.#taken;
    if (last) this.#provider.cut(now);
    const end = last
      ? Math.min(first + PART_FRAMES, Math.max(this.#user.end, this.#provider.end))
      : first + PART_FRAMES;
    if (end <= first || (!last && now < end) || end > MOST_FRAMES) return null;
    const samples = new Int16Array((end - first) * CHANNELS);
    this.#user.takeInto(samples, 0, first, end);
    this.#provider.takeInto(samples, 1, first, end);
    this.#taken = end;
    return wavePart(first, samples);
  }

  #said(delta: string): void {
    const bytes = decodedBase64(delta);
    if (bytes === null) return;
    const samples = decodePcm(this.#fromProvider.convert(bytes, this.#output, OURS));
    const now = this.#frame();
    this.#provider.add(samples, now, this.#taken, now);
  }

  #frame(): number {
    return Math.round(((this.#now() - this.#startedAt) * RATE) / MS);
  }
}

type Piece = { readonly start: number; readonly samples: Int16Array };

/** One channel. */
class Track {
  #pieces: Piece[] = [];
  #end = 0;

  /** The frame behind the last one. */
  get end(): number {
    return this.#end;
  }

  /** Places sound at `start`, or behind what is there; not before `from`, too far ahead of `now`, or beyond what a file has. */
  add(samples: Int16Array, start: number, from: number, now: number): void {
    const joins = this.#end > 0 && start - this.#end < JOINT_FRAMES;
    const at = Math.max(from, joins ? this.#end : start);
    const end = at + samples.length;
    if (samples.length === 0 || at > now + MOST_AHEAD_FRAMES || end > MOST_FRAMES) return;
    this.#pieces.push({ start: at, samples });
    this.#end = end;
  }

  /** Nothing from there on is heard. */
  cut(frame: number): void {
    this.#pieces = this.#pieces
      .filter(({ start }) => start < frame)
      .map(({ start, samples }) => ({ start, samples: samples.subarray(0, frame - start) }));
    this.#end = Math.min(this.#end, frame);
  }

  /** Writes what lies between two frames into a channel of `out`, and forgets it. */
  takeInto(out: Int16Array, channel: number, from: number, to: number): void {
    const later: Piece[] = [];
    for (const piece of this.#pieces) {
      const { start, samples } = piece;
      const end = Math.min(to, start + samples.length);
      for (let frame = Math.max(from, start); frame < end; frame += 1)
        out[(frame - from) * CHANNELS + channel] = samples[frame - start] ?? 0;
      if (start + samples.length > to) later.push(piece);
    }
    this.#pieces = later;
  }
}
