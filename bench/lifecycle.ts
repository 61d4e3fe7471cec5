/** Empty jobs from submission to completed, per second: Conduit in one process against BullMQ with a Redis that syncs every write. */

import { join } from "node:path";
import {
  alternate,
  type Bench,
  type BenchContext,
  type BenchReport,
  complainAboutSpread,
  describeSummary,
  pairRatios,
} from "./harness/bench.ts";
import { type CoreUse, complainAboutOthers, watchCore } from "./harness/core-watch.ts";
import type { LifecycleResult } from "./harness/lifecycle-run.ts";
import { startPeer } from "./harness/peer.ts";
import { Child, LOAD_CORE, SERVER_CORE } from "./harness/process.ts";
import { Redis } from "./harness/redis.ts";
import { quantile } from "./harness/statistics.ts";

const CONDUIT = "conduit, one core";
/** BullMQ works on both: its process on one, Redis on the other. */
const CONDUIT_BOTH = "conduit, both cores";
/** Like BullMQ: the process on one core, Redis on the other. */
const CONDUIT_REDIS = "conduit over redis";
const BOTH_CORES = `${SERVER_CORE},${LOAD_CORE}`;
const CONCURRENCY = 50;
const WARM_UP_JOBS = 2_000;
const JOBS = 15_000;
const HEALTHY_SPREAD = 0.5;
const FLOOR = 1;
const REDIS_FLOOR = 0.7;
const REDIS_AIM = 1;
const AIM = 1.5;

type Round = CoreUse & { whole: LifecycleResult; drain: LifecycleResult };

export const lifecycle: Bench = {
  name: "lifecycle",
  summary: "submit → completed of empty jobs, against BullMQ on appendfsync always",
  async run(context) {
    const results = await alternate<Round>(
      context,
      [
        { name: "bullmq on node", run: () => measureBullmq(context, "node") },
        { name: "bullmq on bun", run: () => measureBullmq(context, "bun") },
        { name: CONDUIT, run: () => measureConduit(context, SERVER_CORE) },
        { name: CONDUIT_REDIS, run: () => measureConduitOnRedis(context) },
        { name: CONDUIT_BOTH, run: () => measureConduit(context, BOTH_CORES) },
      ],
      ({ whole, drain, foreignCpu }) =>
        `whole way ${whole.perSecond}/s, drain ${drain.perSecond}/s, CPU ${whole.cpu} (others ${foreignCpu})`,
    );
    return report(results);
  },
};

async function measureBullmq(context: BenchContext, runtime: "node" | "bun"): Promise<Round> {
  const redis = await Redis.start(context.temporaryFolder());
  const child = await startPeer("lifecycle-bullmq", runtime, [
    `--redis=${redis.port}`,
    `--concurrency=${CONCURRENCY}`,
  ]);
  const result = await measure(child);
  await redis.end();
  return result;
}

function measureConduit(context: BenchContext, cores: number | string): Promise<Round> {
  const source = join(import.meta.dir, "servers/lifecycle-conduit.ts");
  const argv = [`--folder=${context.temporaryFolder()}`, `--concurrency=${CONCURRENCY}`];
  return measure(new Child({ command: ["bun", source, ...argv], core: cores }));
}

async function measureConduitOnRedis(context: BenchContext): Promise<Round> {
  const redis = await Redis.start(context.temporaryFolder());
  const source = join(import.meta.dir, "servers/lifecycle-conduit.ts");
  const argv = [`--redis=${redis.port}`, `--concurrency=${CONCURRENCY}`];
  const result = await measure(new Child({ command: ["bun", source, ...argv], core: SERVER_CORE }));
  await redis.end();
  return result;
}

async function measure(child: Child): Promise<Round> {
  await child.expect("ready");
  const ask = async (type: "whole" | "drain", jobs: number) => {
    child.send({ type, jobs });
    return child.expect<LifecycleResult>("result");
  };
  await ask("whole", WARM_UP_JOBS);
  const used = watchCore(child);
  const result = { whole: await ask("whole", JOBS), drain: await ask("drain", JOBS), ...used() };
  await child.end();
  return result;
}

