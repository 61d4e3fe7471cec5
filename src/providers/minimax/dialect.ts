/** MiniMax answers status 200 whatever happened; what did happen is a number within the answer. */

import type { Failure } from "../../tasks/ports/media-provider.ts";
import { type ErrorReport, isRecord } from "../upstream/calls/error-text.ts";
import {
  accountRefused,
  type CallContext,
  contentRefused,
  outOfQuota,
  permanent,
  reason,
  unusableAnswer,
} from "../upstream/calls/failures.ts";
import type { Dialect } from "../upstream/calls/upstream-client.ts";
import { UpstreamError } from "../upstream/calls/upstream-error.ts";

/** Limits are counted by the minute, and the answer does not say how much of it is left. */
const LIMIT_WAIT_MS = 60_000;

const MEANINGS = new Map<number, "limited" | "account" | "quota" | "content" | "parameters">([
  [1002, "limited"],
  [1039, "limited"],
  [1004, "account"],
  [2049, "account"],
  [1008, "quota"],
  // What a plan includes is used up.
  [2056, "quota"],
  [2067, "quota"],
  [1026, "content"],
  [1027, "content"],
  [2013, "parameters"],
]);

/** The failure that an answer tells of; null when it tells of none. */
export function failureWithin(answer: unknown, context: CallContext): Failure | null {
  const base = isRecord(answer) ? answer.base_resp : undefined;
  if (!isRecord(base)) return null;
  const code = Number(base.status_code);
  if (code === 0) return null;
  const said = { code: String(code), type: "", message: textOrEmpty(base.status_msg) };
  return failureOfCode(code, said, context);
}

/** The failure behind a code, wherever in an answer it stands. */
export function failureOfCode(code: number, report: ErrorReport, context: CallContext): Failure {
  const { provider } = context;
  switch (MEANINGS.get(code)) {
    case "limited":
      return {
        kind: "rate_limited",
        message: `${provider} limits how often the gateway's account may call; the task waits.`,
        retryAfterMs: LIMIT_WAIT_MS,
      };
    case "account":
      return accountRefused(context);
    case "quota":
      return outOfQuota(context);
    case "content":
      return contentRefused(context, report);
    case "parameters":
      return permanent(
        "invalid_request",
        `${provider} refused the request${reason(report, context)}. Change the request; sending it again gives the same.`,
      );
    default:
      // It says that it failed: nothing was begun.
      return {
        kind: "transient",
        code: "provider_error",
        message: `${provider} failed with code ${shownCode(code)}${reason(report, context)}. It can be sent again later.`,
      };
  }
}

/** The answer as an object that tells of no failure. Throws `UpstreamError`. */
export function requireOk(answer: unknown, context: CallContext): Record<string, unknown> {
  if (!isRecord(answer)) throw new UpstreamError(unusableAnswer("something that is no object", context));
  const failure = failureWithin(answer, context);
  if (failure !== null) throw new UpstreamError(failure);
  return answer;
}

/** Where a refusal has a status after all, the number within it counts as much. */
export const miniMaxDialect: Dialect = ({ body }, context) => failureWithin(body, context);

function shownCode(code: number): string {
  return Number.isInteger(code) ? String(code) : "of no known kind";
}

export function textOrEmpty(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}
