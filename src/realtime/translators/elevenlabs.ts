/**
 * ElevenLabs agents: an agent that exists there is the model (`elevenlabs/agent_…`). Facts: elevenlabs.io/docs/conversational-ai/api-reference
 * (WebSocket). The configuration is the first message, so it waits for the client's first `session.update` or sound; turns are
 * taken by the provider, which has no message for the end of an answer: it is inferred from its sound.
 */

import { msOfBase64 } from "../../audio/base64-audio.ts";
import { type AudioFormat, DEFAULT_AUDIO_FORMAT } from "../../protocol/realtime.ts";
import type { Json } from "../../protocol/task.ts";
import { type JsonObject, objectOr, parseObject } from "../json.ts";
import { type ConversationItem, resultOfItem, textOfItem } from "../synthesis/conversation-items.ts";
import { type DialectParts, type ProviderDialect, translatedBy } from "../synthesis/translated-session.ts";

/** An answer has ended when its sound has been over for this long, ms. */
const QUIET_MS = 1_000;
/** Until the provider says otherwise. */
const USUAL: AudioFormat = { type: "audio/pcm", rate: 16_000 };

export const elevenLabsTranslator = translatedBy((parts) => new ElevenLabsDialect(parts));

class ElevenLabsDialect implements ProviderDialect {
  readonly #parts: DialectParts;
  readonly #context: DialectParts["context"];
  readonly #synthesis: DialectParts["synthesis"];
  #input: AudioFormat = USUAL;
  #output: AudioFormat = USUAL;
  /** Texts of the user that wait for `response.create`. */
  #texts: string[] = [];
  /** Sound up to this event was interrupted. */
  #interruptedUpTo = -1;
  /** When the sound that came is over, on the session's clock. */
  #soundEndsAt = 0;
  #quiet: { cancel(): void } | null = null;
  /** The text of the answer came piece by piece, so that the whole one adds nothing. */
  #hasParts = false;
  #muted = false;

  constructor(parts: DialectParts) {
    this.#parts = parts;
    this.#context = parts.context;
    this.#synthesis = parts.synthesis;
  }

  connected(): void {
    this.#parts.send(this.#configuration());
  }

  audio(bytes: Uint8Array): void {
    const chunk = this.#parts.toProvider.convert(bytes, this.#synthesis.state.inputFormat, this.#input);
    if (chunk.length > 0) this.#parts.send({ user_audio_chunk: chunk.toBase64() });
  }

