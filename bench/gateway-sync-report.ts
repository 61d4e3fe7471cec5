/** What the rounds of `gateway-sync` come to: a table for each load, and the aims. */

import {
  type Aim,
  type BenchReport,
  complainAboutSpread,
  describeSummary,
  pairRatios,
  type Table,
} from "./harness/bench.ts";
import { type CoreUse, complainAboutOthers } from "./harness/core-watch.ts";
import { quantile } from "./harness/statistics.ts";
import type { HttpLoadResult } from "./load/http.ts";

export type Load = "one" | "many" | "slow" | "large";
export type GatewayResult = HttpLoadResult & CoreUse & { residentMiB: number };
export type GatewayRound = Record<Load, GatewayResult>;
type Rounds = ReadonlyMap<string, readonly GatewayRound[]>;

const TITLES: Record<Load, string> = {
  one: "1 connection, 2 kB",
  many: "64 connections, 2 kB",
  slow: "400 connections, 2 kB after 60 ms",
  large: "64 connections, 1.5 MB",
};
const HEALTHY_SPREAD = 0.3;
const FLOOR = 0.25;
const AIM = 0.4;
const AIM_P99_MS = 60;
const AIM_ADDED_MS = 2;
const AIM_SLOW = 0.95;
const AIM_MEMORY_MIB = 110;

export function reportGateways(
  results: Rounds,
  { seconds, warmUpSeconds, path }: { seconds: number; warmUpSeconds: number; path: string },
): BenchReport {
  const of = (name: string, load: Load) => (results.get(name) ?? []).map((round) => round[load]);
  const complaints = complainAboutSpread("the forwarder", rates(of("forwarder", "many")), HEALTHY_SPREAD);
  for (const name of ["forwarder", "conduit"])
    complaints.push(...complainAboutOthers(name, of(name, "many")));
  return {
    complaints,
    conditions: [
      `POST ${path}, one request in flight on each connection, ${seconds} s a load after ${warmUpSeconds} s of warming up, the loads in turn`,
      "on one process. The server under test has core 0; load and provider share core 1 (the provider alone is on core 0 in `direct`).",
      "Conduit: the whole program, a key with a budget, a priced model, SQLite synchronous=FULL, every result a file before the answer,",
      "maxConcurrency 400. The others keep nothing and know no keys. Memory is the most of samples every 100 ms.",
    ],
    tables: (Object.keys(TITLES) as Load[]).map((load) => tableOf(results, load)),
    aims: aimsOf(results, of),
    raw: Object.fromEntries(results),
  };
}

function tableOf(results: Rounds, load: Load): Table {
  const direct = (results.get("direct") ?? []).map((round) => round[load]);
  return {
    title: `${TITLES[load]}: median (range)`,
    columns: ["", "req/s", "/ direct", "p50 ms", "p99 ms", "server CPU", "load CPU", "RSS MiB"],
    rows: [...results].map(([name, rounds]) => {
      const own = rounds.map((round) => round[load]);
      const figure = (read: (result: GatewayResult) => number, digits: number) =>
        describeSummary(own.map(read), digits);
      return [
        name,
        describeSummary(rates(own)),
        describeSummary(pairRatios(rates(own), rates(direct)), 2),
        figure(({ latency }) => latency.p50Ms, 2),
        figure(({ latency }) => latency.p99Ms, 1),
        figure(({ serverCpu }) => serverCpu, 2),
        figure(({ loadCpu }) => loadCpu, 2),
        figure(({ residentMiB }) => residentMiB, 0),
      ];
    }),
  };
}

function aimsOf(results: Rounds, of: (name: string, load: Load) => GatewayResult[]): Aim[] {
  const ratio = (load: Load, name: string, to: string) =>
    pairRatios(rates(of(name, load)), rates(of(to, load)));
  const added = of("conduit", "one").map(
    ({ latency }, index) => latency.p50Ms - (of("direct", "one")[index]?.latency.p50Ms ?? Number.NaN),
  );
  const p99 = of("conduit", "many").map(({ latency }) => latency.p99Ms);
  const memory = of("conduit", "many").map(({ residentMiB }) => residentMiB);
  const aims = [
    atLeast("64 connections, conduit / forwarder, floor", ratio("many", "conduit", "forwarder"), FLOOR),
    atLeast("64 connections, conduit / forwarder, aim", ratio("many", "conduit", "forwarder"), AIM),
    atLeast("the same without media.fsync", ratio("many", "conduit, no fsync", "forwarder"), FLOOR),
    below("64 connections, p99", p99, AIM_P99_MS, "ms", 1),
    below("1 connection, added to direct's p50", added, AIM_ADDED_MS, "ms", 2),
    atLeast("400 connections after 60 ms, conduit / direct", ratio("slow", "conduit", "direct"), AIM_SLOW),
    below("64 connections, resident memory", memory, AIM_MEMORY_MIB, "MiB", 0),
  ];
  const peer = "portkey on bun";
  return results.has(peer)
    ? [...aims, atLeast(`64 connections, conduit / ${peer}`, ratio("many", "conduit", peer), 1)]
    : aims;
}

function atLeast(what: string, ratios: readonly number[], bound: number): Aim {
  return {
    what,
    aim: `≥ ${bound}`,
    measured: describeSummary(ratios, 2),
    met: quantile(ratios, 0.5) >= bound,
  };
}

function below(what: string, values: readonly number[], bound: number, unit: string, digits: number): Aim {
  return {
    what,
    aim: `< ${bound} ${unit}`,
    measured: `${describeSummary(values, digits)} ${unit}`,
    met: quantile(values, 0.5) < bound,
  };
}

function rates(results: readonly GatewayResult[]): number[] {
  return results.map(({ perSecond }) => perSecond);
}
