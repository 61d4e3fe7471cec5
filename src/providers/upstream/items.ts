/** Makes the `n` items of a task by calls that make some each, so that no finished item is paid for twice. */

import type { Json, TaskErrorCode } from "../../protocol/task.ts";
import type { Failure, StepIo, StepOutcome, Usage } from "../../tasks/ports/media-provider.ts";
import type { MediaItem } from "../../tasks/task.ts";
import { isRecord } from "./error-text.ts";
import { permanent } from "./failures.ts";
import { UpstreamError } from "./upstream-error.ts";

/** What one call made: at most as many items as were asked for, in their order. */
export type Made = { readonly items: readonly Omit<MediaItem, "index">[]; readonly usage?: Usage };

export type ItemsOrder = {
  readonly n: number;
  /** How many items one call makes at most. */
  readonly perCall: number;
  /** As people call the provider. */
  readonly provider: string;
  /** What the last step of the task saved; null at the first. */
  readonly state: Json;
  readonly io: Pick<StepIo, "save" | "signal">;
  /** One call for `count` items, the first of which has this index. Throws `UpstreamError`. */
  make(count: number, index: number): Promise<Made>;
};

/** Below the bound of a state, with room for what the store adds. */
const ROOMY_STATE_BYTES = 7_168;

type ItemError = { index: number; code: TaskErrorCode; message: string };
type Progress = { items: MediaItem[]; errors: ItemError[]; usage: Usage };

/**
 * Calls until every item came or failed. An item that is refused (content policy, a bad request) is an error of its own;
 * when none came the task fails as the first call did. A failure that may pass ends the step, with what came saved: the
 * task goes on with the missing items.
 */
export async function makeItems(order: ItemsOrder): Promise<StepOutcome> {
  const { n, perCall, provider, io } = order;
  const progress = readProgress(order.state);
  let refusal: Failure | null = null;
  for (;;) {
    const index = progress.items.length + progress.errors.length;
    if (index >= n) break;
    const count = Math.min(perCall, n - index);
    try {
      const { items, usage } = await order.make(count, index);
      for (const [place, item] of items.slice(0, count).entries())
        progress.items.push({ ...item, index: index + place });
      for (let missing = index + items.length; missing < index + count; missing += 1)
        progress.errors.push({
          index: missing,
          code: "provider_error",
          message: `${provider} did not deliver this one.`,
        });
      progress.usage = sumOf(progress.usage, usage ?? {});
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      const { failure } = error;
      if (failure.kind === "transient" || failure.kind === "rate_limited") {
        // With items in its state the task is polled, and a failed poll would use no attempt.
        throw index === 0 ? error : new UpstreamError({ ...failure, jobFailed: true });
      }
      refusal = failure;
      const code = failure.kind === "content_policy" ? "content_policy_violation" : failure.code;
      // What is wrong with the account or the request is wrong with the remaining calls as well.
      const failed = failure.kind === "content_policy" ? count : n - index;
      for (let place = 0; place < failed; place += 1)
        progress.errors.push({ index: index + place, code, message: failure.message });
    }
    const made = progress.items.length + progress.errors.length;
    if (made < n) await io.save(savable(progress));
  }
  if (progress.items.length === 0) {
    // Whatever ran upstream has ended: there is nothing to cancel.
    const failure = refusal ?? permanent("provider_error", `${provider} answered without any result.`);
    return { kind: "failed", failure: { ...failure, ...(isFinal(failure) && { jobOver: true }) } };
  }
  return { kind: "done", ...progress };
}

function isFinal({ kind }: Failure): boolean {
  return kind === "permanent" || kind === "content_policy";
}

/** The progress as a state; where the prompts as the provider wrote them would not fit, it goes on without them. */
function savable(progress: Progress): Json {
  const state = progress as unknown as Json;
  if (new TextEncoder().encode(JSON.stringify(state)).length <= ROOMY_STATE_BYTES) return state;
  for (const item of progress.items) delete item.revisedPrompt;
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
    return { items: [], errors: [], usage: {} };
  return structuredClone(state) as unknown as Progress;
}

function sumOf(one: Usage, other: Usage): Usage {
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
