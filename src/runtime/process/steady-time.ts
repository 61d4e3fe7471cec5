/**
 * The time of the embedded store. It is the wall clock's, but does not jump with it: a machine whose clock is set an hour
 * ahead would end every running task at its deadline, one whose clock is set back would let nothing fall due. It runs with
 * the monotonic clock, and comes nearer to the wall clock as fast as leases, deadlines and waits can bear.
 */

import type { Clock } from "../../tasks/ports/clock.ts";

/** Time behind the wall clock runs at twice the speed: leases are renewed three times in their length. */
const CATCH_UP_RATE = 1;
/** Time ahead of the wall clock runs at half the speed. */
const HOLD_BACK_RATE = 0.5;
/** Such a difference is a clock that had never been set: the dates that are stored matter more then, ms. */
const SET_ANEW_MS = 24 * 3_600_000;

/** Milliseconds since the epoch; never less than it answered before, unless the wall clock is set back by a day. */
export function createSteadyTime(clock: Pick<Clock, "now" | "monotonic">): () => number {
  let time = clock.now();
  let at = clock.monotonic();
  return () => {
    const monotonic = clock.monotonic();
    const elapsedMs = Math.max(0, monotonic - at);
    at = monotonic;
    time += elapsedMs;
    const behindMs = clock.now() - time;
    if (Math.abs(behindMs) >= SET_ANEW_MS) time += behindMs;
    else time += Math.min(elapsedMs * CATCH_UP_RATE, Math.max(-elapsedMs * HOLD_BACK_RATE, behindMs));
    return Math.floor(time);
  };
}