function report(results: Map<string, Round[]>): BenchReport {
  const whole = (name: string) => (results.get(name) ?? []).map((round) => round.whole.perSecond);
  const drain = (name: string) => (results.get(name) ?? []).map((round) => round.drain.perSecond);
  const ratios = pairRatios(whole(CONDUIT), whole("bullmq on node"));
  const drained = pairRatios(drain(CONDUIT), drain("bullmq on node"));
  const crossed = pairRatios(whole(CONDUIT), drain("bullmq on node"));
  const onBoth = pairRatios(whole(CONDUIT_BOTH), whole("bullmq on node"));
  const onRedis = pairRatios(whole(CONDUIT_REDIS), whole("bullmq on node"));
  const ratio = quantile(ratios, 0.5);
  return {
    complaints: [
      ...complainAboutSpread("bullmq on node, whole way", whole("bullmq on node"), HEALTHY_SPREAD),
      ...complainAboutSpread("bullmq on node, drain", drain("bullmq on node"), HEALTHY_SPREAD),
      ...[...results].flatMap(([name, rounds]) => complainAboutOthers(name, rounds)),
    ],
    conditions: [
      `${JOBS} empty jobs a round, ${CONCURRENCY} submissions and ${CONCURRENCY} jobs at once, submitter and worker in one process.`,
      "Conduit: service.submit → engine → completed, event log, reservation and idempotence on, SQLite file, synchronous=FULL.",
      "Conduit over Redis: the same with the Redis store, one script per step, on a Redis of its own set up like BullMQ's.",
      "BullMQ: queue.add → worker → completed, Redis on the second core with --appendonly yes --appendfsync always.",
      "Whole way: submitting and working at the same time. Drain: everything was submitted before, only the working off counts.",
    ],
    tables: [
      {
        title: "jobs/s, median (range)",
        columns: ["", "whole way", "drain"],
        rows: [...results.keys()].map((name) => [
          name,
          describeSummary(whole(name)),
          describeSummary(drain(name)),
        ]),
      },
    ],
    aims: [
      {
        what: "whole way, conduit on both cores / bullmq on both, floor",
        aim: `≥ ${FLOOR}`,
        measured: describeSummary(onBoth, 2),
        met: quantile(onBoth, 0.5) >= FLOOR,
      },
      {
        what: "whole way, conduit on one core / bullmq on both, floor",
        aim: `≥ ${FLOOR}`,
        measured: describeSummary(ratios, 2),
        met: ratio >= FLOOR,
      },
      {
        what: "whole way, conduit on both cores / bullmq on both, aim",
        aim: `≥ ${AIM}`,
        measured: describeSummary(onBoth, 2),
        met: quantile(onBoth, 0.5) >= AIM,
      },
      {
        what: "whole way, conduit over redis / bullmq on the same redis, floor",
        aim: `≥ ${REDIS_FLOOR}`,
        measured: describeSummary(onRedis, 2),
        met: quantile(onRedis, 0.5) >= REDIS_FLOOR,
      },
      {
        what: "whole way, conduit over redis / bullmq on the same redis, aim",
        aim: `≥ ${REDIS_AIM}`,
        measured: describeSummary(onRedis, 2),
        met: quantile(onRedis, 0.5) >= REDIS_AIM,
      },
      {
        what: "drain, conduit / bullmq",
        aim: `≥ ${FLOOR}`,
        measured: describeSummary(drained, 2),
        met: quantile(drained, 0.5) >= FLOOR,
      },
      {
        what: "conduit's whole way / bullmq's mere drain",
        aim: `≥ ${FLOOR}`,
        measured: describeSummary(crossed, 2),
        met: quantile(crossed, 0.5) >= FLOOR,
      },
    ],
    raw: Object.fromEntries(results),
  };
}
