/** The configuration that a session is asked for. Pure. */

import { DEFAULT_AUDIO_FORMAT, type RealtimeEvent } from "../../protocol/realtime.ts";
import type { Json } from "../../protocol/task.ts";
import type { VoiceSessionFields } from "./voice-events.ts";

const FORMAT: Json = { ...DEFAULT_AUDIO_FORMAT };

/** `carriesSound`: sound comes through the session's own events, and so in the format that this client makes and plays. */
export function sessionRequest(
  { audio: given = {}, ...fields }: VoiceSessionFields,
  { carriesSound, pushToTalk }: { carriesSound: boolean; pushToTalk: boolean },
): RealtimeEvent {
  const format = carriesSound ? { format: FORMAT } : {};
  const input = { ...given.input, ...format, ...(pushToTalk && { turn_detection: null }) };
  const output = { ...given.output, ...format };
  const audio = {
    ...(Object.keys(input).length > 0 && { input }),
    ...(Object.keys(output).length > 0 && { output }),
  };
  const session = { type: "realtime", ...definedFields(fields) };
  return {
    type: "session.update",
    session: Object.keys(audio).length > 0 ? { ...session, audio } : session,
  };
}

/** Whether the user's voice alone stops an answer, as it does where nothing else is said. */
export function interruptsByVoice({ audio }: VoiceSessionFields): boolean {
  const detection = audio?.input?.turn_detection;
  if (typeof detection !== "object" || detection === null || Array.isArray(detection)) return true;
  return detection.interrupt_response !== false;
}

function definedFields(fields: { [field: string]: Json | undefined }): { [field: string]: Json } {
  return Object.fromEntries(
    Object.entries(fields).filter((field): field is [string, Json] => field[1] !== undefined),
  );
}
