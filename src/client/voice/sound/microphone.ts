/** Asks the browser for a microphone. */

import { MicrophoneError, type MicrophoneFault } from "../voice-errors.ts";

const FAULTS: Readonly<Record<string, MicrophoneFault>> = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "busy",
  AbortError: "busy",
};
const SAID: Readonly<Record<MicrophoneFault, string>> = {
  denied: "The microphone may not be used: the user, or the page's permissions policy, said no.",
  missing: "There is no microphone that fits.",
  busy: "The microphone is in use by another program, or its driver failed.",
  unsupported: "This page has no microphone: serve it over https (or from localhost), to a current browser.",
  blocked: "The worklet could not be loaded.",
  lost: "The microphone was unplugged, or taken away.",
};

/** What a microphone hears of a speaker is taken out; a caller's constraints come over this. */
const USUAL: MediaTrackConstraints = {
  channelCount: 1,
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
};

export async function openMicrophone(constraints: MediaTrackConstraints): Promise<MediaStream> {
  // Pages without TLS have none of it.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (devices?.getUserMedia === undefined) throw faultOf("unsupported");
  try {
    return await devices.getUserMedia({ audio: { ...USUAL, ...constraints } });
  } catch (cause) {
    const name = cause instanceof Error ? cause.name : "";
    throw faultOf(FAULTS[name] ?? "unsupported", cause);
  }
}

export function faultOf(fault: MicrophoneFault, cause?: unknown): MicrophoneError {
  return new MicrophoneError(SAID[fault], fault, { cause });
}
