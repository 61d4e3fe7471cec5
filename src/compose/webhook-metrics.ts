/** What operators see of the webhooks that a process sends: how its tries went. */

import type { CounterSeries, Family, MetricsRegistry } from "../metrics/registry.ts";

export class WebhookMetrics {
  #tries: Family<CounterSeries> | null = null;

  /** Counts in these metrics from now on. */
  registerIn(metrics: MetricsRegistry): void {
    this.#tries = metrics.counter(
      "conduit_webhook_tries_total",
      "Tries of this process to deliver to a webhook, by outcome; given_up counts deliveries that are not tried again.",
    );
  }

  note(outcome: string): void {
    this.#tries?.with({ outcome }).add();
  }
}
