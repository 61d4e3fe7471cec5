/**
 * The port of voice providers. A translator is one session's pure state machine between the unified messages and what one
 * provider speaks: it is told what came, and says what is to be sent. Sockets, clocks and money are the session's.
 */

import type { RealtimeError, RealtimeEvent, ResponseUsage } from "../protocol/realtime.ts";
import type { Json } from "../protocol/task.ts";
import type { CloseNote, DialRequest } from "../sockets/dialer.ts";
import type { Frame } from "../sockets/frame.ts";
import type { ClientEvent } from "./session/client-event.ts";

/** How the provider is reached. */
export type VoiceUpstreamRequest =
  | ({ readonly kind: "socket" } & DialRequest)
  /** A call over HTTP first, whose answer says where the socket is. */
  | {
      readonly kind: "call";
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Json;
      /** Null when the answer does not say. */
      socketOf(answer: Json): DialRequest | null;
    };

/** Usage that a translator learned of. Absent: not said. */
export type UsageReport = {
  /** Of one response. */
  readonly response?: ResponseUsage;
  /** Of the transcription of what the user said, at the price of the model that transcribes. */
  readonly transcription?:
    | {
        readonly kind: "tokens";
        readonly audioInput: number;
        readonly textInput: number;
        readonly output: number;
      }
    | { readonly kind: "duration"; readonly seconds: number };
  /** Milliseconds of audio that the provider sent. */
  readonly audioOutMs?: number;
  /** Milliseconds of audio that the client sent, in its input format. */
  readonly audioInMs?: number;
};

/** What a translator has done. All calls return at once and may be made at any time before the session's end. */
export interface TranslatorOutput {
  /** Opens the upstream; asked again, opens another one in its place (the old one is closed silently). */
  connect(request: VoiceUpstreamRequest): void;
  /** To the provider, in order; waits while the upstream is not open. */
  toProvider(frame: Frame): void;
  /** An event for the client; an `event_id` is added where there is none. */
  toClient(event: RealtimeEvent): void;
  /** A message for the client as it came. Same dialect on both sides. `type` is its event type. */
  passToClient(text: string, type: string): void;
  error(error: RealtimeError): void;
  used(report: UsageReport): void;
  /** The provider's id of the session, by which it keeps what it bills. */
  named(id: string): void;
  /** A response began or ended: what budgets and statistics look at. */
  turn(moment: TurnMoment): void;
  /** Ends the session towards the client. */
  end(close: CloseNote): void;
}

/** Moments of a conversation, for statistics and for the look at the budget. */
export type TurnMoment =
  | "user_speech_started"
  | "user_speech_stopped"
  | "response_started"
  | "first_audio"
  | "response_done"
  | "interrupted";

/** What a session is about, as its opening said. */
export type SessionPlan = {
  /** Ours: `sess_…`. */
  readonly sessionId: string;
  /** The name the client used; what it is shown. */
  readonly model: string;
  /** The provider's own name of it. */
  readonly providerModel: string;
  readonly intent: "conversation" | "transcription";
  /** GA session fields from the operator's defaults and from the ephemeral key; the client's `session.update` overrides them. */
  readonly session: Readonly<Record<string, Json>>;
  readonly endpoint: UpstreamEndpoint;
  /** The end user, where known: opaque. */
  readonly customer: string | null;
  /** The provider's id of the call that the socket joins; absent for a session whose sound comes here. */
  readonly callId?: string;
};

/** Where a provider is, and with which account. */
export type UpstreamEndpoint = {
  /** `wss://…` (or `https://…` where a call comes first), without a query. */
  readonly baseUrl: string;
  /** The secret; null for a provider that needs none. */
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly protocols: readonly string[];
};

export type TranslatorContext = {
  readonly plan: SessionPlan;
  readonly output: TranslatorOutput;
  /** Ids: `newId("item")` is `item_` and random letters. */
  newId(prefix: string): string;
  /** Milliseconds, monotonic. */
  now(): number;
  /** Calls back once; ends with the session. */
  after(ms: number, callback: () => void): { cancel(): void };
};

export interface Translator {
  /** Called once, first. Connects at once, or waits for the client's configuration. */
  start(): void;
  /** One event of the client, in GA names, valid JSON with a `type`. */
  fromClient(event: ClientEvent): void;
  /** Audio that came as a binary message, in the session's input format. */
  audioFromClient(bytes: Uint8Array): void;
  /** The upstream is open. Frames sent from here on go before those that waited. */
  connected(): void;
  fromProvider(frame: string | Uint8Array): void;
  /**
   * The upstream ended, or could not be had. `resume`: the translator has asked for another one; `end`: the session ends with
   * the provider's code as far as it may be sent.
   */
  disconnected(close: CloseNote): "resume" | "end";
  /** The client has gone, or the session ends: what the provider is told before the close. */
  finish(): void;
}

/** What a provider can do, for routing: a session that asks for more is not sent there. */
export type RealtimeCapabilities = {
  readonly tools: boolean;
  /** It takes no tools that a session brings, only those that its model was set up with. */
  readonly fixedTools?: boolean;
  /** Null: the provider's own list, which is not known here. */
  readonly voices: readonly string[] | null;
  readonly imageInput: boolean;
  readonly transcription: boolean;
  readonly webrtc: boolean;
};

/** A request of the HTTP side of calls, always a POST. */
export type CallRequest = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Null for a POST without a body. */
  readonly body: FormData | null;
};

/** How a browser and the provider agree on a call (WebRTC), whose sound goes past the gateway. */
export interface CallDialect {
  /** Hands the offer of a client to the provider. `session` are GA fields without a model. */
  offer(
    plan: Pick<SessionPlan, "endpoint" | "providerModel" | "intent">,
    sdp: string,
    session: Json,
  ): CallRequest;
  /** The provider's id of the call, from the `Location` of its answer; null when it is none. */
  callIdOf(location: string | null): string | null;
  hangUp(endpoint: UpstreamEndpoint, callId: string): CallRequest;
}

/** How a provider that meters nothing in its events says afterwards what it bills. */
export interface BillDialect {
  /** Where its record of the session is. `id` is fit for an address. */
  request(
    endpoint: UpstreamEndpoint,
    id: string,
  ): { readonly url: string; readonly headers: Readonly<Record<string, string>> };
  /** Milliseconds that are billed; null while that is not known. */
  billedMsOf(record: Json): number | null;
}

/** A provider of voice sessions. */
export interface RealtimeProvider {
  readonly name: string;
  readonly capabilities: RealtimeCapabilities;
  /** How calls are made, where `capabilities.webrtc`. */
  readonly calls?: CallDialect;
  /** Absent: what is billed is in its events. */
  readonly bills?: BillDialect;
  /** Loads what `translator` needs; MUST have succeeded before it is called. Absent: nothing is to be loaded. */
  prepare?(): Promise<void>;
  translator(context: TranslatorContext): Translator;
}
