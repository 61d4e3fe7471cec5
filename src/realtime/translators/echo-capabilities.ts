/** What the built-in voice can do. */

import type { RealtimeCapabilities } from "../translator.ts";

export const ECHO_CAPABILITIES: RealtimeCapabilities = {
  tools: true,
  voices: null,
  imageInput: false,
  transcription: true,
  webrtc: false,
};
