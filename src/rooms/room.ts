/**
 * A room sends its subscribers the events of one log.
 *
 * A subscriber is first served alone, from its own cursor, and joins the broadcast in the very turn of the event loop
 * in which its cursor reaches the room's position. One that reads too slowly is taken out of the broadcast, served
 * alone again, and joins again or is closed.
 */

import { CLOSE_NORMAL, CLOSE_TRY_AGAIN } from "../protocol/close-codes.ts";
import { isTerminal } from "../protocol/task.ts";
import type { Topics } from "../sockets/frame.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { Position, TenantScope } from "../tasks/task.ts";
import { Broadcast } from "./broadcast.ts";
import { sendBeginning, sendKept, sendMissedProgress, sendRead } from "./catch-up.ts";
import { LogReplica, type LogReplicaListener, READ_ENTRIES } from "./log-replica.ts";
import { printPosition } from "./position.ts";
import { frameOf, type RoomDelivery } from "./replay-buffer.ts";
import type { LogUpdate, Opening, RoomLog } from "./room-log.ts";
import { RoomSubscription } from "./room-subscription.ts";
import type { SlowPolicy, Subscriber } from "./subscriber.ts";

/** A slow subscriber gets more once its buffer has sunk below this part of the limit. */
const DRAINED_PART = 0.25;
/** Characters broadcast since the last sweep that call for one at once: well below a socket's hard limit of 1 MB. */
const UNSWEPT_CHARACTERS = 262_144;

/** What a room needs of the process around it. */
export interface RoomHost {
  readonly topics: Topics;
  readonly clock: Clock;
  readonly slow: SlowPolicy;
  /** Calls `flush` when batched frames are due; `urgent`: at the end of this turn of the event loop. */
  scheduleFlush(flush: () => void, urgent: boolean): void;
  /** Send buffers may have grown: `sweep` is to be called soon. */
  requestSweep(room: Room): void;
  /** The last subscription has ended and the room is not used again. `followed`: the store's follow flag may be set. */
  emptied(room: Room, followed: boolean): void;
  /** The log could not be read; the position check tries again. */
  readFailed(room: Room, error: unknown): void;
}

export type SubscribeOutcome = "subscribed" | "not_found" | "unsubscribed";

export class Room implements LogReplicaListener {
  /** Unique in the process. */
  readonly name: string;
  readonly log: RoomLog;
  readonly #host: RoomHost;
  readonly #replica: LogReplica;
  readonly #broadcast: Broadcast;
  readonly #alone = new Set<RoomSubscription>();
  readonly #opening = new Set<RoomSubscription>();
  /** Calls of `open` under way, also for subscriptions that have ended since. */
  #openings = 0;
  #size = 0;
  /** The store was asked to set the follow flag, and did or may have. */
  #followed = false;
  /** The one task has ended and all joined subscribers have been sent its last event. */
  #ended = false;
  #closed = false;

  constructor(name: string, log: RoomLog, host: RoomHost) {
    this.name = name;
    this.log = log;
    this.#host = host;
    this.#replica = new LogReplica(log, this);
    this.#broadcast = new Broadcast(name, host.topics, (flush, urgent) => host.scheduleFlush(flush, urgent));
  }

  get size(): number {
    return this.#size;
  }

  /** The room's position in the log; null until the first subscriber's is known. */
  get position(): Position | null {
    const { epoch, seq } = this.#replica;
    return epoch === null ? null : { epoch, seq };
  }

  /** Subscribers that are not part of the broadcast: beginning, catching up or slow. */
  get aloneSize(): number {
    return this.#alone.size + this.#opening.size;
  }

  /** Registers a subscriber. Updates that come from here on are kept for it; `open` MUST be called next. */
  add(subscriber: Subscriber): RoomSubscription {
    const subscription = new RoomSubscription(subscriber, this);
    this.#opening.add(subscription);
    this.#openings += 1;
    this.#size += 1;
    return subscription;
  }

