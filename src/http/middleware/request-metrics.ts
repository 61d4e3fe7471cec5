/** Requests by route, method and status, and how long they took. */

import type { CounterSeries, HistogramSeries, MetricsRegistry } from "../../metrics/registry.ts";

/** Seconds; from an answer out of memory to a held synchronous picture. */
const DURATION_BOUNDS = [0.001, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300];

type RouteSeries = { readonly seconds: HistogramSeries; readonly byStatus: Map<number, CounterSeries> };

export class RequestMetrics {
  readonly #requests;
  readonly #seconds;
  /** Looked up by the route's pattern, of which there are as many as routes: never by a path. */
  readonly #routes = new Map<string, Map<string, RouteSeries>>();

  constructor(registry: MetricsRegistry) {
    this.#requests = registry.counter("conduit_http_requests_total", "Requests by route, method and status.");
    this.#seconds = registry.histogram(
      "conduit_http_request_duration_seconds",
      "Time until the answer's head, by route and method.",
      DURATION_BOUNDS,
    );
  }

  /** Counts one answered request. */
  count(route: string, method: string, status: number, durationMs: number): void {
    const { seconds, byStatus } = this.#seriesOf(route, method);
    seconds.observe(durationMs / 1000);
    let requests = byStatus.get(status);
    if (requests === undefined) {
      requests = this.#requests.with({ route, method, status: String(status) });
      byStatus.set(status, requests);
    }
    requests.add();
  }

  #seriesOf(route: string, method: string): RouteSeries {
    let methods = this.#routes.get(route);
    if (methods === undefined) {
      methods = new Map();
      this.#routes.set(route, methods);
    }
    let series = methods.get(method);
    if (series === undefined) {
      series = { seconds: this.#seconds.with({ route, method }), byStatus: new Map() };
      methods.set(method, series);
    }
    return series;
  }
}
