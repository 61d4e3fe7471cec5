/**
 * What a provider adapter answered, held against what it may answer. Adapters translate other people's replies and are
 * written by many hands: whatever comes, the task has to end well, be charged sanely and not be started twice.
 */

import { type Json, TASK_ERROR_CODES, type TaskErrorCode } from "../../protocol/task.ts";
import { cutMessage } from "../cut-message.ts";
import type { Failure, StepOutcome, Usage } from "../ports/media-provider.ts";
import { MAX_STATE_BYTES } from "../ports/store-error.ts";
import type { MediaItem, MediaRef } from "../task.ts";

export type CheckedOutcome = {
  outcome: StepOutcome;
  /** What was wrong with it, for the log; null when nothing was. */
  flaw: string | null;
};

/** A job whose adapter does not say sensibly when to ask again is asked after this, ms. */
const USUAL_POLL_MS = 2_000;
/** No job is left alone for longer, ms. */
const MAX_POLL_MS = 3_600_000;
const UTF8 = new TextEncoder();

/**
 * Takes what it can use and leaves out what it cannot. An answer that is none, or a running job without a usable
 * reference, is a final failure: to try again could pay for the same work twice. `n` is how many items were asked for.
 */
export function checkOutcome(given: unknown, n: number): CheckedOutcome {
  if (!isObject(given)) return unusable("the answer is no outcome");
  switch (given.kind) {
    case "done":
      return checkDone(given, n);
    case "pending":
      return checkPending(given);
    case "failed":
      return checkFailed(given.failure);
    default:
      return unusable("the outcome is of no known kind");
  }
}

/**
 * What is stored of a state: its JSON, read back, so that every store keeps the same of an adapter's own objects. A text
 * says what is wrong with it.
 */
function storedState(state: unknown): { json: Json } | string {
  if (state === null || state === undefined) return "the running job has no reference";
  let text: string | undefined;
  try {
    text = JSON.stringify(state);
  } catch {
    text = undefined;
  }
  if (text === undefined) return "the state is no JSON";
  return UTF8.encode(text).length > MAX_STATE_BYTES
    ? `the state has more than ${MAX_STATE_BYTES} bytes`
    : { json: JSON.parse(text) as Json };
}

function checkDone(given: Record<string, unknown>, n: number): CheckedOutcome {
  if (!Array.isArray(given.items)) return unusable("the finished job has no list of items");
  const flaws: string[] = [];
  const items = new Map<number, MediaItem>();
  for (const value of given.items) {
    const item = checkItem(value, n);
    if (item === null || items.has(item.index))
      flaws.push("an item is none, is of no place asked for, or came twice");
    else items.set(item.index, item);
  }
  const errors: { index: number; code: TaskErrorCode; message: string }[] = [];
  const reported = given.errors ?? [];
  if (!Array.isArray(reported)) flaws.push("its errors are no list");
  else {
    for (const value of reported) {
      const known =
        isObject(value) && isPlace(value.index, n) && !errors.some(({ index }) => index === value.index);
      if (known)
        errors.push({
          index: Number(value.index),
          code: codeOf(value.code),
          message: messageOf(value.message),
        });
      else flaws.push("an error is none, is of no place asked for, or came twice");
    }
  }
  if (items.size === 0 && errors.length === 0 && flaws.length > 0) return unusable(flaws.join("; "));
  const sorted = [...items.values()].sort((a, b) => a.index - b.index);
  const outcome: StepOutcome = { kind: "done", items: sorted, errors };
  if (isAmount(given.costMicros)) outcome.costMicros = Math.round(given.costMicros);
  else if (given.costMicros !== undefined) flaws.push("the cost is no amount");
  const usage = given.usage === undefined ? {} : checkUsage(given.usage, flaws);
  if (Object.keys(usage).length > 0) outcome.usage = usage;
  return { outcome, flaw: flaws.length === 0 ? null : flaws.join("; ") };
}

const QUANTITIES = ["images", "seconds", "megapixels"] as const;
const TOKENS = [
  "input",
  "textInput",
  "cachedTextInput",
  "imageInput",
  "cachedImageInput",
  "output",
  "textOutput",
  "imageOutput",
] as const satisfies readonly (keyof NonNullable<Usage["tokens"]>)[];

