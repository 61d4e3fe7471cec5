/**
 * Provider calls that did not end when they were told to: their tasks are over and their places given back, but each still
 * holds a connection and memory of this process until it ends, or the process does.
 */

export class HungCalls {
  readonly #open = new Map<string, number>();

  /** Counts a call until it ends. */
  note(provider: string, call: Promise<unknown>): void {
    this.#add(provider, 1);
    const ended = () => this.#add(provider, -1);
    call.then(ended, ended);
  }

  /** How many are open now, by provider; providers without any are left out. */
  get open(): ReadonlyMap<string, number> {
    return this.#open;
  }

  #add(provider: string, count: 1 | -1): void {
    const open = (this.#open.get(provider) ?? 0) + count;
    if (open === 0) this.#open.delete(provider);
    else this.#open.set(provider, open);
  }
}
