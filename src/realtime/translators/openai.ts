/**
 * Providers that speak the unified format themselves: OpenAI's GA Realtime API, and those that follow it. Messages are passed as
 * they are; only what usage, the budget and the model's name need is parsed. Facts: platform.openai.com/docs/guides/realtime.
 */

import { audioFormatOf, msOfBase64 } from "../../audio/base64-audio.ts";
import { CLOSE_GOING_AWAY } from "../../protocol/close-codes.ts";
import { type AudioFormat, DEFAULT_AUDIO_FORMAT, type RealtimeEvent } from "../../protocol/realtime.ts";
import type { Json } from "../../protocol/task.ts";
import type { CloseNote } from "../../sockets/dialer.ts";
import { isObject } from "../json.ts";
import { AUDIO_APPEND, type ClientEvent } from "../session/client-event.ts";
import type { Translator, TranslatorContext, VoiceUpstreamRequest } from "../translator.ts";
import { withoutFlatFields } from "./beta-names.ts";
import { ConversationMemory } from "./openai-memory.ts";
import { responseUsage, transcriptionUsage } from "./openai-usage.ts";

export type OpenAiDialect = {
  /** Whether `?model=` names the model. */
  readonly modelInUrl: boolean;
};

/** The type of a provider's message, where it stands at the front as servers write it. */
const HEAD = /^\{\s*(?:"event_id"\s*:\s*"[^"]*"\s*,\s*)?"type"\s*:\s*"([^"\\]+)"/;
const HEAD_CHARACTERS = 200;
/** A provider that leaves sooner than this after it was connected to would only leave again, ms. */
const MIN_LIFE_MS = 60_000;
const AUDIO_DELTA = "response.output_audio.delta";
const DELTA_FIELD = '"delta":"';
const DELTA_TYPE = `"type":"${AUDIO_DELTA}"`;
const EVENT_ID = '{"event_id":"';

export function openAiTranslator(context: TranslatorContext, dialect: OpenAiDialect): Translator {
  return new OpenAiTranslator(context, dialect);
}

class OpenAiTranslator implements Translator {
  readonly #context: TranslatorContext;
  readonly #dialect: OpenAiDialect;
  #inputFormat: AudioFormat = DEFAULT_AUDIO_FORMAT;
  #outputFormat: AudioFormat = DEFAULT_AUDIO_FORMAT;
  /** A response whose sound has not begun yet. */
  #silentResponse = false;
  readonly #memory: ConversationMemory;
  /** Responses that have begun and not ended, by their ids. */
  readonly #responses = new Set<string>();
  /** When the provider's session began; null before. */
  #connectedAt: number | null = null;
  /** The provider said that its session is over. */
  #expired = false;
  #restoring = false;
  /** What the provider says of what it was given again, and the client knows: items that are not whole yet. */
  readonly #givenAgain = new Set<string>();
  #updatesGivenAgain = 0;

  constructor(context: TranslatorContext, dialect: OpenAiDialect) {
    this.#context = context;
    this.#dialect = dialect;
    // GA sessions have no temperature, and refuse one.
    const { temperature: _none, ...session } = context.plan.session;
    this.#memory = new ConversationMemory(session);
  }

  start(): void {
    this.#context.output.connect(this.#address());
  }

  connected(): void {
    // A call was configured with its offer, and its client may have changed that since.
    if (this.#context.plan.callId !== undefined) return;
    this.#connectedAt = this.#context.now();
    const { session } = this.#memory;
    const type = this.#context.plan.intent === "transcription" ? "transcription" : "realtime";
    if (this.#restoring) this.#restore(type);
    else if (Object.keys(session).length > 0) {
      const update: RealtimeEvent = { type: "session.update", session: { ...session, type } };
      this.#memory.asked(update);
      this.#send(update);
    }
  }

  fromClient(client: ClientEvent): void {
    const { output } = this.#context;
    if (client.type === AUDIO_APPEND) {
      output.used({ audioInMs: msOfBase64(client.audioCharacters, this.#inputFormat) });
      output.toProvider(client.text);
    } else if (client.type === "session.update") this.#update(client.event);
    else output.toProvider(client.text);
  }

  audioFromClient(bytes: Uint8Array): void {
    const audio = bytes.toBase64();
    this.#context.output.used({ audioInMs: msOfBase64(audio.length, this.#inputFormat) });
    this.#context.output.toProvider(`{"type":"${AUDIO_APPEND}","audio":"${audio}"}`);
  }

  fromProvider(frame: string | Uint8Array): void {
    const text = typeof frame === "string" ? frame : new TextDecoder().decode(frame);
    if (isDelta(text)) {
      this.#audio(text);
      return;
    }
    const type = HEAD.exec(text.slice(0, HEAD_CHARACTERS))?.[1];
    if (type === AUDIO_DELTA) this.#audio(text);
    else this.#event(text, type);
  }

  disconnected({ code }: CloseNote): "resume" | "end" {
    if ((code !== CLOSE_GOING_AWAY && !this.#expired) || !this.#mayRestore()) return "end";
    this.#expired = false;
    this.#connectedAt = null;
    this.#restoring = true;
    this.#failOpenResponses();
    this.#context.output.connect(this.#address());
    return "resume";
  }

  #mayRestore(): boolean {
    return this.#connectedAt !== null && this.#context.now() - this.#connectedAt >= MIN_LIFE_MS;
  }

  finish(): void {
    // The close says all there is to say.
  }

  #audio(text: string): void {
    const { output } = this.#context;
    const start = text.indexOf(DELTA_FIELD);
    const end = start < 0 ? -1 : text.indexOf('"', start + DELTA_FIELD.length);
    if (end > start)
      output.used({ audioOutMs: msOfBase64(end - start - DELTA_FIELD.length, this.#outputFormat) });
    if (this.#silentResponse) {
      this.#silentResponse = false;
      output.turn("first_audio");
    }
    output.passToClient(text, AUDIO_DELTA);
  }

  #event(text: string, known: string | undefined): void {
    const { output } = this.#context;
    if (known !== undefined && !LOOKED_AT.has(known)) {
      output.passToClient(text, known);
      return;
    }
    const event = parsed(text);
    // `session.created`: the client was sent one of ours when it came.
    if (event === null || event.type === "session.created" || this.#isOurs(event)) return;
    if (event.type === "session.updated") this.#updated(event);
    else if (event.type === "error") output.toClient(withoutAccount(event));
    else {
      output.passToClient(text, event.type);
      this.#count(event);
    }
  }

  /** Keeps what a later session of the provider has to know. True for what the client is not to see. */
  #isOurs({ type, item, item_id, error }: RealtimeEvent): boolean {
    const given = isObject(item) && this.#givenAgain.has(String(item.id));
    switch (type) {
      case "session.updated":
        this.#memory.took();
        return false;
      case "error":
        this.#memory.refused(error);
        if (!isObject(error) || error.code !== "session_expired") return false;
        this.#expired = true;
        return this.#mayRestore();
      case "conversation.item.added":
      case "conversation.item.created":
        if (!given) this.#memory.keep(item);
        return given;
      case "conversation.item.done":
        if (given) this.#givenAgain.delete(String(item.id));
        else this.#memory.keep(item);
        return given;
      case "conversation.item.deleted":
        this.#memory.forget(item_id);
        return false;
      default:
        return false;
    }
  }

  /** Behind the client's back: what a response cost may end the session. */
  #count(event: RealtimeEvent): void {
    const { output } = this.#context;
    switch (event.type) {
      case "input_audio_buffer.speech_started":
        output.turn("user_speech_started");
        break;
      case "input_audio_buffer.speech_stopped":
        output.turn("user_speech_stopped");
        break;
      case "response.created":
        this.#silentResponse = true;
        if (isObject(event.response)) this.#responses.add(String(event.response.id));
        output.turn("response_started");
        break;
      case "response.done":
        this.#done(event);
        break;
      case "conversation.item.input_audio_transcription.completed": {
        const transcription = transcriptionUsage(event.usage);
        if (transcription !== null) output.used({ transcription });
        this.#memory.transcribed(event);
        break;
      }
      default:
        break;
    }
  }

  #done({ response }: RealtimeEvent): void {
    const { output } = this.#context;
    if (isObject(response)) this.#responses.delete(String(response.id));
    const usage = responseUsage(response);
    if (usage !== null) output.used({ response: usage });
    if (isInterrupted(response)) output.turn("interrupted");
    output.turn("response_done");
  }

  /** A session's model was decided when it was opened: by the key's rights, and by its price. */
  #update(event: RealtimeEvent): void {
    const { session, ...rest } = event;
    if (typeof session !== "object" || session === null || Array.isArray(session)) {
      this.#send(event);
      return;
    }
    const { model, ...fields } = session;
    const update: RealtimeEvent = { ...rest, session: withoutFlatFields(fields) };
    this.#memory.asked(update);
    this.#send(update);
  }

  /** The provider's new session is told what the old one knew; the client, what was lost of it. */
  #restore(type: "realtime" | "transcription"): void {
    this.#restoring = false;
    const { events, itemIds, lost } = this.#memory.restore(type);
    this.#givenAgain.clear();
    for (const id of itemIds) this.#givenAgain.add(id);
    this.#updatesGivenAgain = events.filter((event) => event.type === "session.update").length;
    for (const event of events) this.#send(event);
    this.#context.output.toClient({
      type: "conduit.warning",
      code: "context_restored",
      message:
        "The provider's session reached its end, and another one goes on in its place. It was given the configuration and " +
        `${itemIds.length} items as texts; their sound, sound that was not committed, and ${lost} items without a text are lost.`,
      restored_items: itemIds.length,
      lost_items: lost,
    });
  }

  /** What was being said when the provider left ends here: a client waits for it before it asks for more. */
  #failOpenResponses(): void {
    const { output } = this.#context;
    for (const id of this.#responses) {
      const error = {
        type: "server_error",
        code: "session_expired",
        message: "The provider's session ended.",
      };
      output.toClient({
        type: "response.done",
        response: {
          id,
          object: "realtime.response",
          status: "failed",
          status_details: { type: "failed", error },
          output: [],
          usage: null,
        },
      });
      output.turn("response_done");
    }
    this.#responses.clear();
  }

  #updated(event: RealtimeEvent): void {
    const session = event.session;
    if (typeof session !== "object" || session === null || Array.isArray(session)) return;
    const audio = session.audio as
      | { input?: { format?: unknown }; output?: { format?: unknown } }
      | undefined;
    this.#inputFormat = audioFormatOf(audio?.input?.format) ?? this.#inputFormat;
    this.#outputFormat = audioFormatOf(audio?.output?.format) ?? this.#outputFormat;
    // The client knows what it asked for.
    if (this.#updatesGivenAgain > 0) {
      this.#updatesGivenAgain -= 1;
      return;
    }
    const { plan, output } = this.#context;
    const named: { [key: string]: Json } = { ...session, id: plan.sessionId };
    if (plan.intent === "conversation") named.model = plan.model;
    output.toClient({ ...event, session: named });
  }

  #send(event: RealtimeEvent): void {
    this.#context.output.toProvider(JSON.stringify(event));
  }

  #address(): VoiceUpstreamRequest {
    const { endpoint, providerModel, intent, callId } = this.#context.plan;
    const query =
      callId !== undefined
        ? `call_id=${encodeURIComponent(callId)}`
        : intent === "transcription"
          ? "intent=transcription"
          : this.#dialect.modelInUrl
            ? `model=${encodeURIComponent(providerModel)}`
            : "";
    return {
      kind: "socket",
      url: query === "" ? endpoint.baseUrl : `${endpoint.baseUrl}?${query}`,
      headers: {
        ...(endpoint.key !== null && { authorization: `Bearer ${endpoint.key}` }),
        ...endpoint.headers,
      },
      protocols: endpoint.protocols,
    };
  }
}

