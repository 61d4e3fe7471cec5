/** The session object of a provider that speaks another protocol: what is configured, and what the client is told of it. */

import { audioFormatOf } from "../../audio/base64-audio.ts";
import { type AudioFormat, DEFAULT_AUDIO_FORMAT, type RealtimeEvent } from "../../protocol/realtime.ts";
import type { Json } from "../../protocol/task.ts";
import { isObject, type JsonObject } from "../json.ts";
import { initialSession, merge, SHOWN_VOICE } from "../session/session-config.ts";
import type { TranslatorContext } from "../translator.ts";
import { withoutFlatFields } from "../translators/beta-names.ts";

export class SessionState {
  readonly #context: Pick<TranslatorContext, "plan" | "output">;
  #session: JsonObject;

  constructor(context: Pick<TranslatorContext, "plan" | "output">) {
    this.#context = context;
    this.#session = initialSession(context.plan, 0) as JsonObject;
    delete this.#session.expires_at;
  }

  get inputFormat(): AudioFormat {
    return audioFormatOf(this.#audio("input")?.format) ?? DEFAULT_AUDIO_FORMAT;
  }

  get outputFormat(): AudioFormat {
    return audioFormatOf(this.#audio("output")?.format) ?? DEFAULT_AUDIO_FORMAT;
  }

  get instructions(): string {
    const { instructions } = this.#session;
    return typeof instructions === "string" ? instructions : "";
  }

  /** The voice by its name; null where none was chosen. */
  get voice(): string | null {
    const voice = this.#audio("output")?.voice;
    if (isObject(voice)) return typeof voice.id === "string" ? voice.id : null;
    return typeof voice === "string" && voice !== SHOWN_VOICE ? voice : null;
  }

  get speed(): number | null {
    const speed = this.#audio("output")?.speed;
    return typeof speed === "number" ? speed : null;
  }

  get language(): string | null {
    const transcription = this.#audio("input")?.transcription;
    return isObject(transcription) && typeof transcription.language === "string"
      ? transcription.language
      : null;
  }

  /** Whether what the user says is to be transcribed. */
  get transcribes(): boolean {
    return isObject(this.#audio("input")?.transcription);
  }

  /** Function tools. */
  get tools(): JsonObject[] {
    const { tools } = this.#session;
    return Array.isArray(tools) ? tools.filter(isObject).filter(({ type }) => type === "function") : [];
  }

  /** Null: the client says itself when the user has spoken. */
  get turnDetection(): JsonObject | null {
    const detection = this.#audio("input")?.turn_detection;
    return isObject(detection) ? detection : null;
  }

  get textOnly(): boolean {
    const { output_modalities: modalities } = this.#session;
    return Array.isArray(modalities) && modalities.length > 0 && modalities.every((one) => one === "text");
  }

  /** Any field, as it is. */
  field(name: string): Json | undefined {
    return this.#session[name];
  }

  /** Takes a client's update; false when it changed nothing that a provider could be told of. */
  update({ session }: RealtimeEvent): boolean {
    if (!isObject(session)) return false;
    const { model, tracing, type, ...fields } = withoutFlatFields(session);
    const before = JSON.stringify({ ...this.#session, tracing: null });
    this.#session = merge(this.#session, { ...fields, ...(tracing !== undefined && { tracing }) });
    return JSON.stringify({ ...this.#session, tracing: null }) !== before;
  }

  /** Tells the client what is in force. */
  announce(): void {
    this.#context.output.toClient({ type: "session.updated", session: { ...this.#session } });
  }

  #audio(side: "input" | "output"): JsonObject | undefined {
    const { audio } = this.#session;
    const part = isObject(audio) ? audio[side] : undefined;
    return isObject(part) ? part : undefined;
  }
}
