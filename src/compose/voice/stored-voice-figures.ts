/**
 * What operators see of the voice sessions of a deployment whose processes come and go: what the store knows of all of them. What a
 * session counts besides (messages, connects, errors) ends with the object that runs it.
 */

import type { UsageStore } from "../../accounts/money/usage-store.ts";
import type { MetricsRegistry, Sample } from "../../metrics/registry.ts";
import type { SessionStore } from "../../realtime/session-store.ts";
import { dollars } from "../../tasks/dollars.ts";
import type { Clock } from "../../tasks/ports/clock.ts";

export type StoredVoiceFiguresDependencies = {
  readonly store: Pick<SessionStore, "listOpenSessions"> & Pick<UsageStore, "usage">;
  readonly clock: Pick<Clock, "now">;
  /** Whether a name is that of a voice model. */
  isVoice(model: string): boolean;
};

/** More open sessions than this are not counted. */
const MOST_COUNTED = 1_000;
const DAY_MS = 86_400_000;
const EVERY_KEY = { keyId: null, customer: null } as const;

export class StoredVoiceFigures {
  readonly #dependencies: StoredVoiceFiguresDependencies;

  constructor(dependencies: StoredVoiceFiguresDependencies) {
    this.#dependencies = dependencies;
  }

  /** Adds them to these metrics; the store is asked at each scrape. */
  registerIn(metrics: MetricsRegistry): void {
    const { store } = this.#dependencies;
    metrics.gauge("conduit_realtime_sessions", "Voice sessions open in all, by provider.", async () => {
      const counts = new Map<string, number>();
      for (const { provider } of await store.listOpenSessions(MOST_COUNTED))
        counts.set(provider, (counts.get(provider) ?? 0) + 1);
      return [...counts].map(([provider, value]): Sample => ({ labels: { provider }, value }));
    });
    metrics.total(
      "conduit_realtime_sessions_ended_total",
      "Voice sessions that were settled, by model; begins anew with each UTC day.",
      () => this.#today(({ completed }) => completed),
    );
    metrics.total(
      "conduit_realtime_charged_dollars_total",
      "What keys were charged for voice sessions, by model; begins anew with each UTC day.",
      () => this.#today(({ chargedMicros }) => dollars(chargedMicros)),
    );
  }

  async #today(
    of: (row: { readonly completed: number; readonly chargedMicros: number }) => number,
  ): Promise<Sample[]> {
    const { store, clock, isVoice } = this.#dependencies;
    const day = Math.floor(clock.now() / DAY_MS);
    const rows = await store.usage(EVERY_KEY, { from: day, to: day }, "model");
    return rows
      .filter(({ group }) => isVoice(group))
      .map((row) => ({ labels: { model: row.group }, value: of(row) }));
  }
}
