/** Limits of requests in the headers of OpenAI's API. */

import { expect, test } from "vitest";
import { durationText, rateHeaders } from "../../../src/tasks/rate-headers.ts";

test.each([
  [0, "0s"],
  [1, "1ms"],
  [999, "999ms"],
  [1_000, "1s"],
  [1_500, "1.5s"],
  [60_000, "1m0s"],
  [360_000, "6m0s"],
  [3_600_000, "1h0m0s"],
  [86_399_001, "23h59m59.001s"],
])("%i ms is written %s", (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test("a limit is told with what is left and until when", () => {
  expect(rateHeaders({ per: "minute", limit: 60, remaining: 59, resetMs: 1_000 })).toEqual({
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-remaining-requests": "59",
    "x-ratelimit-reset-requests": "1s",
  });
});
