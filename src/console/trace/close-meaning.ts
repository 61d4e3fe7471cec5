/** What the end of a socket means. */

import {
  CLOSE_GOING_AWAY,
  CLOSE_INTERNAL,
  CLOSE_NORMAL,
  CLOSE_POLICY,
  CLOSE_RESTART,
  CLOSE_TOO_BIG,
  CLOSE_TRY_AGAIN,
} from "../../protocol/close-codes.ts";

const MEANINGS: ReadonlyMap<number, string> = new Map([
  [CLOSE_NORMAL, "It ended in order. What the hub said before tells whether to connect again."],
  [
    CLOSE_GOING_AWAY,
    "The gateway stops, or the plain key before a rotation has come to its end. Connect again.",
  ],
  [
    CLOSE_POLICY,
    "The key was disabled, rotated or deleted or has expired, or the hub does not know the connection.",
  ],
  [CLOSE_TOO_BIG, "A message from here was larger than the gateway takes."],
  [CLOSE_INTERNAL, "The gateway failed. Connect again."],
  [CLOSE_RESTART, "What holds the connection was restarted. Connect again."],
  [CLOSE_TRY_AGAIN, "This page reads too slowly, or the store cannot be read now. Connect again."],
  // Said by browsers, never sent.
  [1005, "No code came."],
  [
    1006,
    "The connection broke, or was refused, without a word: look at the network and at proxies in between.",
  ],
]);

export function closeMeaning(code: number): string {
  return MEANINGS.get(code) ?? "The gateway does not send this code: it comes from a network or a proxy.";
}
