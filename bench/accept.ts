/**
 * Accepted generations per second: `POST /v1/images/generations/async`, durable on disk before the answer, against the same
 * web framework answering a constant after parsing the same JSON.
 */

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
import { AUTHORIZED, Conduit } from "./harness/conduit.ts";
import { type CoreUse, complainAboutOthers, watchCore } from "./harness/core-watch.ts";
import { Child, LOAD_CORE, SERVER_CORE } from "./harness/process.ts";
import { quantile, round } from "./harness/statistics.ts";
import { ACCEPT_BODY, ACCEPT_PATH } from "./load/accept-request.ts";
import type { HttpLoadResult, HttpLoadRun } from "./load/http.ts";

const CONNECTIONS = 64;
const SECONDS = 4;
const WARM_UP_SECONDS = 1;
/** Fills the only slot of the lane for longer than the run, so that accepting is all the server does. */
const SLOW_JOB = { ...ACCEPT_BODY, size: "256x256", provider_options: { steps: 2, step_ms: 60_000 } };
const FULL_LANE = {
  CONDUITLLM__IMAGEGENERATION__MAXCONCURRENCY: "1",
  CONDUITLLM__QUEUE__MAXQUEUEDPERKEY: "10000000",
};
const LANE_TIMEOUT_MS = 5_000;
const HEALTHY_P99_MS = 10;
const HEALTHY_SPREAD = 0.3;
/** A baseline that leaves its core idle was held up by something else. */
const HEALTHY_CPU = 0.85;
const FLOOR = 0.3;
const AIM = 0.4;
const AIM_P99_MS = 20;

export type AcceptRound = HttpLoadResult & CoreUse & { serverRssKiB: number };

export const accept: Bench = {
  name: "accept",
  summary: "POST …/async per second, durable, against the same framework answering a constant",
  async run(context) {
    const results = await alternate<AcceptRound>(
      context,
      [
        { name: "constant", run: measureConstant },
        { name: "conduit", run: () => measureConduit(context) },
      ],
      ({ perSecond, latency, serverCpu, foreignCpu, loadCpu }) =>
        `${perSecond}/s, p50 ${latency.p50Ms} ms, p99 ${latency.p99Ms} ms, server CPU ${serverCpu} (others ${foreignCpu}), load CPU ${loadCpu}`,
    );
    return report(results.get("constant") ?? [], results.get("conduit") ?? []);
  },
};

async function measureConstant(): Promise<AcceptRound> {
  const server = new Child({
    command: ["bun", join(import.meta.dir, "servers/constant.ts")],
    core: SERVER_CORE,
  });
  const { port } = await server.expect<{ port: number }>("ready");
  const result = await load(server, port);
  await server.end();
  return result;
}

export type AcceptVariant = {
  /** More settings, in their environment spelling. */
  readonly settings?: Record<string, string>;
  /** Of every request. */
  readonly headers?: Record<string, string>;
  /** Called before the load begins. */
  prepare?(conduit: Conduit): Promise<void>;
};

/** The whole program under the load, its lane full. */
export async function measureConduit(
  context: BenchContext,
  variant: AcceptVariant = {},
): Promise<AcceptRound> {
  const conduit = await Conduit.start({
    folder: context.temporaryFolder(),
    settings: { ...FULL_LANE, ...variant.settings },
  });
  await variant.prepare?.(conduit);
  const slow = await conduit.submit(SLOW_JOB);
  const deadline = performance.now() + LANE_TIMEOUT_MS;
  while ((await conduit.read(slow)).status !== "running") {
    if (performance.now() > deadline) throw new Error("the slow job that fills the lane did not start");
    await Bun.sleep(20);
  }
  const result = await load(conduit.child, conduit.port, variant.headers);
  await conduit.child.kill();
  return result;
}

