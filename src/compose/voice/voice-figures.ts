/**
 * What operators see of the voice sessions of a process: lines in the log, metrics, and how each provider answered last. Sums are
 * kept for sessions that have ended; those that are open are read when somebody scrapes.
 */

import type { HealthPart } from "../../http/routes/health.ts";
import type {
  CounterSeries,
  Family,
  HistogramSeries,
  MetricsRegistry,
  Sample,
} from "../../metrics/registry.ts";
import type { CounterName } from "../../realtime/usage/counters.ts";
import type { ConnectOutcome, SessionWatch, VoiceWatch, WatchedSession } from "../../realtime/voice-watch.ts";
import type { AccountHealth } from "../../tasks/engine/provider-health.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import type { Log } from "../../tasks/ports/log.ts";
import { troubledAccounts } from "../operations/provider-report.ts";

const SECOND_MS = 1_000;
/** A failure longer ago says nothing of how a provider is now, ms. */
const TROUBLE_MS = 900_000;
/** Seconds; from a call that was dropped at once to the longest session of most providers. */
const DURATION_BOUNDS = [1, 5, 10, 30, 60, 120, 300, 600, 900, 1_800, 3_600];
/** Seconds a provider took to open its socket. */
const CONNECT_BOUNDS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10];
/** Seconds from the end of what a user said to the first sound of the answer. */
const ANSWER_BOUNDS = [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10];

/** Which counters are summed under which metric, by a label and its value. */
const TOTALS: readonly {
  readonly name: string;
  readonly help: string;
  readonly label: string;
  readonly of: Readonly<Record<string, readonly CounterName[]>>;
  readonly scale: number;
}[] = [
  {
    name: "conduit_realtime_messages_total",
    help: "Messages of voice sessions, by provider and direction; in = from clients.",
    label: "direction",
    of: { in: ["messagesIn"], out: ["messagesOut"] },
    scale: 1,
  },
  {
    name: "conduit_realtime_bytes_total",
    help: "Bytes of the messages of voice sessions, by provider and direction; in = from clients.",
    label: "direction",
    of: { in: ["bytesIn"], out: ["bytesOut"] },
    scale: 1,
  },
  {
    name: "conduit_realtime_audio_seconds_total",
    help: "Seconds of sound in voice sessions, by provider and direction; in = from clients.",
    label: "direction",
    of: { in: ["audioInMs"], out: ["audioOutMs"] },
    scale: 1 / SECOND_MS,
  },
  {
    name: "conduit_realtime_tokens_total",
    help: "Tokens that voice sessions used, by provider and kind.",
    label: "kind",
    of: {
      text_input: ["textInput"],
      audio_input: ["audioInput"],
      image_input: ["imageInput"],
      cached_input: ["cachedTextInput", "cachedAudioInput", "cachedImageInput"],
      other_input: ["otherInput"],
      text_output: ["textOutput"],
      audio_output: ["audioOutput"],
      other_output: ["otherOutput"],
      transcription: ["transcriptionAudioInput", "transcriptionTextInput", "transcriptionOutput"],
    },
    scale: 1,
  },
];
const SUMMED = [...new Set(TOTALS.flatMap(({ of }) => Object.values(of).flat()))];

type LastConnect = { readonly outcome: ConnectOutcome; readonly at: number };

type OpenSession = {
  readonly session: WatchedSession;
  /** The one it is with now. */
  provider: string;
  /** What it used before it came there. */
  readonly before: Map<CounterName, number>;
};

export type VoiceFiguresOptions = {
  readonly clock: Pick<Clock, "now" | "monotonic">;
  readonly log: Log;
  /** Log the type and size of every message, at the level `debug`. */
  readonly traffic: boolean;
};

export class VoiceFigures implements VoiceWatch {
  readonly #options: VoiceFiguresOptions;
  readonly #open = new Set<OpenSession>();
  /** By provider, of sessions that have ended. */
  readonly #ended = new Map<string, Map<CounterName, number>>();
  readonly #connects = new Map<string, LastConnect>();
  #opens: Family<CounterSeries> | null = null;
  #errors: Family<CounterSeries> | null = null;
  #failures: Family<CounterSeries> | null = null;
  #seconds: Family<HistogramSeries> | null = null;
  #connectSeconds: Family<HistogramSeries> | null = null;
  #answerSeconds: Family<HistogramSeries> | null = null;

  constructor(options: VoiceFiguresOptions) {
    this.#options = options;
  }

  opened(session: WatchedSession): SessionWatch {
    const { id: sessionId, keyId, model, intent } = session;
    const { log, clock, traffic } = this.#options;
    const openedAt = clock.monotonic();
    const open = { session, provider: session.provider, before: new Map<CounterName, number>() };
    let { provider } = session;
    this.#open.add(open);
    this.#opens?.with({ provider, intent }).add();
    log.info("voice session opened", { sessionId, keyId, provider, model, intent });
    return {
      traffic: traffic
        ? (from, type, bytes) => log.debug("voice message", { sessionId, from, type, bytes })
        : null,
      connected: (outcome, tookMs) => this.#connected(session, provider, outcome, tookMs),
      moved: (to) => {
        log.info("voice session moved", { sessionId, keyId, from: provider, provider: to });
        this.#keep(open);
        provider = to;
        open.provider = to;
      },
      reported: (code) => this.#errors?.with({ provider, code }).add(),
      ended: (reason) => {
        this.#open.delete(open);
        this.#keep(open);
        this.#seconds?.with({ provider, reason }).observe((clock.monotonic() - openedAt) / SECOND_MS);
        const firstAudioMs = session.usage.get("firstAudioMs");
        if (firstAudioMs > 0) this.#answerSeconds?.with({ provider }).observe(firstAudioMs / SECOND_MS);
      },
    };
  }

