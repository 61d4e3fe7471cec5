/** What a session used, as numbers that only rise (but for the median): kept in its record, priced at its end. */

import type { ResponseUsage } from "../../protocol/realtime.ts";
import type { SessionCounters } from "../session-store.ts";
import type { UsageReport } from "../translator.ts";

/** Every counter there is, and its unit. */
export const COUNTERS = [
  /** Open, ms. */
  "sessionMs",
  /** Billed by the provider for the time that it was open, where it says so at the end, ms. */
  "billedMs",
  /** Audio of the client and of the provider, ms of sound. */
  "audioInMs",
  "audioOutMs",
  "messagesIn",
  "messagesOut",
  "bytesIn",
  "bytesOut",
  /** Responses that began, and those that the user interrupted. */
  "responses",
  "interruptions",
  /** Times the user spoke. */
  "turns",
  /** Tokens that are not cached, then cached ones, by kind. */
  "textInput",
  "audioInput",
  "imageInput",
  "cachedTextInput",
  "cachedAudioInput",
  "cachedImageInput",
  "textOutput",
  "audioOutput",
  /** Input that the details do not explain; it costs as much as the dearest kind. */
  "otherInput",
  "otherOutput",
  /** Of the transcription of what the user said. */
  "transcriptionAudioInput",
  "transcriptionTextInput",
  "transcriptionOutput",
  "transcriptionMs",
  /** Responses that came without usage from a provider that reports it. */
  "unmeteredResponses",
  /** From the end of the user's turn to the first sound of the answer, ms: the first one, and the median of all. */
  "firstAudioMs",
  "medianFirstAudioMs",
  /** For how long the user was heard to speak, ms. */
  "userSpeechMs",
] as const;
export type CounterName = (typeof COUNTERS)[number];
export type Counters = { [K in CounterName]?: number };

export class SessionUsage {
  readonly #counts: Counters;

  constructor(counted: SessionCounters = {}) {
    this.#counts = { ...counted };
  }

  get(name: CounterName): number {
    return this.#counts[name] ?? 0;
  }

  /** Amounts that are no positive numbers are left out. */
  add(name: CounterName, amount: number): void {
    if (Number.isFinite(amount) && amount > 0) this.#counts[name] = this.get(name) + amount;
  }

  /** A figure that is no sum. */
  put(name: CounterName, value: number): void {
    if (Number.isFinite(value)) this.#counts[name] = value;
  }

  /** Whole numbers. */
  snapshot(): SessionCounters {
    const counters: Record<string, number> = {};
    for (const name in this.#counts) counters[name] = Math.round(this.#counts[name as CounterName] as number);
    return counters;
  }

  report({ response, transcription, audioInMs, audioOutMs }: UsageReport): void {
    if (audioInMs !== undefined) this.add("audioInMs", audioInMs);
    if (audioOutMs !== undefined) this.add("audioOutMs", audioOutMs);
    if (response !== undefined) this.#addResponse(response);
    if (transcription === undefined) return;
    if (transcription.kind === "duration") this.add("transcriptionMs", transcription.seconds * 1_000);
    else {
      this.add("transcriptionAudioInput", transcription.audioInput);
      this.add("transcriptionTextInput", transcription.textInput);
      this.add("transcriptionOutput", transcription.output);
    }
  }

  /** Kinds include their cached part. What the totals have beyond the details is counted as of no kind, never dropped. */
  #addResponse(usage: ResponseUsage): void {
    const input = usage.input_token_details;
    const cached = input.cached_tokens_details;
    const cachedSum = cached.text_tokens + cached.audio_tokens + cached.image_tokens;
    // Cached tokens without a kind are taken as text, which has the dearest rate for them of what is reported so.
    const cachedText = cached.text_tokens + Math.max(0, input.cached_tokens - cachedSum);
    this.#addKind("textInput", "cachedTextInput", input.text_tokens, cachedText);
    this.#addKind("audioInput", "cachedAudioInput", input.audio_tokens, cached.audio_tokens);
    this.#addKind("imageInput", "cachedImageInput", input.image_tokens, cached.image_tokens);
    const output = usage.output_token_details;
    this.add("textOutput", output.text_tokens);
    this.add("audioOutput", output.audio_tokens);
    this.add("otherInput", usage.input_tokens - input.text_tokens - input.audio_tokens - input.image_tokens);
    this.add("otherOutput", usage.output_tokens - output.text_tokens - output.audio_tokens);
  }

  /** Reports have been seen whose cached part is larger than the whole: then all of it counts as cached. */
  #addKind(name: CounterName, cachedName: CounterName, all: number, cached: number): void {
    const ofCache = Math.min(all, cached);
    this.add(cachedName, ofCache);
    this.add(name, all - ofCache);
  }
}
