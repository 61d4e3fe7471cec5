/**
 * One task, many WebSocket followers: how many events per second reach all of them, and how late, against Bun's own
 * publish, `ws` and Socket.IO with the same payload; and what one reader that never reads does to the others.
 */

import {
  type Aim,
  alternate,
  type Bench,
  type BenchContext,
  type BenchReport,
  complainAboutSpread,
  describeSummary,
  format,
  pairRatios,
  percent,
  type Table,
} from "./harness/bench.ts";
import { complainAboutOthers } from "./harness/core-watch.ts";
import { CrowdedServer, type FanOutServer, type Step } from "./harness/crowd.ts";
import { quantile, round } from "./harness/statistics.ts";

/** Events per second offered, by number of followers; a contender leaves the ladder at the first rung it cannot hold. */
const LADDERS: Readonly<Record<number, readonly number[]>> = {
  500: [100, 200, 400, 800, 1600, 2400],
  5000: [10, 20, 40, 80, 160, 240],
};
const STEP_SECONDS = 3;
/** Rung held: this share of the offered rate was delivered in time. */
const HELD = 0.9;
const WARM_UP = { eventsPerSecond: 20, seconds: 1 };
/** About 5 MB of events for one reader: more than a socket's kernel buffers hold, and done before the server loses patience. */
const FILL = { eventsPerSecond: 5000, seconds: 5 };
const SETTLE_MS = 300;
/** Rounds of bare Bun further apart than this say more about the machine than about anybody. */
const HEALTHY_SPREAD = 0.4;
/** Above this p99 at half load (ms) the baseline is disturbed. */
const HEALTHY_P99_MS: Readonly<Record<number, number>> = { 500: 60, 5000: 250 };
const AIM_RATE = 0.7;
const AIM_P99_MS_AT_500 = 30;
const AIM_P99_RATIO_AT_5000 = 1.5;
const AIM_STALLED = 0.25;
const PAIR_SECONDS = 3;

type Ladder = { steps: Step[]; saturation: number };
type Pair = { step: Step };

export const fanOut: Bench = {
  name: "fan-out",
  summary:
    "one task, 500 and 5,000 WebSocket followers, against Bun publish, ws and socket.io; stalled reader [--peers=0]",
  async run(context) {
    const sections: Section[] = [];
    for (const followers of [500, 5000]) sections.push(await runSection(context, followers));
    const stalled = await runStalled(context, sections[0] as Section);
    return report(sections, stalled);
  },
};

type Section = {
  followers: number;
  ladders: Map<FanOutServer, Ladder[]>;
  halfRate: number;
  pairs: Map<FanOutServer, Pair[]>;
};

type Stalled = { halfRate: number; without: Step[]; with: Step[] };

async function runSection(context: BenchContext, followers: number): Promise<Section> {
  const names: FanOutServer[] =
    context.option("peers", 1) === 0
      ? ["bun publish", "conduit"]
      : ["bun publish", "conduit", "ws", "socket.io"];
  const ladders = (await alternate<Ladder>(
    context,
    names.map((name) => ({ name, run: () => climb(context, name, followers) })),
    ({ steps, saturation }) =>
      `${followers} followers, saturation ${format(saturation)}/s (${steps.map((step) => `${step.eventsPerSecond}:${percent(step.deliveredPerSecond / step.offeredPerSecond)}`).join(" ")})`,
  )) as Map<FanOutServer, Ladder[]>;
  const halfRate = Math.max(1, Math.floor(medianSaturation(ladders.get("conduit") ?? []) / followers / 2));
  const pairs = (await alternate<Pair>(
    context,
    (["bun publish", "conduit"] as const).map((name) => ({
      name,
      run: async () => ({ step: await single(context, name, followers, halfRate) }),
    })),
    ({ step }) =>
      `${followers} followers at ${halfRate} events/s: p50 ${step.latency.p50Ms} ms, p99 ${step.latency.p99Ms} ms`,
  )) as Map<FanOutServer, Pair[]>;
  return { followers, ladders, halfRate, pairs };
}

async function climb(context: BenchContext, name: FanOutServer, followers: number): Promise<Ladder> {
  const crowd = await CrowdedServer.start(name, context.temporaryFolder());
  await crowd.connect(crowd.ready, followers);
  await crowd.step(WARM_UP.eventsPerSecond, WARM_UP.seconds);
  const steps: Step[] = [];
  for (const rate of LADDERS[followers] ?? []) {
    const step = await crowd.step(rate, STEP_SECONDS);
    steps.push(step);
    if (step.deliveredPerSecond < HELD * step.offeredPerSecond) break;
    await Bun.sleep(SETTLE_MS);
  }
  await crowd.end();
  return { steps, saturation: Math.max(...steps.map((step) => step.deliveredPerSecond)) };
}

