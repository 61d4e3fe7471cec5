/**
 * A call whose sound goes from the client to the provider without us. A WebSocket beside it, the sideband, tells what is used;
 * through it the call is metered and bounded. When it cannot be had, the call is hung up: nobody would count what it costs.
 */

import { sendableCloseCode } from "../../protocol/close-codes.ts";
import type { RealtimeError, RealtimeEvent } from "../../protocol/realtime.ts";
import type { CloseNote, Dialer, DialFailure } from "../../sockets/dialer.ts";
import type { Frame } from "../../sockets/frame.ts";
import type { SocketHandler } from "../../sockets/socket-upgrade.ts";
import type { Clock, TimerHandle } from "../../tasks/ports/clock.ts";
import { describeError, type Log } from "../../tasks/ports/log.ts";
import type { SessionWitness } from "../artefacts/witness.ts";
import type { ClientEvent } from "../session/client-event.ts";
import type { ClientDialect } from "../session/client-link.ts";
import { END, type SessionEnding, upstreamEnding } from "../session/endings.ts";
import type { SessionKeeper, VoiceSessionLimits } from "../session/session.ts";
import { initialSession } from "../session/session-config.ts";
import { SessionTimers } from "../session/session-timers.ts";
import { UpstreamLink } from "../session/upstream-link.ts";
import type {
  RealtimeProvider,
  SessionPlan,
  Translator,
  TranslatorOutput,
  TurnMoment,
  UsageReport,
  VoiceUpstreamRequest,
} from "../translator.ts";
import type { SessionUsage } from "../usage/counters.ts";
import { TurnTimes } from "../usage/turn-times.ts";
import { connectOutcome, type SessionWatch } from "../voice-watch.ts";
import { ControlSocket } from "./control-socket.ts";

/** So long a call may go on without its sideband, ms. */
export const UNMETERED_MS = 10_000;
/** How long one attempt to attach it may take, ms. */
const ATTEMPT_MS = 4_000;
/** Before another attempt: this, doubled each time up to the longest, ms. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 2_000;
/** Statuses that say that the call is over, once it was joined. */
const GONE: ReadonlySet<number | null> = new Set([404, 410]);
const MICROS = 1_000_000;
const STARTS_RESPONSE = "response.create";

export interface CallKeeper extends SessionKeeper {
  /** Resolves once the store has it, or could not be told. */
  ended(reason: string, usage: SessionUsage): Promise<void>;
  /** It is to end for this reason, as soon as the provider has hung up. */
  ending(reason: string): void;
  /** Nothing is written any more: the record's lease runs out, and whoever finds it goes on. */
  released(): void;
}

export type CallSessionDependencies = {
  readonly plan: SessionPlan;
  readonly provider: RealtimeProvider;
  readonly keeper: CallKeeper;
  readonly limits: VoiceSessionLimits;
  readonly dialer: Dialer;
  readonly clock: Clock;
  readonly log: Log;
  readonly watch: SessionWatch;
  /** Default: nothing of what is said is kept. */
  readonly witness?: SessionWitness;
  /** What was used before, where the call is joined again. */
  readonly usage: SessionUsage;
  /** Whether its sideband was attached before: a provider that knows no such call says then that it is over. */
  readonly joined: boolean;
  /** How long it may still last. */
  readonly remainingMs: number;
  newId(prefix: string): string;
  /** Ends the call at the provider; whether it is over for certain. Rejects never. */
  hangUp(): Promise<boolean>;
};

export class CallSession implements TranslatorOutput {
  readonly usage: SessionUsage;
  /** Resolves when the call is over, or was left to whoever finds it. */
  readonly over: Promise<void>;
  readonly #dependencies: CallSessionDependencies;
  readonly #sideband: UpstreamLink;
  readonly #translator: Translator;
  readonly #turns: TurnTimes;
  readonly #timers: SessionTimers;
  readonly #isOver: () => void;
  #address: VoiceUpstreamRequest | null = null;
  #control: ControlSocket | null = null;
  #ending = false;
  #joined: boolean;
  /** Hangs up when the sideband stays away. */
  #unmetered: TimerHandle | null = null;
  #pauseMs = FIRST_PAUSE_MS;
  #usageDue = false;
  #countedAt: number;
  readonly #openedAt: number;

