/** What is wrong with a configuration: which setting, what was expected, what came. */

import { REDACTED, redactSecrets } from "../logging/redaction.ts";
import type { Setting } from "./setting.ts";

/** One wrong setting. */
export type Problem = {
  /** In the spelling the operator used. */
  name: string;
  /** Ends the sentence "expected …". */
  expected: string;
  /** What came, printable: no secret is in it. */
  came: string;
};

/** The operator's spelling of a setting, given by path; the path itself where it was not set. */
export type NameOf = (...path: string[]) => string;

/** Thrown at start-up; `message` names every problem on a line of its own. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const lines = problems.map(({ name, expected, came }) => `  ${name}: expected ${expected}, got ${came}`);
    super(`The configuration cannot be used:\n${lines.join("\n")}`);
    this.problems = problems;
  }
}

/** Longer values are cut in messages. */
const SHOWN_CHARACTERS = 80;

/** A refused value for a message. A secret is described by its length only. */
export function describeValue(setting: Pick<Setting<unknown>, "secret">, value: unknown): string {
  if (setting.secret) {
    return typeof value === "string"
      ? `a text of ${value.length} characters (not shown)`
      : describeKind(value);
  }
  const printed = redactSecrets(JSON.stringify(value) ?? describeKind(value));
  return printed.length <= SHOWN_CHARACTERS ? printed : `${printed.slice(0, SHOWN_CHARACTERS)}…`;
}

/** What sort of value it is, without showing any of it. */
export function describeKind(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  switch (typeof value) {
    case "string":
      return "a text";
    case "object":
      return "an object";
    default:
      return `a ${typeof value}`;
  }
}

/** Removes what redaction leaves of a name that is itself a key pasted into the wrong place. */
export function printableName(name: string): string {
  const printed = redactSecrets(name).replaceAll(/\p{Cc}/gu, "?");
  return printed.includes(REDACTED) || printed.length <= SHOWN_CHARACTERS * 2
    ? printed
    : `${printed.slice(0, SHOWN_CHARACTERS * 2)}…`;
}
