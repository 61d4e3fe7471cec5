/**
 * Ultravox: a call is made over HTTP, whose answer names the socket; there sound is binary, and everything else JSON. Facts:
 * docs.ultravox.ai (REST `POST /api/calls`, data messages). The call fixes the configuration, so it waits for the client's first
 * `session.update` or sound.
 */

import type { AudioFormat } from "../../protocol/realtime.ts";
import type { Json } from "../../protocol/task.ts";
import type { DialRequest } from "../../sockets/dialer.ts";
import { isObject, type JsonObject, parseObject } from "../json.ts";
import { type ConversationItem, resultOfItem, textOfItem } from "../synthesis/conversation-items.ts";
import { type DialectParts, type ProviderDialect, translatedBy } from "../synthesis/translated-session.ts";

const RATE = 24_000;
const SOUND: AudioFormat = { type: "audio/pcm", rate: RATE };
/** The provider may run ahead of what is heard: it says when to drop what was not. */
const CLIENT_BUFFER_MS = 30_000;
const PING_MS = 10_000;

export const ultravoxTranslator = translatedBy((parts) => new UltravoxDialect(parts));

class UltravoxDialect implements ProviderDialect {
  readonly #parts: DialectParts;
  readonly #context: DialectParts["context"];
  readonly #synthesis: DialectParts["synthesis"];
  #muted = false;

  constructor(parts: DialectParts) {
    this.#parts = parts;
    this.#context = parts.context;
    this.#synthesis = parts.synthesis;
  }

  connected(): void {
    this.#ping();
  }

  audio(bytes: Uint8Array): void {
    const sound = this.#parts.toProvider.convert(bytes, this.#synthesis.state.inputFormat, SOUND);
    if (sound.length > 0) this.#context.output.toProvider(sound);
  }

