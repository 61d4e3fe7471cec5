/** `provider_options` of the canvas: how a developer rehearses slow and failing jobs. */

import type { Json } from "../../protocol/task.ts";

export const REHEARSED_FAILURES = ["transient", "permanent", "rate_limit", "content_policy"] as const;
export type RehearsedFailure = (typeof REHEARSED_FAILURES)[number];

export type RehearsalOptions = {
  /** Into how many steps the work is divided. */
  steps: number;
  /** An extra wait after every step, ms. */
  stepMs: number;
  /** The step at whose start the job fails; null when it does not. */
  failAt: number | null;
  fail: RehearsedFailure;
  /** How many times a `transient` or `rate_limit` failure happens before the job succeeds. */
  failAttempts: number;
  /** What a `rate_limit` failure asks the caller to wait, ms. */
  retryAfterMs: number;
  /** Behaves like a provider that runs the job on its side and is polled. */
  upstream: boolean;
  /** How long to wait between polls, ms. */
  pollMs: number;
};

/** An integer option: its name on the wire, the field, and its bounds. */
const NUMBERS = {
  steps: ["steps", 1, 1000],
  step_ms: ["stepMs", 0, 60_000],
  fail_at: ["failAt", 1, 1000],
  fail_attempts: ["failAttempts", 1, 100],
  retry_after_ms: ["retryAfterMs", 0, 600_000],
  poll_ms: ["pollMs", 10, 60_000],
} as const satisfies Record<string, readonly [keyof RehearsalOptions, number, number]>;

const DEFAULTS: RehearsalOptions = {
  steps: 10,
  stepMs: 0,
  failAt: null,
  fail: "transient",
  failAttempts: 1,
  retryAfterMs: 1000,
  upstream: false,
  pollMs: 500,
};

/** Every name `provider_options` may hold. */
export const REHEARSAL_OPTION_NAMES: readonly string[] = [...Object.keys(NUMBERS), "fail", "upstream"];

/** Reads the options; a string says what is wrong with them. A value of `null` counts as absent. */
export function parseRehearsalOptions(given: Readonly<Record<string, Json>> = {}): RehearsalOptions | string {
  const options = { ...DEFAULTS };
  for (const [name, value] of Object.entries(given)) {
    if (value === null) continue;
    if (Object.hasOwn(NUMBERS, name)) {
      const [field, low, high] = NUMBERS[name as keyof typeof NUMBERS];
      if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high)
        return `provider_options.${name} must be an integer from ${low} to ${high}; ${shown(value)} came.`;
      options[field] = value;
    } else if (name === "fail") {
      const known = REHEARSED_FAILURES.find((failure) => failure === value);
      if (known === undefined)
        return `provider_options.fail must be one of ${REHEARSED_FAILURES.join(", ")}; ${shown(value)} came.`;
      options.fail = known;
    } else if (name === "upstream") {
      if (typeof value !== "boolean")
        return `provider_options.upstream must be true or false; ${shown(value)} came.`;
      options.upstream = value;
    } else {
      return `provider_options of the built-in models are ${REHEARSAL_OPTION_NAMES.join(", ")}; ${shown(name)} came.`;
    }
  }
  // Naming a failure without a step asks for it at once.
  if (options.failAt === null && given.fail !== undefined && given.fail !== null) options.failAt = 1;
  if (options.failAt !== null && options.failAt > options.steps)
    return `provider_options.fail_at must not be above steps (${options.steps}); ${options.failAt} came.`;
  return options;
}

/** A value as a short piece of a message. */
function shown(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
