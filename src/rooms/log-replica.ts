/**
 * The log as a room knows it. Delivers what continues its position, drops what is older, and reads the store where
 * there is a hole, so that no order of arrival can reorder or lose anything.
 */

import type { Position } from "../tasks/task.ts";
import type { Entry } from "./encoding.ts";
import { printPosition } from "./position.ts";
import { type Delivery, Recent } from "./replay-buffer.ts";
import type { News, Opening, RoomLog } from "./room-log.ts";

/** Events read at once: a read's answer stays below 1 MB and a follower's buffer is looked at between reads. */
export const READ_ENTRIES = 64;
/** News that wait for a read; beyond it the oldest go, and are read from the log. */
const HELD_NEWS = 256;
/** Reads in a row that bring nothing while held news still do not fit; then the news are given up as wrong. */
const FRUITLESS_READS = 3;

/** Who is told. May stop the mirror from within. */
export interface MirrorListener {
  /** The next event, in order. */
  delivered(delivery: Delivery): void;
  /** Events were lost; the log goes on from here. */
  restarted(opening: Opening): void;
  /** The log exists no more. */
  gone(): void;
  /** A read for everybody is over, well or not. */
  refreshed(): void;
  failed(error: unknown): void;
}

export class Mirror {
  readonly recent = new Recent();
  readonly #log: RoomLog;
  readonly #listener: MirrorListener;
  /** Null until the first follower's place is known. */
  #epoch: string | null = null;
  #seq = 0;
  #held: News[] = [];
  #refreshing = false;
  #stopped = false;

  constructor(log: RoomLog, listener: MirrorListener) {
    this.#log = log;
    this.#listener = listener;
  }

  get epoch(): string | null {
    return this.#epoch;
  }

  get seq(): number {
    return this.#seq;
  }

  /** Takes its first place. */
  begin({ position }: Opening): void {
    this.#epoch = position.epoch;
    this.#seq = position.seq;
    this.recent.restart(this.#seq);
    if (!this.#acceptHeld()) void this.refresh();
  }

  /** Delivers nothing any more: the log has ended, or nobody listens. */
  stop(): void {
    this.#stopped = true;
    this.#held = [];
  }

  /** Takes a committed transition, in whatever order they come. */
  offer(news: News): void {
    if (this.#stopped) return;
    if (this.#epoch !== null && this.#accept(news)) return;
    this.#held.push(news);
    if (this.#held.length > HELD_NEWS) this.#held.shift();
    void this.refresh();
  }

  /** Whether it is behind a place of the log (null: there is none any more), or waits for what it could not read. */
  isBehind(position: Position | null): boolean {
    if (this.#stopped || this.#epoch === null) return false;
    if (position === null || position.epoch !== this.#epoch) return true;
    return position.seq > this.#seq || this.#held.length > 0;
  }

  /** Reads the log from where it stands until nothing is missing. News that do not fit meanwhile wait. */
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

  /** One read; answers whether there is more. */
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
    this.recent.restart(this.#seq);
    this.#listener.restarted(opening);
    return false;
  }

  /** False while there is a hole before any of the held news. */
  #acceptHeld(): boolean {
    if (this.#held.length === 0) return true;
    const held = this.#held.sort((one, other) => one.before - other.before);
    this.#held = held.filter((news) => !this.#accept(news));
    return this.#held.length === 0;
  }

  /** Delivers what continues the position; false when there is a hole before it. */
  #accept(news: News): boolean {
    if (news.epoch !== this.#epoch || news.before > this.#seq) return false;
    let at = news.before;
    for (const entry of news.entries) {
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
    // Progress in a tenant's stream has no place of its own: a lifecycle event or newer progress supersedes it.
    const { taskId, seq } = entry.event;
    if (at === this.#seq && seq > this.recent.progressSeq(taskId)) this.#deliver(entry, at);
  }

  #deliver(entry: Entry, at: number): void {
    this.#seq = at;
    const id = printPosition({ epoch: this.#epoch ?? "", seq: at });
    this.#listener.delivered(this.recent.add(entry, at, id));
  }
}
