import { expect, test } from "vitest";
import { exitCodeOf, StopSignals } from "../../../../src/runtime/process/stop-signals.ts";

test("the first signal stops, the same one within two seconds is the same wish, later ones end at once", () => {
  const signals = new StopSignals();
  expect(signals.take("SIGINT", 10_000)).toBe("stop");
  expect(signals.take("SIGINT", 10_001)).toBe("ignore");
  expect(signals.take("SIGINT", 11_999)).toBe("ignore");
  expect(signals.take("SIGINT", 12_000)).toBe("end");
});

test("another signal is another wish", () => {
  const signals = new StopSignals();
  signals.take("SIGINT", 0);
  expect(signals.take("SIGTERM", 1)).toBe("end");
});

test("the exit code is the one a shell reports", () => {
  expect([exitCodeOf("SIGINT"), exitCodeOf("SIGTERM")]).toEqual([130, 143]);
});