  configured(changed: boolean): void {
    if (!changed) return;
    this.#parts.send({ type: "contextual_update", text: this.#synthesis.state.instructions });
    this.#parts.partlyApplied(
      "This provider takes changed instructions as a hint; voice, tools and formats stay as the session began.",
    );
  }

  itemCreated(item: ConversationItem): void {
    if (item.type === "function_call_output")
      this.#parts.send({
        type: "client_tool_result",
        tool_call_id: String(item.call_id ?? ""),
        result: resultOfItem(item),
        is_error: false,
      });
    else if (item.type === "message" && item.role === "user") this.#texts.push(textOfItem(item));
    else if (item.type === "message") this.#parts.send({ type: "contextual_update", text: textOfItem(item) });
  }

  respond(metadata: Json): void {
    const text = this.#texts.join("\n");
    this.#texts = [];
    this.#muted = false;
    this.#synthesis.response.start(metadata);
    // Without a text it answers what it has heard, by itself.
    if (text !== "") this.#parts.send({ type: "user_message", text });
    this.#endWhenQuiet(QUIET_MS * 10);
  }

  /** The provider has no cancel: what it still says is not passed on. */
  cancel(): void {
    this.#muted = true;
    this.#finish("cancelled", "client_cancelled");
  }

  fromProvider(frame: string | Uint8Array): void {
    const message = parseObject(typeof frame === "string" ? frame : new TextDecoder().decode(frame));
    if (message === null) return;
    switch (message.type) {
      case "conversation_initiation_metadata":
        this.#metadata(objectOr(message.conversation_initiation_metadata_event));
        return;
      case "ping":
        this.#parts.send({ type: "pong", event_id: objectOr(message.ping_event).event_id ?? 0 });
        return;
      case "audio":
        this.#audioCame(objectOr(message.audio_event));
        return;
      case "tentative_user_transcript":
        this.#tentative(objectOr(message.tentative_user_transcription_event).user_transcript);
        return;
      case "user_transcript":
        this.#userSaid(objectOr(message.user_transcription_event).user_transcript);
        return;
      case "agent_response":
        this.#agentSaid(objectOr(message.agent_response_event).agent_response);
        return;
      case "agent_chat_response_part":
        this.#part(objectOr(message.text_response_part));
        return;
      case "agent_response_correction":
        this.#corrected(objectOr(message.agent_response_correction_event).corrected_agent_response);
        return;
      case "interruption":
        this.#interrupted(objectOr(message.interruption_event).event_id);
        return;
      case "client_tool_call":
        this.#toolCall(objectOr(message.client_tool_call));
        return;
      case "error":
        this.#failed(objectOr(message.error_event));
        return;
      default:
        // Scores, states and what is internal to the provider.
        return;
    }
  }

  disconnected(): "end" {
    this.#finish("completed");
    return "end";
  }

  finish(): void {
    this.#quiet?.cancel();
  }

  connect(): void {
    const { endpoint, providerModel } = this.#context.plan;
    this.#context.output.connect({
      kind: "socket",
      url: `${endpoint.baseUrl}?agent_id=${encodeURIComponent(providerModel)}`,
      headers: { ...(endpoint.key !== null && { "xi-api-key": endpoint.key }), ...endpoint.headers },
      protocols: endpoint.protocols,
    });
  }

  #configuration(): JsonObject {
    const { state } = this.#synthesis;
    const { customer } = this.#context.plan;
    const { voice, speed } = state;
    const tts = {
      ...(voice !== null && { voice_id: voice }),
      ...(speed !== null && speed !== 1 && { speed }),
    };
    const agent = {
      ...(state.instructions !== "" && { prompt: { prompt: state.instructions } }),
      ...(state.language !== null && { language: state.language }),
    };
    const override: JsonObject = {
      ...(Object.keys(agent).length > 0 && { agent }),
      ...(Object.keys(tts).length > 0 && { tts }),
      ...(state.textOnly && { conversation: { text_only: true } }),
    };
    return {
      type: "conversation_initiation_client_data",
      ...(Object.keys(override).length > 0 && { conversation_config_override: override }),
      ...(customer !== null && { user_id: customer }),
    };
  }

  #metadata({
    user_input_audio_format: input,
    agent_output_audio_format: output,
    conversation_id: id,
  }: JsonObject): void {
    if (typeof id === "string") this.#context.output.named(id);
    this.#input = formatNamed(input) ?? this.#input;
    this.#output = formatNamed(output) ?? this.#output;
    this.#synthesis.state.announce();
  }

  #audioCame({ audio_base_64: audio, event_id: id }: JsonObject): void {
    if (typeof audio !== "string" || (typeof id === "number" && id <= this.#interruptedUpTo) || this.#muted)
      return;
    const { state, response } = this.#synthesis;
    this.#endUserTurn();
    const sound = this.#parts.toClient.convertBase64(audio, this.#output, state.outputFormat);
    if (sound !== "") response.audio(sound, state.outputFormat);
    const ms = msOfBase64(audio.length, this.#output);
    this.#soundEndsAt = Math.max(this.#soundEndsAt, this.#context.now()) + ms;
    this.#endWhenQuiet(this.#soundEndsAt - this.#context.now() + QUIET_MS);
  }

  #tentative(text: Json | undefined): void {
    if (typeof text !== "string") return;
    const { turns, audioMs } = this.#synthesis;
    turns.started(audioMs);
    turns.transcriptSoFar(text);
  }

  #userSaid(text: Json | undefined): void {
    const { turns, audioMs } = this.#synthesis;
    this.#finish("completed");
    this.#muted = false;
    turns.stopped(audioMs);
    turns.transcribed(typeof text === "string" ? text : "");
    this.#parts.turnEnded();
  }

  #agentSaid(text: Json | undefined): void {
    if (typeof text !== "string" || this.#muted) return;
    this.#endUserTurn();
    if (!this.#hasParts) this.#write(text);
    this.#hasParts = false;
    this.#endWhenQuiet(Math.max(0, this.#soundEndsAt - this.#context.now()) + QUIET_MS);
  }

  #part({ type, text }: JsonObject): void {
    if (type === "start") this.#hasParts = true;
    if (typeof text !== "string" || text === "" || this.#muted) return;
    this.#hasParts = true;
    this.#endUserTurn();
    this.#write(text);
  }

  #write(text: string): void {
    const { state, response } = this.#synthesis;
    if (state.textOnly) response.text(text);
    else response.transcript(text);
  }

  #corrected(text: Json | undefined): void {
    if (typeof text === "string") this.#synthesis.response.correctTranscript(text);
  }

  #interrupted(id: Json | undefined): void {
    if (typeof id === "number") this.#interruptedUpTo = Math.max(this.#interruptedUpTo, id);
    const { turns, audioMs } = this.#synthesis;
    turns.started(audioMs);
    this.#soundEndsAt = 0;
    this.#finish("cancelled", "turn_detected");
  }

  #toolCall({ tool_name: name, tool_call_id: id, parameters }: JsonObject): void {
    this.#endUserTurn();
    this.#synthesis.response.functionCall(
      String(name ?? ""),
      typeof id === "string" ? id : this.#context.newId("call"),
      JSON.stringify(parameters ?? {}),
    );
    this.#finish("completed");
  }

  #failed({ error_type: type, message, code }: JsonObject): void {
    this.#context.output.error({
      code: type === "max_duration_exceeded" ? "session_expired" : "provider_error",
      message: `The provider reported an error${typeof type === "string" ? ` (${type})` : ""}.${
        typeof message === "string" && code === undefined ? ` ${message.slice(0, 200)}` : ""
      }`,
    });
  }

  #endUserTurn(): void {
    const { turns, audioMs } = this.#synthesis;
    if (turns.isSpeaking) turns.stopped(audioMs);
  }

  #endWhenQuiet(ms: number): void {
    this.#quiet?.cancel();
    this.#quiet = this.#context.after(ms, () => this.#finish("completed"));
  }

  #finish(status: "completed" | "cancelled", reason?: string): void {
    this.#quiet?.cancel();
    this.#quiet = null;
    this.#hasParts = false;
    this.#synthesis.response.finish({ status, ...(reason !== undefined && { reason }) });
  }
}

/** Such as `pcm_16000` and `ulaw_8000`. */
function formatNamed(name: Json | undefined): AudioFormat | null {
  if (name === "ulaw_8000") return { type: "audio/pcmu" };
  const rate = typeof name === "string" ? /^pcm_(\d{4,5})$/.exec(name)?.[1] : undefined;
  return rate === undefined ? null : { ...DEFAULT_AUDIO_FORMAT, type: "audio/pcm", rate: Number(rate) };
}
