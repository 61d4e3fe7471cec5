/**
 * A room mirrors one log for its followers. It delivers what continues its position, drops what is older, and reads
 * the log from the store where there is a hole, so that no order of arrival can reorder or lose anything.
 *
 * A follower is first served alone, by its own cursor, and joins the broadcast in the very turn in which its cursor
 * is the room's position. One that reads too slowly is taken out, served alone again, and joins again or is closed.
 */

import { isTerminal } from "../protocol/task.ts";
import type { Clock } from "../tasks/clock.ts";
import type { Position, TenantScope } from "../tasks/task.ts";
import { Channel } from "./channel.ts";
import type { Encoding, Entry, Frame } from "./encoding.ts";
import { CLOSE_ENDED, CLOSE_TRY_AGAIN, type Follower, type Topics } from "./follower.ts";
import { Member } from "./member.ts";
import { printPosition } from "./position.ts";
import { type Delivery, frameOf, Recent } from "./recent.ts";
import type { News, Opening, RoomLog } from "./room-log.ts";

/** Events read at once: a read's answer stays below 1 MB and a follower's buffer is looked at between reads. */
const READ_ENTRIES = 64;
/** News that wait for a read; beyond it the oldest go, and are read from the log. */
const HELD_NEWS = 256;
/** Reads in a row that bring nothing while held news still do not fit; then the news are given up as wrong. */
const FRUITLESS_READS = 3;
/** A slow follower gets more once its buffer has sunk below this part of the limit. */
const DRAINED_PART = 0.25;
/** Characters broadcast since the last sweep that call for one at once: well below a socket's hard limit of 1 MB. */
const UNSWEPT_CHARACTERS = 262_144;

export type SlowPolicy = {
  /** Unsent bytes from which a follower is served alone. */
  readonly slowBytes: number;
  /** How long it may stay so full that it can be given nothing, ms. */
  readonly slowCloseMs: number;
};

/** What a room asks of the house it stands in. */
export interface RoomHost {
  readonly topics: Topics;
  readonly clock: Clock;
  readonly slow: SlowPolicy;
  /** Calls back at the end of this turn of the event loop. */
  later(callback: () => void): void;
  /** The room wants to be swept soon. */
  unswept(room: Room): void;
  /** The last follower has left: the room is dead. `followed`: the store may hold a mark to take away. */
  vacated(room: Room, followed: boolean): void;
  /** Something failed that the position check will try again. */
  failed(room: Room, error: unknown): void;
}

export type FollowOutcome = "following" | "not_found" | "left";

export class Room {
  /** Unique in the process. */
  readonly name: string;
  readonly log: RoomLog;
  readonly #host: RoomHost;
  readonly #recent = new Recent();
  readonly #channels = new Map<Encoding, Channel>();
  readonly #alone = new Set<Member>();
  readonly #opening = new Set<Member>();
  /** Calls of `open` under way, also for members that have left since. */
  #openings = 0;
  #size = 0;
  /** Null until the first follower's place is known. */
  #epoch: string | null = null;
  #seq = 0;
  #held: News[] = [];
  #refreshing = false;
  /** The store was asked to mark the log followed, and did or may have. */
  #followed = false;
  /** The one task has ended and everybody who joined has been told. */
  #ended = false;
  #dead = false;
  #unsweptCharacters = 0;

  constructor(name: string, log: RoomLog, host: RoomHost) {
    this.name = name;
    this.log = log;
    this.#host = host;
  }

  get size(): number {
    return this.#size;
  }

  /** Followers that are not part of the broadcast: beginning, catching up or slow. */
  get aloneSize(): number {
    return this.#alone.size + this.#opening.size;
  }

  /** Registers a follower. News that come from here on are kept for it; `open` MUST be called next. */
  seat(follower: Follower): Member {
    const member = new Member(follower, this);
    this.#opening.add(member);
    this.#openings += 1;
    this.#size += 1;
    return member;
  }