/** The amounts in it, which a price is reckoned from; what is no amount is left out. */
function checkUsage(given: unknown, flaws: string[]): Usage {
  const { tokens, ...quantities } = isObject(given) ? given : {};
  const usage: Usage = amounts(quantities, QUANTITIES, flaws);
  const counted = amounts(isObject(tokens) ? tokens : {}, TOKENS, flaws);
  return Object.keys(counted).length === 0 ? usage : { ...usage, tokens: counted };
}

function amounts<Name extends string>(
  given: Record<string, unknown>,
  names: readonly Name[],
  flaws: string[],
): { [N in Name]?: number } {
  const found: { [N in Name]?: number } = {};
  for (const name of names) {
    const value = given[name];
    if (isAmount(value)) found[name] = value;
    else if (value !== undefined && value !== null) flaws.push(`its usage of ${name} is no amount`);
  }
  return found;
}

function checkItem(value: unknown, n: number): MediaItem | null {
  if (!isObject(value) || !isPlace(value.index, n)) return null;
  const media = checkMedia(value.media);
  if (media === null) return null;
  const item: MediaItem = { index: value.index, media };
  if (typeof value.revisedPrompt === "string") item.revisedPrompt = value.revisedPrompt;
  // What the file itself says, where the adapter says nothing.
  const figures = isObject(value.media) ? value.media : {};
  for (const field of ["width", "height", "durationSeconds", "fps"] as const) {
    const figure = isAmount(value[field]) ? value[field] : figures[field];
    if (isAmount(figure)) item[field] = figure;
  }
  return item;
}

function checkMedia(value: unknown): MediaRef | null {
  if (!isObject(value)) return null;
  const { path, contentType, bytes } = value;
  const whole = typeof path === "string" && path !== "" && typeof contentType === "string" && isAmount(bytes);
  return whole ? { path, contentType, bytes } : null;
}

function checkPending(given: Record<string, unknown>): CheckedOutcome {
  const state = storedState(given.state);
  if (typeof state === "string") return unusable(state);
  const outcome: StepOutcome = {
    kind: "pending",
    state: state.json,
    pollAfterMs: isAmount(given.pollAfterMs) ? Math.min(given.pollAfterMs, MAX_POLL_MS) : USUAL_POLL_MS,
  };
  if (isAmount(given.progress)) outcome.progress = given.progress;
  if (typeof given.message === "string") outcome.message = cutMessage(given.message);
  return { outcome, flaw: isAmount(given.pollAfterMs) ? null : "it does not say when to ask again" };
}

function checkFailed(given: unknown): CheckedOutcome {
  if (!isObject(given)) return unusable("the failure is none");
  const message = messageOf(given.message);
  const failed = (failure: Failure): CheckedOutcome => ({ outcome: { kind: "failed", failure }, flaw: null });
  switch (given.kind) {
    case "transient":
      return failed({
        kind: "transient",
        code: codeOf(given.code),
        message,
        mayHaveStarted: given.mayHaveStarted === true,
        ...(given.jobFailed === true && { jobFailed: true }),
      });
    case "rate_limited":
      return failed({
        kind: "rate_limited",
        message,
        ...(isAmount(given.retryAfterMs) && { retryAfterMs: given.retryAfterMs }),
        ...(given.jobFailed === true && { jobFailed: true }),
      });
    case "permanent":
      return failed({ kind: "permanent", code: codeOf(given.code), message, ...overOf(given) });
    case "content_policy":
      return failed({ kind: "content_policy", message, ...overOf(given) });
    default:
      return unusable("the failure is of no known kind");
  }
}

function overOf(given: Record<string, unknown>): { jobOver?: true } {
  return given.jobOver === true ? { jobOver: true } : {};
}

function unusable(flaw: string): CheckedOutcome {
  const message = "The provider's answer could not be used";
  return {
    outcome: { kind: "failed", failure: { kind: "permanent", code: "provider_error", message } },
    flaw,
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function isPlace(value: unknown, n: number): value is number {
  return isAmount(value) && Number.isInteger(value) && value < n;
}

function codeOf(value: unknown): TaskErrorCode {
  return TASK_ERROR_CODES.find((code) => code === value) ?? "provider_error";
}

function messageOf(value: unknown): string {
  return typeof value === "string" && value !== "" ? cutMessage(value) : "The provider gave no reason";
}
