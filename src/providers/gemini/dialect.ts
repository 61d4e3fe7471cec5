/** What Google's error codes and finish reasons mean, and the usage in its answers. */

import type { Failure, Usage } from "../../tasks/ports/media-provider.ts";
import { isRecord } from "../upstream/calls/error-text.ts";
import {
  accountRefused,
  type CallContext,
  contentRefused,
  outOfQuota,
  rateLimited,
} from "../upstream/calls/failures.ts";
import type { Dialect } from "../upstream/calls/upstream-client.ts";

/** `finishReason`s and `blockReason`s that say what the safety systems said; the others are faults. */
const MODERATION =
  /^(?:IMAGE_)?(?:SAFETY|PROHIBITED_CONTENT|RECITATION)$|^(?:BLOCKLIST|SPII|MODEL_ARMOR|JAILBREAK)$/;
/** In the error of a video job, whose codes are not listed anywhere. */
const MODERATION_WORDS = /safety|prohibited|policy|policies|blocked|responsible ai|sensitive|harmful/i;
/** A quota that is nothing at all: the account's plan does not have the model. */
const NO_QUOTA = /\blimit: 0\b/;

export const geminiDialect: Dialect = ({ status, report, body, headers }, context) => {
  const details = detailsOf(body);
  // A wrong key is a bad request here.
  if (details.some(({ reason }) => reason === "API_KEY_INVALID")) return accountRefused(context);
  if (status === 400 && /api key/i.test(report.message)) return accountRefused(context);
  // The project's billing or its place on the map; nothing that a caller could change.
  if (report.type === "FAILED_PRECONDITION") return accountRefused(context);
  if (status === 429) {
    if (NO_QUOTA.test(report.message)) return outOfQuota(context);
    return rateLimited({ headers: withRetryDelay(headers, details), now: 0 }, context);
  }
  return status === 400 && MODERATION_WORDS.test(report.message) ? contentRefused(context, report) : null;
};

/** The failure of an answer whose prompt or picture was blocked; null when nothing was. */
export function blocked(value: Record<string, unknown>, context: CallContext): Failure | null {
  const feedback = isRecord(value.promptFeedback) ? value.promptFeedback : {};
  if (typeof feedback.blockReason === "string" && feedback.blockReason !== "BLOCKED_REASON_UNSPECIFIED")
    return refusedBecause(feedback.blockReason, feedback.blockReasonMessage, context);
  for (const candidate of listOf(value.candidates)) {
    const { finishReason, finishMessage } = candidate;
    if (typeof finishReason === "string" && MODERATION.test(finishReason))
      return refusedBecause(finishReason, finishMessage, context);
  }
  return null;
}

function refusedBecause(reason: string, message: unknown, context: CallContext): Failure {
  const said = typeof message === "string" && message !== "" ? message : reason;
  return contentRefused(context, { code: reason, type: "", message: said });
}

/** Whether the words of a failed job are those of a safety system. */
export function isModeration(text: string): boolean {
  return MODERATION_WORDS.test(text);
}

/**
 * What `generateContent` says it used. Details may be missing: all output is then that of pictures, so that it is never
 * priced as nothing.
 */
export function imageUsage(metadata: unknown): Usage["tokens"] {
  if (!isRecord(metadata)) return undefined;
  const made = amount(metadata.candidatesTokenCount);
  const thought = amount(metadata.thoughtsTokenCount) ?? 0;
  const textMade = byModality(metadata.candidatesTokensDetails, "tokenCount", "TEXT") ?? 0;
  return present({
    input: amount(metadata.promptTokenCount),
    textInput: byModality(metadata.promptTokensDetails, "tokenCount", "TEXT"),
    imageInput: byModality(metadata.promptTokensDetails, "tokenCount", "IMAGE"),
    output: made === undefined ? undefined : made + thought,
    textOutput: made === undefined ? undefined : textMade + thought,
    imageOutput:
      byModality(metadata.candidatesTokensDetails, "tokenCount", "IMAGE") ??
      (made === undefined ? undefined : Math.max(0, made - textMade)),
  });
}

/** What an interaction says it used. */
export function videoUsage(usage: unknown): Usage["tokens"] {
  if (!isRecord(usage)) return undefined;
  return present({
    input: amount(usage.total_input_tokens),
    textInput: byModality(usage.input_tokens_by_modality, "tokens", "text"),
    imageInput: byModality(usage.input_tokens_by_modality, "tokens", "image"),
    output: amount(usage.total_output_tokens),
    textOutput: byModality(usage.output_tokens_by_modality, "tokens", "text"),
  });
}

type Amounts = { [K in keyof NonNullable<Usage["tokens"]>]: number | undefined };

function present(amounts: Amounts): Usage["tokens"] {
  return Object.fromEntries(Object.entries(amounts).filter(([, value]) => value !== undefined));
}

function byModality(details: unknown, field: string, modality: string): number | undefined {
  const entries = listOf(details).filter((entry) => entry.modality === modality);
  if (entries.length === 0) return undefined;
  return entries.reduce((sum, entry) => sum + (amount(entry[field]) ?? 0), 0);
}

function amount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** The records of a list; nothing for what is no list. */
export function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function detailsOf(body: unknown): Record<string, unknown>[] {
  const error = isRecord(body) && isRecord(body.error) ? body.error : {};
  return listOf(error.details);
}

/** Google says in the body how long to wait, such as `34.07s`; a header goes before it. */
function withRetryDelay(headers: Headers, details: readonly Record<string, unknown>[]): Headers {
  if (headers.has("retry-after") || headers.has("retry-after-ms")) return headers;
  const delay = details.map(({ retryDelay }) => retryDelay).find((value) => typeof value === "string");
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(delay ?? "")?.[1];
  return seconds === undefined ? headers : new Headers({ "retry-after": seconds });
}
