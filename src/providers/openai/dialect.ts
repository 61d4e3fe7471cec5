/** What OpenAI's own error codes mean, and the usage in its answers. */

import type { Failure, Usage } from "../../tasks/ports/media-provider.ts";
import { type ErrorReport, isRecord } from "../upstream/calls/error-text.ts";
import { type CallContext, contentRefused, rateLimited, refused } from "../upstream/calls/failures.ts";
import type { Dialect } from "../upstream/calls/upstream-client.ts";

const MODERATION_CODES = new Set(["content_policy_violation", "moderation_blocked", "content_filter"]);
/** Of older models, which sent the general code with words of their own. */
const MODERATION_WORDS = /safety system|content policy|moderation/i;
const RATE_CODES = new Set(["rate_limit_exceeded", "rate_limit_error"]);

/** Moderation before everything else: it comes with 400, and with 403 from some servers that speak the same. */
export const openAiDialect: Dialect = ({ status, report }, context) => {
  if (MODERATION_CODES.has(report.code) || MODERATION_CODES.has(report.type))
    return contentRefused(context, report);
  const isUserError = report.type === "image_generation_user_error" || report.code === "";
  return status === 400 && isUserError && MODERATION_WORDS.test(report.message)
    ? contentRefused(context, report)
    : null;
};

/** An error that came as an event of a stream, which has no status: as if its code had come with the status it belongs to. */
export function streamedFailure(report: ErrorReport, now: number, context: CallContext): Failure {
  const refusal = { report, body: null, headers: new Headers(), now };
  const moderated = openAiDialect({ ...refusal, status: 400 }, context);
  if (moderated !== null) return moderated;
  if (RATE_CODES.has(report.code) || RATE_CODES.has(report.type)) return rateLimited(refusal, context);
  const status = report.type === "invalid_request_error" ? 400 : 500;
  return refused({ ...refusal, status }, context);
}

/**
 * What the answer says it used. Details may be missing: all output is then that of pictures, which is what these models
 * make, so that it is never priced as nothing.
 */
export function usageOf(usage: unknown, svgUsage?: unknown): Usage["tokens"] {
  if (!isRecord(usage)) return undefined;
  const ins = isRecord(usage.input_tokens_details) ? usage.input_tokens_details : {};
  const cached = isRecord(ins.cached_tokens_details) ? ins.cached_tokens_details : {};
  const outs = isRecord(usage.output_tokens_details) ? usage.output_tokens_details : {};
  const input = amount(usage.input_tokens);
  const output = amount(usage.output_tokens) ?? difference(amount(usage.total_tokens), input);
  const textOutput = amount(outs.text_tokens);
  const tokens = {
    input,
    textInput: amount(ins.text_tokens),
    imageInput: amount(ins.image_tokens),
    cachedTextInput: amount(cached.text_tokens) ?? amount(ins.cached_tokens),
    cachedImageInput: amount(cached.image_tokens),
    output,
    textOutput,
    imageOutput: amount(outs.image_tokens) ?? difference(output, textOutput ?? 0),
  };
  const svg = isRecord(svgUsage) ? svgUsage : {};
  return present({
    ...tokens,
    // Whoever wrote the SVG is a text model: its tokens are text on both sides.
    ...(isRecord(svgUsage) && {
      input: sum(tokens.input, amount(svg.input_tokens)),
      textInput: sum(tokens.textInput, amount(svg.input_tokens)),
      output: sum(tokens.output, amount(svg.output_tokens)),
      textOutput: sum(tokens.textOutput, amount(svg.output_tokens)),
    }),
  });
}

type Amounts = { [K in keyof NonNullable<Usage["tokens"]>]: number | undefined };

function present(amounts: Amounts): NonNullable<Usage["tokens"]> {
  return Object.fromEntries(Object.entries(amounts).filter(([, value]) => value !== undefined));
}

function amount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

function difference(whole: number | undefined, part: number | undefined): number | undefined {
  return whole === undefined ? undefined : Math.max(0, whole - (part ?? 0));
}

function sum(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined && other === undefined ? undefined : (one ?? 0) + (other ?? 0);
}