/** Events that are parsed; all others are passed unread. */
const LOOKED_AT: ReadonlySet<string> = new Set([
  "error",
  "session.created",
  "session.updated",
  "error",
  "conversation.item.added",
  "conversation.item.created",
  "conversation.item.done",
  "conversation.item.deleted",
  "input_audio_buffer.speech_started",
  "input_audio_buffer.speech_stopped",
  "response.created",
  "response.done",
  "conversation.item.input_audio_transcription.completed",
]);

/** Ids of the operator's account there, which such messages name. */
const ACCOUNT_ID = /\b(org|proj|req|user)[-_][A-Za-z0-9]{6,}/g;

function withoutAccount(event: RealtimeEvent): RealtimeEvent {
  const { error } = event;
  if (!isObject(error) || typeof error.message !== "string") return event;
  return { ...event, error: { ...error, message: error.message.replace(ACCOUNT_ID, "$1-…") } };
}

/** Whether it is a piece of sound as OpenAI writes it: the type first, or behind the event's id. Makes no texts of the message, of which there are many. */
function isDelta(text: string): boolean {
  if (text.startsWith(DELTA_TYPE, 1)) return text.startsWith("{");
  if (!text.startsWith(EVENT_ID)) return false;
  const end = text.indexOf('"', EVENT_ID.length);
  return text.startsWith(DELTA_TYPE, end + 2) && text[end + 1] === ",";
}

function parsed(text: string): RealtimeEvent | null {
  try {
    const event: unknown = JSON.parse(text);
    return typeof (event as { type?: unknown } | null)?.type === "string" ? (event as RealtimeEvent) : null;
  } catch {
    return null;
  }
}

function isInterrupted(response: Json | undefined): boolean {
  if (typeof response !== "object" || response === null || Array.isArray(response)) return false;
  const details = response.status_details;
  return (
    response.status === "cancelled" &&
    typeof details === "object" &&
    details !== null &&
    !Array.isArray(details) &&
    details.reason === "turn_detected"
  );
}
