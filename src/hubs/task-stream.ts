/** The events of one task as a stream that a hub method returns: a room's subscriber that is an async iterator. */

import { CLOSE_NORMAL } from "../protocol/close-codes.ts";
import type { Encoding } from "../rooms/encoding.ts";
import type { Subscription } from "../rooms/room-subscription.ts";
import type { Subscriber } from "../rooms/subscriber.ts";
import { HubError } from "../signalr/connection/invocation-errors.ts";
import type { Frame } from "../sockets/frame.ts";
import { toWireEvent, toWireTask, type WireContext } from "../tasks/wire.ts";

/** Encodes events as JSON texts: a room's frames are shared, and each item of a stream names its own call. */
export function createItemEncoding(context: WireContext): Encoding {
  return {
    name: "hub-item",
    event: ({ event, task }, id) => JSON.stringify(toWireEvent(event, task, id, context)),
    snapshot: (view, id) => {
      const { seq } = view.task;
      return JSON.stringify({ type: "snapshot", id, seq, task: toWireTask(view, context) });
    },
    begin: () => null,
    reset: () => JSON.stringify({ type: "reset" }),
    pack: null,
  };
}

/** Ends after the task's terminal event; fails with `HubError` when the room ends it before. */
export class TaskStream implements Subscriber, AsyncIterableIterator<unknown> {
  readonly encoding: Encoding;
  readonly topics = null;
  subscription: Subscription | null = null;
  #frames: string[] = [];
  #buffered = 0;
  #over = false;
  #failure: HubError | null = null;
  #wake: (() => void) | null = null;

  constructor(encoding: Encoding) {
    this.encoding = encoding;
  }

  send(frame: Frame): void {
    // The encoding makes texts only.
    const text = frame as string;
    this.#frames.push(text);
    this.#buffered += text.length;
    this.#wake?.();
  }

  bufferedBytes(): number {
    return this.#buffered;
  }

  close(code: number, reason: string): void {
    if (code !== CLOSE_NORMAL) this.#failure = new HubError(reason);
    this.#over = true;
    this.#wake?.();
  }

  /** The client wants no more. */
  leave(): void {
    this.#over = true;
    this.#frames = [];
    this.#buffered = 0;
    this.subscription?.unsubscribe();
    this.#wake?.();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<unknown, undefined>> {
    for (;;) {
      const text = this.#frames.shift();
      if (text !== undefined) {
        this.#buffered -= text.length;
        return { done: false, value: JSON.parse(text) as unknown };
      }
      if (this.#failure !== null) throw this.#failure;
      if (this.#over) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<unknown, undefined>> {
    this.leave();
    return { done: true, value: undefined };
  }
}
