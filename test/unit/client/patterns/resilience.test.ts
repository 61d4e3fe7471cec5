/** Operations that are tried again, connect first, and are not asked while they keep failing. */

import { describe, expect, test } from "vitest";
import {
  CircuitBreaker,
  CircuitOpenError,
  type ResilienceOptions,
  type ResilientCall,
  withResilience,
} from "../../../../src/client/patterns/index.ts";
import { BadRequestError, ConnectionError, errorOfAnswer } from "../../../../src/client/transport/errors.ts";
import { ManualClock, settled } from "../../../fixture/manual-clock.ts";

const away = () => new ConnectionError("away");
const answered = (status: number, headers: Record<string, string> = {}) =>
  errorOfAnswer({ status, headers: new Headers(headers) }, "");

/** An operation that throws these errors, one a call, and then answers what it was handed. */
function operation(errors: unknown[], options: Partial<ResilienceOptions> = {}) {
  const clock = new ManualClock();
  const calls: (ResilientCall & { at: number })[] = [];
  const start = clock.now();
  const run = withResilience(
    async (call, prompt: string) => {
      calls.push({ ...call, at: clock.now() - start });
      const error = errors.shift();
      if (error !== undefined) throw error;
      return `${prompt}, painted`;
    },
    { clock, random: () => 1, ...options },
  );
  return { clock, calls, run };
}
const outcomeOf = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

describe("withResilience", () => {
  test("tries three times more after 2, 4 and 8 s, under one idempotency key", async () => {
    const { clock, calls, run } = operation([away(), answered(503), away()]);
    const painted = run("a fox");
    await settled();
    await clock.advance(14_000);
    expect(await painted).toBe("a fox, painted");
    expect(calls.map(({ at, attempt }) => [at, attempt])).toEqual([
      [0, 1],
      [2_000, 2],
      [6_000, 3],
      [14_000, 4],
    ]);
    expect(new Set(calls.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
    await run("a boat");
    expect(calls.at(-1)?.idempotencyKey).not.toBe(calls[0]?.idempotencyKey);
  });

  test("throws the last error when tries are used up, and at once what no repeat helps against", async () => {
    const gone = operation([away(), away(), away(), new ConnectionError("the last")]);
    const outcome = outcomeOf(gone.run("a fox"));
    await settled();
    await gone.clock.advance(14_000);
    expect(await outcome).toMatchObject({ message: "the last" });
    const refused = operation([answered(400)]);
    expect(await outcomeOf(refused.run("a fox"))).toBeInstanceOf(BadRequestError);
    expect(refused.calls).toHaveLength(1);
    const told = operation([answered(503, { "x-should-retry": "false" })]);
    expect(await outcomeOf(told.run("a fox"))).toMatchObject({ status: 503 });
  });

  test("waits for as long as the gateway asks for", async () => {
    const { clock, calls, run } = operation([answered(429, { "retry-after": "20" })]);
    const painted = run("a fox");
    await settled();
    await clock.advance(20_000);
    await painted;
    expect(calls[1]?.at).toBe(20_000);
  });

  test("connects first where it is not, and again before a repeat", async () => {
    const line = { isConnected: false, connects: 0, connect: async () => {} };
    line.connect = async () => {
      line.connects += 1;
      if (line.connects === 1) throw away();
      line.isConnected = true;
    };
    const { clock, calls, run } = operation([], { connection: line });
    const painted = run("a fox");
    await settled();
    await clock.advance(2_000);
    await painted;
    expect([line.connects, calls.length]).toEqual([2, 1]);
    await run("a boat");
    expect(line.connects).toBe(2);
  });

  test("ends its wait when the caller leaves", async () => {
    const leaving = new AbortController();
    const { clock, calls, run } = operation([away()], { signal: leaving.signal });
    const outcome = outcomeOf(run("a fox"));
    await settled();
    leaving.abort("enough");
    expect(await outcome).toBe("enough");
    expect(calls[0]?.signal).toBe(leaving.signal);
    expect(clock.pendingTimers).toBe(0);
  });

  test("asks nothing while the breaker is open, which several operations may share", async () => {
    const clock = new ManualClock();
    const breaker = new CircuitBreaker({ failures: 2, openMs: 10_000, clock });
    const one = operation([away(), away()], { breaker, retries: 0 });
    const other = operation([], { breaker, retries: 3 });
    for (let call = 0; call < 2; call += 1) await outcomeOf(one.run("a fox"));
    expect(await outcomeOf(other.run("a boat"))).toMatchObject({
      name: "CircuitOpenError",
      retryAfterMs: 10_000,
    });
    expect(other.calls).toHaveLength(0);
    await clock.advance(10_000);
    expect(await other.run("a boat")).toBe("a boat, painted");
  });
});

describe("a circuit breaker", () => {
  const failing = () => Promise.reject(away());
  function made() {
    const clock = new ManualClock();
    return { clock, breaker: new CircuitBreaker({ failures: 2, openMs: 10_000, clock }) };
  }

  test("opens after failures in a row; a success between begins the count anew", async () => {
    const { breaker } = made();
    await outcomeOf(breaker.run(failing));
    await breaker.run(async () => {});
    await outcomeOf(breaker.run(failing));
    expect(breaker.state).toBe("closed");
    await outcomeOf(breaker.run(failing));
    expect(breaker.state).toBe("open");
    expect(await outcomeOf(breaker.run(async () => "asked"))).toBeInstanceOf(CircuitOpenError);
  });

  test("lets one call through after its time, whose outcome decides", async () => {
    const { clock, breaker } = made();
    for (let call = 0; call < 2; call += 1) await outcomeOf(breaker.run(failing));
    await clock.advance(10_000);
    expect(breaker.state).toBe("half-open");
    const trial = Promise.withResolvers<string>();
    const tried = outcomeOf(breaker.run(() => trial.promise));
    expect(await outcomeOf(breaker.run(async () => "second"))).toBeInstanceOf(CircuitOpenError);
    trial.reject(away());
    await tried;
    expect(breaker.state).toBe("open");
    await clock.advance(10_000);
    expect(await breaker.run(async () => "back")).toBe("back");
    expect(breaker.state).toBe("closed");
  });

  test("is open for no longer when the clock is set back", async () => {
    const { clock, breaker } = made();
    for (let call = 0; call < 2; call += 1) await outcomeOf(breaker.run(failing));
    clock.sleep(-3_600_000);
    expect(breaker.state).toBe("open");
    await clock.advance(10_000);
    expect(breaker.state).toBe("half-open");
  });

  test("does not count what is no failure, and stays half open for the next to try", async () => {
    const { clock, breaker } = made();
    const left = () => Promise.reject(new Error("left"));
    for (let call = 0; call < 5; call += 1) await outcomeOf(breaker.run(left, () => false));
    expect(breaker.state).toBe("closed");
    for (let call = 0; call < 2; call += 1) await outcomeOf(breaker.run(failing));
    await clock.advance(10_000);
    await outcomeOf(breaker.run(left, () => false));
    expect(breaker.state).toBe("half-open");
    expect(await breaker.run(async () => "back")).toBe("back");
  });
});
