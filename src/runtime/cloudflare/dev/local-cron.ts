/** Calls the cron handlers of a local Worker when they are due: `wrangler dev` only offers an address to call. */

import { RETENTION_CRON } from "../schedule.ts";

const MINUTE_MS = 60_000;
const MINUTES_PER_HOUR = 60;
const SWEEP_CRON = "* * * * *";

export class LocalCron {
  #timer: ReturnType<typeof setInterval> | null = null;
  #minutes = 0;

  /** Begins to call the Worker at `address` every minute; a second call replaces the first. */
  start(address: string): void {
    this.stop();
    this.#timer = setInterval(() => void this.#tick(address), MINUTE_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #tick(address: string): Promise<void> {
    this.#minutes += 1;
    const crons = this.#minutes % MINUTES_PER_HOUR === 0 ? [SWEEP_CRON, RETENTION_CRON] : [SWEEP_CRON];
    for (const cron of crons) {
      // A Worker that is being reloaded is called again in a minute.
      await fetch(`${address}/cdn-cgi/handler/scheduled?cron=${encodeURIComponent(cron)}`).catch(() => null);
    }
  }
}
