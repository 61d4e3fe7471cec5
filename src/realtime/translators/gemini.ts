/**
 * Google's Gemini Live (BidiGenerateContent): one `setup`, then audio both ways. Facts: ai.google.dev/api/live. A session's
 * configuration is fixed by the setup, so the connection waits for the client's first `session.update` or its first sound; a later
 * change opens a new connection that resumes the old one by its handle.
 */

import { CLOSE_GOING_AWAY, CLOSE_TRY_AGAIN } from "../../protocol/close-codes.ts";
import type { AudioFormat, ResponseUsage } from "../../protocol/realtime.ts";
import type { Json } from "../../protocol/task.ts";
import type { CloseNote } from "../../sockets/dialer.ts";
import { isObject, type JsonObject, parseObject } from "../json.ts";
import type { ConversationItem } from "../synthesis/conversation-items.ts";
import { type DialectParts, type ProviderDialect, translatedBy } from "../synthesis/translated-session.ts";
import { activityDetection, declarationOf, messagePartsOf, toolResult } from "./gemini-parts.ts";
import { geminiUsage } from "./gemini-usage.ts";

const INPUT_RATE = 16_000;
const INPUT: AudioFormat = { type: "audio/pcm", rate: INPUT_RATE };
const OUTPUT: AudioFormat = { type: "audio/pcm", rate: 24_000 };
const SERVICE = "google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent";
/** Characters that may wait for the setup to be taken: some 20 s of sound. */
const MAX_HELD_CHARACTERS = 1_048_576;
/** A message that is nothing but a piece of sound begins and ends so; sticky. */
const SOUND_HEAD =
  /\s*\{\s*"serverContent"\s*:\s*\{\s*"modelTurn"\s*:\s*\{\s*"parts"\s*:\s*\[\s*\{\s*"inlineData"\s*:\s*\{\s*"mimeType"\s*:\s*"audio\/pcm;rate=24000"\s*,\s*"data"\s*:\s*"/y;
const SOUND_TAIL = /"\s*\}\s*\}\s*\]\s*\}\s*\}\s*\}\s*$/y;

export const geminiTranslator = translatedBy((parts) => new GeminiDialect(parts));

class GeminiDialect implements ProviderDialect {
  readonly #parts: DialectParts;
  readonly #context: DialectParts["context"];
  readonly #synthesis: DialectParts["synthesis"];
  /** Whether the setup was taken. */
  #isReady = false;
  /** Messages of the client that wait for the setup to be taken. */
  #held: string[] = [];
  #heldCharacters = 0;
  #handle: string | null = null;
  #goingAway = false;
  /** Sound since the last commit, where the client says when the user has spoken. */
  #uncommittedMs = 0;
  #active = false;
  readonly #calls = new Map<string, string>();
  /** Usage that came between responses; it belongs to the next one that ends. */
  #usage: ResponseUsage | null = null;
  #pendingMetadata: Json = null;
  /** The model was told of the end of speech, which it answers without being asked. */
  #answerIsDue = false;
  /** The client wants nothing more of the answer under way, which the provider cannot be told. */
  #muted = false;

  constructor(parts: DialectParts) {
    this.#parts = parts;
    this.#context = parts.context;
    this.#synthesis = parts.synthesis;
  }

  connected(): void {
    this.#context.output.toProvider(JSON.stringify({ setup: this.#setup() }));
  }

  audio(bytes: Uint8Array): void {
    const { state } = this.#synthesis;
    this.#uncommittedMs += 1;
    if (state.turnDetection === null && !this.#active) {
      this.#active = true;
      this.#send({ realtimeInput: { activityStart: {} } });
    }
    const data = this.#parts.toProvider.convert(bytes, state.inputFormat, INPUT).toBase64();
    if (data === "") return;
    this.#sendText(
      `{"realtimeInput":{"audio":{"data":"${data}","mimeType":"audio/pcm;rate=${INPUT_RATE}"}}}`,
    );
  }

  commit(): boolean {
    if (this.#uncommittedMs === 0) return false;
    this.#uncommittedMs = 0;
    if (this.#synthesis.state.turnDetection === null) {
      this.#active = false;
      this.#answerIsDue = true;
      this.#send({ realtimeInput: { activityEnd: {} } });
      this.#synthesis.turns.committed();
    } else {
      this.#answerIsDue = this.#synthesis.turns.isSpeaking;
      this.#send({ realtimeInput: { audioStreamEnd: true } });
    }
    return true;
  }

  clear(): void {
    this.#uncommittedMs = 0;
  }

  configured(changed: boolean): void {
    if (changed && this.#handle !== null) this.connect();
    else if (changed)
      this.#context.output.toClient({
        type: "conduit.warning",
        code: "not_applied",
        message:
          "This provider takes a changed configuration once it can resume the session; it is applied then.",
      });
  }

  itemCreated(item: ConversationItem): void {
    if (item.type === "function_call_output") {
      const callId = String(item.call_id ?? "");
      const name = this.#calls.get(callId);
      this.#calls.delete(callId);
      const response = toolResult(item.output);
      this.#send({
        toolResponse: { functionResponses: [{ id: callId, ...(name !== undefined && { name }), response }] },
      });
    } else if (item.type === "message")
      this.#send({
        clientContent: {
          turns: [{ role: item.role === "assistant" ? "model" : "user", parts: messagePartsOf(item) }],
          turnComplete: false,
        },
      });
  }

  respond(metadata: Json, afterResults: boolean): void {
    this.#pendingMetadata = metadata;
    // A complete turn would interrupt what has begun.
    if (!afterResults && !this.#answerIsDue) this.#send({ clientContent: { turnComplete: true } });
  }

  cancel(): void {
    if (this.#synthesis.state.turnDetection === null) {
      this.#active = true;
      this.#send({ realtimeInput: { activityStart: {} } });
    }
    this.#muted = true;
    this.#synthesis.response.finish({
      status: "cancelled",
      reason: "client_cancelled",
      usage: this.#takeUsage(),
    });
  }

  fromProvider(frame: string | Uint8Array): void {
    const text = typeof frame === "string" ? frame : new TextDecoder().decode(frame);
    const sound = soundOf(text);
    if (sound !== null) {
      if (this.#muted) return;
      this.#answering();
      this.#play(sound);
      return;
    }
    const message = parseObject(text);
    if (message === null) return;
    if (message.setupComplete !== undefined) this.#ready();
    const { usageMetadata, sessionResumptionUpdate: resumption } = message;
    if (isObject(usageMetadata)) this.#usage = geminiUsage(usageMetadata);
    if (isObject(resumption) && resumption.resumable === true && typeof resumption.newHandle === "string")
      this.#handle = resumption.newHandle;
    if (isObject(message.voiceActivity)) this.#activity(message.voiceActivity);
    if (isObject(message.serverContent)) this.#content(message.serverContent);
    if (isObject(message.toolCall)) this.#toolCall(message.toolCall);
    if (isObject(message.toolCallCancellation))
      this.#synthesis.response.finish({ status: "cancelled", reason: "turn_detected" });
    if (message.goAway !== undefined) this.#leave();
  }

  disconnected({ code }: CloseNote): "resume" | "end" {
    const leaves = this.#goingAway || code === CLOSE_GOING_AWAY;
    // A connection that ended before its setup was taken would only end again.
    if (!leaves || this.#handle === null || !this.#isReady) {
      this.finish();
      return "end";
    }
    // A resumed session does not go on with what was being said.
    if (this.#synthesis.response.isOpen)
      this.#synthesis.response.finish({
        status: "failed",
        usage: this.#takeUsage(),
        error: { code: "session_expired", message: "The provider's connection reached its end." },
      });
    this.connect();
    return "resume";
  }

  /** Usage of what was never answered is paid as well. */
  finish(): void {
    const usage = this.#takeUsage();
    if (usage !== null) this.#context.output.used({ response: usage });
  }

  /** Also to another connection, which resumes the one before. */
  connect(): void {
    this.#isReady = false;
    this.#goingAway = false;
    const { endpoint } = this.#context.plan;
    this.#context.output.connect({
      kind: "socket",
      url: `${endpoint.baseUrl}/${SERVICE}?key=${encodeURIComponent(endpoint.key ?? "")}`,
      headers: endpoint.headers,
      protocols: endpoint.protocols,
    });
  }

  /** The provider said that it will end the connection: it is replaced between two responses. */
  #leave(): void {
    this.#goingAway = true;
    if (!this.#synthesis.response.isOpen && this.#handle !== null) this.connect();
  }

  #ready(): void {
    this.#isReady = true;
    const held = this.#held;
    this.#held = [];
    this.#heldCharacters = 0;
    for (const text of held) this.#context.output.toProvider(text);
  }

  #send(message: JsonObject): void {
    this.#sendText(JSON.stringify(message));
  }

  #sendText(text: string): void {
    if (this.#isReady) this.#context.output.toProvider(text);
    else {
      this.#held.push(text);
      this.#heldCharacters += text.length;
      if (this.#heldCharacters > MAX_HELD_CHARACTERS)
        this.#context.output.end({ code: CLOSE_TRY_AGAIN, reason: "the provider did not take the setup" });
    }
  }

  #activity({ voiceActivityType: type }: JsonObject): void {
    const { turns, audioMs } = this.#synthesis;
    if (type === "ACTIVITY_START") turns.started(audioMs);
    else if (type === "ACTIVITY_END" && turns.isSpeaking) turns.stopped(audioMs);
  }

  #content(content: JsonObject): void {
    const { response, turns, audioMs } = this.#synthesis;
    const wasMuted = this.#muted;
    if (content.interrupted === true || content.turnComplete === true) this.#muted = false;
    if (content.interrupted === true && !wasMuted) {
      turns.started(audioMs);
      response.finish({ status: "cancelled", reason: "turn_detected", usage: this.#takeUsage() });
    }
    this.#heard(content.interimInputTranscription, content.inputTranscription);
    if (wasMuted) return;
    const { modelTurn, outputTranscription } = content;
    if (isObject(modelTurn) && Array.isArray(modelTurn.parts)) {
      this.#answering();
      for (const part of modelTurn.parts.filter(isObject)) {
        if (typeof part.text === "string" && part.thought !== true) response.text(part.text);
        const { inlineData } = part;
        if (isObject(inlineData) && typeof inlineData.data === "string") this.#play(inlineData.data);
      }
    }
    if (isObject(outputTranscription) && typeof outputTranscription.text === "string") {
      this.#answering();
      response.transcript(outputTranscription.text);
    }
    if (content.turnComplete === true) this.#turnComplete();
  }

  /** A piece of the answer, in base64. */
  #play(data: string): void {
    const { response, state } = this.#synthesis;
    const sound = this.#parts.toClient.convertBase64(data, OUTPUT, state.outputFormat);
    if (sound !== "") response.audio(sound, state.outputFormat);
  }

  #heard(interim: Json | undefined, final: Json | undefined): void {
    const { turns, audioMs } = this.#synthesis;
    if (isObject(interim) && typeof interim.text === "string") {
      turns.started(audioMs);
      turns.transcriptSoFar(interim.text);
    }
    if (!isObject(final)) return;
    turns.started(audioMs);
    if (typeof final.text === "string") turns.transcriptDelta(final.text);
    if (final.finished === true) this.#endUserTurn();
  }

  /** The model begins: what the user said is complete. */
  #answering(): void {
    if (this.#synthesis.response.isOpen) return;
    this.#endUserTurn();
    this.#answerIsDue = false;
    this.#synthesis.response.start(this.#pendingMetadata);
    this.#pendingMetadata = null;
  }

  #endUserTurn(): void {
    const { turns, audioMs } = this.#synthesis;
    const transcribing = turns.isTranscribing;
    if (turns.isSpeaking) turns.stopped(audioMs);
    if (transcribing) turns.transcribed(null);
    this.#uncommittedMs = 0;
  }

  #turnComplete(): void {
    this.#synthesis.response.finish({ status: "completed", usage: this.#takeUsage() });
    if (this.#goingAway && this.#handle !== null) this.connect();
  }

  #toolCall({ functionCalls }: JsonObject): void {
    if (!Array.isArray(functionCalls)) return;
    this.#answering();
    const { response } = this.#synthesis;
    for (const call of functionCalls.filter(isObject)) {
      const id = typeof call.id === "string" ? call.id : this.#context.newId("call");
      const name = typeof call.name === "string" ? call.name : "";
      this.#calls.set(id, name);
      response.functionCall(name, id, JSON.stringify(call.args ?? {}));
    }
    // The model waits for the results, and a client for this.
    response.finish({ status: "completed", usage: this.#takeUsage() });
  }

  #takeUsage(): ResponseUsage | null {
    const usage = this.#usage;
    this.#usage = null;
    return usage;
  }

  #setup(): Json {
    const { state } = this.#synthesis;
    const { plan } = this.#context;
    const voice = state.voice;
    const model = plan.providerModel;
    const limit = state.field("max_output_tokens");
    return {
      model: model.startsWith("models/") ? model : `models/${model}`,
      generationConfig: {
        responseModalities: [state.textOnly ? "TEXT" : "AUDIO"],
        ...(typeof limit === "number" && { maxOutputTokens: limit }),
        ...(!state.textOnly && {
          speechConfig: {
            ...(voice !== null && { voiceConfig: { prebuiltVoiceConfig: { voiceName: voice } } }),
            ...(state.language !== null && { languageCode: state.language }),
          },
        }),
      },
      ...(state.instructions !== "" && { systemInstruction: { parts: [{ text: state.instructions }] } }),
      ...(state.tools.length > 0 && { tools: [{ functionDeclarations: state.tools.map(declarationOf) }] }),
      realtimeInputConfig: activityDetection(state.turnDetection),
      inputAudioTranscription: {},
      outputAudioTranscription: {},
      sessionResumption: this.#handle === null ? {} : { handle: this.#handle },
      contextWindowCompression: { slidingWindow: {} },
    };
  }
}

/** The base64 of a message that is nothing but a piece of sound, found without parsing it; null for any other. */
function soundOf(text: string): string | null {
  SOUND_HEAD.lastIndex = 0;
  if (!SOUND_HEAD.test(text)) return null;
  const start = SOUND_HEAD.lastIndex;
  const end = text.indexOf('"', start);
  SOUND_TAIL.lastIndex = end;
  if (end < 0 || !SOUND_TAIL.test(text)) return null;
  const sound = text.slice(start, end);
  // Some write "=" and "/" behind a backslash.
  return sound.includes("\\") ? null : sound;
}
