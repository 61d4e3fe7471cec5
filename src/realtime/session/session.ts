/**
 * One voice session: the client's socket on one side, the provider's on the other, a translator between them. It keeps limits,
 * counts what is used, and ends both sides together, once.
 */

import { sendableCloseCode } from "../../protocol/close-codes.ts";
import type { RealtimeError, RealtimeEvent } from "../../protocol/realtime.ts";
import type { CloseNote, Dialer, DialFailure } from "../../sockets/dialer.ts";
import type { Frame } from "../../sockets/frame.ts";
import type { Socket, SocketHandler } from "../../sockets/socket-upgrade.ts";
import type { Clock, TimerHandle } from "../../tasks/ports/clock.ts";
import { describeError, type Log } from "../../tasks/ports/log.ts";
import type {
  RealtimeProvider,
  SessionPlan,
  Translator,
  TranslatorOutput,
  TurnMoment,
  UpstreamRequest,
  UsageReport,
} from "../translator.ts";
import { SessionUsage } from "../usage/counters.ts";
import { TurnTimes } from "../usage/turn-times.ts";
import { connectOutcome, type SessionWatch, UNWATCHED } from "../voice-watch.ts";
import { AUDIO_APPEND, ClientEvent } from "./client-event.ts";
import { type ClientDialect, ClientLink } from "./client-link.ts";
import { connectFailure, END, type SessionEnding, upstreamEnding } from "./endings.ts";
import { type MessageLimits, MessageRate } from "./rate-limit.ts";
import { initialSession } from "./session-config.ts";
import { SessionTimers } from "./session-timers.ts";
import { type UpstreamCall, UpstreamLink } from "./upstream-link.ts";

export type VoiceSessionLimits = MessageLimits & {
  readonly maxMessageBytes: number;
  readonly maxSessionMs: number;
  /** How long the provider may take to answer, ms. */
  readonly connectMs: number;
};

/** The session's money and its place among the open sessions. */
export interface SessionKeeper {
  /** What the session has cost so far. */
  readonly costMicros: number;
  /** Called with every change of what was used that costs something, and before every response. */
  used(usage: SessionUsage): void;
  /** Whether another response may begin. */
  mayRespond(): boolean;
  /** The session has ended; called once. */
  ended(reason: string, usage: SessionUsage): void;
}

export type VoiceSessionDependencies = {
  readonly plan: SessionPlan;
  readonly provider: RealtimeProvider;
  readonly dialect: ClientDialect | null;
  readonly keeper: SessionKeeper;
  readonly limits: VoiceSessionLimits;
  readonly dialer: Dialer;
  readonly call: UpstreamCall;
  readonly clock: Clock;
  readonly log: Log;
  /** Where what is used is counted. Default: a new one. */
  readonly usage?: SessionUsage;
  /** Default: nobody looks on. */
  readonly watch?: SessionWatch;
  newId(prefix: string): string;
};

const MICROS = 1_000_000;
/** What an error counts as that a provider told a client in its own words. */
const PASSED_ERROR = "of_the_provider";
/** Events of a client that make the provider work: the budget is looked at before them. */
const STARTS_RESPONSE: ReadonlySet<string> = new Set(["response.create"]);

export class VoiceSession implements SocketHandler, TranslatorOutput {
  readonly usage: SessionUsage;
  readonly #dependencies: VoiceSessionDependencies;
  readonly #upstream: UpstreamLink;
  readonly #translator: Translator;
  readonly #watch: SessionWatch;
  readonly #turns: TurnTimes;
  readonly #timers: SessionTimers;
  /** When the provider was last asked for a socket, monotonic. */
  #connectAt = 0;
  #rate: MessageRate;
  #client: ClientLink | null = null;
  #ended = false;
  /** A response has ended, and the client has not been told what was used so far. */
  #usageDue = false;
  /** Up to when the session's time is counted, monotonic. */
  #countedAt: number;

