/** Makes the `n` items of a task by calls that make some each, so that no finished item is paid for twice. */

import type { Json, TaskErrorCode } from "../../../protocol/task.ts";
import type { Failure, StepIo, StepOutcome, Usage } from "../../../tasks/ports/media-provider.ts";
import type { MediaItem } from "../../../tasks/task.ts";
import { isRecord } from "../calls/error-text.ts";
import { permanent } from "../calls/failures.ts";
import { UpstreamError } from "../calls/upstream-error.ts";

/** What one call made: at most as many items as were asked for, in their order. */
export type Made = {
  readonly items: readonly Omit<MediaItem, "index">[];
  readonly usage?: Usage;
  /** Why the others did not come, where the provider says. */
  readonly missing?: Failure;
};

export type ItemsOrder = {
  readonly n: number;
  /** How many items one call makes at most. */
  readonly perCall: number;
  /** How many calls are open at once; default 1. */
  readonly parallel?: number;
  /** As people call the provider. */
  readonly provider: string;
  /** What the last step of the task saved; null at the first. */
  readonly state: Json;
  /** Whether what fails now is not tried again: then an item that fails is an error of its own, whatever the reason. */
  readonly lastAttempt?: boolean;
  readonly io: Pick<StepIo, "save" | "signal" | "progress">;
  /** One call for `count` items, the first of which has this index. Throws `UpstreamError`. */
  make(count: number, index: number): Promise<Made>;
};

/** Below the bound of a state, with room for what the store adds. */
const ROOMY_STATE_BYTES = 7_168;
/** Progress stays below 100 until the task is over. */
const MOST_PERCENT = 95;

type ItemError = { index: number; code: TaskErrorCode; message: string };
type Kept = { items: MediaItem[]; errors: ItemError[]; usage: Usage };
/** `refusal`: the last final failure of this step's calls. */
type Progress = Kept & { refusal: Failure | null };

/** What ends the calls before every item came or failed. */
type Interruption = { failure: Failure | null; thrown: { error: unknown } | null };

/**
 * Calls until every item came or failed, and saves after each call. An item that is refused (content policy, a bad request)
 * is an error of its own; when none came the task fails as a call did. After a failure that may pass no further call
 * begins, what the open ones bring is saved, and the step ends: the task goes on with the missing items.
 */
export async function makeItems(order: ItemsOrder): Promise<StepOutcome> {
  const { n, perCall, parallel = 1, io } = order;
  const progress = readProgress(order.state);
  const calls = missingCalls(progress, n, perCall);
  const interruption: Interruption = { failure: null, thrown: null };
  let isKept = madeOf(progress) > 0;
  let saving = Promise.resolve();
  /** One after the other, each with the newest: a store may be asked over a network, which keeps no order. */
  const save = (): Promise<void> => {
    saving = saving.then(() => io.save(savable(progress)));
    return saving;
  };

  const lane = async (): Promise<void> => {
    for (let next = calls.shift(); next !== undefined; next = calls.shift()) {
      try {
        const failure = await makeCall(next, order, progress);
        // What is wrong with the account or the request is wrong with the remaining calls as well.
        if (failure?.kind === "permanent") failCalls(calls.splice(0), progress, failure);
        if (failure !== null && !isFinal(failure)) interruption.failure ??= failure;
        else if (madeOf(progress) < n) {
          await save();
          isKept = true;
          io.progress(Math.floor((MOST_PERCENT * madeOf(progress)) / n));
        }
      } catch (error) {
        interruption.thrown ??= { error };
      }
      if (interruption.failure !== null || interruption.thrown !== null) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, calls.length) }, lane));

  const { failure, thrown } = interruption;
  if (thrown !== null) throw thrown.error;
  if (failure !== null) {
    // Waiting for a rate limit uses no attempt, so that it can always be waited for.
    const isLast = order.lastAttempt === true && failure.kind === "transient" && progress.items.length > 0;
    // With items in its state the task is polled, and a failed poll would use no attempt.
    if (!isLast)
      throw new UpstreamError(isKept && !isFinal(failure) ? { ...failure, jobFailed: true } : failure);
    failCalls(missingCalls(progress, n, 1), progress, failure);
  }
  return outcomeOf(progress, order.provider);
}

