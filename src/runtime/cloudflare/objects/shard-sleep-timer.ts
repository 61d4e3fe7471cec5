/**
 * When a shard may sleep. After whatever happens a timer keeps it awake, which looks whether it holds anything that
 * sleep would lose, and looks again while it does. From then on only its alarm wakes it, to look after those that have
 * vanished and to compare rooms with the store.
 */

import type { DurableObjectStorage } from "@cloudflare/workers-types";
import type { Clock, TimerHandle } from "../../../tasks/ports/clock.ts";

/** Most of what happens is over by then, and the shard may sleep, ms. */
const SETTLE_MS = 100;
/** As under other hosts: nothing about connections is more precise, ms. */
const BEAT_MS = 1_000;
/** How late a subscriber may hear of what no doorbell told, and how coarsely silence is measured, ms. */
const ALARM_MS = 20_000;

export type ShardSleepTimerDependencies = {
  readonly storage: Pick<DurableObjectStorage, "getAlarm" | "setAlarm">;
  readonly clock: Clock;
  /** Does what is due and keeps what can be kept. */
  look(): { readonly connections: number; readonly restful: boolean };
};

export class ShardSleepTimer {
  readonly #dependencies: ShardSleepTimerDependencies;
  #timer: TimerHandle | null = null;
  /** Wall clock, ms; in the past or infinite when there is none. */
  #alarmAt = Number.NEGATIVE_INFINITY;

  constructor(dependencies: ShardSleepTimerDependencies) {
    this.#dependencies = dependencies;
  }

  /** Something has happened: sleep has to wait until it has been looked at. */
  wake(): void {
    this.#lookAfter(SETTLE_MS);
  }

  /** Looks now. */
  look(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const { connections, restful } = this.#dependencies.look();
    if (connections > 0) void this.#setAlarm();
    if (!restful) this.#lookAfter(BEAT_MS);
  }

  /** The alarm has come; there is none any more. */
  alarmed(): void {
    this.#alarmAt = Number.NEGATIVE_INFINITY;
  }

  #lookAfter(ms: number): void {
    this.#timer ??= this.#dependencies.clock.after(ms, () => this.look());
  }

  /** Sets the alarm unless one is set. */
  async #setAlarm(): Promise<void> {
    const { storage, clock } = this.#dependencies;
    const now = clock.now();
    if (this.#alarmAt > now) return;
    const at = now + ALARM_MS;
    this.#alarmAt = at;
    const stored = await storage.getAlarm();
    // One that lies in the past was lost and has to be set anew.
    if (stored !== null && stored > now) this.#alarmAt = stored;
    else await storage.setAlarm(at);
  }
}
