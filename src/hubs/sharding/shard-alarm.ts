/**
 * A shard's next alarm, and when it may hibernate. Whatever happens starts a timer, which keeps the shard in memory; when it fires
 * the shard stores what hibernation would lose, and the timer starts again while there is something that cannot be
 * stored. After that only the alarm wakes the shard, to end connections whose clients have vanished and to compare its
 * rooms with the store.
 */

import type { Clock, TimerHandle } from "../../tasks/ports/clock.ts";

/** Wait after the last event, ms: long enough for most calls to be answered. */
const SETTLE_MS = 100;
/** Between two checks of what could not be stored, ms: as exact as connections' time-outs are on other hosts. */
const RECHECK_MS = 1_000;
/** How much later a subscriber gets an event whose publish was lost, and how coarsely silence is measured, ms. */
const ALARM_MS = 20_000;

/** The one alarm of the shard; times are wall clock, ms. */
export interface AlarmStorage {
  getAlarm(): Promise<number | null>;
  setAlarm(at: number): Promise<void>;
}

export type ShardSettlement = {
  readonly connections: number;
  /** Hibernation would lose nothing. */
  readonly maySleep: boolean;
  /** When the shard has to be awake at the latest, wall clock in ms; null, infinite or past: its usual time will do. */
  readonly wakeBy: number | null;
};

export type ShardAlarmDependencies = {
  readonly storage: AlarmStorage;
  readonly clock: Clock;
  /** Does what is due and stores what can be stored. */
  settle(): ShardSettlement;
};

export class ShardAlarm {
  readonly #dependencies: ShardAlarmDependencies;
  #timer: TimerHandle | null = null;
  /** Wall clock, ms; in the past or infinite when there is none. */
  #alarmAt = Number.NEGATIVE_INFINITY;

  constructor(dependencies: ShardAlarmDependencies) {
    this.#dependencies = dependencies;
  }

  /** Something has happened: the shard stays in memory until `settle` was called. */
  wake(): void {
    this.#settleAfter(SETTLE_MS);
  }

  /** Settles now. */
  settle(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const { connections, maySleep, wakeBy } = this.#dependencies.settle();
    if (connections > 0) void this.#setAlarm(wakeBy);
    if (!maySleep) this.#settleAfter(RECHECK_MS);
  }

  /** The alarm has fired; none is set any more. */
  fired(): void {
    this.#alarmAt = Number.NEGATIVE_INFINITY;
  }

  #settleAfter(ms: number): void {
    this.#timer ??= this.#dependencies.clock.after(ms, () => this.settle());
  }

  /** Sets the alarm unless one is set that comes in time. */
  async #setAlarm(wakeBy: number | null): Promise<void> {
    const { storage, clock } = this.#dependencies;
    const now = clock.now();
    const by = wakeBy !== null && wakeBy > now ? wakeBy : Number.POSITIVE_INFINITY;
    if (this.#alarmAt > now && this.#alarmAt <= by) return;
    const at = Math.min(now + ALARM_MS, by);
    this.#alarmAt = at;
    const stored = await storage.getAlarm();
    // One that lies in the past will not fire any more (seen with workerd of wrangler 4.156) and is set anew.
    if (stored !== null && stored > now && stored <= by) this.#alarmAt = stored;
    else await storage.setAlarm(at);
  }
}
