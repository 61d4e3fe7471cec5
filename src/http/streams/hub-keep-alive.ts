/** The one timer of all hub connections: pings, time-outs, empty polls and the end of unused negotiations. */

import type { HubConnectionSettings } from "../../signalr/connection/hub-connection-options.ts";
import type { HubConnections } from "../../signalr/transports/connections.ts";
import type { Clock, TimerHandle } from "../../tasks/ports/clock.ts";

/** The longest interval, ms: the resolution of ASP.NET's timer. */
const LONGEST_BEAT_MS = 1_000;
/** The shortest interval, however short the configured times are, ms. */
const SHORTEST_BEAT_MS = 5;

export class HubKeepAlive {
  readonly #connections: Pick<HubConnections<unknown>, "size" | "tick">;
  readonly #clock: Pick<Clock, "after" | "monotonic">;
  readonly #beatMs: number;
  #timer: TimerHandle | null = null;

  constructor(
    connections: Pick<HubConnections<unknown>, "size" | "tick">,
    clock: Pick<Clock, "after" | "monotonic">,
    settings: Pick<HubConnectionSettings, "handshakeTimeoutMs" | "keepAliveMs" | "clientTimeoutMs">,
  ) {
    this.#connections = connections;
    this.#clock = clock;
    const shortest = Math.min(settings.handshakeTimeoutMs, settings.keepAliveMs, settings.clientTimeoutMs);
    this.#beatMs = Math.min(LONGEST_BEAT_MS, Math.max(SHORTEST_BEAT_MS, shortest / 4));
  }

  /** There is a connection: ticks until there is none. */
  wake(): void {
    this.#timer ??= this.#clock.after(this.#beatMs, () => this.#beat());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #beat(): void {
    this.#timer = null;
    this.#connections.tick(this.#clock.monotonic());
    if (this.#connections.size > 0) this.wake();
  }
}
