/** Positions on the wire: `<epoch>.<seq>`, opaque to clients. */

import { ApiError } from "../protocol/error.ts";
import type { Position } from "../tasks/task.ts";

/** Epochs are random tokens of at most 64 letters and digits; 15 digits of `seq` stay exact in a double. */
const POSITION = /^([A-Za-z0-9_-]{1,64})\.(0|[1-9][0-9]{0,14})$/;
/** What of a wrong value is repeated in the message. */
const QUOTED_CHARACTERS = 40;

/** The wire form of a position in a log. */
export function printPosition(position: Position): string {
  return `${position.epoch}.${position.seq}`;
}

/**
 * Reads a position a client sent back. Throws `invalid_parameter` naming `param` when it is not of that form; one of
 * an epoch that no longer exists is well-formed, and answered by a reset.
 */
export function parsePosition(text: string, param: string): Position {
  const match = POSITION.exec(text);
  if (match?.[1] !== undefined && match[2] !== undefined) return { epoch: match[1], seq: Number(match[2]) };
  const quoted = JSON.stringify(
    text.length > QUOTED_CHARACTERS ? `${text.slice(0, QUOTED_CHARACTERS)}…` : text,
  );
  throw new ApiError(
    "invalid_parameter",
    `${param} must be the id of an event received before, like "x8Kq2.7"; got ${quoted}. Leave it out to begin with the current state.`,
    { param },
  );
}
