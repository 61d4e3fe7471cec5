/** A bounded room for work that takes much memory: whoever does not fit in waits outside, first come first served. */

type Waiting = { size: number; enter(): void };

export class Places {
  readonly #most: number;
  #taken = 0;
  readonly #waiting: Waiting[] = [];

  /** How much there is room for, in the unit of `take`. */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Resolves once there is room for `size`, with what gives it back; what is larger than the whole room gets it alone.
   * Rejects when the signal aborts before.
   */
  take(size: number, signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        size: Math.min(size, this.#most),
        enter: () => {
          signal.removeEventListener("abort", leave);
          resolve(this.#occupy(waiting.size));
        },
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal.reason);
        this.#admit();
      };
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(waiting);
      this.#admit();
    });
  }

  #occupy(size: number): () => void {
    let mine = true;
    this.#taken += size;
    return () => {
      if (!mine) return;
      mine = false;
      this.#taken -= size;
      this.#admit();
    };
  }

  /** A small one behind a large one waits too: else the large one might wait for ever. */
  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#taken + next.size > this.#most) return;
      this.#waiting.shift();
      next.enter();
    }
  }
}
