/** Limits of requests, whatever comes when. */

import { describe, expect, test } from "vitest";
import {
  NO_REQUESTS,
  type RateState,
  ratesOf,
  takeRequest,
} from "../../../src/accounts/money/request-rate.ts";
import fc from "../../fixture/property.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const perMinute = (requestsPerMinute: number) => ({ requestsPerMinute, requestsPerDay: null });
const perDay = (requestsPerDay: number) => ({ requestsPerMinute: null, requestsPerDay });

/** The moments of the requests that were taken. */
function taken(limits: Parameters<typeof takeRequest>[0], moments: readonly number[]): number[] {
  let state: RateState = NO_REQUESTS;
  return moments.filter((moment) => {
    const decision = takeRequest(limits, state, moment);
    if (decision.taken) state = decision.state;
    return decision.taken;
  });
}

const moments = fc
  .array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 300 })
  .map((steps) => {
    let now = 1_796_000_000_000;
    return steps.map((step) => {
      now += step;
      return now;
    });
  });

describe("a limit per minute", () => {
  test("takes as many as the bucket holds and what refills, and no more", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), moments, (limit, all) => {
        const made = taken(perMinute(limit), all);
        for (const [index, first] of made.entries()) {
          const within = made.slice(index).filter((moment) => moment < first + MINUTE_MS).length;
          expect(within).toBeLessThanOrEqual(2 * limit);
        }
        const span = (all.at(-1) ?? 0) - (all[0] ?? 0);
        // A step is a whole number of microseconds, so the rate is a little above the limit at most.
        expect(made.length).toBeLessThanOrEqual(limit + (span * limit * 1.001) / MINUTE_MS + 1);
      }),
    );
  });

  test("takes a request once the wait that it was told is over, and not a millisecond before", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), moments, (limit, all) => {
        let state: RateState = NO_REQUESTS;
        for (const moment of all) {
          for (let request = 0; request < Math.min(limit, 3); request++) {
            const decision = takeRequest(perMinute(limit), state, moment);
            if (decision.taken) state = decision.state;
            else {
              const { retryAfterMs } = decision;
              expect(takeRequest(perMinute(limit), state, moment + retryAfterMs).taken).toBe(true);
              expect(takeRequest(perMinute(limit), state, moment + retryAfterMs - 1).taken).toBe(false);
            }
          }
        }
      }),
    );
  });

  test("says what is left without taking any of it", () => {
    const decision = takeRequest(perMinute(60), NO_REQUESTS, 5_000);
    if (!decision.taken) throw new Error("The first request was refused");
    expect(ratesOf(perMinute(60), decision.state, 5_000)).toEqual([decision.rate]);
    expect(ratesOf(perMinute(60), decision.state, 6_000)).toEqual([
      { per: "minute", limit: 60, remaining: 60, resetMs: 0 },
    ]);
  });
});

describe("a limit per day", () => {
  test("takes so many in each UTC day", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), moments, (limit, all) => {
        const spread = all.map((moment, index) => moment + index * (DAY_MS / 50));
        const made = taken(perDay(limit), spread);
        const days = new Set(spread.map((moment) => Math.floor(moment / DAY_MS)));
        for (const day of days) {
          const of = (list: readonly number[]) =>
            list.filter((moment) => Math.floor(moment / DAY_MS) === day).length;
          expect(of(made)).toBe(Math.min(limit, of(spread)));
        }
      }),
    );
  });
});