  constructor(dependencies: VoiceSessionDependencies) {
    this.#dependencies = dependencies;
    this.#timers = new SessionTimers(dependencies.clock);
    const { clock, plan, provider, limits } = dependencies;
    this.#watch = dependencies.watch ?? UNWATCHED;
    this.usage = dependencies.usage ?? new SessionUsage();
    this.#turns = new TurnTimes(this.usage);
    this.#countedAt = clock.monotonic();
    this.#rate = new MessageRate(limits, this.#countedAt);
    this.#upstream = new UpstreamLink(
      { dialer: dependencies.dialer, call: dependencies.call, clock, connectMs: limits.connectMs },
      {
        connected: () => {
          this.#watch.connected("connected", clock.monotonic() - this.#connectAt);
          this.#guard(() => this.#translator.connected());
        },
        refused: (failure) => this.#refused(failure),
        received: (message) => this.#guard(() => this.#translator.fromProvider(message)),
        closed: (close) => this.#upstreamClosed(close),
        overflowed: () => this.finish(END.providerTooSlow),
      },
    );
    this.#translator = provider.translator({
      plan,
      output: this,
      newId: dependencies.newId,
      now: () => clock.monotonic(),
      after: (ms, callback) => this.#after(ms, callback),
    });
  }

  get id(): string {
    return this.#dependencies.plan.sessionId;
  }

  // The client's socket.

  opened(socket: Socket): void {
    if (this.#ended) {
      socket.close(1001, "the session has ended");
      return;
    }
    const { dialect, newId, plan, limits, clock } = this.#dependencies;
    this.#client = new ClientLink(socket, dialect, newId, {
      sent: (type, characters) => {
        this.usage.add("messagesOut", 1);
        this.usage.add("bytesOut", characters);
        this.#watch.traffic?.("gateway", type, characters);
      },
      overflowed: () => this.finish(END.clientTooSlow),
    });
    this.toClient({
      type: "session.created",
      session: initialSession(plan, clock.now() + limits.maxSessionMs),
    });
    this.#after(limits.maxSessionMs, () => this.finish(END.sessionExpired(limits.maxSessionMs)));
    this.#guard(() => this.#translator.start());
  }

  received(message: string | Uint8Array): void {
    if (this.#ended) return;
    const { limits, clock } = this.#dependencies;
    this.usage.add("messagesIn", 1);
    this.usage.add("bytesIn", message.length);
    if (message.length > limits.maxMessageBytes) {
      this.finish(END.messageTooLarge(limits.maxMessageBytes));
      return;
    }
    const now = clock.monotonic();
    if (typeof message !== "string") {
      this.#watch.traffic?.("client", "binary", message.length);
      if (!this.#rate.take("audio", now)) this.finish(END.flood("audio"));
      else this.#guard(() => this.#translator.audioFromClient(message));
      return;
    }
    const event = ClientEvent.read(message);
    this.#watch.traffic?.("client", event?.type ?? "unreadable", message.length);
    const kind = event?.type === AUDIO_APPEND ? "audio" : "control";
    if (!this.#rate.take(kind, now)) this.finish(END.flood(kind));
    else if (event === null) this.error(NO_EVENT);
    else if (this.#client?.answersPing(event) !== true) this.#fromClient(event);
  }

  closed(close?: CloseNote): void {
    this.#client = null;
    this.finish({ code: close?.code ?? 1000, reason: "client_closed", error: null, text: "" });
  }

  // What the translator does.

  connect(request: UpstreamRequest): void {
    if (this.#ended) return;
    this.#connectAt = this.#dependencies.clock.monotonic();
    this.#upstream.connect(request);
  }

  toProvider(frame: Frame): void {
    this.#upstream.send(frame);
  }

  toClient(event: RealtimeEvent): void {
    if (event.type === "error") this.#watch.reported(PASSED_ERROR);
    this.#client?.send(event);
  }

  passToClient(text: string, type: string): void {
    this.#client?.pass(text, type);
  }

  error(error: RealtimeError): void {
    this.#watch.reported(error.code);
    this.#client?.error(error);
  }

  used(report: UsageReport): void {
    this.usage.report(report);
    if (report.response === undefined && report.transcription === undefined) return;
    this.#countTime();
    this.#dependencies.keeper.used(this.usage);
  }

  turn(moment: TurnMoment): void {
    this.#turns.moment(moment, this.#dependencies.clock.monotonic());
    if (moment === "response_done") this.#usageDue = true;
  }

  end(close: CloseNote): void {
    this.finish(upstreamEnding(close));
  }

  // The session's end.

  /** Ends the session, once: tells the client why, closes both sides, and hands over what was used. */
  finish(ending: SessionEnding): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#countTime();
    this.#timers.end();
    if (this.#upstream.isOpen) this.#guard(() => this.#translator.finish());
    this.#upstream.end(1000, "");
    this.#turns.end(this.#dependencies.clock.monotonic());
    if (ending.error !== null) this.error(ending.error);
    this.#client?.close(sendableCloseCode(ending.code), ending.text);
    this.#watch.ended(ending.reason);
    this.#dependencies.keeper.ended(ending.reason, this.usage);
  }

  /** Counts the time until now, for whoever looks at what was used. */
  countTime(): void {
    this.#countTime();
  }

  #fromClient(client: ClientEvent): void {
    const { dialect, keeper } = this.#dependencies;
    const event = dialect === null ? client : ClientEvent.of(dialect.toOurs(client.event));
    if (STARTS_RESPONSE.has(event.type)) {
      if (!keeper.mayRespond()) {
        this.finish(END.budgetExceeded(client.eventId));
        return;
      }
      this.#turns.asked(this.#dependencies.clock.monotonic());
    }
    this.#guard(() => this.#translator.fromClient(event));
  }

  #refused(failure: DialFailure & { readonly retryAfterMs: number | null }): void {
    this.#watch.connected(
      connectOutcome(failure.status),
      this.#dependencies.clock.monotonic() - this.#connectAt,
    );
    this.#dependencies.log.warn("a voice provider refused a session", {
      sessionId: this.id,
      provider: this.#dependencies.provider.name,
      status: failure.status,
      cause: failure.message,
    });
    this.finish(connectFailure(failure));
  }

  #upstreamClosed(close: CloseNote): void {
    if (this.#ended) return;
    let next: "resume" | "end" = "end";
    this.#guard(() => {
      next = this.#translator.disconnected(close);
    });
    if (next === "end") this.finish(upstreamEnding(close));
  }

  /** Our own event: everything that was used so far, and what it comes to. */
  #tellUsage(): void {
    this.#usageDue = false;
    this.#countTime();
    const { keeper } = this.#dependencies;
    keeper.used(this.usage);
    if (this.#ended) return;
    const cost = keeper.costMicros / MICROS;
    this.toClient({ type: "conduit.usage", usage: { ...this.usage.snapshot() }, cost, currency: "USD" });
  }

  #countTime(): void {
    const now = this.#dependencies.clock.monotonic();
    this.usage.add("sessionMs", now - this.#countedAt);
    this.#countedAt = Math.max(this.#countedAt, now);
  }

  #after(ms: number, callback: () => void): TimerHandle {
    return this.#timers.after(ms, () => this.#guard(callback));
  }

  /** A fault of a translator ends its own session, and no other. */
  #guard(act: () => void): void {
    try {
      act();
      if (this.#usageDue) this.#tellUsage();
    } catch (error) {
      this.#dependencies.log.error("a voice session failed", {
        sessionId: this.id,
        provider: this.#dependencies.provider.name,
        cause: describeError(error),
      });
      this.finish(END.internalError);
    }
  }
}

/** What a client is told of a message that is none. */
export const NO_EVENT: RealtimeError = {
  code: "invalid_event",
  message: 'A message must be a JSON object with a "type", such as {"type":"response.create"}.',
};
