/**
 * A session's side towards one provider: its translator and its socket. A leg on trial - the session may still go elsewhere - keeps
 * what the client would be told until the provider has spoken, so that a provider which turns the session away leaves no trace.
 */

import type { RealtimeError, RealtimeEvent } from "../../protocol/realtime.ts";
import type { CloseNote, Dialer } from "../../sockets/dialer.ts";
import type { Frame } from "../../sockets/frame.ts";
import type { Clock, TimerHandle } from "../../tasks/ports/clock.ts";
import type { WayFailure } from "../routing/way-failure.ts";
import type {
  RealtimeProvider,
  SessionPlan,
  Translator,
  TranslatorOutput,
  TurnMoment,
  UsageReport,
  VoiceUpstreamRequest,
} from "../translator.ts";
import { SessionTimers } from "./session-timers.ts";
import { type DialRefusal, type UpstreamCall, UpstreamLink } from "./upstream-link.ts";

/** A provider that turns a session away says why and closes; an error that no close follows for this long is the client's, ms. */
const ERROR_WAITS_MS = 1_000;
/** A provider that has spoken for so long may leave for other reasons than that it does not want the session, ms. */
const TRIAL_MS = 10_000;

/** The session, as its leg sees it. */
export interface LegOwner
  extends Pick<TranslatorOutput, "toClient" | "passToClient" | "error" | "used" | "named" | "turn" | "end"> {
  /** The provider's socket is open; `tookMs` from when it was asked for. */
  connected(tookMs: number): void;
  /** The provider has spoken for the first time, and it was no error. */
  spoke(): void;
  /** The trial is over: the session stays with this provider. Called once, and only of a leg that was on trial. */
  settled(): void;
  /** There is no socket. */
  refused(refusal: DialRefusal, tookMs: number): void;
  /** The provider has taken the session, and said nothing in time. Only of a leg on trial. */
  silent(): void;
  /** The provider's socket has closed, and the translator wants no other one. */
  upstreamClosed(close: CloseNote): void;
  /** More waits for the provider than may. */
  overflowed(): void;
  /** Runs what a fault may come of, which ends the session; tells afterwards what was used. */
  guard(act: () => void): void;
  guard<T>(act: (value: T) => void, value: T): void;
}

export type ProviderLegDependencies = {
  readonly plan: SessionPlan;
  readonly provider: RealtimeProvider;
  readonly dialer: Dialer;
  readonly call: UpstreamCall;
  readonly clock: Clock;
  readonly connectMs: number;
  /** Whether the session would go elsewhere after such a failure; null: there is no other way, and nothing is kept back. */
  readonly isElsewhere: ((failure: WayFailure) => boolean) | null;
  newId(prefix: string): string;
};

type Kept = {
  readonly told: (() => void)[];
  /** Whether there is anything but errors among it. */
  hasNews: boolean;
  /** Sound of the client comes all the time, and is summed up. */
  audioInMs: number;
};

export class ProviderLeg implements TranslatorOutput {
  readonly #dependencies: ProviderLegDependencies;
  readonly #owner: LegOwner;
  readonly #upstream: UpstreamLink;
  readonly #translator: Translator;
  readonly #timers: SessionTimers;
  /** One function for all messages, of which there are many. */
  readonly #tellTranslator = (message: string | Uint8Array) => this.#translator.fromProvider(message);
  /** What is kept back; null once the trial is over. */
  #kept: Kept | null;
  #hasSpoken = false;
  #errorWaits = false;
  #silence: TimerHandle | null = null;
  /** When the provider was last asked for a socket, monotonic. */
  #connectAt = 0;
  #over = false;

