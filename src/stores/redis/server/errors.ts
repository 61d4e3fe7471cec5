/** What went wrong with a command, in the words of the port. Commands hold prompts: no message repeats one. */

import { StoreUnavailableError, type UnavailableReason } from "../../../tasks/ports/store-error.ts";
import { DATA_RELEASE, newerRelease } from "../../release.ts";

/** How replies begin that say that nothing was done, why, and what an operator makes of it. */
const REFUSALS: readonly [RegExp, UnavailableReason, string][] = [
  [/^OOM /, "full", "Redis has no memory left (maxmemory)"],
  [/quota exceeded|max (?:database|storage) size/i, "full", "The Redis database has reached its size limit"],
  [/^MISCONF .*(?:No space|disk)/i, "full", "Redis cannot write to its disk"],
  [/^MISCONF /, "broken", "Redis cannot write to its disk"],
  [/max (?:daily |concurrent )?request/i, "overloaded", "The Redis database has reached its request limit"],
  [/^BUSY /, "overloaded", "Redis is busy with another script"],
  [/^(?:NOAUTH|WRONGPASS|NOPERM) /, "broken", "Redis refuses our credentials"],
];
/** A script that fails is a mistake of ours, and sending it again would not help. */
const MISTAKE = /user_script|Error running script|Error compiling script|^WRONGTYPE |wrong number of arg/;
/** Where the Upstash client's messages begin to repeat the command. */
const COMMAND = ", command was:";

/** Whether the server does not have the script (any more). */
export function isUnknownScript(error: unknown): boolean {
  return /(?:^|\s)NOSCRIPT\b/.test(messageOf(error));
}

/** Whether the data has to be prepared for this release first. */
export function isUnprepared(error: unknown): boolean {
  return /(?:^|\s)UNPREPARED\b/.test(messageOf(error));
}

/**
 * The error to reject with: `StoreUnavailableError`, or a plain one for a mistake in a script. What is neither a known
 * refusal nor a mistake - no answer, a proxy's page, a server that is loading its data - is `unreachable`.
 */
export function redisFailure(error: unknown): Error {
  const message = messageOf(error);
  const newer = /(?:^|\s)NEWERSCHEMA (\d+)/.exec(message);
  if (newer !== null) return newerRelease(Number(newer[1]), DATA_RELEASE);
  for (const [pattern, reason, meaning] of REFUSALS)
    if (pattern.test(message)) return new StoreUnavailableError(reason, `${meaning}: ${message}`);
  if (MISTAKE.test(message)) return new Error(`A script of the Redis store failed: ${message}`);
  return new StoreUnavailableError("unreachable", `Redis gave no answer: ${message}`);
}

/** A step needs a key, or what stands with it, that is damaged. Steps of other keys are not touched by it. */
export class DamagedKeyError extends StoreUnavailableError {
  constructor() {
    super("broken", "The key, or what stands with it in Redis, cannot be read");
  }
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const end = text.indexOf(COMMAND);
  return end < 0 ? text : text.slice(0, end);
}
