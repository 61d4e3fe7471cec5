/**
 * One voice session: the client's socket on one side, the provider's on the other, a translator between them. It keeps limits,
 * counts what is used, goes to another provider while the first one has said nothing, and ends both sides together, once.
 */

import { sendableCloseCode } from "../../protocol/close-codes.ts";
import type { RealtimeError, RealtimeEvent } from "../../protocol/realtime.ts";
import type { CloseNote } from "../../sockets/dialer.ts";
import type { Socket, SocketHandler } from "../../sockets/socket-upgrade.ts";
import type { TimerHandle } from "../../tasks/ports/clock.ts";
import { describeError, type Log } from "../../tasks/ports/log.ts";
import type { SessionWitness } from "../artefacts/witness.ts";
import { hasPicture } from "../routing/session-needs.ts";
import type { VoiceWay } from "../routing/voice-route.ts";
import type { WayFailure } from "../routing/way-failure.ts";
import type { SessionCounters } from "../session-store.ts";
import type { TurnMoment, UsageReport } from "../translator.ts";
import { SessionUsage } from "../usage/counters.ts";
import { TurnTimes } from "../usage/turn-times.ts";
import { connectOutcome, type SessionWatch, UNWATCHED } from "../voice-watch.ts";
import { AUDIO_APPEND, ClientEvent } from "./client-event.ts";
import { type ClientDialect, ClientLink } from "./client-link.ts";
import { connectFailure, END, type SessionEnding, upstreamEnding } from "./endings.ts";
import type { LegOwner } from "./provider-leg.ts";
import { type MessageLimits, MessageRate } from "./rate-limit.ts";
import { initialSession } from "./session-config.ts";
import { SessionTimers } from "./session-timers.ts";
import { SessionWays, type SessionWaysDependencies } from "./session-ways.ts";
import type { DialRefusal } from "./upstream-link.ts";

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
  /** Called with every change of what was used that costs something. */
  used(counters: SessionCounters): void;
  /** Whether another response may begin. */
  mayRespond(): boolean;
  /** The session has ended; called once. `provider`'s id of it is null where it named none. */
  ended(reason: string, usage: SessionUsage, providerSessionId: string | null): void;
}

export type VoiceSessionDependencies = SessionWaysDependencies & {
  /** The full name of the model that was asked for. */
  readonly asked: string;
  /** The session goes another way from here on. Default: nobody wants to know. */
  moved?(way: VoiceWay): void;
  readonly dialect: ClientDialect | null;
  readonly keeper: SessionKeeper;
  readonly limits: VoiceSessionLimits;
  readonly log: Log;
  /** Where what is used is counted. Default: a new one. */
  readonly usage?: SessionUsage;
  /** Default: nobody looks on. */
  readonly watch?: SessionWatch;
  /** Default: nothing of what is said is kept. */
  readonly witness?: Pick<SessionWitness, "toClient" | "passedToClient" | "fromClient">;
};

const MICROS = 1_000_000;
/** What an error counts as that a provider told a client in its own words. */
const PASSED_ERROR = "of_the_provider";
/** Events of a client that make the provider work: the budget is looked at before them. */
const STARTS_RESPONSE: ReadonlySet<string> = new Set(["response.create"]);
const CREATES_ITEM = "conversation.item.create";

export class VoiceSession implements SocketHandler, LegOwner {
  readonly usage: SessionUsage;
  readonly #dependencies: VoiceSessionDependencies;
  readonly #watch: SessionWatch;
  readonly #turns: TurnTimes;
  readonly #timers: SessionTimers;
  readonly #ways: SessionWays;
  #rate: MessageRate;
  #client: ClientLink | null = null;
  #ended = false;
  /** The provider's id of the session. */
  #providerSessionId: string | null = null;
  /** Something was used that costs, and the keeper has not been told. */
  #hasSpent = false;
  /** A response has ended, and the client has not been told what was used so far. */
  #usageDue = false;
  /** One function for all messages, of which there are many. */
  readonly #tellTranslator = (event: ClientEvent) => this.#ways.leg.translator.fromClient(event);
  /** Up to when the session's time is counted, monotonic. */
  #countedAt: number;

