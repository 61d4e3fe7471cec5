/** Keep-alive and time-out of one connection. Times are the host's, in milliseconds. */

import type { HubConnectionSettings, TransportTraits } from "./hub-connection-options.ts";

/** A client's pings are answered at most this often: two sides that answer each other's pings would never stop. */
const PING_ANSWER_MS = 5_000;

/** What is due: sending a ping, or closing the connection. */
export type Due = "ping" | "timeout" | "idle" | null;

export class Liveness {
  readonly #settings: HubConnectionSettings;
  readonly #pings: TransportTraits["pings"] | "bare";
  /** When the client was last heard. */
  heardAt: number;
  /** Clients that never ping exist; the time-out counts only for one that has pinged, as on ASP.NET. */
  pinged = false;
  #pingDue = Number.POSITIVE_INFINITY;
  #answeredAt = Number.NEGATIVE_INFINITY;

  constructor(settings: HubConnectionSettings, pings: TransportTraits["pings"] | "bare", now: number) {
    this.#settings = settings;
    this.#pings = pings;
    this.heardAt = now;
    if (pings === "server") this.#pingDue = now + settings.keepAliveMs;
  }

  /** When `check` has something to do at the latest. */
  get due(): number {
    return Math.min(this.#pingDue, this.#silentAt());
  }

  /** A ping came; true when it is to be answered. */
  ping(now: number): boolean {
    this.pinged = true;
    if (this.#pings !== "bare" && this.#pings !== "answered") return false;
    if (now - this.#answeredAt < PING_ANSWER_MS) return false;
    this.#answeredAt = now;
    return true;
  }

  check(now: number): Due {
    if (now >= this.#silentAt()) return this.#pings === "bare" ? "idle" : "timeout";
    if (now < this.#pingDue) return null;
    this.#pingDue = now + this.#settings.keepAliveMs;
    return "ping";
  }

  #silentAt(): number {
    if (this.#pings === "bare") return this.heardAt + this.#settings.bareIdleMs;
    if (this.#pings === "none" || !this.pinged) return Number.POSITIVE_INFINITY;
    return this.heardAt + this.#settings.clientTimeoutMs;
  }
}
