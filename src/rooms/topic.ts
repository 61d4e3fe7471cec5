/** The live subscribers of a room that share an encoding: each frame is handed over once for all of them. */

import type { Frame, Topics } from "../sockets/frame.ts";
import type { Encoding } from "./encoding.ts";
import type { RoomSubscription } from "./room-subscription.ts";

/** Frames joined in one batch at most; a full batch is sent at once. */
const MAX_BATCH_FRAMES = 128;

export class Topic {
  readonly #encoding: Encoding;
  readonly #name: string;
  readonly #hostTopics: Topics;
  /** Calls `flush` when the batch is due; `urgent`: at the end of this turn of the event loop. */
  readonly #scheduleFlush: (flush: () => void, urgent: boolean) => void;
  readonly #native = new Set<RoomSubscription>();
  readonly #direct = new Set<RoomSubscription>();
  #batch: Frame[] = [];
  /** The batch is sent at the end of this turn of the event loop. */
  #urgent = false;

  constructor(
    encoding: Encoding,
    name: string,
    hostTopics: Topics,
    scheduleFlush: (flush: () => void, urgent: boolean) => void,
  ) {
    this.#encoding = encoding;
    this.#name = name;
    this.#hostTopics = hostTopics;
    this.#scheduleFlush = scheduleFlush;
  }

  get encoding(): Encoding {
    return this.#encoding;
  }

  get size(): number {
    return this.#native.size + this.#direct.size;
  }

  /** From here on the subscriber gets what is broadcast. */
  add(subscription: RoomSubscription): void {
    this.flush();
    const topics = subscription.subscriber.topics;
    if (topics === null) {
      this.#direct.add(subscription);
    } else {
      this.#native.add(subscription);
      topics.subscribe(this.#name);
    }
  }

  /** Everything broadcast before still reaches the subscriber. */
  remove(subscription: RoomSubscription): void {
    this.flush();
    if (this.#native.delete(subscription)) subscription.subscriber.topics?.unsubscribe(this.#name);
    else this.#direct.delete(subscription);
  }

  /** An `urgent` frame, and those batched before it, are sent at the end of this turn of the event loop. */
  broadcast(frame: Frame, urgent: boolean): void {
    if (this.#encoding.pack === null) {
      this.#send(frame);
      return;
    }
    this.#batch.push(frame);
    if (this.#batch.length >= MAX_BATCH_FRAMES) this.flush();
    else if (urgent ? !this.#urgent : this.#batch.length === 1)
      this.#scheduleFlush(() => this.flush(), urgent);
    this.#urgent = this.#batch.length > 0 && (this.#urgent || urgent);
  }

  /** Sends the batch. */
  flush(): void {
    if (this.#batch.length === 0 || this.#encoding.pack === null) return;
    const frames = this.#batch;
    this.#batch = [];
    this.#urgent = false;
    this.#send(this.#encoding.pack(frames));
  }

  *subscriptions(): Iterable<RoomSubscription> {
    yield* this.#native;
    yield* this.#direct;
  }

  #send(frame: Frame): void {
    if (this.#native.size > 0) this.#hostTopics.publish(this.#name, frame);
    for (const subscription of this.#direct) subscription.subscriber.send(frame);
  }
}
