/**
 * A room tells its followers what its log holds.
 *
 * A follower is first served alone, by its own cursor, and joins the broadcast in the very turn in which its cursor
 * is the room's position. One that reads too slowly is taken out, served alone again, and joins again or is closed.
 */

import { CLOSE_NORMAL, CLOSE_TRY_AGAIN } from "../protocol/close-codes.ts";
import { isTerminal } from "../protocol/task.ts";
import type { Frame, Topics } from "../sockets/frame.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { Position, TenantScope } from "../tasks/task.ts";
import { Broadcast } from "./broadcast.ts";
import { Mirror, type MirrorListener, READ_ENTRIES } from "./log-replica.ts";
import { printPosition } from "./position.ts";
import { type Delivery, frameOf } from "./replay-buffer.ts";
import type { News, Opening, RoomLog } from "./room-log.ts";
import { Member } from "./room-subscriber.ts";
import type { Follower, SlowPolicy } from "./subscriber.ts";

/** A slow follower gets more once its buffer has sunk below this part of the limit. */
const DRAINED_PART = 0.25;
/** Characters broadcast since the last sweep that call for one at once: well below a socket's hard limit of 1 MB. */
const UNSWEPT_CHARACTERS = 262_144;

/** What a room asks of the house it stands in. */
export interface RoomHost {
  readonly topics: Topics;
  readonly clock: Clock;
  readonly slow: SlowPolicy;
  /** Calls back once frames have waited for company; `soon`: at the end of this turn of the event loop. */
  later(callback: () => void, soon: boolean): void;
  /** The room wants to be swept soon. */
  unswept(room: Room): void;
  /** The last follower has left: the room is dead. `followed`: the store may hold a mark to take away. */
  vacated(room: Room, followed: boolean): void;
  /** Something failed that the position check will try again. */
  failed(room: Room, error: unknown): void;
}

export type FollowOutcome = "following" | "not_found" | "left";

export class Room implements MirrorListener {
  /** Unique in the process. */
  readonly name: string;
  readonly log: RoomLog;
  readonly #host: RoomHost;
  readonly #mirror: Mirror;
  readonly #broadcast: Broadcast;
  readonly #alone = new Set<Member>();
  readonly #opening = new Set<Member>();
  /** Calls of `open` under way, also for members that have left since. */
  #openings = 0;
  #size = 0;
  /** The store was asked to mark the log followed, and did or may have. */
  #followed = false;
  /** The one task has ended and everybody who joined has been told. */
  #ended = false;
  #dead = false;

  constructor(name: string, log: RoomLog, host: RoomHost) {
    this.name = name;
    this.log = log;
    this.#host = host;
    this.#mirror = new Mirror(log, this);
    this.#broadcast = new Broadcast(name, host.topics, (callback, soon) => host.later(callback, soon));
  }

  get size(): number {
    return this.#size;
  }

