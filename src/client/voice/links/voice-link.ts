/** One connection to a session, whatever carries it. */

import type { RealtimeEvent } from "../../../protocol/realtime.ts";
import type { Requester } from "../../transport/requester.ts";
import type { VoiceError } from "../voice-errors.ts";

export type LinkListener = {
  heard(event: RealtimeEvent): void;
  /** What the session says comes as a stream of its own. */
  sound(stream: MediaStream): void;
  /** The connection is over; called once, and not after `close`. */
  lost(error: VoiceError): void;
};

export type LinkOptions = {
  readonly requester: Requester;
  readonly model: string | null;
  /** The session's configuration, whole. */
  readonly session: RealtimeEvent;
  /** For what carries sound by itself. */
  readonly microphone: MediaStreamTrack | null;
  readonly heartbeatMs: number;
  readonly signal: AbortSignal;
};

export interface VoiceLink {
  /** What cannot be sent any more is dropped. */
  send(event: RealtimeEvent): void;
  /** Bytes that wait to be sent. */
  readonly waitingBytes: number;
  close(): void;
}

/**
 * Resolves once the session is there. Rejects with a `VoiceError`, a `StatusError`, a `ConnectionError`, or the signal's reason.
 */
export type OpenLink = (options: LinkOptions, listener: LinkListener) => Promise<VoiceLink>;