/** Makes one call and notes what came of it; answers how it failed, null when it did not. */
async function makeCall(
  { index, count }: Call,
  { make, provider }: ItemsOrder,
  progress: Progress,
): Promise<Failure | null> {
  let made: Made;
  try {
    made = await make(count, index);
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    if (isFinal(error.failure)) {
      progress.refusal = error.failure;
      failCalls([{ index, count }], progress, error.failure);
    }
    return error.failure;
  }
  const items = made.items.slice(0, count);
  for (const [place, item] of items.entries()) progress.items.push({ ...item, index: index + place });
  const missing = { index: index + items.length, count: count - items.length };
  const reason = made.missing ?? permanent("provider_error", `${provider} did not deliver this one.`);
  failCalls([missing], progress, reason);
  progress.usage = sumOf(progress.usage, made.usage ?? {});
  return null;
}

function outcomeOf({ items, errors, usage, refusal }: Progress, provider: string): StepOutcome {
  const byIndex = (one: { index: number }, other: { index: number }) => one.index - other.index;
  if (items.length > 0)
    return { kind: "done", items: items.toSorted(byIndex), errors: errors.toSorted(byIndex), usage };
  // Whatever ran upstream has ended: there is nothing to cancel.
  const failure = refusal ?? permanent("provider_error", `${provider} answered without any result.`);
  return { kind: "failed", failure: { ...failure, ...(isFinal(failure) && { jobOver: true }) } };
}

type Call = { readonly index: number; readonly count: number };

/** Calls for the items that neither came nor failed, neighbours together. */
function missingCalls({ items, errors }: Progress, n: number, perCall: number): Call[] {
  const known = new Set([...items, ...errors].map(({ index }) => index));
  const calls: { index: number; count: number }[] = [];
  for (let index = 0; index < n; index += 1) {
    if (known.has(index)) continue;
    const last = calls.at(-1);
    if (last !== undefined && last.index + last.count === index && last.count < perCall) last.count += 1;
    else calls.push({ index, count: 1 });
  }
  return calls;
}

function failCalls(calls: readonly Call[], { errors }: Progress, failure: Failure): void {
  for (const { index, count } of calls) {
    for (let place = 0; place < count; place += 1)
      errors.push({ index: index + place, code: codeOf(failure), message: failure.message });
  }
}

/** How a failure is called among the errors of a task's items. */
export function codeOf(failure: Failure): TaskErrorCode {
  if (failure.kind === "content_policy") return "content_policy_violation";
  return failure.kind === "rate_limited" ? "rate_limit_exceeded" : failure.code;
}

function madeOf({ items, errors }: Kept): number {
  return items.length + errors.length;
}

function isFinal(failure: Failure): failure is Extract<Failure, { kind: "permanent" | "content_policy" }> {
  return failure.kind === "permanent" || failure.kind === "content_policy";
}

/** The progress as a state; where the prompts as the provider wrote them would not fit, it goes on without them. */
function savable({ items, errors, usage }: Progress): Json {
  const state = { items, errors, usage } as unknown as Json;
  if (new TextEncoder().encode(JSON.stringify(state)).length <= ROOMY_STATE_BYTES) return state;
  for (const item of items) delete item.revisedPrompt;
  return state;
}

/** The state of an earlier step; an unknown one counts as nothing made. */
function readProgress(state: Json): Progress {
  if (
    !isRecord(state) ||
    !Array.isArray(state.items) ||
    !Array.isArray(state.errors) ||
    !isRecord(state.usage)
  )
    return { items: [], errors: [], usage: {}, refusal: null };
  return { ...(structuredClone(state) as unknown as Kept), refusal: null };
}

/** The usage of both. */
export function sumOf(one: Usage, other: Usage): Usage {
  const sum: Usage = {};
  for (const name of ["images", "seconds", "megapixels"] as const) {
    const amount = add(one[name], other[name]);
    if (amount !== undefined) sum[name] = amount;
  }
  if (one.tokens === undefined && other.tokens === undefined) return sum;
  const tokens: NonNullable<Usage["tokens"]> = {};
  for (const name of TOKEN_KINDS) {
    const amount = add(one.tokens?.[name], other.tokens?.[name]);
    if (amount !== undefined) tokens[name] = amount;
  }
  return { ...sum, tokens };
}

const TOKEN_KINDS = [
  "input",
  "textInput",
  "cachedTextInput",
  "imageInput",
  "cachedImageInput",
  "output",
  "textOutput",
  "imageOutput",
] as const;

function add(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined && other === undefined ? undefined : (one ?? 0) + (other ?? 0);
}
