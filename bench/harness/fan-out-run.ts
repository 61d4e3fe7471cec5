/**
 * How fan-outs are run: contenders climb a ladder of offered rates, then meet at half of what Conduit reached,
 * and once beside a reader that never reads.
 */

import { alternate, type BenchContext, format, percent } from "./bench.ts";
import { CrowdedServer, type FanOutServer, type Step } from "./crowd.ts";
import type { Payload } from "./hub-payload.ts";
import { quantile } from "./statistics.ts";

/** Rung held: this share of the offered rate was delivered in time. */
const HELD = 0.9;
/** A rung missed, but not by more than this, is tried once more: the machine may have been elsewhere for a moment. */
const NEARLY_HELD = 0.5;
const WARM_UP = { eventsPerSecond: 20, seconds: 1 };
const SETTLE_MS = 300;

/** What is sent, how fast and for how long. */
export type FanOutPlan = {
  payload: Payload;
  /** Events per second offered, by number of followers; a contender leaves the ladder at the first rung it cannot hold. */
  ladders: Readonly<Record<number, readonly number[]>>;
  stepSeconds: number;
  /** Before the others come, to a reader that never reads: more than a socket's kernel buffers hold. */
  fill: { eventsPerSecond: number; seconds: number };
};

export type Ladder = { steps: Step[]; saturation: number };
export type Pair = { step: Step };

export type Section = {
  followers: number;
  ladders: Map<FanOutServer, Ladder[]>;
  halfRate: number;
  pairs: Map<FanOutServer, Pair[]>;
};

export type Stalled = { halfRate: number; without: Step[]; with: Step[] };

/** Ladders of all contenders, then bare Bun and Conduit at half of Conduit's saturation. */
export async function runSection(
  context: BenchContext,
  plan: FanOutPlan,
  followers: number,
): Promise<Section> {
  const names: FanOutServer[] =
    context.option("peers", 1) === 0
      ? ["bun publish", "conduit"]
      : ["bun publish", "conduit", "ws", "socket.io"];
  const ladders = (await alternate<Ladder>(
    context,
    names.map((name) => ({ name, run: () => climb(context, plan, name, followers) })),
    ({ steps, saturation }) =>
      `${followers} followers, saturation ${format(saturation)}/s (${steps.map((step) => `${step.eventsPerSecond}:${percent(step.deliveredPerSecond / step.offeredPerSecond)}`).join(" ")})`,
  )) as Map<FanOutServer, Ladder[]>;
  const halfRate = Math.max(1, Math.floor(medianSaturation(ladders.get("conduit") ?? []) / followers / 2));
  const pairs = (await alternate<Pair>(
    context,
    (["bun publish", "conduit"] as const).map((name) => ({
      name,
      run: async () => ({ step: await single(context, plan, name, followers, halfRate) }),
    })),
    ({ step }) =>
      `${followers} followers at ${halfRate} events/s: p50 ${step.latency.p50Ms} ms, p99 ${step.latency.p99Ms} ms`,
  )) as Map<FanOutServer, Pair[]>;
  return { followers, ladders, halfRate, pairs };
}

/** One contender up the ladder, until it cannot hold a rung. */
export async function climb(
  context: BenchContext,
  plan: FanOutPlan,
  name: FanOutServer,
  followers: number,
): Promise<Ladder> {
  const crowd = await CrowdedServer.start(name, context.temporaryFolder(), plan.payload);
  await crowd.connect(crowd.ready, followers);
  await crowd.step(WARM_UP.eventsPerSecond, WARM_UP.seconds);
  const steps: Step[] = [];
  for (const rate of plan.ladders[followers] ?? []) {
    let share = 0;
    for (let tries = 0; tries < 2 && share < HELD && (tries === 0 || share > NEARLY_HELD); tries += 1) {
      const step = await crowd.step(rate, plan.stepSeconds);
      steps.push(step);
      share = step.deliveredPerSecond / step.offeredPerSecond;
      await Bun.sleep(SETTLE_MS);
    }
    if (share < HELD) break;
  }
  await crowd.end();
  return { steps, saturation: Math.max(...steps.map((step) => step.deliveredPerSecond)) };
}

async function single(
  context: BenchContext,
  plan: FanOutPlan,
  name: FanOutServer,
  followers: number,
  rate: number,
): Promise<Step> {
  const crowd = await CrowdedServer.start(name, context.temporaryFolder(), plan.payload);
  return measureOnce(crowd, plan, followers, rate);
}

/** The kernel takes megabytes for a reader that does not read, so it is made to stall in earnest before the others come. */
async function besideStalled(
  context: BenchContext,
  plan: FanOutPlan,
  stalled: number,
  followers: number,
  rate: number,
): Promise<Step> {
  const crowd = await CrowdedServer.start("conduit", context.temporaryFolder(), plan.payload);
  await crowd.connect(crowd.ready, 0, stalled);
  await crowd.step(plan.fill.eventsPerSecond, plan.fill.seconds);
  return measureOnce(crowd, plan, followers, rate);
}

async function measureOnce(
  crowd: Awaited<ReturnType<typeof CrowdedServer.start>>,
  plan: FanOutPlan,
  followers: number,
  rate: number,
): Promise<Step> {
  await crowd.connect(crowd.ready, followers);
  await crowd.step(WARM_UP.eventsPerSecond, WARM_UP.seconds);
  const step = await crowd.step(rate, plan.stepSeconds);
  await crowd.end();
  return step;
}

/** Conduit at half of its saturation, with and without a reader that never reads. */
export async function runStalled(
  context: BenchContext,
  plan: FanOutPlan,
  section: Section,
): Promise<Stalled> {
  const { followers, halfRate } = section;
  const results = await alternate<Step>(
    context,
    [
      { name: "nobody stalls", run: () => besideStalled(context, plan, 0, followers, halfRate) },
      { name: "one stalls", run: () => besideStalled(context, plan, 1, followers, halfRate) },
    ],
    (step) =>
      `p99 ${step.latency.p99Ms} ms, ${format(step.deliveredPerSecond)}/s, RSS ${format(step.serverRssKiB)} KiB`,
  );
  return { halfRate, without: results.get("nobody stalls") ?? [], with: results.get("one stalls") ?? [] };
}

export function medianSaturation(ladders: readonly Ladder[]): number {
  return quantile(
    ladders.map((ladder) => ladder.saturation),
    0.5,
  );
}
