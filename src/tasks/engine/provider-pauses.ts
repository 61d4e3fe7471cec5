/**
 * Decides from the outcomes of this process's calls for how long a provider is paused: as long as it asks to when it limits
 * the rate, and longer each time while calls in a row find it away. While it is paused none of its waiting tasks is claimed by
 * any process, so none is started, and its deadline begun, only to be turned away. What runs already is still polled.
 */

import type { Clock } from "../ports/clock.ts";
import type { StepOutcome } from "../ports/media-provider.ts";

/** Calls that fail in a row, as `provider_unavailable`, before the provider counts as away. */
const AWAY_AFTER_FAILURES = 5;
/** The first pause of a provider that is away, ms; each further one is twice as long. */
const FIRST_PAUSE_MS = 1_000;
/** The longest pause of a provider that is away, ms: how late its return is noticed at most. */
const LONGEST_PAUSE_MS = 30_000;

type Calls = {
  /** Failures in a row. */
  failures: number;
  /** Pauses in a row. */
  pauses: number;
  /** Monotonic, ms: when the last of those pauses ends. */
  pausedUntil: number;
};

export class ProviderPauses {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #calls = new Map<string, Calls>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** Whether the provider counts as away: a failure says nothing about the task then, and uses none of its attempts. */
  isAway(provider: string): boolean {
    return (this.#calls.get(provider)?.failures ?? 0) >= AWAY_AFTER_FAILURES;
  }

  /** Notes how a call ended. */
  note(provider: string, outcome: StepOutcome): void {
    if (!isUnavailable(outcome)) {
      // A provider that limits the rate is there.
      this.#calls.delete(provider);
      return;
    }
    const calls = this.#calls.get(provider) ?? { failures: 0, pauses: 0, pausedUntil: 0 };
    calls.failures += 1;
    this.#calls.set(provider, calls);
  }

  /**
   * For how long the provider is to be paused after that outcome, ms; 0: not at all. `waitMs` is what its task waits.
   * Calls that were open together when a provider went away count as one.
   */
  pauseAfter(provider: string, outcome: StepOutcome, waitMs: number): number {
    if (isRateLimit(outcome)) return waitMs;
    const calls = this.#calls.get(provider);
    const now = this.#clock.monotonic();
    if (calls === undefined || !this.isAway(provider) || now < calls.pausedUntil) return 0;
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** calls.pauses);
    calls.pauses += 1;
    calls.pausedUntil = now + pauseMs;
    return pauseMs;
  }
}

/** The provider limits the rate, and not only that of one job. */
function isRateLimit(outcome: StepOutcome): boolean {
  return (
    outcome.kind === "failed" && outcome.failure.kind === "rate_limited" && outcome.failure.jobFailed !== true
  );
}

function isUnavailable(outcome: StepOutcome): boolean {
  return (
    outcome.kind === "failed" &&
    outcome.failure.kind === "transient" &&
    outcome.failure.code === "provider_unavailable" &&
    outcome.failure.jobFailed !== true
  );
}
