/** How many messages a client may send: a token bucket for control messages, another one for audio. */

export type MessageLimits = {
  readonly controlPerSecond: number;
  readonly audioPerSecond: number;
  /** Seconds' worth of messages that may come at once. */
  readonly burstSeconds: number;
};

export class MessageRate {
  readonly #control: Bucket;
  readonly #audio: Bucket;

  /** `now` is monotonic, ms. */
  constructor({ controlPerSecond, audioPerSecond, burstSeconds }: MessageLimits, now: number) {
    this.#control = new Bucket(controlPerSecond, burstSeconds, now);
    this.#audio = new Bucket(audioPerSecond, burstSeconds, now);
  }

  /** Counts a message; false when it is one too many. */
  take(kind: "control" | "audio", now: number): boolean {
    return (kind === "audio" ? this.#audio : this.#control).take(now);
  }
}

class Bucket {
  readonly #perMs: number;
  readonly #most: number;
  #left: number;
  #at: number;

  constructor(perSecond: number, burstSeconds: number, now: number) {
    this.#perMs = perSecond / 1_000;
    this.#most = Math.max(1, perSecond * burstSeconds);
    this.#left = this.#most;
    this.#at = now;
  }

  take(now: number): boolean {
    this.#left = Math.min(this.#most, this.#left + Math.max(0, now - this.#at) * this.#perMs);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
