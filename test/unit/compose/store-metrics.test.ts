import { expect, test } from "vitest";
import { StoreMetrics } from "../../../src/compose/operations/store-metrics.ts";
import { MetricsRegistry } from "../../../src/metrics/registry.ts";
import type { Store } from "../../../src/stores/store.ts";
import { StoredValueTooLargeError, StoreUnavailableError } from "../../../src/tasks/ports/store-error.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";

/** A store whose `ping` takes `ms` by this clock and then does what it is told. */
class SlowStore {
  #ms = 0;
  #fails: Error | null = null;
  closed = false;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  next(ms: number, fails: Error | null = null): void {
    this.#ms = ms;
    this.#fails = fails;
  }

  async ping(): Promise<void> {
    await this.#clock.advance(this.#ms);
    if (this.#fails !== null) throw this.#fails;
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

function world() {
  const clock = new ManualClock();
  const slow = new SlowStore(clock);
  const metrics = new MetricsRegistry();
  const calls = new StoreMetrics(slow as unknown as Store, clock);
  calls.registerIn(metrics);
  return { slow, store: calls.store, rendered: () => metrics.render() };
}

test("calls are counted by name with how long they took, answered or not", async () => {
  const { slow, store, rendered } = world();
  slow.next(4);
  await store.ping();
  slow.next(40, new StoreUnavailableError("full", "full"));
  await expect(store.ping()).rejects.toThrow("full");
  const text = await rendered();
  expect(text).toContain('conduit_store_call_duration_seconds_bucket{call="ping",le="0.0025"} 0\n');
  expect(text).toContain('conduit_store_call_duration_seconds_bucket{call="ping",le="0.005"} 1\n');
  expect(text).toContain('conduit_store_call_duration_seconds_bucket{call="ping",le="0.1"} 2\n');
  expect(text).toContain('conduit_store_failures_total{call="ping"} 1\n');
});

test("what a caller did wrong is no failure of the store", async () => {
  const { slow, store, rendered } = world();
  slow.next(0, new StoredValueTooLargeError("task", 2, 1));
  await expect(store.ping()).rejects.toThrow(StoredValueTooLargeError);
  expect(await rendered()).toContain('conduit_store_failures_total{call="ping"} 0\n');
});

test("everything else of the store is as it was", async () => {
  const { slow, store, rendered } = world();
  await store.close();
  expect(slow.closed).toBe(true);
  expect(await rendered()).not.toContain('call="close"');
});

test("a store that nobody measures answers all the same", async () => {
  const slow = new SlowStore(new ManualClock());
  await new StoreMetrics(slow as unknown as Store, new ManualClock()).store.ping();
});