  constructor(dependencies: VoiceSessionDependencies) {
    this.#dependencies = dependencies;
    this.#timers = new SessionTimers(dependencies.clock);
    const { clock, limits } = dependencies;
    this.#watch = dependencies.watch ?? UNWATCHED;
    this.usage = dependencies.usage ?? new SessionUsage();
    this.#turns = new TurnTimes(this.usage);
    this.#countedAt = clock.monotonic();
    this.#rate = new MessageRate(limits, this.#countedAt);
    this.#ways = new SessionWays(dependencies, this);
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
    this.#tellModel(this.#dependencies.asked);
    this.#after(limits.maxSessionMs, () => this.finish(END.sessionExpired(limits.maxSessionMs)));
    this.guard(() => this.#ways.leg.translator.start());
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
      else {
        this.#dependencies.witness?.fromClient(message);
        this.#ways.remember(message);
        this.guard(() => this.#ways.leg.translator.audioFromClient(message));
      }
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

  // What the provider's side says.

  toClient(event: RealtimeEvent): void {
    if (event.type === "error") this.#watch.reported(PASSED_ERROR);
    this.#dependencies.witness?.toClient(event);
    this.#client?.send(event);
  }

  passToClient(text: string, type: string): void {
    this.#dependencies.witness?.passedToClient(text, type);
    this.#client?.pass(text, type);
  }

  error(error: RealtimeError): void {
    this.#watch.reported(error.code);
    this.#client?.error(error);
  }

  used(report: UsageReport): void {
    this.usage.report(report);
    if (report.response !== undefined || report.transcription !== undefined) this.#hasSpent = true;
  }

  named(id: string): void {
    this.#providerSessionId = id;
  }

  turn(moment: TurnMoment): void {
    this.#turns.moment(moment, this.#dependencies.clock.monotonic());
    if (moment === "response_done") this.#usageDue = true;
  }

  end(close: CloseNote): void {
    this.finish(upstreamEnding(close));
  }

  connected(tookMs: number): void {
    this.#watch.connected("connected", tookMs);
  }

  spoke(): void {
    this.#ways.answered();
  }

  settled(): void {
    this.#ways.stay();
  }

  refused(refusal: DialRefusal, tookMs: number): void {
    this.#watch.connected(connectOutcome(refusal.status), tookMs);
    this.#dependencies.log.warn("a voice provider refused a session", {
      sessionId: this.id,
      provider: this.#ways.model.provider.name,
      status: refusal.status,
      cause: refusal.message,
    });
    this.#failed({ kind: "refused", ...refusal }, () => connectFailure(refusal));
  }

  silent(): void {
    const message = "the provider took the session and said nothing";
    if (this.#ways.mayMove({ kind: "silent" }))
      this.#failed({ kind: "silent" }, () => connectFailure({ status: null, message }));
    else this.#ways.leg.settle();
  }

  upstreamClosed(close: CloseNote): void {
    if (!this.#ended) this.#failed({ kind: "closed", code: close.code }, () => upstreamEnding(close));
  }

  overflowed(): void {
    this.finish(END.providerTooSlow);
  }

  // The session's end.

  /** Ends the session, once: tells the client why, closes both sides, and hands over what was used. */
  finish(ending: SessionEnding): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#countTime();
    this.#timers.end();
    this.#ways.leg.finish();
    this.#turns.end(this.#dependencies.clock.monotonic());
    if (ending.error !== null) this.error(ending.error);
    this.#client?.close(sendableCloseCode(ending.code), ending.text);
    this.#watch.ended(ending.reason);
    this.#dependencies.keeper.ended(ending.reason, this.usage, this.#providerSessionId);
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
    if (this.#isBlindTo(event)) {
      this.error(noPictures(client.eventId));
      return;
    }
    this.#dependencies.witness?.fromClient(event);
    this.#ways.remember(event);
    this.guard(this.#tellTranslator, event);
  }

  #isBlindTo({ type, event }: ClientEvent): boolean {
    if (type !== CREATES_ITEM) return false;
    const { capabilities } = this.#ways.model.provider;
    return !capabilities.imageInput && hasPicture(event.item);
  }

  /** The provider could not be had: the session goes another way, or ends. */
  #failed(failure: WayFailure, ending: () => SessionEnding): void {
    const before = this.#ways.model.name;
    const hasMoved = this.#ways.move(failure, (way) => {
      this.#providerSessionId = null;
      this.#dependencies.moved?.(way);
      this.#tellModel(before);
    });
    if (!hasMoved) this.finish(ending());
  }

  /** Whoever asked for another model than the session goes to has to know. */
  #tellModel(expected: string): void {
    const { name } = this.#ways.model;
    if (name !== expected) this.toClient(standsIn(this.#dependencies.asked, name));
  }

  /** Tells the keeper what was used so far, and after a response the client, by an event of our own: all of it, and what it comes to. */
  #tellUsage(): void {
    const isClientTold = this.#usageDue;
    this.#hasSpent = false;
    this.#usageDue = false;
    this.#countTime();
    const { keeper } = this.#dependencies;
    const usage = this.usage.snapshot();
    keeper.used(usage);
    if (this.#ended || !isClientTold) return;
    const cost = keeper.costMicros / MICROS;
    this.toClient({ type: "conduit.usage", usage: { ...usage }, cost, currency: "USD" });
  }

  #countTime(): void {
    const now = this.#dependencies.clock.monotonic();
    this.usage.add("sessionMs", now - this.#countedAt);
    this.#countedAt = Math.max(this.#countedAt, now);
  }

  #after(ms: number, callback: () => void): TimerHandle {
    return this.#timers.after(ms, () => this.guard(callback));
  }

  /** A fault of a translator ends its own session, and no other. */
  guard(act: () => void): void;
  guard<T>(act: (value: T) => void, value: T): void;
  guard<T>(act: (value?: T) => void, value?: T): void {
    try {
      act(value);
      if ((this.#hasSpent || this.#usageDue) && !this.#ended) this.#tellUsage();
    } catch (error) {
      this.#dependencies.log.error("a voice session failed", {
        sessionId: this.id,
        provider: this.#ways.model.provider.name,
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

function noPictures(eventId: string | null): RealtimeError {
  return {
    code: "unsupported_by_provider",
    message: "This model takes no pictures. GET /v1/models names those that do (capabilities.imageInput).",
    param: "item.content",
    eventId,
  };
}

function standsIn(asked: string, used: string): RealtimeEvent {
  return {
    type: "conduit.warning",
    code: "other_model",
    message: `${asked} could not be had; the session goes on with ${used}.`,
    model: used,
  };
}
