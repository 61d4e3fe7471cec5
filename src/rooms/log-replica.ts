/**
 * A room's copy of a log. It delivers what continues its position, drops what is older, and reads the store where there
 * is a gap, so that no order of arrival can reorder or lose anything.
 */

import type { Position } from "../tasks/task.ts";
import type { Entry } from "./encoding.ts";
import { printPosition } from "./position.ts";
import { ReplayBuffer, type RoomDelivery } from "./replay-buffer.ts";
import type { LogUpdate, Opening, RoomLog } from "./room-log.ts";

/** Events read at once: a read's answer stays below 1 MB and a subscriber's buffer is looked at between reads. */
export const READ_ENTRIES = 64;
/**
 * Updates held until a read has filled the gap before them; beyond this many the oldest are dropped and read instead.
 */
const HELD_UPDATES = 256;
/** Reads in a row that bring nothing while held updates still do not fit; then the updates are dropped as wrong. */
const FRUITLESS_READS = 3;

/** Receives what the replica finds. May call `stop` from within. */
export interface LogReplicaListener {
  /** The next event, in order. */
  delivered(delivery: RoomDelivery): void;
  /** Events were lost; the log goes on from here. */
  restarted(opening: Opening): void;
  /** The log no longer exists. */
  gone(): void;
  /** A refresh has ended, whether or not it succeeded. */
  refreshed(): void;
  failed(error: unknown): void;
}

export class LogReplica {
  readonly replayBuffer = new ReplayBuffer();
  readonly #log: RoomLog;
  readonly #listener: LogReplicaListener;
  /** Null until `begin`: the first subscriber's position is the replica's first. */
  #epoch: string | null = null;
  #seq = 0;
  #held: LogUpdate[] = [];
  #refreshing = false;
  #stopped = false;

  constructor(log: RoomLog, listener: LogReplicaListener) {
    this.#log = log;
    this.#listener = listener;
  }

  get epoch(): string | null {
    return this.#epoch;
  }

  get seq(): number {
    return this.#seq;
  }

  /** Takes its first position. */
  begin({ position }: Opening): void {
    this.#epoch = position.epoch;
    this.#seq = position.seq;
    this.replayBuffer.restart(this.#seq);
    if (!this.#acceptHeld()) void this.refresh();
  }

  /** Delivers nothing any more: the log has ended, or the room has no subscribers. */
  stop(): void {
    this.#stopped = true;
    this.#held = [];
  }

  /** Takes a committed transition; they may come in any order. */
  offer(update: LogUpdate): void {
    if (this.#stopped) return;
    if (this.#epoch !== null && this.#accept(update)) return;
    this.#held.push(update);
    if (this.#held.length > HELD_UPDATES) this.#held.shift();
    void this.refresh();
  }

  /** Whether it is behind a position of the log (null: the log no longer exists), or holds updates behind a gap. */
  isBehind(position: Position | null): boolean {
    if (this.#stopped || this.#epoch === null) return false;
    if (position === null || position.epoch !== this.#epoch) return true;
    return position.seq > this.#seq || this.#held.length > 0;
  }

  /** Reads the log from its position until nothing is missing. Updates that do not fit meanwhile are held. */
  async refresh(): Promise<void> {
    if (this.#refreshing || this.#stopped || this.#epoch === null) return;
    this.#refreshing = true;
    try {
      for (let fruitless = 0; fruitless < FRUITLESS_READS; ) {
        const epoch: string = this.#epoch;
        const seq = this.#seq;
        const more = await this.#read({ epoch, seq });
        if (this.#stopped || (this.#acceptHeld() && !more)) return;
        fruitless = this.#seq === seq && this.#epoch === epoch ? fruitless + 1 : 0;
      }
      this.#held = [];
      this.#listener.failed(new Error("it was told of events that the log does not hold"));
    } catch (error) {
      this.#listener.failed(error);
    } finally {
      this.#refreshing = false;
      this.#listener.refreshed();
    }
  }

  /** One read; returns whether there is more. */
  async #read(after: Position): Promise<boolean> {
    const reading = await this.#log.read(after, READ_ENTRIES);
    if (this.#stopped) return false;
    if (reading.outcome === "events") {
      for (const entry of reading.entries) this.#take(entry, this.#log.seqOf(entry.event), this.#seq);
      this.#seq = Math.max(this.#seq, reading.position.seq);
      return reading.more;
    }
    const opening = reading.outcome === "reset" ? await this.#log.refollow() : null;
    if (this.#stopped) return false;
    if (opening === null) {
      this.#listener.gone();
      return false;
    }
    this.#epoch = opening.position.epoch;
    this.#seq = opening.position.seq;
    this.replayBuffer.restart(this.#seq);
    this.#listener.restarted(opening);
    return false;
  }

  /** False while there is a gap before any of the held updates. */
  #acceptHeld(): boolean {
    if (this.#held.length === 0) return true;
    const held = this.#held.sort((one, other) => one.before - other.before);
    this.#held = held.filter((update) => !this.#accept(update));
    return this.#held.length === 0;
  }

  /** Delivers what continues the position; false when there is a gap before it. */
  #accept(update: LogUpdate): boolean {
    if (update.epoch !== this.#epoch || update.before > this.#seq) return false;
    let at = update.before;
    for (const entry of update.entries) {
      const own = this.#log.seqOf(entry.event);
      at = own ?? at;
      this.#take(entry, own, at);
    }
    return true;
  }

  #take(entry: Entry, own: number | null, at: number): void {
    if (this.#stopped) return;
    if (own !== null) {
      if (own > this.#seq) this.#deliver(entry, own);
      return;
    }
    // Progress in a tenant's stream has no position of its own: a lifecycle event or newer progress supersedes it.
    const { taskId, seq } = entry.event;
    if (at === this.#seq && seq > this.replayBuffer.progressSeq(taskId)) this.#deliver(entry, at);
  }

  #deliver(entry: Entry, at: number): void {
    this.#seq = at;
    const id = printPosition({ epoch: this.#epoch ?? "", seq: at });
    this.#listener.delivered(this.replayBuffer.add(entry, at, id));
  }
}