  constructor(dependencies: CallSessionDependencies) {
    this.#dependencies = dependencies;
    this.#timers = new SessionTimers(dependencies.clock);
    const { clock, plan, provider, dialer, usage, joined, newId } = dependencies;
    this.usage = usage;
    this.#joined = joined;
    this.#turns = new TurnTimes(usage);
    this.#openedAt = clock.monotonic();
    this.#countedAt = this.#openedAt;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.#isOver = resolve;
    this.#sideband = new UpstreamLink(
      {
        dialer,
        clock,
        connectMs: ATTEMPT_MS,
        call: () => Promise.reject(new Error("A call is joined by a socket")),
      },
      {
        connected: () => this.#attached(),
        refused: (failure) => this.#refused(failure),
        received: (message) => this.#guard(() => this.#translator.fromProvider(message)),
        closed: (close) => this.#detached(close),
        overflowed: () => this.finish(END.providerTooSlow),
      },
    );
    this.#translator = provider.translator({
      plan,
      output: this,
      newId,
      now: () => clock.monotonic(),
      after: (ms, callback) => this.#after(ms, callback),
    });
  }

  /** Attaches the sideband. */
  start(): void {
    const { remainingMs, limits } = this.#dependencies;
    this.#after(remainingMs, () => this.finish(END.sessionExpired(limits.maxSessionMs)));
    this.#waitForSideband();
    this.#guard(() => this.#translator.start());
  }

  /** A socket through which the client steers its call. It takes the place of an earlier one; its end leaves the call alone. */
  control(dialect: ClientDialect | null): SocketHandler {
    const { limits, clock, newId, plan, remainingMs } = this.#dependencies;
    const control: ControlSocket = new ControlSocket({
      dialect,
      usage: this.usage,
      watch: this.#dependencies.watch,
      limits,
      clock,
      newId,
      opened: () => {
        if (this.#ending) return control.end(END.terminated);
        this.#control?.end(REPLACED);
        this.#control = control;
        control.send({ type: "session.created", session: initialSession(plan, clock.now() + remainingMs) });
      },
      event: (event) => this.#fromControl(event),
      closed: () => {
        if (this.#control === control) this.#control = null;
      },
    });
    return control;
  }

  // What the translator does.

  connect(request: VoiceUpstreamRequest): void {
    this.#address = request;
    this.#sideband.connect(request);
  }

  toProvider(frame: Frame): void {
    this.#sideband.send(frame);
  }

  toClient(event: RealtimeEvent): void {
    this.#dependencies.witness?.toClient(event);
    this.#control?.send(event);
  }

  passToClient(text: string, type: string): void {
    this.#dependencies.witness?.passedToClient(text, type);
    this.#control?.pass(text, type);
  }

  error(error: RealtimeError): void {
    this.#dependencies.watch.reported(error.code);
    this.#control?.error(error);
  }

  used(report: UsageReport): void {
    this.usage.report(report);
    if (report.response === undefined && report.transcription === undefined) return;
    this.countTime();
    this.#dependencies.keeper.used(this.usage.snapshot());
  }

  named(): void {
    // Its provider meters in its events.
  }

  turn(moment: TurnMoment): void {
    const { clock, keeper } = this.#dependencies;
    this.#turns.moment(moment, clock.monotonic());
    if (moment === "response_done") this.#usageDue = true;
    else if (moment === "response_started" && !keeper.mayRespond()) this.finish(END.budgetExceeded(null));
  }

  end(close: CloseNote): void {
    this.finish(upstreamEnding(close));
  }

  /** Ends the call, once: hangs up, and hands over what was used. It is metered until the provider has hung up. */
  finish(ending: SessionEnding): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#timers.end();
    this.#control?.end(ending);
    this.#dependencies.keeper.ending(ending.reason);
    void this.#hangUp(ending.reason);
  }

  /** Counts the time until now, for whoever looks at what was used. */
  countTime(): void {
    const now = this.#dependencies.clock.monotonic();
    this.usage.add("sessionMs", now - this.#countedAt);
    this.#countedAt = Math.max(this.#countedAt, now);
  }

  async #hangUp(reason: string): Promise<void> {
    const { keeper, hangUp, clock, watch, witness } = this.#dependencies;
    const gone = await hangUp();
    this.countTime();
    this.#turns.end(clock.monotonic());
    this.#sideband.end(1000, "");
    // Its money does not wait for the media store.
    const kept = witness?.ended();
    if (gone) await keeper.ended(reason, this.usage);
    else keeper.released();
    watch.ended(reason);
    await kept;
    this.#isOver();
  }

  #waitForSideband(): void {
    this.#unmetered ??= this.#after(UNMETERED_MS, () => this.finish(END.unmetered));
  }

  #attached(): void {
    const { watch, clock } = this.#dependencies;
    watch.connected("connected", clock.monotonic() - this.#openedAt);
    this.#joined = true;
    this.#unmetered?.cancel();
    this.#unmetered = null;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#guard(() => this.#translator.connected());
  }

  #detached(close: CloseNote): void {
    if (this.#ending) return;
    if (close.code === 1000) this.finish(upstreamEnding(close));
    else this.#attachLater();
  }

  #refused({ status, message }: DialFailure): void {
    if (this.#ending) return;
    if (this.#joined && GONE.has(status)) this.finish(upstreamEnding({ code: 1000, reason: "" }));
    else {
      const { log, plan, watch, clock } = this.#dependencies;
      watch.connected(connectOutcome(status), clock.monotonic() - this.#openedAt);
      log.warn("a call's sideband was refused", { sessionId: plan.sessionId, status, cause: message });
      this.#attachLater();
    }
  }

  #attachLater(): void {
    this.#waitForSideband();
    this.#after(this.#pauseMs, () => {
      if (this.#address !== null) this.#sideband.connect(this.#address);
    });
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * this.#pauseMs);
  }

  #fromControl(event: ClientEvent): void {
    if (this.#ending) return;
    if (event.type === STARTS_RESPONSE && !this.#dependencies.keeper.mayRespond())
      this.finish(END.budgetExceeded(event.eventId));
    else this.#guard(() => this.#translator.fromClient(event));
  }

  #tellUsage(): void {
    this.#usageDue = false;
    this.countTime();
    const { keeper } = this.#dependencies;
    const usage = this.usage.snapshot();
    keeper.used(usage);
    if (this.#ending) return;
    const cost = keeper.costMicros / MICROS;
    this.toClient({ type: "conduit.usage", usage: { ...usage }, cost, currency: "USD" });
  }

  #after(ms: number, callback: () => void): TimerHandle {
    return this.#timers.after(ms, () => this.#guard(callback));
  }

  /** A fault of a translator ends its own call, and no other. */
  #guard(act: () => void): void {
    try {
      act();
      if (this.#usageDue) this.#tellUsage();
    } catch (error) {
      const { log, plan } = this.#dependencies;
      log.error("a call failed", { sessionId: plan.sessionId, cause: describeError(error) });
      this.finish(END.internalError);
    }
  }
}

const REPLACED: SessionEnding = {
  code: sendableCloseCode(1000),
  reason: "replaced",
  error: null,
  text: "another socket has taken over",
};
