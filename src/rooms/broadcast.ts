/** The healthy followers of a room, by encoding. */

import type { Frame, Topics } from "../sockets/frame.ts";
import type { Encoding } from "./encoding.ts";
import type { Member } from "./room-subscriber.ts";
import { Channel } from "./topic.ts";

export class Broadcast {
  readonly #room: string;
  readonly #topics: Topics;
  readonly #later: (callback: () => void, soon: boolean) => void;
  readonly #channels = new Map<Encoding, Channel>();
  #characters = 0;

  /** `room` is unique in the process: topics are named after it. */
  constructor(room: string, topics: Topics, later: (callback: () => void, soon: boolean) => void) {
    this.#room = room;
    this.#topics = topics;
    this.#later = later;
  }

  /** Characters told since the last `slow`: what a buffer may have grown by, unseen. */
  get characters(): number {
    return this.#characters;
  }

  /** From here on the member gets what is told. */
  add(member: Member): void {
    const { encoding } = member.follower;
    let channel = this.#channels.get(encoding);
    if (channel === undefined) {
      channel = new Channel(encoding, `${this.#room}|${encoding.name}`, this.#topics, this.#later);
      this.#channels.set(encoding, channel);
    }
    channel.add(member);
  }

  /** Everything told before still reaches the member. */
  remove(member: Member): void {
    const channel = this.#channels.get(member.follower.encoding);
    channel?.remove(member);
    if (channel?.size === 0) this.#channels.delete(channel.encoding);
  }

  /** Says the same to all, each in its own encoding; what is `urgent` waits for nothing but the end of the turn. */
  tell(frameOf: (encoding: Encoding) => Frame | null, urgent: boolean): void {
    for (const channel of this.#channels.values()) {
      const frame = frameOf(channel.encoding);
      if (frame === null) continue;
      channel.broadcast(frame, urgent);
      this.#characters += frame.length;
    }
  }

  /** Puts everything told on its way. */
  flush(): void {
    for (const channel of this.#channels.values()) channel.flush();
  }

  /** Everybody, with everything told on its way to them. */
  members(): Member[] {
    const members: Member[] = [];
    for (const channel of this.#channels.values()) {
      channel.flush();
      members.push(...channel.members());
    }
    return members;
  }

  /** Whoever has more than this unsent. */
  slow(bytes: number): Member[] {
    this.#characters = 0;
    const slow: Member[] = [];
    for (const channel of this.#channels.values()) {
      for (const member of channel.members()) if (member.follower.bufferedBytes() > bytes) slow.push(member);
    }
    return slow;
  }
}
