/** A failure of a provider while a step is at work, thrown where it is found and answered as a value by `runStep`. */

import type { Failure, StepOutcome } from "../../../tasks/ports/media-provider.ts";

/** Carries what the engine is to be told. Its message may be shown to callers. */
export class UpstreamError extends Error {
  override readonly name = "UpstreamError";
  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}

/**
 * Runs a `submit` or `poll`: an `UpstreamError` becomes its failure. Everything else that is thrown (a file too large for
 * the store, a lost lease, a mistake of ours) is the engine's to judge.
 */
export async function runStep(work: () => Promise<StepOutcome>): Promise<StepOutcome> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UpstreamError) return { kind: "failed", failure: error.failure };
    throw error;
  }
}
