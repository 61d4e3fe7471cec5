/** Keep-alive and time-out of one connection. Times are the host's, in milliseconds. */

import type { HubConnectionSettings, TransportTraits } from "./hub-connection-options.ts";

/** A client's pings are answered at most this often: two sides that answer each other's pings would never stop. */
const PING_ANSWER_MS = 5_000;

/** What is due: sending a ping, or closing the connection. */
export type Due = "ping" | "timeout" | "idle" | null;

/** What the transport knows of both sides' silence; each is null when there was none. */
export interface Line {
  /** When the host last answered a ping of the client without the connection. */
  pingAnsweredAt(): number | null;
  /** When something was last sent. */
  sentAt(): number | null;
}

export class Liveness {
  readonly #settings: HubConnectionSettings;
  readonly #pings: TransportTraits["pings"] | "bare";
  readonly #line: Line;
  #heardAt: number;
  #pinged = false;
  /** From here on the server's silence counts, unless it sent something later. */
  #silentFrom: number;
  #answeredAt = Number.NEGATIVE_INFINITY;

  constructor(
    settings: HubConnectionSettings,
    pings: TransportTraits["pings"] | "bare",
    line: Line,
    now: number,
  ) {
    this.#settings = settings;
    this.#pings = pings;
    this.#line = line;
    this.#heardAt = now;
    this.#silentFrom = now;
  }

  /** When the client was last heard. */
  get heardAt(): number {
    this.#askLine();
    return this.#heardAt;
  }

  /** Clients that never ping exist; the time-out counts only for one that has pinged, as on ASP.NET. */
  get pinged(): boolean {
    this.#askLine();
    return this.#pinged;
  }

  /** When `check` has something to do at the latest. */
  get due(): number {
    this.#askLine();
    return Math.min(this.#pingDue(), this.#timeoutDue());
  }

  /** Something of the client came. */
  heard(now: number): void {
    this.#heardAt = Math.max(this.#heardAt, now);
  }

  /** Continues after the host's hibernation. */
  restore({ pinged, heardAt }: { pinged: boolean; heardAt: number }): void {
    this.#pinged = pinged;
    this.#heardAt = heardAt;
    // What was sent since then is not known.
    this.#silentFrom = heardAt;
  }

  /** A ping came; true when it is to be answered. */
  ping(now: number): boolean {
    this.#pinged = true;
    if (this.#pings !== "bare" && this.#pings !== "answered") return false;
    if (now - this.#answeredAt < PING_ANSWER_MS) return false;
    this.#answeredAt = now;
    return true;
  }

  check(now: number): Due {
    this.#askLine();
    if (now >= this.#timeoutDue()) return this.#pings === "bare" ? "idle" : "timeout";
    if (now < this.#pingDue()) return null;
    this.#silentFrom = now;
    return "ping";
  }

  /** A ping that the host has answered by itself is a ping like any other. */
  #askLine(): void {
    const answeredAt = this.#line.pingAnsweredAt();
    if (answeredAt === null) return;
    this.#pinged = true;
    this.heard(answeredAt);
  }

  /** A host with a timer pings at fixed times; one that hibernates only where nothing else was sent. */
  #pingDue(): number {
    const { keepAliveMs } = this.#settings;
    if (this.#pings === "server") return this.#silentFrom + keepAliveMs;
    if (this.#pings !== "answered") return Number.POSITIVE_INFINITY;
    const sentAt = Math.max(this.#line.sentAt() ?? 0, this.#line.pingAnsweredAt() ?? 0);
    return Math.max(this.#silentFrom, sentAt) + keepAliveMs;
  }

  #timeoutDue(): number {
    if (this.#pings === "bare") return this.#heardAt + this.#settings.bareIdleMs;
    if (this.#pings === "none" || !this.#pinged) return Number.POSITIVE_INFINITY;
    return this.#heardAt + this.#settings.clientTimeoutMs;
  }
}
