/**
 * From zod's findings to one sentence: what was expected, what came. Schemas state the expectation as their error text.
 */

import type { z } from "zod";
import { ApiError } from "../../protocol/error.ts";

/** Longer values are cut when they are quoted back. */
const QUOTED_CHARACTERS = 60;

/** The error for the first thing a schema found wrong with `input`. */
export function firstIssue(error: z.core.$ZodError, input: unknown): ApiError {
  const issue = error.issues[0];
  if (issue === undefined)
    return new ApiError("invalid_parameter", "The request does not have the expected shape.");
  if (issue.code === "unrecognized_keys") {
    const name = issue.keys[0] ?? "";
    const param = [...issue.path, name].join(".");
    return new ApiError(
      "invalid_parameter",
      `${quoted(param)} is not a field that is known here. Leave it out.`,
      { param },
    );
  }
  const param = issue.path.join(".");
  const came = valueAt(input, issue.path);
  if (came === undefined) {
    return new ApiError("missing_parameter", `${param} is required: ${issue.message}.`, { param });
  }
  const subject = param === "" ? "The body" : param;
  return new ApiError(
    "invalid_parameter",
    `${subject} must be ${issue.message}; ${describeReceived(came)} came.`,
    { param },
  );
}

/** A value as an error message may repeat it: short, and on one line. */
export function describeReceived(value: unknown): string {
  if (typeof value === "string") {
    if (value.length <= QUOTED_CHARACTERS) return value === "" ? "an empty text" : quoted(value);
    return `a text of ${value.length} characters`;
  }
  if (value === null || typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  return value === undefined ? "nothing" : "an object";
}

/** JSON's quoting, which leaves no control character bare. */
function quoted(text: string): string {
  return JSON.stringify(text.length <= QUOTED_CHARACTERS ? text : `${text.slice(0, QUOTED_CHARACTERS)}…`);
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}