  configured(changed: boolean): void {
    if (!changed) return;
    const { state } = this.#synthesis;
    this.#parts.send({ type: "set_output_medium", medium: state.textOnly ? "text" : "voice" });
    this.#parts.partlyApplied(
      "This provider fixes instructions, voice and tools when the session begins; only the modality was changed.",
    );
  }

  itemCreated(item: ConversationItem): void {
    if (item.type === "function_call_output")
      this.#parts.send({
        type: "client_tool_result",
        invocationId: String(item.call_id ?? ""),
        result: resultOfItem(item),
        responseType: "tool-response",
      });
    else if (item.type === "message") {
      const text = textOfItem(item);
      this.#userText(item.role === "user" ? text : `<instruction>${text}</instruction>`, true);
    }
  }

  respond(metadata: Json, afterResults: boolean): void {
    this.#muted = false;
    this.#synthesis.response.start(metadata);
    // Asked as well, it would answer twice.
    if (!afterResults) this.#userText("", false);
  }

  cancel(): void {
    this.#muted = true;
    this.#parts.send({ type: "user_text_message", text: "", urgency: "immediate", deferResponse: true });
    this.#synthesis.response.finish({ status: "cancelled", reason: "client_cancelled" });
  }

  fromProvider(frame: string | Uint8Array): void {
    if (typeof frame !== "string") {
      this.#sound(frame);
      return;
    }
    const message = parseObject(frame);
    if (message === null) return;
    const { response, turns, audioMs } = this.#synthesis;
    switch (message.type) {
      case "call_started":
        if (typeof message.callId === "string") this.#context.output.named(message.callId);
        this.#synthesis.state.announce();
        return;
      case "state":
        this.#state(message.state);
        return;
      case "transcript":
        this.#transcript(message);
        return;
      case "client_tool_invocation":
        this.#endUserTurn();
        response.functionCall(
          String(message.toolName ?? ""),
          String(message.invocationId ?? ""),
          JSON.stringify(message.parameters ?? {}),
        );
        response.finish({ status: "completed" });
        return;
      case "playback_clear_buffer":
        turns.started(audioMs);
        response.finish({ status: "cancelled", reason: "turn_detected" });
        return;
      default:
        return;
    }
  }

  disconnected(): "end" {
    this.#synthesis.response.finish({ status: "completed" });
    return "end";
  }

  finish(): void {
    this.#parts.send({ type: "hang_up" });
  }

  connect(): void {
    const { endpoint } = this.#context.plan;
    this.#context.output.connect({
      kind: "call",
      // Where it is configured as a WebSocket's address, its HTTP side is meant.
      url: `${endpoint.baseUrl.replace(/^ws/, "http")}/calls?enableGreetingPrompt=false`,
      headers: { ...(endpoint.key !== null && { "x-api-key": endpoint.key }), ...endpoint.headers },
      body: this.#call(),
      socketOf: (answer): DialRequest | null =>
        isObject(answer) && typeof answer.joinUrl === "string" && /^wss?:\/\//.test(answer.joinUrl)
          ? { url: answer.joinUrl, headers: {}, protocols: [] }
          : null,
    });
  }

  #call(): JsonObject {
    const { state } = this.#synthesis;
    const { plan } = this.#context;
    const { voice, turnDetection } = state;
    const silence = turnDetection?.silence_duration_ms;
    return {
      model: plan.providerModel,
      ...(state.instructions !== "" && { systemPrompt: state.instructions }),
      ...(voice !== null && { voice }),
      ...(state.language !== null && { languageHint: state.language }),
      ...(state.tools.length > 0 && { selectedTools: state.tools.map(toolOf) }),
      ...(typeof silence === "number" && { vadSettings: { turnEndpointDelay: `${silence / 1_000}s` } }),
      firstSpeakerSettings: { user: {} },
      initialOutputMedium: state.textOnly ? "MESSAGE_MEDIUM_TEXT" : "MESSAGE_MEDIUM_VOICE",
      medium: {
        serverWebSocket: {
          inputSampleRate: RATE,
          outputSampleRate: RATE,
          clientBufferSizeMs: CLIENT_BUFFER_MS,
        },
      },
    };
  }

  #sound(bytes: Uint8Array): void {
    if (this.#muted) return;
    const { state, response } = this.#synthesis;
    this.#endUserTurn();
    const sound = this.#parts.toClient.convert(bytes, SOUND, state.outputFormat);
    if (sound.length > 0) response.audio(sound.toBase64(), state.outputFormat);
  }

  #state(state: Json | undefined): void {
    const { response } = this.#synthesis;
    if (state === "thinking") {
      this.#muted = false;
      this.#endUserTurn();
    } else if (state === "speaking") response.start();
    else if (state === "listening" || state === "idle") response.finish({ status: "completed" });
  }

  #transcript({ role, text, delta, final, medium }: JsonObject): void {
    const { response, turns, audioMs } = this.#synthesis;
    if (role === "user") {
      // What the client wrote itself comes back as well.
      if (medium === "text") return;
      turns.started(audioMs);
      if (typeof delta === "string") turns.transcriptDelta(delta);
      if (typeof text === "string") turns.transcriptSoFar(text);
      if (final !== true) return;
      this.#endUserTurn();
      turns.transcribed(typeof text === "string" ? text : null);
      return;
    }
    if (this.#muted) return;
    const said =
      typeof delta === "string"
        ? delta
        : typeof text === "string" && text.startsWith(response.said)
          ? text.slice(response.said.length)
          : "";
    if (medium === "text") response.text(said);
    else response.transcript(said);
    if (typeof text === "string") response.correctTranscript(text);
    if (final === true && medium === "text") response.finish({ status: "completed" });
  }

  #endUserTurn(): void {
    const { turns, audioMs } = this.#synthesis;
    if (turns.isSpeaking) turns.stopped(audioMs);
    this.#parts.turnEnded();
  }

  #userText(text: string, deferResponse: boolean): void {
    this.#parts.send({ type: "user_text_message", text, deferResponse });
  }

  #ping(): void {
    this.#parts.send({ type: "ping", timestamp: this.#context.now() / 1_000 });
    this.#context.after(PING_MS, () => this.#ping());
  }
}

/** A function of the client as a tool of one call. */
function toolOf({ name, description, parameters }: JsonObject): JsonObject {
  const schema = isObject(parameters) ? parameters : {};
  const properties = isObject(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? schema.required : [];
  return {
    temporaryTool: {
      modelToolName: name ?? "",
      ...(description !== undefined && { description }),
      dynamicParameters: Object.entries(properties).map(([parameter, of]) => ({
        name: parameter,
        location: "PARAMETER_LOCATION_BODY",
        schema: of,
        required: required.includes(parameter),
      })),
      client: {},
    },
  };
}
