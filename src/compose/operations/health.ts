/** The health of a host: one report, whose parts say of themselves how they are. Hosts differ only in what they bring. */

import type { Health, HealthPart } from "../../http/routes/health.ts";
import type { RoomsStats } from "../../rooms/rooms.ts";
import type { AccountHealth } from "../../tasks/engine/provider-health.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import { StoreUnavailableError, type UnavailableReason } from "../../tasks/ports/store-error.ts";
import type { QueueStats } from "../../tasks/ports/task-store.ts";
import type { DeliveryStore } from "../../webhooks/delivery-store.ts";
import { type EventsReport, eventsPart } from "../events.ts";
import { troubledAccounts } from "./provider-report.ts";

export type HealthSources = {
  readonly store: StoreSources;
  readonly queue: QueueSources;
  /** How the rooms are; asked each time. */
  readonly rooms: () => HealthPart;
  readonly providers: ReadonlyMap<string, unknown>;
  /** Calls that did not end when they were told to, by provider, where they are open in this process. */
  readonly hungCalls?: () => ReadonlyMap<string, number>;
  /** How the providers' accounts are doing, where they are used by this process. */
  readonly accounts?: () => readonly AccountHealth[];
  /** How the outbox of domain events is; absent without a sink. */
  readonly events?: EventsReport | undefined;
  /** Counts the deliveries of webhooks. */
  readonly webhooks?: DeliveryStore["countDeliveries"];
  /** How voice sessions are; absent where none are offered. */
  readonly realtime?: () => HealthPart | Promise<HealthPart>;
  readonly clock: Pick<Clock, "monotonic">;
};

/** The store is tried at most once in this time, ms: whoever asks meanwhile gets the same answer, and a probe is a write. */
const TRY_STORE_EVERY_MS = 1_000;

/** What an operator can do. */
const REMEDIES: Readonly<Partial<Record<UnavailableReason, string>>> = {
  full: "free space where it writes, or raise its limit",
  locked: "end the other process that holds its data directory",
  broken: "look at its log and its disk; docs/backup.md says how to restore",
  unreachable: "check that it runs, its address and its credentials",
  newer_schema: "start the release that wrote the data, or a later one",
};

export type StoreSources = {
  ping(): Promise<void>;
  countUnreadable(): Promise<number>;
  /** Whether there is any virtual key: without one every request answers 401. */
  hasKeys(): Promise<boolean>;
  /** Which store it is, on a host that says so. */
  readonly kind?: string;
  /** Why what the store acknowledges may be lost; null when it lasts. May reject. Default: it lasts. */
  doubt?(): Promise<string | null>;
};

export type QueueSources = {
  stats(): Promise<QueueStats[]>;
  /** How rings are sent, where they go through something that may fail; said even when the queue cannot be read. */
  rings?(): HealthPart;
  /** Further figures of this process. */
  figures?(): Record<string, number>;
  /** The deployment's limits, where they are shown beside what is held. */
  readonly maxHeld?: Readonly<Record<QueueStats["lane"], number>>;
};

export class HostHealth implements Health {
  readonly #sources: HealthSources;
  #stopping = false;
  #tried: { readonly at: number; readonly answer: Promise<void> } | null = null;

  constructor(sources: HealthSources) {
    this.#sources = sources;
  }

  /** From here on nothing new should be sent to this process. */
  stopping(): void {
    this.#stopping = true;
  }

