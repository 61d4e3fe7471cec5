/** What a voice session costs, from its counters. Amounts are micro-dollars and may be fractions; a sum is rounded up once. */

import type { Json } from "../../protocol/task.ts";
import type { FreePrice, SessionPrice } from "../../tasks/ports/price.ts";
import type { SessionCounters } from "../session-store.ts";
import type { CounterName } from "./counters.ts";

/** What a voice model may cost. */
export type VoicePrice = FreePrice | SessionPrice;

const MINUTE_MS = 60_000;

const INPUT = [
  "textInput",
  "audioInput",
  "imageInput",
  "cachedTextInput",
  "cachedAudioInput",
  "cachedImageInput",
] as const;
const OUTPUT = ["textOutput", "audioOutput"] as const;

/** What was used comes to, in whole micro-dollars. Tokens of a kind without a rate cost as much as the dearest of their direction. */
export function sessionCost(price: VoicePrice, counters: SessionCounters): number {
  if (price.kind === "free") return 0;
  const of = (name: CounterName) => counters[name] ?? 0;
  let micros = 0;
  if (price.tokens !== undefined) {
    const { tokens } = price;
    const dearestInput = Math.max(0, ...INPUT.map((kind) => tokens[kind] ?? 0));
    const dearestOutput = Math.max(0, ...OUTPUT.map((kind) => tokens[kind] ?? 0));
    for (const kind of INPUT) micros += of(kind) * (tokens[kind] ?? dearestInput);
    for (const kind of OUTPUT) micros += of(kind) * (tokens[kind] ?? dearestOutput);
    micros += of("otherInput") * dearestInput + of("otherOutput") * dearestOutput;
  }
  micros += ((counters.billedMs ?? of("sessionMs")) / MINUTE_MS) * (price.minuteMicros ?? 0);
  micros += ((of("audioInMs") + of("audioOutMs")) / MINUTE_MS) * (price.audioMinuteMicros ?? 0);
  const { transcription } = price;
  if (transcription !== undefined) {
    micros += of("transcriptionAudioInput") * transcription.audioInput;
    micros += of("transcriptionTextInput") * transcription.textInput;
    micros += of("transcriptionOutput") * transcription.output;
    micros += (of("transcriptionMs") / MINUTE_MS) * transcription.minuteMicros;
  }
  return Math.ceil(micros - 1e-6);
}

/** Held back for a session when it opens, and again each time it has used that up. */
export function reservationOf(price: VoicePrice): number {
  return price.kind === "free" ? 0 : Math.ceil(price.reserveMinuteMicros);
}

/** A price as it stands with a session. */
export function storedPrice(price: VoicePrice): Json {
  return price.kind === "free" ? null : (price as unknown as Json);
}

/** The price that stands with a session; what cannot be read counts as free. */
export function sessionPriceOf(stored: Json): VoicePrice {
  const price = stored as VoicePrice | null;
  return price?.kind === "per_session" ? price : { kind: "free" };
}