async function single(
  context: BenchContext,
  name: FanOutServer,
  followers: number,
  rate: number,
): Promise<Step> {
  const crowd = await CrowdedServer.start(name, context.temporaryFolder());
  return measureOnce(crowd, followers, rate);
}

/** The kernel takes megabytes for a reader that does not read, so it is made to stall in earnest before the others come. */
async function besideStalled(
  context: BenchContext,
  stalled: number,
  followers: number,
  rate: number,
): Promise<Step> {
  const crowd = await CrowdedServer.start("conduit", context.temporaryFolder());
  await crowd.connect(crowd.ready, 0, stalled);
  await crowd.step(FILL.eventsPerSecond, FILL.seconds);
  return measureOnce(crowd, followers, rate);
}

async function measureOnce(
  crowd: Awaited<ReturnType<typeof CrowdedServer.start>>,
  followers: number,
  rate: number,
): Promise<Step> {
  await crowd.connect(crowd.ready, followers);
  await crowd.step(WARM_UP.eventsPerSecond, WARM_UP.seconds);
  const step = await crowd.step(rate, PAIR_SECONDS);
  await crowd.end();
  return step;
}

async function runStalled(context: BenchContext, section: Section): Promise<Stalled> {
  const { followers, halfRate } = section;
  const results = await alternate<Step>(
    context,
    [
      { name: "nobody stalls", run: () => besideStalled(context, 0, followers, halfRate) },
      { name: "one stalls", run: () => besideStalled(context, 1, followers, halfRate) },
    ],
    (step) =>
      `p99 ${step.latency.p99Ms} ms, ${format(step.deliveredPerSecond)}/s, RSS ${format(step.serverRssKiB)} KiB`,
  );
  return { halfRate, without: results.get("nobody stalls") ?? [], with: results.get("one stalls") ?? [] };
}

function medianSaturation(ladders: readonly Ladder[]): number {
  return quantile(
    ladders.map((ladder) => ladder.saturation),
    0.5,
  );
}

function report(sections: readonly Section[], stalled: Stalled): BenchReport {
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
  const rate = (steps: readonly Step[]) => steps.map((step) => step.deliveredPerSecond);
  const late = (steps: readonly Step[]) => steps.map((step) => step.latency.p99Ms);
  const memory = (steps: readonly Step[]) => steps.map((step) => step.serverRssKiB / 1024);
  const slowdown = quantile(late(stalled.with), 0.5) / quantile(late(stalled.without), 0.5) - 1;
  const loss = 1 - quantile(rate(stalled.with), 0.5) / quantile(rate(stalled.without), 0.5);
  tables.push({
    title: `one stalled reader among 500, ${stalled.halfRate} events/s, median (range)`,
    columns: ["", "delivered/s", "p99 ms", "server RSS MiB"],
    rows: [
      [
        "nobody stalls",
        describeSummary(rate(stalled.without)),
        describeSummary(late(stalled.without), 1),
        describeSummary(memory(stalled.without), 1),
      ],
      [
        "one stalls",
        describeSummary(rate(stalled.with)),
        describeSummary(late(stalled.with), 1),
        describeSummary(memory(stalled.with), 1),
      ],
    ],
  });
  aims.push({
    what: "a stalled reader's cost to the others (p99, delivered rate)",
    aim: `≤ ${percent(AIM_STALLED)}`,
    measured: `${percent(slowdown)}, ${percent(loss)}`,
    met: slowdown <= AIM_STALLED && loss <= AIM_STALLED,
  });
  return {
    complaints,
    conditions: [
      "one task; Conduit's progress throttle is off: every event is a store transaction (synchronous=FULL) and then a publish;",
      "the others only publish. The same payload for all, about 220 bytes; every follower checks that numbers rise without a hole.",
      "Latency runs from the moment an event was due to its arrival; the crowd shares one core, so at a load CPU near 1 the rate",
      "is a lower bound for the server.",
    ],
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

/** Sequence numbers that some follower missed and was sent a later one instead. */
function countHoles(steps: readonly Step[]): number {
  return steps.reduce((sum, step) => sum + step.gaps, 0);
}
