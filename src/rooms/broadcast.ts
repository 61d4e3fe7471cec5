/** The live subscribers of a room, by encoding. */

import type { Frame, Topics } from "../sockets/frame.ts";
import type { Encoding } from "./encoding.ts";
import type { RoomSubscription } from "./room-subscription.ts";
import { Topic } from "./topic.ts";

export class Broadcast {
  readonly #room: string;
  readonly #hostTopics: Topics;
  readonly #scheduleFlush: (flush: () => void, urgent: boolean) => void;
  readonly #topics = new Map<Encoding, Topic>();
  #characters = 0;

  /** `room` is unique in the process: topics are named after it. */
  constructor(room: string, hostTopics: Topics, scheduleFlush: (flush: () => void, urgent: boolean) => void) {
    this.#room = room;
    this.#hostTopics = hostTopics;
    this.#scheduleFlush = scheduleFlush;
  }

  /** Characters sent since the last call of `slow`: send buffers may have grown by so much since. */
  get characters(): number {
    return this.#characters;
  }

  /** From here on the subscriber gets what is sent. */
  add(subscription: RoomSubscription): void {
    const { encoding } = subscription.subscriber;
    let topic = this.#topics.get(encoding);
    if (topic === undefined) {
      topic = new Topic(encoding, `${this.#room}|${encoding.name}`, this.#hostTopics, this.#scheduleFlush);
      this.#topics.set(encoding, topic);
    }
    topic.add(subscription);
  }

  /** Everything sent before still reaches the subscriber. */
  remove(subscription: RoomSubscription): void {
    const topic = this.#topics.get(subscription.subscriber.encoding);
    topic?.remove(subscription);
    if (topic?.size === 0) this.#topics.delete(topic.encoding);
  }

  /**
   * Sends one message to all, in each one's encoding. An `urgent` one goes out at the end of this turn of the event
   * loop.
   */
  send(frameOf: (encoding: Encoding) => Frame | null, urgent: boolean): void {
    for (const topic of this.#topics.values()) {
      const frame = frameOf(topic.encoding);
      if (frame === null) continue;
      topic.broadcast(frame, urgent);
      this.#characters += frame.length;
    }
  }

  /** Sends every batch. */
  flush(): void {
    for (const topic of this.#topics.values()) topic.flush();
  }

  /** All subscriptions, after every batch was sent. */
  subscriptions(): RoomSubscription[] {
    const subscriptions: RoomSubscription[] = [];
    for (const topic of this.#topics.values()) {
      topic.flush();
      subscriptions.push(...topic.subscriptions());
    }
    return subscriptions;
  }

  /** Those with more than so many bytes unsent. */
  slow(bytes: number): RoomSubscription[] {
    this.#characters = 0;
    const slow: RoomSubscription[] = [];
    for (const topic of this.#topics.values()) {
      for (const subscription of topic.subscriptions())
        if (subscription.subscriber.bufferedBytes() > bytes) slow.push(subscription);
    }
    return slow;
  }
}
