/** The pool: how many there are, whose turn it is, and what becomes of what is ill. */

import { describe, expect, test } from "vitest";
import {
  ConnectionPool,
  type ConnectionPoolOptions,
  PoolClosedError,
} from "../../../../src/client/patterns/index.ts";
import { TimeoutError } from "../../../../src/client/transport/errors.ts";
import { ManualClock, settled } from "../../../fixture/manual-clock.ts";

type Line = { name: string; healthy: boolean };

function pool(size: number, options: Partial<ConnectionPoolOptions<Line>> = {}) {
  const clock = new ManualClock();
  const made: Line[] = [];
  const ended: string[] = [];
  const connections = new ConnectionPool<Line>({
    size,
    clock,
    create: async () => {
      const line = { name: `line-${made.length + 1}`, healthy: true };
      made.push(line);
      return line;
    },
    destroy: ({ name }) => void ended.push(name),
    isHealthy: ({ healthy }) => healthy,
    ...options,
  });
  return { clock, made, ended, connections };
}
const outcomeOf = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

describe("a connection pool", () => {
  test("makes connections when they are needed, up to its size, and uses them again", async () => {
    const { made, connections } = pool(2);
    const [one, two] = [await connections.acquire(), await connections.acquire()];
    const third = connections.acquire();
    await settled();
    expect(connections.counts).toEqual({ idle: 0, held: 2, waiting: 1 });
    two.release();
    expect((await third).connection).toBe(two.connection);
    one.release();
    await settled();
    expect(connections.counts).toEqual({ idle: 1, held: 1, waiting: 0 });
    expect(made).toHaveLength(2);
  });

  test("gives a connection back at the end of a block, and once however often it is released", async () => {
    const { connections } = pool(1);
    {
      using held = await connections.acquire();
      expect(held.connection.name).toBe("line-1");
      held.release();
    }
    await settled();
    expect(connections.counts).toEqual({ idle: 1, held: 0, waiting: 0 });
    await expect(connections.use(() => Promise.reject(new Error("mine")))).rejects.toThrow("mine");
    expect(await connections.use(({ name }) => name)).toBe("line-1");
  });

  test("serves who waits in their order, and nobody overtakes", async () => {
    const { connections } = pool(1);
    const served: string[] = [];
    const held = await connections.acquire();
    const work = (name: string) => connections.use(() => void served.push(name));
    const all = [work("a"), work("b")];
    held.release();
    all.push(work("c"));
    await Promise.all(all);
    expect(served).toEqual(["a", "b", "c"]);
  });

  test("replaces what is ill, when it comes back and when it fell ill while it was idle", async () => {
    const { made, ended, connections } = pool(1);
    await connections.use((line) => {
      line.healthy = false;
    });
    await connections.use(({ name }) => expect(name).toBe("line-2"));
    await settled();
    const [, second] = made;
    if (second !== undefined) second.healthy = false;
    expect(await connections.use(({ name }) => name)).toBe("line-3");
    expect(ended).toEqual(["line-1", "line-2"]);
  });

  test("takes a look at health that throws or hangs for an illness", async () => {
    let looks = 0;
    const { clock, connections } = pool(1, {
      isHealthy: () => {
        looks += 1;
        if (looks === 1) throw new Error("cannot look");
        return new Promise(() => {});
      },
    });
    expect(await connections.use(({ name }) => name)).toBe("line-1");
    expect(await connections.use(({ name }) => name)).toBe("line-2");
    const third = connections.use(({ name }) => name);
    await settled();
    await clock.advance(5_000);
    expect(await third).toBe("line-3");
  });

  test("hands a failure to make one on, and its place to the next", async () => {
    let fails = true;
    const { connections } = pool(1, {
      create: () =>
        fails ? Promise.reject(new Error("away")) : Promise.resolve({ name: "late", healthy: true }),
    });
    const [first, second] = [
      outcomeOf(connections.acquire()),
      outcomeOf(connections.use(({ name }) => name)),
    ];
    expect(await first).toMatchObject({ message: "away" });
    expect(await second).toMatchObject({ message: "away" });
    fails = false;
    expect(await connections.use(({ name }) => name)).toBe("late");
  });

  test("lets a caller leave, by its signal or by time, also while one is being made", async () => {
    const { clock, connections } = pool(1);
    const held = await connections.acquire();
    const leaving = new AbortController();
    const left = outcomeOf(connections.acquire({ signal: leaving.signal }));
    const late = outcomeOf(connections.acquire({ timeoutMs: 1_000 }));
    leaving.abort("enough");
    expect(await left).toBe("enough");
    await clock.advance(1_000);
    expect(await late).toBeInstanceOf(TimeoutError);
    held.release();
    expect(await connections.use(({ name }) => name)).toBe("line-1");
    expect(clock.pendingTimers).toBe(0);

    const making = Promise.withResolvers<Line>();
    const slow = pool(1, { create: () => making.promise });
    const waited = outcomeOf(slow.connections.acquire({ timeoutMs: 1_000 }));
    await slow.clock.advance(1_000);
    expect(await waited).toBeInstanceOf(TimeoutError);
    making.resolve({ name: "late", healthy: true });
    await settled();
    expect(slow.ended).toEqual(["late"]);
    expect(slow.connections.counts.held).toBe(0);
  });

  test("that is closed ends what is idle at once and what is held when it comes back", async () => {
    const { ended, connections } = pool(2);
    const [one, two] = [await connections.acquire(), await connections.acquire()];
    const waiting = outcomeOf(connections.acquire());
    one.release();
    await waiting.then((held) => (held as typeof one).release());
    await settled();
    const third = await connections.acquire();
    const refused = outcomeOf(connections.acquire());
    await settled();
    await connections.close();
    expect(await refused).toBeInstanceOf(PoolClosedError);
    await expect(connections.acquire()).rejects.toThrow(PoolClosedError);
    for (const held of [two, third]) held.release();
    await settled();
    expect(ended.sort()).toEqual(["line-1", "line-2"]);
    expect(connections.counts.held).toBe(0);
  });

  test("is closed at the end of its block", async () => {
    const { ended, connections } = pool(1);
    {
      await using open = connections;
      await open.use(() => {});
      await settled();
    }
    expect(ended).toEqual(["line-1"]);
  });
});
