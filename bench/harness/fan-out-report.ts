/** What came of a fan-out: complaints about the baseline, tables, and aims met or missed. */

import {
  type Aim,
  type BenchReport,
  complainAboutSpread,
  describeSummary,
  format,
  pairRatios,
  percent,
  type Table,
} from "./bench.ts";
import { complainAboutOthers } from "./core-watch.ts";
import type { FanOutServer, Step } from "./crowd.ts";
import type { Ladder, Section, Stalled } from "./fan-out-run.ts";
import { quantile, round } from "./statistics.ts";

/** Rounds of bare Bun further apart than this say more about the machine than about anybody. */
const HEALTHY_SPREAD = 0.4;
/** Above this p99 at half load (ms) the baseline is disturbed. */
const HEALTHY_P99_MS: Readonly<Record<number, number>> = { 500: 60, 5000: 250 };
const AIM_RATE = 0.7;
const AIM_P99_MS_AT_500 = 30;
const AIM_P99_RATIO_AT_5000 = 1.5;
const AIM_STALLED = 0.25;

export type FurtherAims = {
  /** At least this many times Socket.IO's saturation. */
  timesSocketIo?: number;
};

/** Complaints, tables and aims of a fan-out; `aims` says what only some fan-outs aim at. */
export function reportFanOut(
  sections: readonly Section[],
  stalled: Stalled,
  conditions: string[],
  further: FurtherAims = {},
): BenchReport {
  const tables: Table[] = [];
  const aims: Aim[] = [];
  const complaints: string[] = [];
  for (const section of sections) {
    const { followers, ladders, halfRate, pairs } = section;
    const bare = ladders.get("bun publish") ?? [];
    const ours = ladders.get("conduit") ?? [];
    const p99 = (name: FanOutServer) => (pairs.get(name) ?? []).map(({ step }) => step.latency.p99Ms);
    complaints.push(
      ...complainAboutSpread(
        `bare Bun, ${followers} followers`,
        bare.map((ladder) => ladder.saturation),
        HEALTHY_SPREAD,
      ),
    );
    complaints.push(
      ...(["bun publish", "conduit"] as const).flatMap((name) =>
        complainAboutOthers(
          `${name}, ${followers} followers at half load`,
          (pairs.get(name) ?? []).map(({ step }) => step),
        ),
      ),
    );
    const baseP99 = quantile(p99("bun publish"), 0.5);
    const bound = HEALTHY_P99_MS[followers] ?? Number.POSITIVE_INFINITY;
    if (baseP99 > bound)
      complaints.push(
        `bare Bun, ${followers} followers: p99 ${round(baseP99, 1)} ms at half load, at most ${bound} ms is healthy`,
      );
    tables.push(saturationTable(followers, ladders), halfLoadTable(section));

    const ratios = pairRatios(
      ours.map((ladder) => ladder.saturation),
      bare.map((ladder) => ladder.saturation),
    );
    aims.push({
      what: `${followers} followers, saturation / bare Bun publish`,
      aim: `≥ ${AIM_RATE}`,
      measured: describeSummary(ratios, 2),
      met: quantile(ratios, 0.5) >= AIM_RATE,
    });
    const theirs = ladders.get("socket.io");
    if (further.timesSocketIo !== undefined && theirs !== undefined) {
      const times = pairRatios(
        ours.map((ladder) => ladder.saturation),
        theirs.map((ladder) => ladder.saturation),
      );
      aims.push({
        what: `${followers} followers, saturation / Socket.IO`,
        aim: `≥ ${further.timesSocketIo}`,
        measured: describeSummary(times, 1),
        met: quantile(times, 0.5) >= further.timesSocketIo,
      });
    }
    const ownP99 = quantile(p99("conduit"), 0.5);
    aims.push(
      followers === 500
        ? {
            what: `500 followers, p99 at half of saturation (${halfRate} events/s)`,
            aim: `< ${AIM_P99_MS_AT_500} ms`,
            measured: `${describeSummary(p99("conduit"), 1)} ms`,
            met: ownP99 < AIM_P99_MS_AT_500,
          }
        : {
            what: `${followers} followers, p99 / bare Bun's at the same rate (${halfRate} events/s)`,
            aim: `≤ ${AIM_P99_RATIO_AT_5000}`,
            measured: describeSummary(pairRatios(p99("conduit"), p99("bun publish")), 2),
            met: ownP99 <= AIM_P99_RATIO_AT_5000 * baseP99,
          },
    );
    const lost = [
      ...ours.flatMap((ladder) => ladder.steps),
      ...(pairs.get("conduit") ?? []).map(({ step }) => step),
    ];
    const torn = lost.filter((step) => step.closed > 0).length;
    aims.push({
      what: `${followers} followers, connections lost`,
      aim: "none",
      measured: `${torn} of ${lost.length} steps`,
      met: torn === 0,
    });
  }
  tables.push(stalledTable(stalled));
  aims.push(stalledAim(stalled));
  return {
    complaints,
    conditions,
    tables,
    aims,
    raw: {
      sections: sections.map(({ ladders, pairs, ...rest }) => ({
        ...rest,
        ladders: Object.fromEntries(ladders),
        pairs: Object.fromEntries(pairs),
      })),
      stalled,
    },
  };
}

