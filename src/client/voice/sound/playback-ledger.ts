/**
 * Which answer each sample that was handed to the speaker belongs to, and so how much of an answer was heard. Counts samples at
 * whatever rate its caller counts them; pure.
 */

/** A part of a conversation's item that is sound. */
export type SpokenPart = { readonly itemId: string; readonly contentIndex: number };

type Stretch = {
  readonly part: SpokenPart;
  /** Samples of the part that were handed over before this stretch. */
  readonly before: number;
  /** Where it lies among all samples that were handed over. */
  readonly from: number;
  to: number;
};

export class PlaybackLedger {
  readonly #rate: number;
  /** In order; those that were played are dropped, but for the last. */
  #stretches: Stretch[] = [];
  #handed = 0;
  #played = 0;

  /** `rate`: samples per second of what is counted. */
  constructor(rate: number) {
    this.#rate = rate;
  }

  /** Sound that was handed over and not played yet, ms. */
  get queuedMs(): number {
    return this.#ms(this.#handed - this.#played);
  }

  /** Whether nothing is left to be played. */
  get isEmpty(): boolean {
    return this.#handed === this.#played;
  }

  /** So many samples of a part were handed to the speaker. */
  handed(part: SpokenPart, samples: number): void {
    if (samples === 0) return;
    const last = this.#stretches.at(-1);
    const from = this.#handed;
    this.#handed += samples;
    if (last !== undefined && isSame(last.part, part)) last.to = this.#handed;
    else this.#stretches.push({ part, before: this.#before(part), from, to: this.#handed });
  }

  /** So many samples were played in all; a number that is lower than before, or more than there are, counts for what can be. */
  playedTo(samples: number): void {
    this.#played = Math.min(this.#handed, Math.max(this.#played, samples));
    const current = this.#stretches.findIndex(({ to }) => to > this.#played);
    if (current !== 0) this.#stretches = this.#stretches.slice(current < 0 ? -1 : current);
  }

  /** What is being played, and how much of it was heard, whole ms; null when everything was played. `lateMs` is what the device still holds. */
  current(lateMs = 0): { part: SpokenPart; heardMs: number } | null {
    const stretch = this.#stretches.find(({ to }) => to > this.#played);
    if (stretch === undefined) return null;
    const heard = stretch.before + this.#played - stretch.from;
    return { part: stretch.part, heardMs: Math.max(0, Math.floor(this.#ms(heard) - lateMs)) };
  }

  /** The speaker was emptied, having played so many samples in all: counting begins anew. */
  clear(): void {
    this.#stretches = [];
    this.#handed = 0;
    this.#played = 0;
  }

  #before(part: SpokenPart): number {
    const earlier = this.#stretches.findLast((stretch) => isSame(stretch.part, part));
    return earlier === undefined ? 0 : earlier.before + earlier.to - earlier.from;
  }

  #ms(samples: number): number {
    return (samples * 1_000) / this.#rate;
  }
}

function isSame(one: SpokenPart, other: SpokenPart): boolean {
  return one.itemId === other.itemId && one.contentIndex === other.contentIndex;
}
