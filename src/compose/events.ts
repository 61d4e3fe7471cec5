/** The sink of domain events, as the settings have it: what a store keeps for it, who sends it, and how that goes. */

import type { Settings } from "../config/load.ts";
import { createHttpSink, type Post } from "../events/http-sink.ts";
import type { EventOutbox, OutboxOptions, OutboxStats } from "../events/outbox.ts";
import { EventSender } from "../events/sender.ts";
import type { HealthPart } from "../http/routes/health.ts";
import type { MetricsRegistry } from "../metrics/registry.ts";
import { type DomainEventType, USUAL_EVENT_TYPES } from "../protocol/domain-event.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { Log } from "../tasks/ports/log.ts";

/** What a store is opened with; null without a sink: then it keeps no events. */
export function outboxOptions({ events }: Pick<Settings, "events">): OutboxOptions | null {
  const { url, types, maxRows } = events.sink;
  if (url === null) return null;
  return { types: new Set((types as readonly DomainEventType[] | null) ?? USUAL_EVENT_TYPES), maxRows };
}

/** Null without a sink. */
export function createEventSender(
  { events }: Pick<Settings, "events">,
  dependencies: { store: EventOutbox; post: Post; clock: Clock; log: Log },
): EventSender | null {
  const { url, headers } = events.sink;
  if (url === null) return null;
  const { store, post, clock, log } = dependencies;
  return new EventSender({ store, sink: createHttpSink({ url, headers }, { post, clock }), clock, log });
}

/** How the outbox is, asked when somebody looks. */
export type EventsReport = {
  stats(): Promise<OutboxStats>;
  /** Events that the sink has taken from this process; absent where figures of one process say nothing. */
  sent?(): number;
};

export function registerEventMetrics(metrics: MetricsRegistry, { stats, sent }: EventsReport): void {
  metrics.gauge("conduit_events_waiting", "Domain events that wait for the sink.", async () => [
    { value: (await stats()).waiting },
  ]);
  metrics.total(
    "conduit_events_dropped_total",
    "Domain events that fell out of the outbox before they were sent.",
    async () => [{ value: (await stats()).dropped }],
  );
  if (sent !== undefined)
    metrics.total("conduit_events_sent_total", "Domain events that this process has sent.", () => [
      { value: sent() },
    ]);
}

export async function eventsPart({ stats }: EventsReport): Promise<HealthPart> {
  try {
    const { waiting, dropped, failures } = await stats();
    if (failures === 0) return { status: "ok", waiting, dropped };
    const detail =
      "the sink of events does not take them; they wait, and the log says what it answered. Look at events.sink";
    return { status: "degraded", detail, waiting, dropped, failures };
  } catch {
    return { status: "down", detail: "the outbox of events cannot be read" };
  }
}