  /**
   * Asks the store where an added subscriber begins, sends it the snapshot and goes on from there. `previousClosed` is
   * awaited first. Rejects when the store cannot be read; the subscription has ended then.
   */
  async open(
    subscription: RoomSubscription,
    scope: TenantScope,
    after: Position | null,
    previousClosed: Promise<void> | undefined,
  ): Promise<SubscribeOutcome> {
    try {
      if (previousClosed !== undefined) await previousClosed;
      const opening = await this.#follow(scope);
      if (opening === null) {
        this.#drop(subscription);
        return "not_found";
      }
      if (this.#replica.epoch === null) this.#begin(opening);
      if (subscription.phase !== "opening") return "unsubscribed";
      this.#startOrResume(subscription, opening, after);
      await this.#serve(subscription, true);
      return "subscribed";
    } catch (error) {
      this.#drop(subscription);
      throw error;
    } finally {
      this.#openings -= 1;
      this.#closeIfEmpty();
    }
  }

  /**
   * Registers a subscriber that a room before the host's hibernation has served up to `at`; the follow flag is still
   * set.
   */
  restore(subscriber: Subscriber, at: Position): RoomSubscription {
    const subscription = new RoomSubscription(subscriber, this);
    this.#size += 1;
    this.#followed = true;
    if (this.#replica.epoch === null) this.#replica.begin({ view: null, position: at });
    this.#place(subscription, at);
    void this.#serve(subscription, true);
    return subscription;
  }

  unsubscribe(subscription: RoomSubscription): void {
    if (this.#drop(subscription)) this.#closeIfEmpty();
  }

  /** Sends all batched frames. */
  flush(): void {
    this.#broadcast.flush();
  }

  /** Takes a committed transition; they may come in any order. */
  offer(update: LogUpdate): void {
    this.#replica.offer(update);
    this.#serveAlone(false);
  }

  /** Compares with the log's position in the store; null: the log no longer exists. */
  check(position: Position | null): void {
    if (this.#replica.isBehind(position)) void this.#replica.refresh();
    else this.#serveAlone(true);
  }

  /**
   * Takes subscribers that read too slowly out of the broadcast, and sends those that have drained what they missed.
   * Those still slow are added to `slow`. Returns whether the room needs another sweep though nothing is broadcast.
   */
  sweep(slow: RoomSubscription[]): boolean {
    const now = this.#host.clock.monotonic();
    for (const subscription of this.#broadcast.slow(this.#host.slow.slowBytes))
      this.#takeOut(subscription, now);
    let waiting = false;
    for (const subscription of this.#alone) {
      if (subscription.slowSince === null) continue;
      if (subscription.subscriber.bufferedBytes() <= this.#drainedBytes())
        void this.#serve(subscription, false);
      else if (now - subscription.slowSince >= this.#host.slow.slowCloseMs)
        this.#close(subscription, CLOSE_TRY_AGAIN, TOO_SLOW);
      else slow.push(subscription);
      waiting ||= subscription.phase === "alone";
    }
    return waiting;
  }

  /** Closes a subscriber, because the slow ones together have too much unsent. */
  evict(subscription: RoomSubscription): void {
    this.#close(subscription, CLOSE_TRY_AGAIN, TOO_SLOW);
  }

  /** Closes every subscriber. */
  closeAll(code: number, reason: string): void {
    const subscriptions = [...this.#opening, ...this.#alone, ...this.#broadcast.subscriptions()];
    for (const subscription of subscriptions) this.#close(subscription, code, reason);
  }

  // --- where a subscriber begins

  async #follow(scope: TenantScope): Promise<Opening | null> {
    try {
      const opening = await this.log.follow(scope);
      this.#followed ||= opening !== null;
      return opening;
    } catch (error) {
      // Whether the flag was set before the call failed cannot be known.
      this.#followed = true;
      throw error;
    }
  }

  #begin(opening: Opening): void {
    const { view } = opening;
    this.#replica.begin(opening);
    if (view !== null && isTerminal(view.task.status)) this.#end();
  }

  #startOrResume(subscription: RoomSubscription, opening: Opening, after: Position | null): void {
    const { position } = opening;
    const resumes = after !== null && after.epoch === position.epoch && after.seq <= position.seq;
    this.#place(subscription, resumes ? after : position);
    if (!resumes) this.#start(subscription, opening, after !== null);
  }

  #place(subscription: RoomSubscription, at: Position): void {
    this.#opening.delete(subscription);
    this.#alone.add(subscription);
    subscription.standAlone(at, this.#replica.replayBuffer.stamp);
  }

  /** Sends the beginning of a stream that does not resume. */
  #start(subscription: RoomSubscription, opening: Opening, lost: boolean): void {
    if (sendBeginning(subscription, opening, lost)) this.#close(subscription, CLOSE_NORMAL, ENDED);
  }

  // --- a subscriber served alone

  #serveAlone(mayRefresh: boolean): void {
    for (const subscription of this.#alone)
      if (subscription.slowSince === null) void this.#serve(subscription, mayRefresh);
  }

  /**
   * Brings a subscriber up to the room's position and lets it join; does not yield while the store need not be read.
   */
  async #serve(subscription: RoomSubscription, mayRefresh: boolean): Promise<void> {
    if (subscription.serving) return;
    subscription.serving = true;
    try {
      while (subscription.phase === "alone" && this.#replica.epoch !== null) {
        if (subscription.subscriber.bufferedBytes() > this.#drainedBytes()) {
          subscription.slowSince ??= this.#host.clock.monotonic();
          this.#host.requestSweep(this);
          return;
        }
        subscription.slowSince = null;
        const sameLog = subscription.epoch === this.#replica.epoch;
        const { seq } = this.#replica;
        if (sameLog && subscription.cursor === seq) {
          this.#join(subscription);
          return;
        }
        if (sameLog && subscription.cursor > seq) {
          // It began ahead of the room: the updates between are on their way, or were lost.
          if (mayRefresh) void this.#replica.refresh();
          return;
        }
        if (sameLog && this.#replica.replayBuffer.covers(subscription.cursor)) {
          const kept = this.#replica.replayBuffer.after(subscription.cursor, this.log.ofOneTask);
          sendKept(subscription, seq, kept);
          continue;
        }
        const { epoch, cursor } = subscription;
        if (!(await this.#readFor(subscription))) return;
        if (subscription.epoch === epoch && subscription.cursor === cursor) {
          // It has been sent the whole log, whose epoch has changed since the room read it.
          if (this.#ended) this.#close(subscription, CLOSE_NORMAL, ENDED);
          else if (mayRefresh) void this.#replica.refresh();
          return;
        }
      }
    } catch (error) {
      this.#host.readFailed(this, error);
    } finally {
      subscription.serving = false;
    }
  }

  /** One read of the log for one subscriber; false when its subscription is gone. */
  async #readFor(subscription: RoomSubscription): Promise<boolean> {
    const reading = await this.log.read(
      { epoch: subscription.epoch, seq: subscription.cursor },
      READ_ENTRIES,
    );
    if (subscription.phase !== "alone") return false;
    if (reading.outcome === "events") {
      const ended = sendRead(subscription, this.log, reading);
      if (ended && this.log.ofOneTask) this.#close(subscription, CLOSE_NORMAL, ENDED);
      return true;
    }
    const opening = reading.outcome === "reset" ? await this.log.refollow() : null;
    if (subscription.phase !== "alone") return false;
    if (opening === null) this.#close(subscription, CLOSE_NORMAL, GONE);
    else this.#start(subscription, opening, true);
    return opening !== null;
  }

  #join(subscription: RoomSubscription): void {
    if (this.#ended) {
      this.#close(subscription, CLOSE_NORMAL, ENDED);
      return;
    }
    if (!this.log.ofOneTask) sendMissedProgress(subscription, this.#replica.replayBuffer);
    if (subscription.phase !== "alone") return;
    this.#alone.delete(subscription);
    subscription.phase = "joined";
    this.#broadcast.add(subscription);
  }

  #takeOut(subscription: RoomSubscription, now: number): void {
    this.#broadcast.remove(subscription);
    const { epoch, seq, replayBuffer } = this.#replica;
    subscription.standAlone({ epoch: epoch ?? "", seq }, replayBuffer.stamp);
    subscription.slowSince = now;
    this.#alone.add(subscription);
  }

  // --- LogReplicaListener

  delivered(delivery: RoomDelivery): void {
    const ends = isTerminal(delivery.entry.event.status);
    this.#broadcast.send((encoding) => frameOf(delivery, encoding), ends);
    this.#watchBuffers();
    if (this.log.ofOneTask && ends) this.#end();
  }

  restarted({ view, position }: Opening): void {
    const id = printPosition(position);
    this.#broadcast.send((encoding) => encoding.reset(id), true);
    if (view !== null) this.#broadcast.send((encoding) => encoding.snapshot(view, id), true);
    // After both were sent: a subscriber taken out here has been sent everything up to the replica's position.
    this.#watchBuffers();
    if (view !== null && isTerminal(view.task.status)) this.#end();
  }

  gone(): void {
    this.closeAll(CLOSE_NORMAL, GONE);
  }

  refreshed(): void {
    this.#serveAlone(false);
  }

  failed(error: unknown): void {
    this.#host.readFailed(this, error);
  }

  #watchBuffers(): void {
    const { characters } = this.#broadcast;
    if (characters === 0 || (characters > UNSWEPT_CHARACTERS && !this.sweep([]))) return;
    this.#host.requestSweep(this);
  }

  /** The one task has ended, and all joined subscribers have been sent its last event. */
  #end(): void {
    this.#ended = true;
    this.#replica.stop();
    for (const subscription of this.#broadcast.subscriptions())
      this.#close(subscription, CLOSE_NORMAL, ENDED);
    this.#serveAlone(false);
  }

  // --- the end of subscriptions

  #drainedBytes(): number {
    return this.#host.slow.slowBytes * DRAINED_PART;
  }

  #close(subscription: RoomSubscription, code: number, reason: string): void {
    if (!this.#drop(subscription)) return;
    subscription.subscriber.close(code, reason);
    this.#closeIfEmpty();
  }

  #drop(subscription: RoomSubscription): boolean {
    if (subscription.phase === "gone") return false;
    if (subscription.phase === "joined") this.#broadcast.remove(subscription);
    this.#alone.delete(subscription);
    this.#opening.delete(subscription);
    subscription.phase = "gone";
    this.#size -= 1;
    return true;
  }

  #closeIfEmpty(): void {
    if (this.#closed || this.#size > 0 || this.#openings > 0) return;
    this.#closed = true;
    this.#replica.stop();
    this.#host.emptied(this, this.#followed);
  }
}

const ENDED = "the task has ended";
const GONE = "the task was removed";
const TOO_SLOW = "events were read too slowly; reconnect and resume";
