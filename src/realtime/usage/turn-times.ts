/** How a conversation went: how long its users waited for the first sound of each answer, and how long they spoke. */

import type { TurnMoment } from "../translator.ts";
import type { SessionUsage } from "./counters.ts";

/** Of so many answers the median is taken, the latest ones: half an hour of short turns. */
const MAX_WAITS = 500;

export class TurnTimes {
  readonly #usage: SessionUsage;
  readonly #waits: number[] = [];
  #answers = 0;
  /** Since when the user has spoken, monotonic ms; null while silent. */
  #speakingSince: number | null = null;
  /** From when on the answer is waited for: the end of the user's speech, else what asked for the response. */
  #waitingSince: number | null = null;

  constructor(usage: SessionUsage) {
    this.#usage = usage;
  }

  /** The client asked for a response. What the user said before counts from its own end. */
  asked(now: number): void {
    this.#waitingSince ??= now;
  }

  /** `now` is monotonic, ms. */
  moment(moment: TurnMoment, now: number): void {
    const usage = this.#usage;
    if (moment === "user_speech_started") {
      usage.add("turns", 1);
      this.#speakingSince ??= now;
      this.#waitingSince = null;
    } else if (moment === "user_speech_stopped") {
      this.#endSpeech(now);
      this.#waitingSince = now;
    } else if (moment === "response_started") {
      usage.add("responses", 1);
      this.#waitingSince ??= now;
    } else if (moment === "first_audio") this.#heard(now);
    else if (moment === "interrupted") usage.add("interruptions", 1);
    else this.#waitingSince = null;
  }

  /** The session ends, perhaps while the user speaks. */
  end(now: number): void {
    this.#endSpeech(now);
  }

  #endSpeech(now: number): void {
    if (this.#speakingSince === null) return;
    this.#usage.add("userSpeechMs", now - this.#speakingSince);
    this.#speakingSince = null;
  }

  #heard(now: number): void {
    if (this.#waitingSince === null) return;
    const wait = Math.max(0, now - this.#waitingSince);
    this.#waitingSince = null;
    if (this.#answers === 0) this.#usage.put("firstAudioMs", wait);
    this.#waits[this.#answers % MAX_WAITS] = wait;
    this.#answers += 1;
    this.#usage.put("medianFirstAudioMs", median(this.#waits));
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}
