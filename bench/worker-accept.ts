/**
 * Accepted generations per second on Workers with the Durable Object store, in a bare workerd, against the same framework
 * writing one row in a bare Durable Object: a commit per request, and one per turn.
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
import { AUTHORIZED } from "./harness/conduit.ts";
import { type CoreUse, complainAboutOthers, watchCore } from "./harness/core-watch.ts";
import { Child, LOAD_CORE, SERVER_CORE } from "./harness/process.ts";
import { quantile } from "./harness/statistics.ts";
import { ACCEPT_BODY, ACCEPT_PATH } from "./load/accept-request.ts";
import type { HttpLoadResult, HttpLoadRun } from "./load/http.ts";

const CONNECTIONS = 64;
const SECONDS = 4;
const WARM_UP_SECONDS = 1;
const HEALTHY_SPREAD = 0.4;
const FLOOR = 0.5;
/** Fills the only slot of the lane for longer than the run, so that accepting is all the Worker does. */
const SLOW_JOB = { ...ACCEPT_BODY, size: "256x256", provider_options: { steps: 2, step_ms: 60_000 } };
const LANE_TIMEOUT_MS = 5_000;

const CONTENDERS = {
  "bare object": { entry: "bare", path: "/v1/write/alone" },
  "bare object, grouped": { entry: "bare", path: "/v1/write/grouped" },
  conduit: { entry: "conduit", path: ACCEPT_PATH },
} as const;
type Contender = keyof typeof CONTENDERS;
type Round = HttpLoadResult & CoreUse;

export const workerAccept: Bench = {
  name: "worker-accept",
  summary:
    "POST …/async per second in workerd with the Durable Object store, against a bare Durable Object's write",
  async run(context) {
    const names = Object.keys(CONTENDERS) as Contender[];
    const results = await alternate<Round>(
      context,
      names.map((name) => ({ name, run: () => measure(context, name) })),
      ({ perSecond, latency, serverCpu, loadCpu }) =>
        `${perSecond}/s, p50 ${latency.p50Ms} ms, p99 ${latency.p99Ms} ms, workerd CPU ${serverCpu}, load CPU ${loadCpu}`,
    );
    return report(results);
  },
};

async function measure(context: BenchContext, name: Contender): Promise<Round> {
  const { entry, path } = CONTENDERS[name];
  const server = new Child({
    command: [
      "bun",
      join(import.meta.dir, "servers/worker.ts"),
      `--entry=${entry}`,
      `--folder=${context.temporaryFolder()}`,
    ],
    core: SERVER_CORE,
  });
  const { port, pid } = await server.expect<{ port: number; pid: number }>("ready");
  server.watch(pid);
  if (entry === "conduit") await fillLane(port);
  const load = new Child({ command: ["bun", join(import.meta.dir, "load/http.ts")], core: LOAD_CORE });
  await load.expect("ready");
  const run: HttpLoadRun = {
    port,
    connections: CONNECTIONS,
    warmUpSeconds: WARM_UP_SECONDS,
    seconds: SECONDS,
    request: { method: "POST", path, headers: AUTHORIZED, body: JSON.stringify(ACCEPT_BODY) },
  };
  const used = watchCore(server);
  load.send({ type: "run", ...run });
  const result = await load.expect<HttpLoadResult>("result");
  const use = used();
  await load.end();
  await server.end();
  if (result.errors > 0) throw new Error(`${result.errors} requests failed, the first: ${result.firstError}`);
  return { ...result, ...use };
}

async function fillLane(port: number): Promise<void> {
  const url = `http://127.0.0.1:${port}`;
  const body = JSON.stringify(SLOW_JOB);
  const accepted = await fetch(url + ACCEPT_PATH, { method: "POST", headers: AUTHORIZED, body });
  const { taskId } = (await accepted.json()) as { taskId: string };
  const deadline = performance.now() + LANE_TIMEOUT_MS;
  for (;;) {
    const task = (await (await fetch(`${url}/v1/tasks/${taskId}`, { headers: AUTHORIZED })).json()) as {
      status: string;
    };
    if (task.status === "running") return;
    if (performance.now() > deadline) throw new Error("the slow job that fills the lane did not start");
    await Bun.sleep(20);
  }
}

function report(results: Map<string, Round[]>): BenchReport {
  const rates = (name: Contender) => (results.get(name) ?? []).map(({ perSecond }) => perSecond);
  const ratios = pairRatios(rates("conduit"), rates("bare object"));
  const grouped = pairRatios(rates("conduit"), rates("bare object, grouped"));
  return {
    complaints: [
      ...complainAboutSpread("the bare object", rates("bare object"), HEALTHY_SPREAD),
      ...complainAboutOthers("conduit", results.get("conduit") ?? []),
    ],
    conditions: [
      `POST, ${CONNECTIONS} connections, one request in flight on each, ${SECONDS} s a round after ${WARM_UP_SECONDS} s of warming up; workerd serve`,
      "on one core, the load on the other. The bare Worker parses the JSON with the same framework and inserts one row by RPC;",
      "Conduit is the whole Worker: key, validation, create (task, event, queue, limits) in the store's object, and the ring.",
    ],
    tables: [
      {
        title: "median (range)",
        columns: ["", "accepted/s", "p50 ms", "p99 ms", "workerd CPU"],
        rows: (Object.keys(CONTENDERS) as Contender[]).map((name) => {
          const rounds = results.get(name) ?? [];
          return [
            name,
            describeSummary(rates(name)),
            describeSummary(
              rounds.map(({ latency }) => latency.p50Ms),
              1,
            ),
            describeSummary(
              rounds.map(({ latency }) => latency.p99Ms),
              1,
            ),
            describeSummary(
              rounds.map(({ serverCpu }) => serverCpu),
              2,
            ),
          ];
        }),
      },
    ],
    aims: [
      {
        what: "conduit / bare object, a commit per request",
        aim: `≥ ${FLOOR}`,
        measured: describeSummary(ratios, 2),
        met: quantile(ratios, 0.5) >= FLOOR,
      },
      {
        what: "conduit / bare object, a commit per turn",
        aim: `≥ ${FLOOR}`,
        measured: describeSummary(grouped, 2),
        met: quantile(grouped, 0.5) >= FLOOR,
      },
    ],
    raw: Object.fromEntries(results),
  };
}
