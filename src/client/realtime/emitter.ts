/** Events with the members of Node's emitter that programs use, in every runtime. */

type AnyListener = { readonly listener: (payload: never) => void; readonly once: boolean };

export class Emitter<Events extends Record<string, unknown>> {
  readonly #listeners = new Map<keyof Events, AnyListener[]>();

  on<Name extends keyof Events>(name: Name, listener: (payload: Events[Name]) => void): this {
    return this.#add(name, listener, false);
  }

  /** As `on`, for the next time only. */
  once<Name extends keyof Events>(name: Name, listener: (payload: Events[Name]) => void): this {
    return this.#add(name, listener, true);
  }

  /** Removes one that was added, the last first. */
  off<Name extends keyof Events>(name: Name, listener: (payload: Events[Name]) => void): this {
    const listeners = this.#listeners.get(name) ?? [];
    const at = listeners.findLastIndex((added) => added.listener === listener);
    if (at >= 0) this.#listeners.set(name, listeners.toSpliced(at, 1));
    return this;
  }

  addListener<Name extends keyof Events>(name: Name, listener: (payload: Events[Name]) => void): this {
    return this.on(name, listener);
  }

  removeListener<Name extends keyof Events>(name: Name, listener: (payload: Events[Name]) => void): this {
    return this.off(name, listener);
  }

  removeAllListeners(name?: keyof Events): this {
    if (name === undefined) this.#listeners.clear();
    else this.#listeners.delete(name);
    return this;
  }

  /** As `on`, before the others. */
  prependListener<Name extends keyof Events>(name: Name, listener: (payload: Events[Name]) => void): this {
    this.#listeners.set(name, [{ listener, once: false }, ...(this.#listeners.get(name) ?? [])]);
    return this;
  }

  listeners<Name extends keyof Events>(name: Name): ((payload: Events[Name]) => void)[] {
    return (this.#listeners.get(name) ?? []).map(
      ({ listener }) => listener as (payload: Events[Name]) => void,
    );
  }

  /** Names that have listeners. */
  eventNames(): (keyof Events)[] {
    return [...this.#listeners].filter(([, listeners]) => listeners.length > 0).map(([name]) => name);
  }

  /** There is no limit here: programs that raise Node's go on as they are. */
  setMaxListeners(_most: number): this {
    return this;
  }

  listenerCount(name: keyof Events): number {
    return this.#listeners.get(name)?.length ?? 0;
  }

  /** Whether somebody listened. A listener that throws keeps nothing from the others; what it threw is said on the console. */
  emit<Name extends keyof Events>(name: Name, payload: Events[Name]): boolean {
    const listeners = this.#listeners.get(name) ?? [];
    const once = listeners.filter((added) => added.once);
    if (once.length > 0)
      this.#listeners.set(
        name,
        listeners.filter((added) => !added.once),
      );
    for (const { listener } of listeners) {
      try {
        listener(payload as never);
      } catch (error) {
        console.error(`A listener of "${String(name)}" threw:`, error);
      }
    }
    return listeners.length > 0;
  }

  #add(name: keyof Events, listener: (payload: never) => void, once: boolean): this {
    // Never changed in place: what is being emitted goes to those that listened when it began.
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), { listener, once }]);
    return this;
  }
}
