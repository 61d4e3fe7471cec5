/** The gauges of a host, registered in one place and read when somebody scrapes. */

import type { MetricsRegistry, Sample } from "../../metrics/registry.ts";
import { TASK_TYPES } from "../../protocol/task.ts";
import type { RoomsStats } from "../../rooms/rooms.ts";
import type { HungCalls } from "../../tasks/engine/hung-calls.ts";
import type { AccountHealth, AccountPurpose } from "../../tasks/engine/provider-health.ts";
import type { TaskStore } from "../../tasks/ports/task-store.ts";
import type { DeliveryStore } from "../../webhooks/delivery-store.ts";
import { type EventsReport, registerEventMetrics } from "../events.ts";

const SECOND_MS = 1_000;

/** What runs. */
export type BuildInfo = {
  readonly version: string;
  /** Name and version of what runs it. */
  readonly runtime: string;
};

/** What is counted of one process; a deployment whose isolates come and go has nothing of the kind. */
export type ProcessGauges = {
  readonly engine: { readonly heldSteps: number };
  readonly hung: Pick<HungCalls, "open">;
  readonly providers: ReadonlyMap<string, unknown>;
  readonly accounts: () => readonly AccountHealth[];
  /** The same of voice, which knows them for itself. */
  readonly voiceAccounts: () => readonly AccountHealth[];
  readonly rooms: { stats(): RoomsStats };
  readonly hubs: { readonly used: number };
  readonly retention: { readonly unremovedMedia: number };
  readonly ends: { registerIn(metrics: MetricsRegistry): void };
  readonly storeCalls: { registerIn(metrics: MetricsRegistry): void };
  readonly webhookMetrics: { registerIn(metrics: MetricsRegistry): void };
  /** Null where no voice sessions are offered. */
  readonly voice: { registerIn(metrics: MetricsRegistry): void } | null;
};

export type MetricsSources = {
  readonly build: BuildInfo;
  readonly store: Pick<TaskStore, "stats" | "oldestWaitingMs" | "countUnreadable"> &
    Pick<DeliveryStore, "countDeliveries">;
  readonly process: ProcessGauges | undefined;
  /** Absent without a sink of events. */
  readonly events?: EventsReport | undefined;
  /** Of voice sessions in processes that come and go; absent where this process has figures of its own. */
  readonly storedVoice?: { registerIn(metrics: MetricsRegistry): void } | undefined;
};

/** Adds the gauges of what everybody shares who shares the store, and those of this process if it has some. */
export function registerMetrics(
  metrics: MetricsRegistry,
  { build, store, process, events, storedVoice }: MetricsSources,
): void {
  metrics.gauge("conduit_build_info", "What runs, in the labels.", () => [{ labels: build, value: 1 }]);
  metrics.gauge("conduit_unreadable_records", "Stored records that could not be read.", async () => [
    { value: await store.countUnreadable() },
  ]);
  metrics.gauge("conduit_queue_tasks", "Unfinished tasks by lane and whereabouts.", async () => {
    const stats = await store.stats();
    return stats.flatMap(({ lane, ready, delayed, held }): Sample[] => [
      { labels: { lane, state: "ready" }, value: ready },
      { labels: { lane, state: "delayed" }, value: delayed },
      { labels: { lane, state: "held" }, value: held },
    ]);
  });
  metrics.gauge(
    "conduit_webhook_deliveries",
    "Deliveries to webhooks that wait, and those that were given up and are kept, by status.",
    async () => {
      const { pending, dead } = await store.countDeliveries();
      return [
        { labels: { status: "pending" }, value: pending },
        { labels: { status: "dead" }, value: dead },
      ];
    },
  );
  metrics.gauge(
    "conduit_queue_oldest_waiting_seconds",
    "For how long the oldest task of a lane has waited for its first start; 0 when none waits.",
    () =>
      Promise.all(
        TASK_TYPES.map(async (lane): Promise<Sample> => {
          const waitingMs = (await store.oldestWaitingMs(lane)) ?? 0;
          return { labels: { lane }, value: waitingMs / SECOND_MS };
        }),
      ),
  );
  if (events !== undefined) registerEventMetrics(metrics, events);
  storedVoice?.registerIn(metrics);
  if (process === undefined) return;
  const { engine, hung, accounts, voiceAccounts, providers, rooms, hubs, retention, ends } = process;
  const { storeCalls, webhookMetrics, voice } = process;
  ends.registerIn(metrics);
  storeCalls.registerIn(metrics);
  webhookMetrics.registerIn(metrics);
  voice?.registerIn(metrics);
  metrics.gauge("conduit_provider_calls", "Provider calls open in this process.", () => [
    { value: engine.heldSteps },
  ]);
  metrics.gauge(
    "conduit_provider_hung_calls",
    "Provider calls of this process that did not end when they were told to and are still open.",
    () =>
      [...providers.keys()].map((provider) => ({
        labels: { provider },
        value: hung.open.get(provider) ?? 0,
      })),
  );
  metrics.gauge(
    "conduit_provider_account_rest_seconds",
    "For how long an account of a provider is not used, as the calls of this process found it; 0 when it is.",
    () => [...restsOf(accounts(), TASK_TYPES), ...restsOf(voiceAccounts(), ["realtime"])],
  );
  metrics.gauge("conduit_rooms", "Tasks and tenants that are followed in this process.", () => [
    { value: rooms.stats().rooms },
  ]);
  metrics.gauge("conduit_hub_connections", "Hub connections open in this process.", () => [
    { value: hubs.used },
  ]);
  metrics.gauge(
    "conduit_unremoved_media_tasks",
    "Tasks whose media this process could not remove when their time was over.",
    () => [{ value: retention.unremovedMedia }],
  );
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

/** For how long each account rests in each lane. */
function restsOf(accounts: readonly AccountHealth[], lanes: readonly AccountPurpose[]): Sample[] {
  return accounts.flatMap(({ provider, credential, awayMs, refusedMs, limitedMs }) =>
    lanes.map((lane) => ({
      labels: { provider, account: credential ?? "", lane },
      value: Math.max(awayMs, refusedMs, limitedMs[lane] ?? 0) / SECOND_MS,
    })),
  );
}
