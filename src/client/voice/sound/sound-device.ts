/** The page's microphone and speaker, as the rest of the client sees them. */

import type { MicrophoneError } from "../voice-errors.ts";
import type { SpokenPart } from "./playback-ledger.ts";

export type SoundDeviceOptions = {
  /** Null: none is opened. */
  readonly microphone: MediaTrackConstraints | null;
  /**
   * Whether sound goes through this program (frames from the microphone, samples to the speaker); else through a peer connection, and
   * this device opens the microphone and measures.
   */
  readonly carriesSound: boolean;
  /** Null: from a `Blob`. */
  readonly workletUrl: string | null;
  readonly leadMs: number;
  readonly mostMs: number;
};

export type SoundListener = {
  /** 20 ms of the microphone at 24 kHz. */
  frame(samples: Int16Array): void;
  /** All that was handed over has been played. */
  silent(): void;
  /** The microphone is gone. */
  lost(error: MicrophoneError): void;
};

export interface SoundDevice {
  /** Null where none was asked for. */
  readonly microphone: MediaStreamTrack | null;
  /** Whether the page may not play yet, because its user has not touched it. */
  readonly isBlocked: boolean;
  /** Plays behind what there is; samples at 24 kHz. False when more waits to be played than may: it was dropped. */
  play(part: SpokenPart, samples: Int16Array): boolean;
  /** No more will come for now: what there is need not wait for it. */
  endOfSound(): void;
  /** Stops at once; what was being played, and how much of it was heard. */
  stop(): { part: SpokenPart; heardMs: number } | null;
  /** Plays what a peer connection receives. */
  playStream(stream: MediaStream): void;
  /** A microphone that is muted delivers silence. */
  mute(isMuted: boolean): void;
  /** Loudness just now, 0 to 1. */
  levels(): { input: number; output: number };
  /** Lets a page play that its user has touched. */
  resume(): void;
  close(): Promise<void>;
}

/** Rejects with a `MicrophoneError`. */
export type OpenSoundDevice = (options: SoundDeviceOptions, listener: SoundListener) => Promise<SoundDevice>;