  /** Counts in these metrics from now on. */
  registerIn(metrics: MetricsRegistry): void {
    metrics.gauge("conduit_realtime_sessions", "Voice sessions open in this process, by provider.", () =>
      [...this.#byProvider()].map(([provider, value]) => ({ labels: { provider }, value })),
    );
    this.#opens = metrics.counter(
      "conduit_realtime_sessions_opened_total",
      "Voice sessions that this process opened, by provider and intent.",
    );
    this.#seconds = metrics.histogram(
      "conduit_realtime_session_seconds",
      "How long voice sessions were open, by provider and why they ended.",
      DURATION_BOUNDS,
    );
    this.#connectSeconds = metrics.histogram(
      "conduit_realtime_connect_seconds",
      "How long providers took to open their side of a voice session.",
      CONNECT_BOUNDS,
    );
    this.#answerSeconds = metrics.histogram(
      "conduit_realtime_first_audio_seconds",
      "Time from the end of a user's first turn to the first sound of the answer, by provider.",
      ANSWER_BOUNDS,
    );
    this.#failures = metrics.counter(
      "conduit_realtime_connect_failures_total",
      "Voice sessions whose provider could not be had, by provider and outcome.",
    );
    this.#errors = metrics.counter(
      "conduit_realtime_errors_total",
      "Errors that clients of voice sessions were told, by provider and code.",
    );
    for (const { name, help, label, of, scale } of TOTALS)
      metrics.total(name, help, () =>
        [...this.#providers()].flatMap((provider) =>
          Object.entries(of).map(
            ([value, counters]): Sample => ({
              labels: { provider, [label]: value },
              value: counters.reduce((sum, counter) => sum + this.#sum(provider, counter), 0) * scale,
            }),
          ),
        ),
      );
  }

  /** The part of `/health`: what is known already, nobody is asked. `accounts`: those that were used. */
  part(offered: readonly string[], accounts: readonly AccountHealth[]): HealthPart {
    const now = this.#options.clock.now();
    const troubled = [...this.#connects]
      .filter(([, { outcome, at }]) => outcome !== "connected" && now - at < TROUBLE_MS)
      .map(
        ([provider, { outcome, at }]) =>
          `${provider} (${outcome}, ${Math.max(0, Math.round((now - at) / SECOND_MS))} s ago)`,
      );
    // One without a name is the provider.
    const resting = troubledAccounts(accounts.filter(({ credential }) => credential !== null));
    const details = [
      ...(troubled.length > 0
        ? [`the last voice session of these providers was not connected: ${troubled.join("; ")}`]
        : []),
      ...resting,
    ];
    return {
      status: details.length === 0 ? "ok" : "degraded",
      openSessions: this.#open.size,
      offered: offered.join(", "),
      ...Object.fromEntries([...this.#connects].map(([provider, { outcome }]) => [provider, outcome])),
      ...(details.length > 0 && { detail: details.join("; ") }),
    };
  }

  #connected({ id, keyId }: WatchedSession, provider: string, outcome: ConnectOutcome, tookMs: number): void {
    const { clock, log } = this.#options;
    this.#connects.set(provider, { outcome, at: clock.now() });
    if (outcome !== "connected") {
      this.#failures?.with({ provider, outcome }).add();
      return;
    }
    this.#connectSeconds?.with({ provider }).observe(tookMs / SECOND_MS);
    log.info("voice session connected", { sessionId: id, keyId, provider, tookMs: Math.round(tookMs) });
  }

  #byProvider(): Map<string, number> {
    const counts = new Map([...this.#ended.keys()].map((provider) => [provider, 0]));
    for (const { provider } of this.#open) counts.set(provider, (counts.get(provider) ?? 0) + 1);
    return counts;
  }

  #providers(): Set<string> {
    return new Set([...this.#ended.keys(), ...[...this.#open].map(({ provider }) => provider)]);
  }

  #sum(provider: string, counter: CounterName): number {
    let sum = this.#ended.get(provider)?.get(counter) ?? 0;
    for (const open of this.#open) if (open.provider === provider) sum += usedThere(open, counter);
    return sum;
  }

  /** Adds what it used with its provider so far to that one's sums. */
  #keep(open: OpenSession): void {
    const sums = this.#ended.get(open.provider) ?? new Map<CounterName, number>();
    this.#ended.set(open.provider, sums);
    for (const counter of SUMMED) {
      sums.set(counter, (sums.get(counter) ?? 0) + usedThere(open, counter));
      open.before.set(counter, open.session.usage.get(counter));
    }
  }
}

function usedThere({ session, before }: OpenSession, counter: CounterName): number {
  return session.usage.get(counter) - (before.get(counter) ?? 0);
}
