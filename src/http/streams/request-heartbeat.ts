/** Keep-alive comments on a host whose requests share no timers (Workers): each stream has a timer of its own. */

import type { Clock, TimerHandle } from "../../tasks/ports/clock.ts";
import type { EventStream, StreamHeartbeat } from "./event-stream.ts";

export class RequestHeartbeat implements Pick<StreamHeartbeat, "add" | "remove"> {
  readonly #clock: Pick<Clock, "after">;
  readonly #heartbeatMs: number;
  readonly #timers = new Map<EventStream, TimerHandle>();

  constructor(clock: Pick<Clock, "after">, heartbeatMs: number) {
    this.#clock = clock;
    this.#heartbeatMs = heartbeatMs;
  }

  /** To be called within the stream's own request, which its timer belongs to. */
  add(stream: EventStream): void {
    const timer = this.#clock.after(this.#heartbeatMs, () => {
      if (this.#timers.get(stream) !== timer) return;
      // The next timer first: a comment that finds the client gone ends the stream, which cancels it.
      this.add(stream);
      stream.beat();
    });
    this.#timers.set(stream, timer);
  }

  remove(stream: EventStream): void {
    this.#timers.get(stream)?.cancel();
    this.#timers.delete(stream);
  }
}
