/** What one of Replicate's predictions says of itself. */

import type { Failure } from "../../tasks/ports/media-provider.ts";
import { isRecord } from "../upstream/calls/error-text.ts";
import {
  type CallContext,
  contentRefused,
  permanent,
  reason,
  unusableAnswer,
} from "../upstream/calls/failures.ts";
import { UpstreamError } from "../upstream/calls/upstream-error.ts";

export type Prediction = {
  readonly id: string;
  readonly word: unknown;
  readonly output: unknown;
  readonly error: string;
  readonly logs: string;
  readonly dataRemoved: boolean;
};

/** Models and the platform say it in words of their own. */
const CONTENT_WORDS = /nsfw|flagged as sensitive|\(E005\)|safety (?:filter|checker)|content polic|moderat/i;
/** Progress bars, the newest last. */
const PERCENT = /(\d{1,3})%\|/g;
/** The end of logs is what tells; models may write megabytes. */
const LOG_CHARACTERS = 4_000;
/** No model nests its addresses deeper. */
const MAX_DEPTH = 4;
const ADDRESS = /^(?:https?:\/\/|data:)/i;

/** Reads an answer. Throws `UpstreamError` for one that is no prediction. */
export function predictionOf(value: unknown, context: CallContext): Prediction {
  if (!isRecord(value) || typeof value.id !== "string" || value.id === "")
    throw new UpstreamError(unusableAnswer("no id of what it may be making", context));
  const { id, status, output, error, logs, data_removed } = value;
  return {
    id,
    word: status,
    output,
    error: typeof error === "string" ? error : isRecord(error) ? JSON.stringify(error) : "",
    logs: typeof logs === "string" ? logs.slice(-LOG_CHARACTERS) : "",
    dataRemoved: data_removed === true,
  };
}

/** Percent by the last progress bar in the logs; null without one. */
export function percentOf(logs: string): number | null {
  const last = [...logs.matchAll(PERCENT)].at(-1)?.[1];
  return last === undefined ? null : Math.min(100, Number(last));
}

/** Addresses of results in an output, whichever shape its model gives it: a text, a list, or an object of them. */
export function addressesIn(output: unknown, depth = 0): string[] {
  if (typeof output === "string") return ADDRESS.test(output) ? [output] : [];
  if (depth >= MAX_DEPTH || typeof output !== "object" || output === null) return [];
  return Object.values(output).flatMap((part) => addressesIn(part, depth + 1));
}

/** Why a prediction has ended without a result. */
export function predictionFailure({ word, error }: Prediction, context: CallContext): Failure {
  const report = { code: "", type: "", message: error };
  if (CONTENT_WORDS.test(error)) return contentRefused(context, report);
  const { provider } = context;
  if (word === "canceled") return permanent("provider_error", `The job was cancelled at ${provider}.`);
  if (word === "aborted")
    return permanent(
      "provider_error",
      `${provider} ended the job before it began${reason(report, context)}.`,
    );
  return permanent("provider_error", `The model failed at ${provider}${reason(report, context)}.`);
}
