import { beforeEach, describe, expect, test } from "vitest";
import { ProviderPauses } from "../../../../src/tasks/engine/provider-pauses.ts";
import type { Failure, StepOutcome } from "../../../../src/tasks/ports/media-provider.ts";
import { ManualClock } from "../../../fixture/manual-clock.ts";

const failed = (failure: Failure): StepOutcome => ({ kind: "failed", failure });
const away = failed({ kind: "transient", code: "provider_unavailable", message: "no route" });
const limited = failed({ kind: "rate_limited", message: "slow down" });
const done: StepOutcome = { kind: "done", items: [] };

let clock: ManualClock;
let pauses: ProviderPauses;

beforeEach(() => {
  clock = new ManualClock();
  pauses = new ProviderPauses(clock);
});

/** Notes the outcomes, and answers the pause after each. */
function pausesAfter(...outcomes: StepOutcome[]): number[] {
  return outcomes.map((outcome) => {
    pauses.note("one", outcome);
    return pauses.pauseAfter("one", outcome, 7_000);
  });
}

describe("a provider that limits the rate", () => {
  test("is paused as long as its task waits", () => {
    expect(pausesAfter(limited)).toEqual([7_000]);
    expect(pauses.isAway("one")).toBe(false);
  });

  test("is not paused for a limit of one job", () => {
    expect(pausesAfter(failed({ kind: "rate_limited", message: "slow down", jobFailed: true }))).toEqual([0]);
  });
});

describe("a provider that is away", () => {
  test("is known by the fifth failure in a row, and paused then", () => {
    expect(pausesAfter(away, away, away, away)).toEqual([0, 0, 0, 0]);
    expect(pauses.isAway("one")).toBe(false);
    expect(pausesAfter(away)).toEqual([1_000]);
    expect(pauses.isAway("one")).toBe(true);
    expect(pauses.isAway("another")).toBe(false);
  });

  test("is paused twice as long each time, up to half a minute", async () => {
    pausesAfter(away, away, away, away);
    const lengths: number[] = [];
    for (let time = 0; time < 8; time++) {
      lengths.push(...pausesAfter(away));
      await clock.advance(60_000);
    }
    expect(lengths).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  test("is paused once for calls that failed together", () => {
    pausesAfter(away, away, away, away);
    expect(pausesAfter(away, away, away)).toEqual([1_000, 0, 0]);
  });

  test.each([
    ["work", done],
    ["a limit", limited],
    ["a refusal", failed({ kind: "content_policy", message: "no" })],
  ])("is back with %s", (_, outcome) => {
    pausesAfter(away, away, away, away, away, outcome);
    expect(pauses.isAway("one")).toBe(false);
    expect(pausesAfter(away, away, away, away)).toEqual([0, 0, 0, 0]);
  });

  test("is not known by other failures", () => {
    const broken = failed({ kind: "transient", code: "provider_error", message: "500" });
    const job = failed({
      kind: "transient",
      code: "provider_unavailable",
      message: "its own",
      jobFailed: true,
    });
    for (const outcome of [broken, job])
      expect(pausesAfter(...Array(9).fill(outcome))).toEqual(Array(9).fill(0));
  });
});
