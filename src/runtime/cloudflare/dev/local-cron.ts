/** Calls the cron handlers of a local Worker when they are due: `wrangler dev` only offers an address to call. */

import { RETENTION_CRON } from "../../../compose/cron-schedule.ts";

const MINUTE_MS = 60_000;
const MINUTES_PER_HOUR = 60;
const SWEEP_CRON = "* * * * *";
/** The first sweep after a start: leases of the run before have ended by then, and its tasks are continued, ms. */
const FIRST_MS = 12_000;

export class LocalCron {
  #first: ReturnType<typeof setTimeout> | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #minutes = 0;

  /** Begins to call the Worker at `address`; a second call replaces the first. */
  start(address: string): void {
    this.stop();
    this.#first = setTimeout(() => void this.#call(address, SWEEP_CRON), FIRST_MS);
    this.#timer = setInterval(() => void this.#tick(address), MINUTE_MS);
  }

  stop(): void {
    clearTimeout(this.#first);
    clearInterval(this.#timer);
  }

  async #tick(address: string): Promise<void> {
    this.#minutes += 1;
    await this.#call(address, SWEEP_CRON);
    if (this.#minutes % MINUTES_PER_HOUR === 0) await this.#call(address, RETENTION_CRON);
  }

  /** A Worker that is being reloaded is called again in a minute. */
  async #call(address: string, cron: string): Promise<void> {
    await fetch(`${address}/cdn-cgi/handler/scheduled?cron=${encodeURIComponent(cron)}`).catch(() => null);
  }
}
