/** One stream that a client uploads: a bounded queue between the connection's reading and a hub method. */

import type { Binder } from "../hub.ts";
import { UploadError } from "./invocation-errors.ts";

type Waiter = { resolve(step: IteratorResult<unknown>): void; reject(error: unknown): void };

/** Read by one method, once. Whatever happens to the connection, the reader is never left waiting. */
export class UploadStream implements AsyncIterable<unknown>, AsyncIterator<unknown> {
  readonly #binder: Binder;
  readonly #capacity: number;
  readonly #onRoom: () => void;
  #items: unknown[] = [];
  #waiter: Waiter | null = null;
  /** Null while open; else how it ended: null error for a plain end. */
  #ended: { error: Error | null } | null = null;

  /** `onRoom` is called when a full queue has room again. */
  constructor(binder: Binder, capacity: number, onRoom: () => void) {
    this.#binder = binder;
    this.#capacity = capacity;
    this.#onRoom = onRoom;
  }

  /** Takes one item as received. False when the queue is full: offer it again after `onRoom`. */
  offer(item: unknown): boolean {
    if (this.#ended !== null) return true;
    if (this.#items.length >= this.#capacity) return false;
    let bound: unknown;
    try {
      bound = this.#binder.parse(item);
    } catch {
      this.fail(
        new UploadError("Error binding a stream item. Make sure that its type matches the stream's."),
      );
      return true;
    }
    if (this.#waiter === null) this.#items.push(bound);
    else this.#wake((waiter) => waiter.resolve({ done: false, value: bound }));
    return true;
  }

  /** The client sent everything. */
  end(): void {
    this.#finish(null);
  }

  /** The reader gets the items queued so far, then this error. */
  fail(error: Error): void {
    this.#finish(error);
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return this;
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#items.length > 0) {
      const wasFull = this.#items.length >= this.#capacity;
      const value = this.#items.shift();
      if (wasFull) this.#onRoom();
      return Promise.resolve({ done: false, value });
    }
    if (this.#ended !== null) {
      const { error } = this.#ended;
      this.#ended = { error: null };
      return error === null ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  /** The method wants no more: later items are dropped. */
  return(): Promise<IteratorResult<unknown>> {
    const wasFull = this.#items.length >= this.#capacity;
    this.#items = [];
    this.#finish(null);
    if (wasFull) this.#onRoom();
    return Promise.resolve({ done: true, value: undefined });
  }

  #finish(error: Error | null): void {
    if (this.#ended !== null) return;
    this.#ended = { error };
    this.#wake((waiter) => {
      this.#ended = { error: null };
      if (error === null) waiter.resolve({ done: true, value: undefined });
      else waiter.reject(error);
    });
  }

  #wake(settle: (waiter: Waiter) => void): void {
    const waiter = this.#waiter;
    this.#waiter = null;
    if (waiter !== null) settle(waiter);
  }
}
