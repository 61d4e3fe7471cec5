/** What runs of every kind do when they are told to stop, and how they wait between steps. */

import type { Clock } from "../../tasks/ports/clock.ts";
import type { StepOutcome } from "../../tasks/ports/media-provider.ts";

/** The outcome of a run that was told to stop; what it saved is taken up by the next one. */
export const INTERRUPTED: StepOutcome = {
  kind: "failed",
  failure: {
    kind: "transient",
    code: "provider_unavailable",
    message: "The painter was interrupted",
    jobFailed: true,
  },
};

/** The extra wait after a step, `ms` long; false when it was told to stop. */
export function rest(ms: number, signal: AbortSignal, clock: Pick<Clock, "after">): Promise<boolean> {
  if (ms === 0 || signal.aborted) return Promise.resolve(!signal.aborted);
  return new Promise((resolve) => {
    const timer = clock.after(ms, () => {
      signal.removeEventListener("abort", stop);
      resolve(true);
    });
    const stop = () => {
      timer.cancel();
      resolve(false);
    };
    signal.addEventListener("abort", stop, { once: true });
  });
}
