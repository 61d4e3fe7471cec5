/** The package's entry `voice`. */

export type { RealtimeErrorCode, RealtimeEvent } from "../../protocol/realtime.ts";
export type { ProvidedToken, TokenProvider } from "../transport/credentials.ts";
export { RealtimeVoice } from "./realtime-voice.ts";
export { MicrophoneError, type MicrophoneFault, VoiceError, type VoiceErrorCode } from "./voice-errors.ts";
export type {
  Transcript,
  TurnState,
  VoiceEvents,
  VoiceOptions,
  VoiceSessionFields,
  VoiceTransport,
} from "./voice-events.ts";
