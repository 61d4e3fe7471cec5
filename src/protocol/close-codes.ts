/**
 * The WebSocket close codes that the gateway sends, one table for every socket it serves: event streams, hubs, rooms,
 * voice. Codes are API: a client decides by them whether to reconnect (RFC 6455 §7.4, the IANA registry of close
 * codes). `docs/api.md` has the same table for readers.
 */

/** An orderly end: the task has ended, or the subscriber has unsubscribed. Do not reconnect. */
export const CLOSE_NORMAL = 1000;
/** The server stops, or the plain form before a rotation has come to its end. Reconnect, with the new form, and resume. */
export const CLOSE_GOING_AWAY = 1001;
/**
 * The key was disabled, rotated, deleted or has expired: do not reconnect with it. On a hub also: the connection is
 * unknown.
 */
export const CLOSE_POLICY = 1008;
/** What is said with it when a key ends. */
export const KEY_END = {
  revoked: "the key was disabled or revoked",
  expired: "the key has expired",
  rotated: "the key was rotated: reconnect with its new form",
} as const;
export type KeyEnd = (typeof KEY_END)[keyof typeof KEY_END];

/** The code with which a key's connections end: after a rotation those with the new form come back. */
export function keyEndCode(why: KeyEnd): number {
  return why === KEY_END.rotated ? CLOSE_GOING_AWAY : CLOSE_POLICY;
}

/** The client sent a message beyond the bound. */
export const CLOSE_TOO_BIG = 1009;
/** The gateway, or a provider behind it, failed. Reconnect. */
export const CLOSE_INTERNAL = 1011;
/** The connection's server side was restarted and its state is gone. Reconnect. */
export const CLOSE_RESTART = 1012;
/** The subscriber reads too slowly, or the store cannot be read now. Reconnect and resume. */
export const CLOSE_TRY_AGAIN = 1013;

/**
 * The codes with which a room closes its subscribers. Any other one on a socket from a room means that the connection
 * broke, or that the room's object was replaced.
 */
export const ROOM_CLOSE_CODES: ReadonlySet<number> = new Set([
  CLOSE_NORMAL,
  CLOSE_GOING_AWAY,
  CLOSE_POLICY,
  CLOSE_TRY_AGAIN,
]);

/**
 * Codes that stand for "none came" or a broken connection: they are reported and can never be sent (RFC 6455 §7.4.1).
 */
const UNSENDABLE = new Set([1004, 1005, 1006, 1015]);
const LEAST = 1000;
const MOST = 4999;

/** The code to send in answer to a close that came with `code`: the same where it may be sent, else 1000. */
export function sendableCloseCode(code: number): number {
  return code >= LEAST && code <= MOST && !UNSENDABLE.has(code) ? code : CLOSE_NORMAL;
}
