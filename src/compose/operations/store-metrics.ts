/** What operators see of a store from outside: how long its calls take, and which it did not carry out. */

import type { CounterSeries, HistogramSeries, MetricsRegistry } from "../../metrics/registry.ts";
import { isStoreMethod } from "../../stores/remote/store-calls.ts";
import type { Store } from "../../stores/store.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import { StoreUnavailableError } from "../../tasks/ports/store-error.ts";

/** Seconds; from a read out of memory to a store that is nearly away. */
const DURATION_BOUNDS = [0.000_25, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 2, 10];
const SECOND_MS = 1_000;

type Series = { readonly seconds: HistogramSeries; readonly failures: CounterSeries };
type Call = (...parameters: unknown[]) => Promise<unknown>;

/** Stands before a store; a call costs two readings of the clock and an addition more. */
export class StoreMetrics {
  /** To be used in the place of the store that was given. */
  readonly store: Store;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #calls = new Map<string, { readonly plain: Call; readonly measured: Call }>();
  #seriesOf: ((call: string) => Series) | null = null;

  constructor(store: Store, clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
    this.store = new Proxy(store, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        return typeof name === "string" && typeof member === "function" && isStoreMethod(name)
          ? this.#measured(name, target, member as Call)
          : member;
      },
    });
  }

  /** Counts in these metrics from now on. */
  registerIn(metrics: MetricsRegistry): void {
    const seconds = metrics.histogram(
      "conduit_store_call_duration_seconds",
      "How long calls of the store take, by call.",
      DURATION_BOUNDS,
    );
    const failures = metrics.counter(
      "conduit_store_failures_total",
      "Calls that the store could not carry out, by call.",
    );
    this.#seriesOf = (call) => ({ seconds: seconds.with({ call }), failures: failures.with({ call }) });
    this.#calls.clear();
  }

  #measured(name: string, store: Store, plain: Call): Call {
    const known = this.#calls.get(name);
    if (known?.plain === plain) return known.measured;
    const series = this.#seriesOf?.(name);
    const measured: Call = (...parameters) => {
      const from = this.#clock.monotonic();
      const answer = plain.apply(store, parameters);
      if (series !== undefined) {
        const end = () => series.seconds.observe((this.#clock.monotonic() - from) / SECOND_MS);
        answer.then(end, (error: unknown) => {
          end();
          if (error instanceof StoreUnavailableError) series.failures.add();
        });
      }
      return answer;
    };
    this.#calls.set(name, { plain, measured });
    return measured;
  }
}