async function load(server: Child, port: number, headers: Record<string, string> = {}): Promise<AcceptRound> {
  const child = new Child({ command: ["bun", join(import.meta.dir, "load/http.ts")], core: LOAD_CORE });
  await child.expect("ready");
  const run: HttpLoadRun = {
    port,
    connections: CONNECTIONS,
    warmUpSeconds: WARM_UP_SECONDS,
    seconds: SECONDS,
    request: {
      method: "POST",
      path: ACCEPT_PATH,
      headers: { ...AUTHORIZED, ...headers },
      body: JSON.stringify(ACCEPT_BODY),
    },
  };
  const used = watchCore(server);
  child.send({ type: "run", ...run });
  const result = await child.expect<HttpLoadResult>("result");
  const use = used();
  await child.end();
  if (result.errors > 0) throw new Error(`${result.errors} requests failed, the first: ${result.firstError}`);
  return { ...result, ...use, serverRssKiB: Math.round(server.residentBytes() / 1024) };
}

function report(constant: readonly AcceptRound[], conduit: readonly AcceptRound[]): BenchReport {
  const rate = (rounds: readonly AcceptRound[]) => rounds.map(({ perSecond }) => perSecond);
  const p99 = (rounds: readonly AcceptRound[]) => rounds.map(({ latency }) => latency.p99Ms);
  const row = (name: string, rounds: readonly AcceptRound[]) => [
    name,
    describeSummary(rate(rounds)),
    describeSummary(
      rounds.map(({ latency }) => latency.p50Ms),
      1,
    ),
    describeSummary(p99(rounds), 1),
    describeSummary(
      rounds.map(({ serverCpu }) => serverCpu),
      2,
    ),
    describeSummary(
      rounds.map(({ serverRssKiB }) => serverRssKiB / 1024),
      0,
    ),
  ];
  const ratios = pairRatios(rate(conduit), rate(constant));
  const ratio = quantile(ratios, 0.5);
  const quiet = conduit.filter(
    (_, index) => (constant[index]?.latency.p99Ms ?? Number.POSITIVE_INFINITY) < HEALTHY_P99_MS,
  );
  const complaints = complainAboutSpread("the constant", rate(constant), HEALTHY_SPREAD);
  const basePercentile = quantile(p99(constant), 0.5);
  if (basePercentile >= HEALTHY_P99_MS)
    complaints.push(
      `the constant: p99 ${round(basePercentile, 1)} ms, under ${HEALTHY_P99_MS} ms is healthy`,
    );
  complaints.push(
    ...complainAboutOthers("the constant", constant),
    ...complainAboutOthers("conduit", conduit),
  );
  const baseCpu = quantile(
    constant.map(({ serverCpu }) => serverCpu),
    0.5,
  );
  if (baseCpu < HEALTHY_CPU)
    complaints.push(
      `the constant used ${baseCpu} of its core, at least ${HEALTHY_CPU} says that nothing else slowed it`,
    );
  return {
    complaints,
    conditions: [
      `POST ${ACCEPT_PATH}, ${CONNECTIONS} connections, one request in flight on each, ${SECONDS} s a round after ${WARM_UP_SECONDS} s of warming up.`,
      "Conduit is the whole program with every check, the access log (to a file), metrics, and SQLite synchronous=FULL with group",
      "commit before the answer. Its only lane is full with one slow job, so that the queue only grows: accepting is measured,",
      "painting is not.",
    ],
    tables: [
      {
        title: "median (range)",
        columns: ["", "accepted/s", "p50 ms", "p99 ms", "server CPU", "RSS MiB"],
        rows: [row("constant", constant), row("conduit", conduit)],
      },
    ],
    aims: [
      {
        what: "conduit / constant, floor",
        aim: `≥ ${FLOOR}`,
        measured: describeSummary(ratios, 2),
        met: ratio >= FLOOR,
      },
      {
        what: "conduit / constant, aim",
        aim: `≥ ${AIM}`,
        measured: describeSummary(ratios, 2),
        met: ratio >= AIM,
      },
      {
        what: `p99 in the ${quiet.length} rounds where the constant's is under ${HEALTHY_P99_MS} ms`,
        aim: `< ${AIM_P99_MS} ms`,
        measured: quiet.length === 0 ? "no such round" : `${describeSummary(p99(quiet), 1)} ms`,
        met: quiet.length > 0 && quantile(p99(quiet), 0.5) < AIM_P99_MS,
      },
    ],
    raw: { constant, conduit },
  };
}