  /** Where the room stands; null until the first follower's place is known. */
  get position(): Position | null {
    const { epoch, seq } = this.#mirror;
    return epoch === null ? null : { epoch, seq };
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
      if (this.#mirror.epoch === null) this.#begin(opening);
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

  /** Seats a follower that an earlier life of this room had brought to `at`; the log bears that life's mark. */
  reseat(follower: Follower, at: Position): Member {
    const member = new Member(follower, this);
    this.#size += 1;
    this.#followed = true;
    if (this.#mirror.epoch === null) this.#mirror.begin({ view: null, position: at });
    this.#place(member, at);
    void this.#serve(member, true);
    return member;
  }

  leave(member: Member): void {
    if (this.#drop(member)) this.#vacateIfEmpty();
  }

  /** Hands over what waits for company. */
  flush(): void {
    this.#broadcast.flush();
  }

  /** Takes a committed transition, in whatever order they come. */
  offer(news: News): void {
    this.#mirror.offer(news);
    this.#serveEverybody(false);
  }

  /** Compares with where the log stands; null = there is no such log any more. */
  check(position: Position | null): void {
    if (this.#mirror.isBehind(position)) void this.#mirror.refresh();
    else this.#serveEverybody(true);
  }

  /**
   * Takes out whoever reads too slowly, and gives those that have drained what they missed. Those still slow are
   * added to `slow`. Answers whether the room needs another sweep though nothing is broadcast.
   */
  sweep(slow: Member[]): boolean {
    const now = this.#host.clock.monotonic();
    for (const member of this.#broadcast.slow(this.#host.slow.slowBytes)) this.#takeOut(member, now);
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
    const members = [...this.#opening, ...this.#alone, ...this.#broadcast.members()];
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
    const { view } = opening;
    this.#mirror.begin(opening);
    if (view !== null && isTerminal(view.task.status)) this.#end();
  }

  #greet(member: Member, opening: Opening, after: Position | null): void {
    const { position } = opening;
    const resumes = after !== null && after.epoch === position.epoch && after.seq <= position.seq;
    this.#place(member, resumes ? after : position);
    if (!resumes) this.#start(member, opening, after !== null);
  }

  /** From here on the member is served alone, from that place. */
  #place(member: Member, { epoch, seq }: Position): void {
    this.#opening.delete(member);
    this.#alone.add(member);
    member.phase = "alone";
    member.stamp = this.#mirror.recent.stamp;
    member.epoch = epoch;
    member.cursor = seq;
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
    member.tell(frames);
    if (view !== null && isTerminal(view.task.status)) this.#close(member, CLOSE_NORMAL, ENDED);
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
      while (member.phase === "alone" && this.#mirror.epoch !== null) {
        if (member.follower.bufferedBytes() > this.#drainedBytes()) {
          member.slowSince ??= this.#host.clock.monotonic();
          this.#host.unswept(this);
          return;
        }
        member.slowSince = null;
        const sameLog = member.epoch === this.#mirror.epoch;
        const { seq } = this.#mirror;
        if (sameLog && member.cursor === seq) {
          this.#join(member);
          return;
        }
        if (sameLog && member.cursor > seq) {
          // The follower began later than the room stands: the news are on their way, or were lost.
          if (mayRefresh) void this.#mirror.refresh();
          return;
        }
        if (sameLog && this.#mirror.recent.covers(member.cursor)) {
          this.#catchUp(member, seq, this.#mirror.recent.after(member.cursor, this.log.ofOneTask));
          continue;
        }
        const { epoch, cursor } = member;
        if (!(await this.#readFor(member))) return;
        if (member.epoch === epoch && member.cursor === cursor) {
          // It has all there is, of a log that has a new epoch since the room looked.
          if (this.#ended) this.#close(member, CLOSE_NORMAL, ENDED);
          else if (mayRefresh) void this.#mirror.refresh();
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
      member.tell(frames);
      if (ended && this.log.ofOneTask) this.#close(member, CLOSE_NORMAL, ENDED);
      return true;
    }
    const opening = reading.outcome === "reset" ? await this.log.refollow() : null;
    if (member.phase !== "alone") return false;
    if (opening === null) this.#close(member, CLOSE_NORMAL, GONE);
    else this.#start(member, opening, true);
    return opening !== null;
  }

  #catchUp(member: Member, seq: number, deliveries: readonly Delivery[]): void {
    member.cursor = seq;
    member.tell(deliveries.map((delivery) => frameOf(delivery, member.follower.encoding)));
  }

  #join(member: Member): void {
    if (this.#ended) {
      this.#close(member, CLOSE_NORMAL, ENDED);
      return;
    }
    if (!this.log.ofOneTask) this.#sendMissedProgress(member);
    if (member.phase !== "alone") return;
    this.#alone.delete(member);
    member.phase = "joined";
    this.#broadcast.add(member);
  }

  /** In a tenant's stream the last progress has no place of its own: it is told again as of where the room is now. */
  #sendMissedProgress(member: Member): void {
    const id = printPosition({ epoch: member.epoch, seq: member.cursor });
    const { encoding } = member.follower;
    member.tell(
      this.#mirror.recent.progressAfter(member.stamp).map(({ entry }) => encoding.event(entry, id)),
    );
  }

  #takeOut(member: Member, now: number): void {
    this.#broadcast.remove(member);
    member.phase = "alone";
    member.epoch = this.#mirror.epoch ?? "";
    member.cursor = this.#mirror.seq;
    member.stamp = this.#mirror.recent.stamp;
    member.slowSince = now;
    this.#alone.add(member);
  }

  // --- what the mirror tells

  delivered(delivery: Delivery): void {
    const ends = isTerminal(delivery.entry.event.status);
    this.#broadcast.tell((encoding) => frameOf(delivery, encoding), ends);
    this.#watchBuffers();
    if (this.log.ofOneTask && ends) this.#end();
  }

  restarted({ view, position }: Opening): void {
    const id = printPosition(position);
    this.#broadcast.tell((encoding) => encoding.reset(id), true);
    if (view !== null) this.#broadcast.tell((encoding) => encoding.snapshot(view, id), true);
    // Not before both are said: whoever is taken out has been told everything up to the mirror's place.
    this.#watchBuffers();
    if (view !== null && isTerminal(view.task.status)) this.#end();
  }

  gone(): void {
    this.closeAll(CLOSE_NORMAL, GONE);
  }

  refreshed(): void {
    this.#serveEverybody(false);
  }

  failed(error: unknown): void {
    this.#host.failed(this, error);
  }

  #watchBuffers(): void {
    const { characters } = this.#broadcast;
    if (characters === 0 || (characters > UNSWEPT_CHARACTERS && !this.sweep([]))) return;
    this.#host.unswept(this);
  }

  /** The one task is over, and everybody who has joined knows. */
  #end(): void {
    this.#ended = true;
    this.#mirror.stop();
    for (const member of this.#broadcast.members()) this.#close(member, CLOSE_NORMAL, ENDED);
    this.#serveEverybody(false);
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
    if (member.phase === "joined") this.#broadcast.remove(member);
    this.#alone.delete(member);
    this.#opening.delete(member);
    member.phase = "gone";
    this.#size -= 1;
    return true;
  }

  #vacateIfEmpty(): void {
    if (this.#dead || this.#size > 0 || this.#openings > 0) return;
    this.#dead = true;
    this.#mirror.stop();
    this.#host.vacated(this, this.#followed);
  }
}

const ENDED = "the task has ended";
const GONE = "the task was removed";
const TOO_SLOW = "events were read too slowly; reconnect and resume";