function saturationTable(followers: number, ladders: Map<FanOutServer, Ladder[]>): Table {
  return {
    title: `${followers} followers, saturation in deliveries/s, median (range)`,
    columns: ["", "deliveries/s", "server CPU", "load CPU", "server RSS MiB", "holes"],
    rows: [...ladders].map(([name, rounds]) => {
      const top = rounds.map(
        (ladder) => ladder.steps.find((step) => step.deliveredPerSecond === ladder.saturation) as Step,
      );
      return [
        name,
        describeSummary(rounds.map((ladder) => ladder.saturation)),
        describeSummary(
          top.map((step) => step.serverCpu),
          2,
        ),
        describeSummary(
          top.map((step) => step.loadCpu),
          2,
        ),
        describeSummary(
          top.map((step) => step.serverRssKiB / 1024),
          1,
        ),
        format(countHoles(rounds.flatMap((ladder) => ladder.steps))),
      ];
    }),
  };
}

function halfLoadTable({ followers, halfRate, pairs }: Section): Table {
  return {
    title: `${followers} followers at ${halfRate} events/s (half of Conduit's saturation), median (range)`,
    columns: ["", "p50 ms", "p99 ms", "server CPU", "delivered", "holes"],
    rows: [...pairs].map(([name, rounds]) => [
      name,
      describeSummary(
        rounds.map(({ step }) => step.latency.p50Ms),
        1,
      ),
      describeSummary(
        rounds.map(({ step }) => step.latency.p99Ms),
        1,
      ),
      describeSummary(
        rounds.map(({ step }) => step.serverCpu),
        2,
      ),
      percent(
        quantile(
          rounds.map(({ step }) => step.deliveredShare),
          0.5,
        ),
      ),
      format(countHoles(rounds.map(({ step }) => step))),
    ]),
  };
}

function stalledTable(stalled: Stalled): Table {
  const row = (name: string, steps: readonly Step[]) => [
    name,
    describeSummary(steps.map((step) => step.deliveredPerSecond)),
    describeSummary(
      steps.map((step) => step.latency.p99Ms),
      1,
    ),
    describeSummary(
      steps.map((step) => step.serverRssKiB / 1024),
      1,
    ),
  ];
  return {
    title: `one stalled reader among 500, ${stalled.halfRate} events/s, median (range)`,
    columns: ["", "delivered/s", "p99 ms", "server RSS MiB"],
    rows: [row("nobody stalls", stalled.without), row("one stalls", stalled.with)],
  };
}

function stalledAim(stalled: Stalled): Aim {
  const median = (steps: readonly Step[], read: (step: Step) => number) => quantile(steps.map(read), 0.5);
  const late = (step: Step) => step.latency.p99Ms;
  const rate = (step: Step) => step.deliveredPerSecond;
  const slowdown = median(stalled.with, late) / median(stalled.without, late) - 1;
  const loss = 1 - median(stalled.with, rate) / median(stalled.without, rate);
  return {
    what: "a stalled reader's cost to the others (p99, delivered rate)",
    aim: `≤ ${percent(AIM_STALLED)}`,
    measured: `${percent(slowdown)}, ${percent(loss)}`,
    met: slowdown <= AIM_STALLED && loss <= AIM_STALLED,
  };
}

/** Sequence numbers that some follower missed and was sent a later one instead. */
function countHoles(steps: readonly Step[]): number {
  return steps.reduce((sum, step) => sum + step.gaps, 0);
}
