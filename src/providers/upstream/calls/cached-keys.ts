/** Keys by which a provider's calls are verified: fetched once, kept for a day at most, and fetched anew when none fits. */

import type { Clock } from "../../../tasks/ports/clock.ts";
import type { HookVerdict } from "../../../tasks/ports/media-provider.ts";

const LONGEST_MS = 86_400_000;
/** Calls that do not verify may come in any number: keys are not fetched anew more often than this because of them, ms. */
const LEAST_MS = 300_000;

export class CachedKeys<Keys> {
  readonly #fetch: (signal: AbortSignal) => Promise<Keys>;
  readonly #clock: Pick<Clock, "monotonic">;
  #known: { readonly keys: Keys; readonly at: number } | null = null;
  #fetching: Promise<Keys> | null = null;

  constructor(fetch: (signal: AbortSignal) => Promise<Keys>, clock: Pick<Clock, "monotonic">) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  /** Whether a call is genuine by these keys. `unknown` when the keys cannot be had. */
  async judge(
    fits: (keys: Keys) => Promise<boolean>,
    signal: AbortSignal,
  ): Promise<Extract<HookVerdict["kind"], "hint" | "refused" | "unknown">> {
    try {
      if (await fits(await this.#get(LONGEST_MS, signal))) return "hint";
      // They may have been changed since.
      return (await fits(await this.#get(LEAST_MS, signal))) ? "hint" : "refused";
    } catch {
      return "unknown";
    }
  }

  async #get(maxAgeMs: number, signal: AbortSignal): Promise<Keys> {
    const known = this.#known;
    if (known !== null && this.#clock.monotonic() - known.at < maxAgeMs) return known.keys;
    this.#fetching ??= this.#load(signal);
    return await this.#fetching;
  }

  async #load(signal: AbortSignal): Promise<Keys> {
    try {
      const keys = await this.#fetch(signal);
      this.#known = { keys, at: this.#clock.monotonic() };
      return keys;
    } finally {
      this.#fetching = null;
    }
  }
}
