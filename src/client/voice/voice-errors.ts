/** What can go wrong in a voice session, besides what the HTTP API answers. */

import type { ErrorCode } from "../../protocol/error.ts";
import type { RealtimeErrorCode } from "../../protocol/realtime.ts";
import { ConduitError } from "../transport/errors.ts";

/** Codes that the gateway says itself; a provider that speaks OpenAI's dialect may say others. */
export type VoiceErrorCode = RealtimeErrorCode | ErrorCode;

export type VoiceFailure = {
  /** Null where the connection broke without a word. */
  readonly code: VoiceErrorCode | (string & {}) | null;
  /** The close code of the socket; null while the session goes on, and over WebRTC. */
  readonly closeCode?: number | null;
  /** The `event_id` of the event of ours that was at fault. */
  readonly eventId?: string | null;
};

/** An `error` event of a session, or what ended it. */
export class VoiceError extends ConduitError {
  override name = "VoiceError";
  readonly code: VoiceFailure["code"];
  readonly closeCode: number | null;
  readonly eventId: string | null;

  constructor(message: string, { code, closeCode = null, eventId = null }: VoiceFailure) {
    super(message);
    this.code = code;
    this.closeCode = closeCode;
    this.eventId = eventId;
  }
}

/**
 * `denied`: by the user or the page's permissions. `missing`: there is none. `busy`: another program has it. `unsupported`: the page
 * has no microphones or no audio worklets, as one without TLS. `blocked`: the worklet's program could not be loaded, most often because of
 * the Content-Security-Policy. `lost`: it was unplugged, or taken away.
 */
export type MicrophoneFault = "denied" | "missing" | "busy" | "unsupported" | "blocked" | "lost";

/** The page's sound cannot be had. */
export class MicrophoneError extends ConduitError {
  override name = "MicrophoneError";

  constructor(
    message: string,
    readonly fault: MicrophoneFault,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