  constructor(dependencies: ProviderLegDependencies, owner: LegOwner) {
    this.#dependencies = dependencies;
    this.#owner = owner;
    const { plan, provider, dialer, call, clock, connectMs, isElsewhere, newId } = dependencies;
    this.#kept = isElsewhere === null ? null : { told: [], hasNews: false, audioInMs: 0 };
    this.#timers = new SessionTimers(clock);
    const took = () => clock.monotonic() - this.#connectAt;
    this.#upstream = new UpstreamLink(
      {
        ...{ dialer, call, clock, connectMs },
        ...(isElsewhere !== null && {
          isElsewhere: (refusal) => isElsewhere({ kind: "refused", ...refusal }),
        }),
      },
      {
        connected: () => {
          owner.connected(took());
          if (this.#kept !== null && !this.#hasSpoken)
            this.#silence = this.#timers.after(connectMs, () => owner.silent());
          owner.guard(() => this.#translator.connected());
        },
        refused: (refusal) => owner.refused(refusal, took()),
        received: (message) => this.#received(message),
        closed: (close) => this.#closed(close),
        overflowed: () => owner.overflowed(),
      },
    );
    this.#translator = provider.translator({
      plan,
      output: this,
      newId,
      now: () => clock.monotonic(),
      after: (ms, callback) => this.#timers.after(ms, () => owner.guard(callback)),
    });
  }

  get translator(): Translator {
    return this.#translator;
  }

  /** Whether the session may still go elsewhere. */
  get isOnTrial(): boolean {
    return this.#kept !== null;
  }

  /** Ends the trial: the client is told what was kept, and everything else at once. */
  settle(): void {
    const kept = this.#kept;
    if (kept === null) return;
    this.#kept = null;
    this.#silence?.cancel();
    this.#owner.settled();
    this.#owner.guard(() => {
      if (kept.audioInMs > 0) this.#owner.used({ audioInMs: kept.audioInMs });
      for (const tell of kept.told) tell();
    });
  }

  /** Another provider takes its place: nothing is heard of it any more. */
  drop(): void {
    this.#over = true;
    this.#timers.end();
    this.#upstream.end(1000, "");
  }

  /** The session ends: the provider is told what it is to know. */
  finish(): void {
    this.#timers.end();
    if (this.#upstream.isOpen) this.#owner.guard(() => this.#translator.finish());
    this.#upstream.end(1000, "");
    this.settle();
    this.#over = true;
  }

  // What the translator does.

  connect(request: VoiceUpstreamRequest): void {
    if (this.#over) return;
    this.#connectAt = this.#dependencies.clock.monotonic();
    this.#upstream.connect(request);
  }

  toProvider(frame: Frame): void {
    this.#upstream.send(frame);
  }

  toClient(event: RealtimeEvent): void {
    if (this.isOnTrial) this.#keep(event.type === "error", () => this.#owner.toClient(event));
    else this.#owner.toClient(event);
  }

  passToClient(text: string, type: string): void {
    if (this.isOnTrial) this.#keep(false, () => this.#owner.passToClient(text, type));
    else this.#owner.passToClient(text, type);
  }

  error(error: RealtimeError): void {
    if (this.isOnTrial) this.#keep(true, () => this.#owner.error(error));
    else this.#owner.error(error);
  }

  used(report: UsageReport): void {
    const kept = this.#kept;
    if (kept === null) this.#owner.used(report);
    else if (report.audioInMs !== undefined) kept.audioInMs += report.audioInMs;
    else this.#keep(false, () => this.#owner.used(report));
  }

  named(id: string): void {
    if (!this.#over) this.#owner.named(id);
  }

  turn(moment: TurnMoment): void {
    if (this.isOnTrial) this.#keep(false, () => this.#owner.turn(moment));
    else this.#owner.turn(moment);
  }

  end(close: CloseNote): void {
    if (!this.#over) this.#owner.end(close);
  }

  /** What a provider that has spoken has said is no refusal, unless it is an error. */
  #keep(isError: boolean, tell: () => void): void {
    const kept = this.#kept;
    if (kept === null || this.#over) return;
    kept.told.push(tell);
    kept.hasNews ||= !isError;
    if (!this.#hasSpoken) return;
    if (kept.hasNews) this.settle();
    else this.#letErrorWait();
  }

  #letErrorWait(): void {
    if (this.#errorWaits) return;
    this.#errorWaits = true;
    this.#timers.after(ERROR_WAITS_MS, () => this.settle());
  }

  #received(message: string | Uint8Array): void {
    const isFirst = !this.#hasSpoken;
    this.#hasSpoken = true;
    this.#silence?.cancel();
    this.#owner.guard(this.#tellTranslator, message);
    if (!isFirst) return;
    if (!this.#errorWaits) this.#owner.spoke();
    if (this.#kept?.hasNews) this.settle();
    else if (this.#kept !== null) this.#timers.after(TRIAL_MS, () => this.settle());
  }

  #closed(close: CloseNote): void {
    let next: "resume" | "end" = "end";
    // What turned the session away is not resumed.
    if (this.#kept === null)
      this.#owner.guard(() => {
        next = this.#translator.disconnected(close);
      });
    if (next === "end" && !this.#over) this.#owner.upstreamClosed(close);
  }
}
