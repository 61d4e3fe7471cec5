/**
 * The fan-out on Workers: `TaskProgress` of one task to 500 hub connections in JSON, row + publish + flush per tick, in a bare
 * workerd, against a bare Durable Object that does just that and one that does not pack; and 5,000 connections on one shard.
 */

import {
  alternate,
  type Bench,
  type BenchReport,
  complainAboutSpread,
  describeSummary,
  pairRatios,
} from "./harness/bench.ts";
import { complainAboutOthers } from "./harness/core-watch.ts";
import type { FanOutServer } from "./harness/crowd.ts";
import { climb, type FanOutPlan, type Ladder } from "./harness/fan-out-run.ts";
import { quantile } from "./harness/statistics.ts";

const PLAN: FanOutPlan = {
  payload: "json",
  ladders: { 500: [50, 100, 200, 400, 800, 1500, 2500], 5000: [10, 20, 40, 80] },
  stepSeconds: 2,
  fill: { eventsPerSecond: 0, seconds: 0 },
};
const CONTENDERS = [
  "bare object",
  "hub shard",
  "bare object, unpacked",
] as const satisfies readonly FanOutServer[];
const HEALTHY_SPREAD = 0.4;
const FLOOR = 0.8;
const TIMES_UNPACKED = 5;

export const workerFanOut: Bench = {
  name: "worker-fan-out",
  summary:
    "TaskProgress of one task to 500 hub connections in workerd, against a bare Durable Object; 5,000 on one shard",
  async run(context) {
    const small = await alternate<Ladder>(
      context,
      CONTENDERS.map((name) => ({ name, run: () => climb(context, PLAN, name, 500) })),
      describe,
    );
    const large = await alternate<Ladder>(
      context,
      [{ name: "hub shard", run: () => climb(context, PLAN, "hub shard", 5000) }],
      describe,
    );
    return report(small, large.get("hub shard") ?? []);
  },
};

function describe({ steps, saturation }: Ladder): string {
  const rungs = steps.map(
    ({ eventsPerSecond, deliveredShare, serverCpu, latency }) =>
      `${eventsPerSecond}: ${Math.round(deliveredShare * 100)} % at ${serverCpu} CPU p99 ${latency.p99Ms} ms`,
  );
  return `saturation ${saturation}/s (${rungs.join("; ")})`;
}

function report(small: Map<string, Ladder[]>, large: readonly Ladder[]): BenchReport {
  const rates = (name: string) => (small.get(name) ?? []).map(({ saturation }) => saturation);
  const ratios = pairRatios(rates("hub shard"), rates("bare object"));
  const unpacked = pairRatios(rates("hub shard"), rates("bare object, unpacked"));
  const best = (ladders: readonly Ladder[]) =>
    ladders.flatMap(({ steps, saturation }) =>
      steps.filter(({ deliveredPerSecond }) => deliveredPerSecond === saturation).slice(0, 1),
    );
  const row = (name: string, ladders: readonly Ladder[]) => {
    const steps = best(ladders);
    return [
      name,
      describeSummary(ladders.map(({ saturation }) => saturation)),
      describeSummary(
        steps.map(({ serverCpu }) => serverCpu),
        2,
      ),
      describeSummary(
        steps.map(({ latency }) => latency.p99Ms),
        0,
      ),
      describeSummary(steps.map(({ serverRssKiB }) => serverRssKiB / 1024)),
      steps.reduce((sum, { gaps, closed }) => sum + gaps + closed, 0).toString(),
    ];
  };
  const columns = ["", "records/s", "workerd CPU", "p99 ms", "RSS MiB", "gaps, closed"];
  return {
    complaints: [
      ...complainAboutSpread("the bare object", rates("bare object"), HEALTHY_SPREAD),
      ...complainAboutOthers("the hub shard", best(small.get("hub shard") ?? [])),
    ],
    conditions: [
      "workerd serve on one core, the crowd on the other. The bare pair: one object writes a row per event and tells another, which",
      "sends the records of a 50 ms tick in one frame per socket (or each alone). Conduit: the store's object records the progress,",
      "the room's object tells the key's shard, which does the same over its hub sessions; all in one workerd. Rungs are offered",
      "events per second; a rung is held when nine tenths arrive in time.",
    ],
    tables: [
      {
        title: "500 connections, best rung, median (range)",
        columns,
        rows: CONTENDERS.map((name) => row(name, small.get(name) ?? [])),
      },
      { title: "5,000 connections on one shard", columns, rows: [row("hub shard", large)] },
    ],
    aims: [
      {
        what: "hub shard / bare object",
        aim: `≥ ${FLOOR}`,
        measured: describeSummary(ratios, 2),
        met: quantile(ratios, 0.5) >= FLOOR,
      },
      {
        what: "hub shard / bare object that does not pack",
        aim: `≥ ${TIMES_UNPACKED}`,
        measured: describeSummary(unpacked, 1),
        met: quantile(unpacked, 0.5) >= TIMES_UNPACKED,
      },
    ],
    raw: { small: Object.fromEntries(small), large },
  };
}
