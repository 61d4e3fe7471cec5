/** What the server's clock says now, as far as its answers told: this process's own may be wrong. */

export class ServerClock {
  readonly #injected: (() => number) | undefined;
  /** The server's moment minus the monotonic one; null before the first answer. */
  #offset: number | null = null;

  /** With a clock of its own (tests) it learns nothing. */
  constructor(injected?: () => number) {
    this.#injected = injected;
  }

  /** The server said that it was `moment` just now. */
  learn(moment: number): void {
    this.#offset = moment - performance.now();
  }

  /**
   * The moment to decide at. Which fields a decision sets is found by comparing the task before and after, so a
   * moment that a field of the task has already (`taken`) is passed over: setting that field to it would look like no
   * change.
   */
  momentOf(taken: (moment: number) => boolean): number {
    let now = this.now();
    if (this.#injected === undefined) while (taken(now)) now += 1;
    return now;
  }

  now(): number {
    if (this.#injected !== undefined) return this.#injected();
    return this.#offset === null ? Date.now() : Math.round(this.#offset + performance.now());
  }
}
