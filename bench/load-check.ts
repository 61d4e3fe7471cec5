/** Checks the load generator itself: on the bare baseline it must reach what wrk reaches. */

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
import { hasProgram } from "./harness/machine.ts";
import { Child, LOAD_CORE, pinned, SERVER_CORE } from "./harness/process.ts";
import { quantile } from "./harness/statistics.ts";
import type { HttpLoadResult, HttpLoadRun } from "./load/http.ts";

const PATH = "/v1/images/generations/async";
const BODY = JSON.stringify({
  model: "local/canvas",
  prompt: "a red fox in the snow",
  n: 1,
  size: "1024x1024",
});
const SECONDS = 4;
const CONNECTIONS = 64;
const HEALTHY_SPREAD = 0.3;
/** Below this share of wrk's rate the generator would be measuring itself. */
const ENOUGH = 0.9;

type Load = { perSecond: number; p99Ms: number; loadCpu: number | null };
type Round = Load & CoreUse;

export const loadCheck: Bench = {
  name: "load-check",
  summary: "the HTTP load generator against wrk, on the bare baseline",
  async run(context) {
    if (!hasProgram("wrk"))
      throw new Error("wrk is missing (Debian: apt-get install --no-install-recommends wrk)");
    const results = await alternate<Round>(
      context,
      [
        { name: "own generator", run: () => onBaseline(ownGenerator) },
        { name: "wrk", run: () => onBaseline((port) => wrk(port, context)) },
      ],
      ({ perSecond, p99Ms, serverCpu, foreignCpu }) =>
        `${perSecond} per second, p99 ${p99Ms} ms, server CPU ${serverCpu} (others ${foreignCpu})`,
    );
    return report(results.get("own generator") ?? [], results.get("wrk") ?? []);
  },
};

async function onBaseline(load: (port: number) => Promise<Load>): Promise<Round> {
  const server = new Child({
    command: ["bun", join(import.meta.dir, "servers/constant.ts")],
    core: SERVER_CORE,
  });
  const { port } = await server.expect<{ port: number }>("ready");
  const used = watchCore(server);
  const result = { ...(await load(port)), ...used() };
  await server.end();
  return result;
}

async function ownGenerator(port: number): Promise<Load> {
  const child = new Child({ command: ["bun", join(import.meta.dir, "load/http.ts")], core: LOAD_CORE });
  await child.expect("ready");
  const run: HttpLoadRun = {
    port,
    connections: CONNECTIONS,
    warmUpSeconds: 1,
    seconds: SECONDS,
    request: { method: "POST", path: PATH, headers: { "content-type": "application/json" }, body: BODY },
  };
  child.send({ type: "run", ...run });
  const { perSecond, latency, loadCpu } = await child.expect<HttpLoadResult>("result");
  await child.end();
  return { perSecond, p99Ms: latency.p99Ms, loadCpu };
}

async function wrk(port: number, context: BenchContext): Promise<Load> {
  const script = join(context.temporaryFolder(), "post.lua");
  await Bun.write(
    script,
    `wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\nwrk.body = [[${BODY}]]\n`,
  );
  const child = Bun.spawn(
    // biome-ignore format: one option and its value per pair
    pinned(LOAD_CORE, ["wrk", "-t1", `-c${CONNECTIONS}`, `-d${SECONDS}s`, "--latency", "-s", script, `http://127.0.0.1:${port}${PATH}`]),
    { stderr: "inherit" },
  );
  const text = await new Response(child.stdout).text();
  const [, p99 = "", unit = ""] = /99%\s+([\d.]+)(us|ms|s)/.exec(text) ?? [];
  const toMs = { us: 0.001, ms: 1, s: 1000 }[unit] ?? Number.NaN;
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]),
    p99Ms: Number(p99) * toMs,
    loadCpu: null,
  };
}

function report(own: readonly Round[], theirs: readonly Round[]): BenchReport {
  const rate = (rounds: readonly Round[]) => rounds.map((round) => round.perSecond);
  const ratios = pairRatios(rate(own), rate(theirs));
  const ratio = quantile(ratios, 0.5);
  const row = (name: string, rounds: readonly Round[]) => [
    name,
    describeSummary(rate(rounds)),
    describeSummary(
      rounds.map((round) => round.p99Ms),
      1,
    ),
  ];
  return {
    complaints: [
      ...complainAboutSpread("wrk on the constant", rate(theirs), HEALTHY_SPREAD),
      ...complainAboutOthers("the constant under wrk", theirs),
      ...complainAboutOthers("the constant under the own generator", own),
    ],
    conditions: [`POST ${PATH} to the constant, ${CONNECTIONS} connections, ${SECONDS} s a round`],
    tables: [
      {
        title: "median (range)",
        columns: ["", "requests/s", "p99 ms"],
        rows: [row("own generator", own), row("wrk", theirs)],
      },
    ],
    aims: [
      {
        what: "own generator / wrk",
        aim: `≥ ${ENOUGH}`,
        measured: describeSummary(ratios, 2),
        met: ratio >= ENOUGH,
      },
    ],
    raw: { own, wrk: theirs },
  };
}
