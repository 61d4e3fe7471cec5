/** The sliding window: never too many in it, and nobody overtakes. */

import { describe, expect, test } from "vitest";
import { RateLimiter } from "../../../../src/client/patterns/index.ts";
import { ManualClock, settled } from "../../../fixture/manual-clock.ts";
import fc from "../../../fixture/property.ts";

function limited(maxRequests: number, windowMs: number) {
  const clock = new ManualClock();
  const limiter = new RateLimiter(maxRequests, windowMs, { clock });
  const start = clock.now();
  /** Who was admitted, and when. */
  const admitted: { name: string; at: number }[] = [];
  const ask = (name: string, signal?: AbortSignal) =>
    limiter.acquire(signal).then(() => void admitted.push({ name, at: clock.now() - start }));
  return { clock, limiter, admitted, ask, names: () => admitted.map(({ name }) => name) };
}

describe("a rate limiter", () => {
  test("admits so many at once, and the next when the window has moved on", async () => {
    const { clock, limiter, admitted, ask } = limited(2, 1_000);
    for (const name of ["a", "b", "c"]) void ask(name);
    await settled();
    expect(admitted).toHaveLength(2);
    expect(limiter.waiting).toBe(1);
    await clock.advance(999);
    expect(admitted).toHaveLength(2);
    await clock.advance(1);
    expect(admitted.at(-1)).toEqual({ name: "c", at: 1_000 });
    expect(clock.pendingTimers).toBe(0);
  });

  test("slides: what was admitted late leaves late", async () => {
    const { clock, admitted, ask } = limited(2, 1_000);
    void ask("a");
    await settled();
    await clock.advance(900);
    for (const name of ["b", "c", "d"]) void ask(name);
    await settled();
    await clock.advance(2_000);
    expect(admitted).toEqual([
      { name: "a", at: 0 },
      { name: "b", at: 900 },
      { name: "c", at: 1_000 },
      { name: "d", at: 1_900 },
    ]);
  });

  test("lets nobody overtake who waits", async () => {
    const { clock, ask, names } = limited(1, 1_000);
    for (const name of ["a", "b"]) void ask(name);
    clock.sleep(1_000);
    // There is room in the window, which is b's.
    void ask("c");
    await settled();
    expect(names()).toEqual(["a", "b"]);
    await clock.advance(1_000);
    expect(names()).toEqual(["a", "b", "c"]);
  });

  test("lets one leave, which takes nobody's place", async () => {
    const { clock, limiter, ask, names } = limited(1, 1_000);
    const leaving = new AbortController();
    void ask("a");
    const left = ask("b", leaving.signal).catch((error: unknown) => error);
    void ask("c");
    leaving.abort("enough");
    expect(await left).toBe("enough");
    await clock.advance(1_000);
    expect(names()).toEqual(["a", "c"]);
    await expect(limiter.acquire(leaving.signal)).rejects.toBe("enough");
    const last = new AbortController();
    const alone = ask("d", last.signal).catch((error: unknown) => error);
    last.abort("enough");
    expect(await alone).toBe("enough");
    expect(clock.pendingTimers).toBe(0);
  });

  test("waits for no longer than a window when the clock is set back", async () => {
    const { clock, ask, names } = limited(1, 1_000);
    void ask("a");
    clock.sleep(-3_600_000);
    void ask("b");
    await settled();
    await clock.advance(1_000);
    expect(names()).toEqual(["a", "b"]);
  });

  test("never has more in any window than it may, whenever they ask", async () => {
    const asking = fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), asking, async (most, pauses) => {
        const { clock, admitted, ask, names } = limited(most, 1_000);
        for (const [index, pause] of pauses.entries()) {
          void ask(String(index));
          await settled();
          await clock.advance(pause);
        }
        await clock.advance(60_000);
        expect(names()).toEqual(pauses.map((_, index) => String(index)));
        for (const [index, { at }] of admitted.entries())
          expect(at - (admitted[index - most]?.at ?? -1_000)).toBeGreaterThanOrEqual(1_000);
      }),
      { numRuns: 25 },
    );
  });

  test("is refused sizes that are none", () => {
    expect(() => new RateLimiter(0, 1_000)).toThrow("maxRequests");
    expect(() => new RateLimiter(1, 0)).toThrow("windowMs");
  });
});
