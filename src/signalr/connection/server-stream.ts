/** A stream from a hub method to the client: it can be cancelled, and it waits while the transport is congested. */

export const CANCELLED = Symbol("cancelled");

export class ServerStream {
  readonly #abort = new AbortController();
  /** Settles the promise that the stream's loop waits for now. */
  #wake: (() => void) | null = null;
  #paused = false;

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get cancelled(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Stops the loop, whatever the method is doing. */
  cancel(): void {
    this.#abort.abort();
    this.#wake?.();
  }

  /** The transport has room again. */
  resume(): void {
    if (this.#paused) this.#wake?.();
  }

  /** Waits for `resume` or `cancel`. */
  async pause(): Promise<void> {
    if (this.cancelled) return;
    this.#paused = true;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#paused = false;
    this.#wake = null;
  }

  /** What the method does next, or `CANCELLED`, whichever comes first. Rejects like `step`. */
  async race<T>(step: T | PromiseLike<T>): Promise<T | typeof CANCELLED> {
    if (this.cancelled) {
      // The stream has ended: a late failure of its method is ignored.
      Promise.resolve(step).catch(() => undefined);
      return CANCELLED;
    }
    // Not Promise.race: against one long-lived promise it would keep a reaction for every item ever sent.
    const result = await new Promise<T | typeof CANCELLED>((resolve, reject) => {
      this.#wake = () => resolve(CANCELLED);
      Promise.resolve(step).then(resolve, reject);
    }).finally(() => {
      this.#wake = null;
    });
    return this.cancelled ? CANCELLED : result;
  }
}
