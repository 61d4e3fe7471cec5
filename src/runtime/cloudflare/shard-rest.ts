/**
 * When a shard may sleep. While it holds anything that sleep would lose, a timer keeps it awake and looks again every
 * second; from then on only its alarm wakes it, to look after those that have vanished and to compare rooms with the
 * store.
 */

import type { DurableObjectStorage } from "@cloudflare/workers-types";
import type { Clock, TimerHandle } from "../../tasks/clock.ts";

/** As under other hosts: nothing about connections is more precise, ms. */
const BEAT_MS = 1_000;
/** How late a follower may hear of what no doorbell told, and how coarsely silence is measured, ms. */
const ALARM_MS = 20_000;
/** An alarm set for this very millisecond may never fire. */
const LEAST_DELAY_MS = 1;

export type ShardRestDependencies = {
  readonly storage: Pick<DurableObjectStorage, "getAlarm" | "setAlarm">;
  readonly clock: Clock;
  /** Does what is due and keeps what can be kept. */
  beat(): { readonly connections: number; readonly restful: boolean };
};

export class ShardRest {
  readonly #dependencies: ShardRestDependencies;
  #timer: TimerHandle | null = null;
  /** Wall clock, ms; in the past or infinite when there is none. */
  #alarmAt = Number.NEGATIVE_INFINITY;

  constructor(dependencies: ShardRestDependencies) {
    this.#dependencies = dependencies;
  }

  /** Something has happened: sleep has to wait until it has been looked at. */
  wake(): void {
    this.#timer ??= this.#dependencies.clock.after(BEAT_MS, () => this.beat());
  }

  beat(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const { connections, restful } = this.#dependencies.beat();
    if (connections > 0) void this.setAlarm();
    if (!restful) this.wake();
  }

  /** The alarm has come; there is none any more. */
  alarmed(): void {
    this.#alarmAt = Number.NEGATIVE_INFINITY;
  }

  /** Sets the alarm unless one is set. */
  async setAlarm(): Promise<void> {
    const { storage, clock } = this.#dependencies;
    const now = clock.now();
    if (this.#alarmAt > now) return;
    const at = now + Math.max(ALARM_MS, LEAST_DELAY_MS);
    this.#alarmAt = at;
    const stored = await storage.getAlarm();
    // One that lies in the past was lost and has to be set anew.
    if (stored !== null && stored > now) this.#alarmAt = stored;
    else await storage.setAlarm(at);
  }
}
