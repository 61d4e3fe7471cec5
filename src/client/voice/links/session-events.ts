/** What a session says, and what its end means. Pure. */

import {
  CLOSE_GOING_AWAY,
  CLOSE_INTERNAL,
  CLOSE_RESTART,
  CLOSE_TRY_AGAIN,
} from "../../../protocol/close-codes.ts";
import type { RealtimeEvent } from "../../../protocol/realtime.ts";
import { ConnectionError, isFinal, StatusError } from "../../transport/errors.ts";
import { VoiceError } from "../voice-errors.ts";

/** 1005 and 1006 are reported where no code came; over WebRTC there is none. */
const RECOVERABLE: ReadonlySet<number | null> = new Set([
  null,
  CLOSE_GOING_AWAY,
  1005,
  1006,
  CLOSE_INTERNAL,
  CLOSE_RESTART,
  CLOSE_TRY_AGAIN,
]);
/** What was said before the close that another session would not change, or that an owner's limit is behind. */
const FINAL: ReadonlySet<string | null> = new Set([
  "session_expired",
  "insufficient_quota",
  "authentication_failed",
  "message_too_large",
]);
/** Of a session of ours that the gateway does not know to be gone yet. */
const PASSES: ReadonlySet<string | null> = new Set(["too_many_connections"]);
const KEY_REFUSED: ReadonlySet<string | null> = new Set([
  "invalid_api_key",
  "expired_api_key",
  "missing_api_key",
]);

/** Null for what is no event. */
export function eventOf(data: unknown): RealtimeEvent | null {
  if (typeof data !== "string") return null;
  try {
    const value = JSON.parse(data) as RealtimeEvent | null;
    return typeof value?.type === "string" ? value : null;
  } catch {
    return null;
  }
}

/** What an `error` event says. */
export function errorOfEvent({ error }: RealtimeEvent): VoiceError {
  const { message, code, event_id } = (error ?? {}) as { [field: string]: unknown };
  return new VoiceError(typeof message === "string" ? message : "The session reports an error.", {
    code: typeof code === "string" ? code : null,
    eventId: typeof event_id === "string" ? event_id : null,
  });
}

/** What ended a socket: the error that came last, if one did, and the close. */
export function errorOfClose(
  { code, reason }: { code: number; reason: string },
  last: VoiceError | null,
): VoiceError {
  const message = last?.message ?? (reason || `The session has ended (close code ${code}).`);
  return new VoiceError(message, { code: last?.code ?? null, closeCode: code });
}

/** Whether another session may be had where this one ended, or could not be had. */
export function mayComeBack(error: unknown): boolean {
  if (error instanceof VoiceError)
    return PASSES.has(error.code) || (RECOVERABLE.has(error.closeCode) && !FINAL.has(error.code));
  if (error instanceof StatusError) return !isFinal(error);
  return error instanceof ConnectionError;
}

/** Whether our key was not taken: another one may be. */
export function refusesKey(error: unknown): boolean {
  return error instanceof VoiceError && KEY_REFUSED.has(error.code);
}