  async ready(): Promise<boolean> {
    if (this.#stopping) return false;
    try {
      await this.#tryStore();
      return true;
    } catch {
      return false;
    }
  }

  async parts(): Promise<Record<string, HealthPart>> {
    const { store, queue, rooms, providers, hungCalls, accounts, events, webhooks, realtime } = this.#sources;
    const [storeHealth, queueHealth, eventsHealth, webhooksHealth, realtimeHealth] = await Promise.all([
      storePart(store, this.#tryStore()),
      queuePart(queue),
      events && eventsPart(events),
      webhooks && webhooksPart(webhooks),
      realtime?.(),
    ]);
    return {
      store: storeHealth,
      queue: queueHealth,
      rooms: rooms(),
      providers: providersPart([...providers.keys()], hungCalls?.(), troubledAccounts(accounts?.() ?? [])),
      ...(eventsHealth && { events: eventsHealth }),
      ...(webhooksHealth && { webhooks: webhooksHealth }),
      ...(realtimeHealth && { realtime: realtimeHealth }),
    };
  }

  #tryStore(): Promise<void> {
    const now = this.#sources.clock.monotonic();
    if (this.#tried === null || now >= this.#tried.at + TRY_STORE_EVERY_MS) {
      const answer = this.#sources.store.ping();
      // Whoever asked hears of it.
      answer.catch(() => {});
      this.#tried = { at: now, answer };
    }
    return this.#tried.answer;
  }
}

async function storePart(store: StoreSources, tried: Promise<void>): Promise<HealthPart> {
  const kind = store.kind === undefined ? {} : { kind: store.kind };
  try {
    await tried;
    const doubt = (await store.doubt?.()) ?? null;
    if (doubt !== null) return { status: "degraded", ...kind, detail: doubt };
    if (!(await store.hasKeys())) {
      const detail =
        "there is no virtual key: make one with POST /admin/v1/keys, or start anew for the bootstrap key";
      return { status: "degraded", ...kind, detail };
    }
    const unreadable = await store.countUnreadable();
    if (unreadable === 0) return { status: "ok", ...kind };
    const detail =
      "stored records could not be read and were passed over; docs/backup.md says how to restore";
    return { status: "degraded", ...kind, detail, unreadable };
  } catch (error) {
    // The reason is one of a few words; the message may quote what a service said.
    if (!(error instanceof StoreUnavailableError))
      return { status: "down", ...kind, detail: "the store cannot be written to" };
    const remedy = REMEDIES[error.reason];
    const advice = remedy === undefined ? "" : `: ${remedy}`;
    return { status: "down", ...kind, detail: `the store cannot be written to (${error.reason})${advice}` };
  }
}

/** What is dead is kept for the log and says nothing of the gateway. */
async function webhooksPart(countDeliveries: DeliveryStore["countDeliveries"]): Promise<HealthPart> {
  try {
    return { status: "ok", ...(await countDeliveries()) };
  } catch {
    return { status: "down", detail: "the deliveries of webhooks cannot be read" };
  }
}

async function queuePart({ stats, rings, figures, maxHeld }: QueueSources): Promise<HealthPart> {
  const sending = rings?.();
  const own = figures?.();
  try {
    const lanes = (await stats()).flatMap(({ lane, ready, delayed, held }) => [
      [`${lane}Ready`, ready],
      [`${lane}Delayed`, delayed],
      [`${lane}Held`, held],
      ...(maxHeld === undefined ? [] : [[`${lane}HeldAtMost`, maxHeld[lane]]]),
    ]);
    return { status: "ok", ...sending, ...own, ...Object.fromEntries(lanes) };
  } catch {
    return { ...sending, status: "down", detail: "the queue cannot be read" };
  }
}

function providersPart(
  names: readonly string[],
  hung: ReadonlyMap<string, number> = new Map(),
  troubled: readonly string[] = [],
): HealthPart {
  const offered = names.join(", ");
  if (hung.size === 0) {
    if (troubled.length === 0) return { status: "ok", offered };
    const rest = `${troubled.join("; ")}; GET /admin/v1/providers says until when`;
    return { status: "degraded", offered, detail: rest };
  }
  const calls = [...hung].map(([provider, open]) => `${provider} (${open})`).join(", ");
  const detail =
    `provider calls did not end when they were told to and are still open: ${calls}. Their tasks are over, and other ` +
    "work goes on; look at the provider, and start anew where such calls add up";
  return {
    status: "degraded",
    offered,
    detail,
    hungCalls: [...hung.values()].reduce((sum, n) => sum + n, 0),
  };
}

/** The rooms of a process: `bus` is what connects it with the others that share its store, null where nothing does. */
export function roomsPart(
  rooms: { stats(): RoomsStats },
  bus: { readonly connected: boolean } | null,
): HealthPart {
  if (bus === null || bus.connected) return { status: "ok", ...rooms.stats() };
  const detail = "messages of other instances do not arrive: followers hear of their tasks late";
  return { status: "degraded", detail, ...rooms.stats() };
}