  /**
   * Finds out where a seated follower begins, tells it and goes on from there. `gate` is waited for first.
   * Rejects when the store cannot be read; the follower has left then.
   */
  async open(
    member: Member,
    scope: TenantScope,
    after: Position | null,
    gate: Promise<void> | undefined,
  ): Promise<FollowOutcome> {
    try {
      if (gate !== undefined) await gate;
      const opening = await this.#follow(scope);
      if (opening === null) {
        this.#drop(member);
        return "not_found";
      }
      if (this.#epoch === null) this.#begin(opening);
      if (member.phase !== "opening") return "left";
      this.#greet(member, opening, after);
      await this.#serve(member, true);
      return "following";
    } catch (error) {
      this.#drop(member);
      throw error;
    } finally {
      this.#openings -= 1;
      this.#vacateIfEmpty();
    }
  }

  leave(member: Member): void {
    if (this.#drop(member)) this.#vacateIfEmpty();
  }

  /** Takes a committed transition, in whatever order they come. */
  offer(news: News): void {
    if (this.#dead || this.#ended) return;
    if (this.#epoch === null) this.#hold(news);
    else if (!this.#accept(news)) {
      this.#hold(news);
      void this.#refresh();
      return;
    }
    this.#serveEverybody(false);
  }

  /** Compares with where the log stands; null = there is no such log any more. */
  check(position: Position | null): void {
    if (this.#dead || this.#epoch === null || this.#refreshing) return;
    const behind = position === null || position.epoch !== this.#epoch || position.seq > this.#seq;
    if (!this.#ended && (behind || this.#held.length > 0)) void this.#refresh();
    else this.#serveEverybody(true);
  }

  /**
   * Takes out whoever reads too slowly, and gives those that have drained what they missed. Those still slow are
   * added to `slow`. Answers whether the room needs another sweep though nothing is broadcast.
   */
  sweep(slow: Member[]): boolean {
    this.#unsweptCharacters = 0;
    const now = this.#host.clock.monotonic();
    for (const channel of this.#channels.values()) {
      for (const member of channel.members()) {
        if (member.follower.bufferedBytes() <= this.#host.slow.slowBytes) continue;
        this.#takeOut(member, channel);
        member.slowSince = now;
      }
    }
    let waiting = false;
    for (const member of this.#alone) {
      if (member.slowSince === null) continue;
      if (member.follower.bufferedBytes() <= this.#drainedBytes()) void this.#serve(member, false);
      else if (now - member.slowSince >= this.#host.slow.slowCloseMs)
        this.#close(member, CLOSE_TRY_AGAIN, TOO_SLOW);
      else slow.push(member);
      waiting ||= member.phase === "alone";
    }
    return waiting;
  }

  /** Closes a follower that is too slow for the memory there is. */
  evict(member: Member): void {
    this.#close(member, CLOSE_TRY_AGAIN, TOO_SLOW);
  }

  /** Closes every follower. */
  closeAll(code: number, reason: string): void {
    const members = [...this.#opening, ...this.#alone];
    for (const channel of this.#channels.values()) {
      channel.flush();
      members.push(...channel.members());
    }
    for (const member of members) this.#close(member, code, reason);
  }

  // --- where a follower begins

  async #follow(scope: TenantScope): Promise<Opening | null> {
    try {
      const opening = await this.log.follow(scope);
      this.#followed ||= opening !== null;
      return opening;
    } catch (error) {
      // Whether the mark was made before it failed cannot be known.
      this.#followed = true;
      throw error;
    }
  }

  #begin(opening: Opening): void {
    this.#epoch = opening.position.epoch;
    this.#seq = opening.position.seq;
    this.#recent.restart(this.#seq);
    this.#ended = this.log.ofOneTask && opening.view !== null && isTerminal(opening.view.task.status);
    if (this.#ended) this.#held = [];
    else if (!this.#acceptHeld()) void this.#refresh();
  }

  #greet(member: Member, opening: Opening, after: Position | null): void {
    const { position } = opening;
    this.#opening.delete(member);
    this.#alone.add(member);
    member.phase = "alone";
    member.stamp = this.#recent.stamp;
    if (after !== null && after.epoch === position.epoch && after.seq <= position.seq) {
      member.epoch = after.epoch;
      member.cursor = after.seq;
    } else {
      this.#start(member, opening, after !== null);
    }
  }

  /** Sends how a stream begins that does not resume. */
  #start(member: Member, opening: Opening, lost: boolean): void {
    const { view, position } = opening;
    const { encoding } = member.follower;
    const id = printPosition(position);
    member.epoch = position.epoch;
    member.cursor = position.seq;
    const frames: (Frame | null)[] = lost ? [encoding.reset(id)] : [];
    if (view !== null) frames.push(encoding.snapshot(view, id));
    else if (!lost) frames.push(encoding.begin(id));
    sendTo(member, frames);
    if (view !== null && isTerminal(view.task.status)) this.#close(member, CLOSE_ENDED, ENDED);
  }

  // --- a follower served alone

  #serveEverybody(mayRefresh: boolean): void {
    for (const member of this.#alone) if (member.slowSince === null) void this.#serve(member, mayRefresh);
  }

  /** Brings a member up to the room and lets it join; runs without a pause while the store need not be read. */
  async #serve(member: Member, mayRefresh: boolean): Promise<void> {
    if (member.serving) return;
    member.serving = true;
    try {
      while (member.phase === "alone" && this.#epoch !== null) {
        if (member.follower.bufferedBytes() > this.#drainedBytes()) {
          member.slowSince ??= this.#host.clock.monotonic();
          this.#host.unswept(this);
          return;
        }
        member.slowSince = null;
        const sameLog = member.epoch === this.#epoch;
        if (sameLog && member.cursor === this.#seq) {
          this.#join(member);
          return;
        }
        if (sameLog && member.cursor > this.#seq) {
          // The follower began later than the room stands: the news are on their way, or were lost.
          if (mayRefresh) void this.#refresh();
          return;
        }
        if (sameLog && this.#recent.covers(member.cursor)) {
          this.#catchUp(member, this.#seq, this.#recent.after(member.cursor, this.log.ofOneTask));
          continue;
        }
        const { epoch, cursor } = member;
        if (!(await this.#readFor(member))) return;
        if (member.epoch === epoch && member.cursor === cursor) {
          // It has all there is, of a log that has a new epoch since the room looked.
          if (this.#ended) this.#close(member, CLOSE_ENDED, ENDED);
          else if (mayRefresh) void this.#refresh();
          return;
        }
      }
    } catch (error) {
      this.#host.failed(this, error);
    } finally {
      member.serving = false;
    }
  }

  /** One read of the log for one member; false when the member is gone. */
  async #readFor(member: Member): Promise<boolean> {
    const reading = await this.log.read({ epoch: member.epoch, seq: member.cursor }, READ_ENTRIES);
    if (member.phase !== "alone") return false;
    if (reading.outcome === "events") {
      const { epoch, seq } = reading.position;
      const frames: (Frame | null)[] = [];
      let ended = false;
      for (const entry of reading.entries) {
        const at = this.log.seqOf(entry.event);
        if (at === null || at <= member.cursor) continue;
        frames.push(member.follower.encoding.event(entry, printPosition({ epoch, seq: at })));
        ended ||= isTerminal(entry.event.status);
      }
      member.cursor = Math.max(member.cursor, seq);
      sendTo(member, frames);
      if (ended && this.log.ofOneTask) this.#close(member, CLOSE_ENDED, ENDED);
      return true;
    }
    const opening = reading.outcome === "reset" ? await this.log.refollow() : null;
    if (member.phase !== "alone") return false;
    if (opening === null) this.#close(member, CLOSE_ENDED, GONE);
    else this.#start(member, opening, true);
    return opening !== null;
  }

  #catchUp(member: Member, seq: number, deliveries: readonly Delivery[]): void {
    member.cursor = seq;
    sendTo(
      member,
      deliveries.map((delivery) => frameOf(delivery, member.follower.encoding)),
    );
  }

  #join(member: Member): void {
    if (this.#ended) {
      this.#close(member, CLOSE_ENDED, ENDED);
      return;
    }
    if (!this.log.ofOneTask) this.#sendMissedProgress(member);
    if (member.phase !== "alone") return;
    const { encoding } = member.follower;
    let channel = this.#channels.get(encoding);
    if (channel === undefined) {
      const topic = `${this.name}|${encoding.name}`;
      channel = new Channel(encoding, topic, this.#host.topics, (flush) => this.#host.later(flush));
      this.#channels.set(encoding, channel);
    }
    this.#alone.delete(member);
    member.phase = "joined";
    channel.add(member);
  }

  /** In a tenant's stream the last progress has no place of its own: it is told again as of where the room is now. */
  #sendMissedProgress(member: Member): void {
    const id = printPosition({ epoch: member.epoch, seq: member.cursor });
    const { encoding } = member.follower;
    sendTo(
      member,
      this.#recent.progressAfter(member.stamp).map(({ entry }) => encoding.event(entry, id)),
    );
  }

  #takeOut(member: Member, channel: Channel): void {
    channel.remove(member);
    member.phase = "alone";
    member.epoch = this.#epoch ?? "";
    member.cursor = this.#seq;
    member.stamp = this.#recent.stamp;
    this.#alone.add(member);
  }

  // --- the broadcast

  /** Delivers what continues the room's position; false when there is a hole before it. */
  #accept(news: News): boolean {
    if (news.epoch !== this.#epoch || news.before > this.#seq) return false;
    let at = news.before;
    for (const entry of news.entries) {
      const own = this.log.seqOf(entry.event);
      at = own ?? at;
      this.#take(entry, own, at);
    }
    return true;
  }

  #take(entry: Entry, own: number | null, at: number): void {
    if (this.#ended) return;
    if (own !== null) {
      if (own > this.#seq) this.#deliver(entry, own);
      return;
    }
    // Progress in a tenant's stream has no place of its own: a lifecycle event or newer progress supersedes it.
    const { taskId, seq } = entry.event;
    if (at === this.#seq && seq > this.#recent.progressSeq(taskId)) this.#deliver(entry, at);
  }

  #deliver(entry: Entry, at: number): void {
    this.#seq = at;
    const id = printPosition({ epoch: this.#epoch ?? "", seq: at });
    const delivery = this.#recent.add(entry, at, id);
    for (const channel of this.#channels.values()) {
      if (channel.size === 0) continue;
      const frame = frameOf(delivery, channel.encoding);
      if (frame !== null) this.#broadcast(channel, frame);
    }
    if (this.#unsweptCharacters > UNSWEPT_CHARACTERS) this.sweep([]);
    if (this.log.ofOneTask && isTerminal(entry.event.status)) this.#end();
  }

  #broadcast(channel: Channel, frame: Frame): void {
    channel.broadcast(frame);
    if (this.#unsweptCharacters === 0) this.#host.unswept(this);
    this.#unsweptCharacters += frame.length;
  }

  #end(): void {
    this.#ended = true;
    this.#held = [];
    for (const channel of this.#channels.values()) {
      channel.flush();
      for (const member of channel.members()) this.#close(member, CLOSE_ENDED, ENDED);
    }
    this.#serveEverybody(false);
  }

  // --- holes

  #hold(news: News): void {
    this.#held.push(news);
    if (this.#held.length > HELD_NEWS) this.#held.shift();
  }

  /** False while there is a hole before any of the held news. */
  #acceptHeld(): boolean {
    const held = this.#held.sort((one, other) => one.before - other.before);
    this.#held = held.filter((news) => !this.#accept(news));
    return this.#held.length === 0;
  }

  /** Reads the log from where the room stands until nothing is missing. News that do not fit meanwhile wait. */
  async #refresh(): Promise<void> {
    if (this.#refreshing || this.#dead || this.#ended || this.#epoch === null) return;
    this.#refreshing = true;
    try {
      for (let fruitless = 0; fruitless < FRUITLESS_READS; ) {
        const epoch: string = this.#epoch;
        const seq = this.#seq;
        const more = await this.#readOn({ epoch, seq });
        if (this.#dead || this.#ended) return;
        if (this.#acceptHeld() && !more) return;
        fruitless = this.#seq === seq && this.#epoch === epoch ? fruitless + 1 : 0;
      }
      this.#held = [];
      this.#host.failed(this, new Error("it was told of events that the log does not hold"));
    } catch (error) {
      this.#host.failed(this, error);
    } finally {
      this.#refreshing = false;
      this.#serveEverybody(false);
    }
  }

  /** One read for everybody; answers whether there is more. */
  async #readOn(after: Position): Promise<boolean> {
    const reading = await this.log.read(after, READ_ENTRIES);
    if (this.#dead) return false;
    if (reading.outcome === "events") {
      for (const entry of reading.entries) {
        this.#take(entry, this.log.seqOf(entry.event), this.#seq);
      }
      this.#seq = Math.max(this.#seq, reading.position.seq);
      return reading.more;
    }
    const opening = reading.outcome === "reset" ? await this.log.refollow() : null;
    if (this.#dead) return false;
    if (opening === null) {
      this.closeAll(CLOSE_ENDED, GONE);
      return false;
    }
    this.#restart(opening);
    return false;
  }

  /** Events were lost: everybody is told so and begins anew. */
  #restart(opening: Opening): void {
    const { view, position } = opening;
    this.#epoch = position.epoch;
    this.#seq = position.seq;
    this.#recent.restart(position.seq);
    const id = printPosition(position);
    for (const channel of this.#channels.values()) {
      if (channel.size === 0) continue;
      const { encoding } = channel;
      const frames = [encoding.reset(id), view === null ? null : encoding.snapshot(view, id)];
      for (const frame of frames) if (frame !== null) this.#broadcast(channel, frame);
    }
    if (view !== null && isTerminal(view.task.status)) this.#end();
  }

  // --- leaving

  #drainedBytes(): number {
    return this.#host.slow.slowBytes * DRAINED_PART;
  }

  #close(member: Member, code: number, reason: string): void {
    if (!this.#drop(member)) return;
    member.follower.close(code, reason);
    this.#vacateIfEmpty();
  }

  #drop(member: Member): boolean {
    if (member.phase === "gone") return false;
    if (member.phase === "joined") {
      const channel = this.#channels.get(member.follower.encoding);
      channel?.remove(member);
      if (channel?.size === 0) this.#channels.delete(channel.encoding);
    } else {
      this.#alone.delete(member);
      this.#opening.delete(member);
    }
    member.phase = "gone";
    this.#size -= 1;
    return true;
  }

  #vacateIfEmpty(): void {
    if (this.#dead || this.#size > 0 || this.#openings > 0) return;
    this.#dead = true;
    this.#host.vacated(this, this.#followed);
  }
}

const ENDED = "the task has ended";
const GONE = "the task was removed";
const TOO_SLOW = "events were read too slowly; reconnect and resume";

function sendTo(member: Member, frames: readonly (Frame | null)[]): void {
  const said = frames.filter((frame) => frame !== null);
  const { follower } = member;
  const { pack } = follower.encoding;
  if (pack !== null && said.length > 1) follower.send(pack(said));
  else for (const frame of said) follower.send(frame);
}
