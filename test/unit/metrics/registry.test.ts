import { expect, test } from "vitest";
import { MetricsRegistry } from "../../../src/metrics/registry.ts";

test("counters and histograms are printed as Prometheus reads them", async () => {
  const registry = new MetricsRegistry();
  const requests = registry.counter("requests_total", "Requests.");
  requests.with({ route: "/a", status: "200" }).add();
  requests.with({ route: "/a", status: "200" }).add(2);
  const seconds = registry.histogram("seconds", "Durations.", [0.1, 1]).with({ route: "/a" });
  for (const value of [0.05, 0.1, 0.5, 7]) seconds.observe(value);
  expect((await registry.render()).split("\n")).toEqual([
    "# HELP requests_total Requests.",
    "# TYPE requests_total counter",
    'requests_total{route="/a",status="200"} 3',
    "# HELP seconds Durations.",
    "# TYPE seconds histogram",
    'seconds_bucket{route="/a",le="0.1"} 2',
    'seconds_bucket{route="/a",le="1"} 3',
    'seconds_bucket{route="/a",le="+Inf"} 4',
    'seconds_sum{route="/a"} 7.65',
    'seconds_count{route="/a"} 4',
    "",
  ]);
});

test("a gauge is read when somebody asks, and left out when it cannot be", async () => {
  const registry = new MetricsRegistry();
  let depth = 1;
  registry.gauge("depth", "Depth.", () => [{ labels: { lane: 'a"b\\c\nd' }, value: depth }]);
  registry.gauge("broken", "Broken.", () => Promise.reject(new Error("no")));
  depth = 5;
  const text = await registry.render();
  expect(text).toContain('depth{lane="a\\"b\\\\c\\nd"} 5');
  expect(text).not.toMatch(/^broken/m);
});

test("labels that nobody bounded share one series in the end", async () => {
  const registry = new MetricsRegistry();
  const family = registry.counter("c", "C.");
  for (let index = 0; index < 5_000; index += 1) family.with({ index: String(index) }).add();
  const lines = (await registry.render()).split("\n");
  expect(lines.length).toBeLessThan(2_100);
  expect(lines).toContain('c{overflow="true"} 3000');
});

test("two metrics of one name are a mistake", () => {
  const registry = new MetricsRegistry();
  registry.counter("a", "A.");
  expect(() => registry.counter("a", "A.")).toThrow(/two metrics/);
});
