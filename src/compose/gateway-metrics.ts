/** The gauges of a gateway with a store, read when somebody scrapes. */

import type { MetricsRegistry, Sample } from "../metrics/registry.ts";
import type { GatewayHealthSources } from "./gateway-health.ts";

/** Adds queue, provider call and subscriber gauges to the registry. */
export function registerGatewayMetrics(
  metrics: MetricsRegistry,
  {
    store,
    engine,
    rooms,
    hubs,
  }: Pick<GatewayHealthSources, "store" | "engine" | "rooms"> & { hubs: { readonly used: number } },
): void {
  registerQueueMetrics(metrics, store);
  metrics.gauge("conduit_provider_calls", "Provider calls open in this process.", () => [
    { value: engine.heldSteps },
  ]);
  metrics.gauge("conduit_rooms", "Tasks and tenants that are followed in this process.", () => [
    { value: rooms.stats().rooms },
  ]);
  metrics.gauge("conduit_hub_connections", "Hub connections open in this process.", () => [
    { value: hubs.used },
  ]);
  metrics.gauge(
    "conduit_followers",
    "Followers of events in this process; alone = slow and served one by one.",
    () => {
      const { subscribers, alone } = rooms.stats();
      return [
        { labels: { service: "topic" }, value: subscribers - alone },
        { labels: { service: "alone" }, value: alone },
      ];
    },
  );
}

/** Adds the queue's gauge, read from the store when somebody scrapes: it is of the whole deployment. */
export function registerQueueMetrics(
  metrics: MetricsRegistry,
  store: Pick<GatewayHealthSources["store"], "stats">,
): void {
  metrics.gauge("conduit_queue_tasks", "Unfinished tasks by lane and whereabouts.", async () => {
    const stats = await store.stats();
    return stats.flatMap(({ lane, ready, delayed, held }): Sample[] => [
      { labels: { lane, state: "ready" }, value: ready },
      { labels: { lane, state: "delayed" }, value: delayed },
      { labels: { lane, state: "held" }, value: held },
    ]);
  });
}
