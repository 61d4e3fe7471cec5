/**
 * How many requests a key may make: per minute as a bucket that refills steadily, and per UTC day. Stores keep the state and
 * decide in the step that creates; scripts/parts/money/rates.lua decides the same on Redis.
 */

import type { RequestRate } from "../../tasks/ports/start-refusal.ts";
import { dayNumberOf, startOfDay } from "./budgets.ts";

/** Null: no limit. */
export type RequestLimits = {
  readonly requestsPerMinute: number | null;
  readonly requestsPerDay: number | null;
};

/** What is kept of a key. */
export type RateState = {
  /** When the bucket of the minute is full again, microseconds. */
  readonly fullAt: number;
  /** The number of the UTC day that `requests` counts. */
  readonly day: number;
  readonly requests: number;
};

export const NO_REQUESTS: RateState = { fullAt: 0, day: 0, requests: 0 };

export type RateDecision =
  /** `rate` is the limit that is nearer to its end, after this request. */
  | { taken: true; state: RateState; rate: RequestRate }
  | { taken: false; retryAfterMs: number; rate: RequestRate };

const MINUTE_US = 60_000_000;
const US_PER_MS = 1_000;

/**
 * Whether one more request may be made now under limits of which there is at least one, and the state after it. Where the
 * clock was set back by less than a minute a bucket waits for it, and the count of the day that was to come goes on; what is
 * further ahead than that begins anew.
 */
export function takeRequest(limits: RequestLimits, state: RateState, now: number): RateDecision {
  const after = { ...state };
  const [first, second = first] = limitsAfter(limits, after, now, 1);
  if (first === undefined || second === undefined) throw new Error("There is no limit to take a request of");
  const longest = second.waitMs > first.waitMs ? second : first;
  if (longest.waitMs > 0) return { taken: false, retryAfterMs: longest.waitMs, rate: longest.rate };
  return { taken: true, state: after, rate: nearer(first.rate, second.rate) };
}

/** What is left of each limit. */
export function ratesOf(limits: RequestLimits, state: RateState, now: number): RequestRate[] {
  return limitsAfter(limits, { ...state }, now, 0).map(({ rate }) => rate);
}

/** Of the limits the one that is nearer to its end, null where there is none. */
export function nearestRate(limits: RequestLimits, state: RateState, now: number): RequestRate | null {
  const [first, ...others] = ratesOf(limits, state, now);
  return first === undefined ? null : others.reduce(nearer, first);
}

function nearer(one: RequestRate, other: RequestRate): RequestRate {
  return other.remaining < one.remaining ? other : one;
}

/** Whether there is any. */
export function isLimited({ requestsPerMinute, requestsPerDay }: RequestLimits): boolean {
  return requestsPerMinute !== null || requestsPerDay !== null;
}

/** Counts the requests in the state as well. */
function limitsAfter(
  { requestsPerMinute, requestsPerDay }: RequestLimits,
  state: ChangingState,
  now: number,
  count: number,
): After[] {
  const found: After[] = [];
  if (requestsPerMinute !== null) found.push(minuteAfter(requestsPerMinute, state, now, count));
  if (requestsPerDay !== null) found.push(dayAfter(requestsPerDay, state, now, count));
  return found;
}

type ChangingState = { -readonly [Field in keyof RateState]: RateState[Field] };

/** How long it waits for its turn (0: it need not), and what is left after it. */
type After = { waitMs: number; rate: RequestRate };

function minuteAfter(limit: number, state: ChangingState, now: number, count: number): After {
  const { fullAt } = state;
  const nowUs = now * US_PER_MS;
  const each = Math.floor(MINUTE_US / limit);
  const latest = nowUs + each * limit;
  const before = fullAt > latest + each * limit ? nowUs : Math.max(fullAt, nowUs);
  const after = before + each * count;
  state.fullAt = after;
  const waitMs = Math.ceil(Math.max(0, after - latest) / US_PER_MS);
  const counted = waitMs > 0 ? before : after;
  const rate: RequestRate = {
    per: "minute",
    limit,
    remaining: Math.max(0, Math.floor((latest - counted) / each)),
    resetMs: Math.ceil((counted - nowUs) / US_PER_MS),
  };
  return { waitMs, rate };
}

function dayAfter(limit: number, state: ChangingState, now: number, count: number): After {
  const today = dayNumberOf(now);
  if (state.day !== today && state.day !== today + 1) {
    state.day = today;
    state.requests = 0;
  }
  const { day, requests: before } = state;
  state.requests += count;
  const resetMs = startOfDay(day + 1) - now;
  const waitMs = before + count > limit ? resetMs : 0;
  const counted = waitMs > 0 ? before : before + count;
  const rate: RequestRate = { per: "day", limit, remaining: Math.max(0, limit - counted), resetMs };
  return { waitMs, rate };
}
