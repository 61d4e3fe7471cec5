/** The healthy followers of a room that share an encoding: each frame is handed over once for all of them. */

import type { Frame, Topics } from "../sockets/frame.ts";
import type { Encoding } from "./encoding.ts";
import type { Member } from "./room-subscriber.ts";

/** Frames that wait for their turn's end at most; an overfull pack goes out at once. */
const PACKED_FRAMES = 128;

export class Channel {
  readonly #encoding: Encoding;
  readonly #topic: string;
  readonly #topics: Topics;
  /** Calls `flush` once frames have waited for company; `soon`: at the end of this turn of the event loop. */
  readonly #later: (flush: () => void, soon: boolean) => void;
  readonly #native = new Set<Member>();
  readonly #direct = new Set<Member>();
  #waiting: Frame[] = [];
  /** What waits goes out at the end of this turn. */
  #soon = false;

  constructor(
    encoding: Encoding,
    topic: string,
    topics: Topics,
    later: (flush: () => void, soon: boolean) => void,
  ) {
    this.#encoding = encoding;
    this.#topic = topic;
    this.#topics = topics;
    this.#later = later;
  }

  get encoding(): Encoding {
    return this.#encoding;
  }

  get size(): number {
    return this.#native.size + this.#direct.size;
  }

  /** From here on the member gets what is broadcast. */
  add(member: Member): void {
    this.flush();
    const topics = member.follower.topics;
    if (topics === null) {
      this.#direct.add(member);
    } else {
      this.#native.add(member);
      topics.subscribe(this.#topic);
    }
  }

  /** Everything broadcast before still reaches the member. */
  remove(member: Member): void {
    this.flush();
    if (this.#native.delete(member)) member.follower.topics?.unsubscribe(this.#topic);
    else this.#direct.delete(member);
  }

  /** `urgent` frames, and those before them, wait for the end of the turn only. */
  broadcast(frame: Frame, urgent: boolean): void {
    if (this.#encoding.pack === null) {
      this.#send(frame);
      return;
    }
    this.#waiting.push(frame);
    if (this.#waiting.length >= PACKED_FRAMES) this.flush();
    else if (urgent ? !this.#soon : this.#waiting.length === 1) this.#later(() => this.flush(), urgent);
    this.#soon = this.#waiting.length > 0 && (this.#soon || urgent);
  }

  /** Sends what waits. */
  flush(): void {
    if (this.#waiting.length === 0 || this.#encoding.pack === null) return;
    const frames = this.#waiting;
    this.#waiting = [];
    this.#soon = false;
    this.#send(this.#encoding.pack(frames));
  }

  *members(): Iterable<Member> {
    yield* this.#native;
    yield* this.#direct;
  }

  #send(frame: Frame): void {
    if (this.#native.size > 0) this.#topics.publish(this.#topic, frame);
    for (const member of this.#direct) member.follower.send(frame);
  }
}
