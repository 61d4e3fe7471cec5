/** Lets destinations that do not answer rest: after some failures in a row nothing is sent there for a while, then one try. */

import { backoffMs, type RetryPolicy } from "../tasks/retry-policy.ts";

type State = { failures: number; rests: number; until: number };

/** Failures in a row before a destination rests. */
const FAILURES = 5;
const REST: RetryPolicy = { baseMs: 10_000, capMs: 300_000, jitter: 0.2 };
/** Destinations that are remembered; of more, the one that failed least lately is forgotten. */
const MAX_DESTINATIONS = 1_000;

export class Breaker {
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #states = new Map<string, State>();

  /** `now` is monotonic, ms. */
  constructor(now: () => number, random: () => number) {
    this.#now = now;
    this.#random = random;
  }

  answered(destination: string): void {
    this.#states.delete(destination);
  }

  /** How long the destination is to rest, ms; null when it need not, or rests already. */
  failed(destination: string): number | null {
    const now = this.#now();
    const state = this.#states.get(destination) ?? { failures: 0, rests: 0, until: 0 };
    this.#states.delete(destination);
    this.#states.set(destination, state);
    if (this.#states.size > MAX_DESTINATIONS) {
      for (const oldest of this.#states.keys()) {
        this.#states.delete(oldest);
        break;
      }
    }
    // What was under way when it began to rest says nothing new.
    if (now < state.until) return null;
    state.failures += 1;
    if (state.rests === 0 && state.failures < FAILURES) return null;
    state.rests += 1;
    const restMs = backoffMs(state.rests, REST, this.#random());
    state.until = now + restMs;
    return restMs;
  }
}
