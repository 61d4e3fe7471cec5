/**
 * Runs benches: `bun bench/run.ts <name>… [--rounds=5] [--<option>=<number>] [--dry]`.
 * Without a name it lists them; `--figures` prints what the kept results say, as Markdown. Exit codes: 0 reported, 1 failed, 2 refused because the baseline was unhealthy.
 */

import { accept } from "./accept.ts";
import { acceptLimits } from "./accept-limits.ts";
import { claim } from "./claim.ts";
import { deliveries } from "./deliveries.ts";
import { fanOut } from "./fan-out.ts";
import { film } from "./film.ts";
import { gatewaySync } from "./gateway-sync.ts";
import { type Bench, type BenchContext, TemporaryFolders } from "./harness/bench.ts";
import { complainAboutLoad, describeMachine, hasProgram } from "./harness/machine.ts";
import { endChildren, LOAD_CORE } from "./harness/process.ts";
import { endRedis } from "./harness/redis.ts";
import { keepReport, renderKept, renderReport } from "./harness/report.ts";
import { hubEcho } from "./hub-echo.ts";
import { hubFanOut, hubFanOutBinary } from "./hub-fan-out.ts";
import { hubIdleMemory, idleMemory } from "./idle-memory.ts";
import { lifecycle } from "./lifecycle.ts";
import { loadCheck } from "./load-check.ts";
import { mediaSweep } from "./media-sweep.ts";
import { pickUp } from "./pick-up.ts";
import { startUp } from "./start-up.ts";
import { usage } from "./usage.ts";
import { voice } from "./voice.ts";
import { voiceIdle } from "./voice-idle.ts";
import { voiceOpens } from "./voice-opens.ts";
import { workerAccept } from "./worker-accept.ts";
import { workerFanOut } from "./worker-fan-out.ts";

const BENCHES: readonly Bench[] = [
  accept,
  acceptLimits,
  gatewaySync,
  film,
  lifecycle,
  fanOut,
  idleMemory,
  hubFanOut,
  hubFanOutBinary,
  hubEcho,
  hubIdleMemory,
  startUp,
  pickUp,
  claim,
  mediaSweep,
  usage,
  deliveries,
  voice,
  voiceOpens,
  voiceIdle,
  workerAccept,
  workerFanOut,
  loadCheck,
];
const DEFAULT_ROUNDS = 5;

const [names, options] = readArguments(Bun.argv.slice(2));
const chosen = names.map(findBench);
if (options.has("figures")) {
  console.log(await renderKept());
  process.exit(0);
}
if (chosen.length === 0) {
  console.log(`usage: bun bench/run.ts <name>… [--rounds=${DEFAULT_ROUNDS}] [--dry]\n`);
  for (const { name, summary } of BENCHES) console.log(`  ${name.padEnd(24)} ${summary}`);
  process.exit(0);
}
for (const program of ["taskset", "setpriv"]) {
  if (hasProgram(program)) continue;
  console.error(
    `${program} is missing: it keeps server and load on cores of their own (Debian: apt-get install util-linux)`,
  );
  process.exit(1);
}

// The harness asks and waits on the load's core too, so that the server's core is the server's alone.
Bun.spawnSync(["taskset", "-a", "-c", "-p", String(LOAD_CORE), String(process.pid)]);

const folders = new TemporaryFolders();
process.on("SIGINT", () => void leave(130));
process.on("SIGTERM", () => void leave(143));

let refused = false;
try {
  for (const bench of chosen) await runBench(bench);
} catch (error) {
  console.error(error);
  await leave(1);
}
await leave(refused ? 2 : 0);

async function runBench(bench: Bench): Promise<void> {
  const machine = describeMachine();
  const startedAt = new Date();
  const context: BenchContext = {
    rounds: Number(options.get("rounds") ?? DEFAULT_ROUNDS),
    option: (name, fallback) => Number(options.get(name) ?? fallback),
    flag: (name) => options.has(name),
    temporaryFolder: () => folders.make(),
    note: (text) => console.log(`${new Date().toISOString().slice(11, 19)}  ${text}`),
  };
  const report = await bench.run(context);
  const busy = complainAboutLoad(machine);
  const complaints = busy === null ? report.complaints : [busy, ...report.complaints];
  if (complaints.length > 0 && !options.has("dry")) {
    refused = true;
    console.error(`\n${bench.name}: not reported, the baseline is unhealthy`);
    for (const complaint of complaints) console.error(`  ${complaint}`);
    return;
  }
  console.log(renderReport(bench.name, report, machine));
  if (options.has("dry")) {
    for (const complaint of complaints) console.log(`unhealthy: ${complaint}`);
    console.log("\ndry run: nothing kept");
    return;
  }
  const command = `bun bench/run.ts ${bench.name} ${Bun.argv
    .slice(2)
    .filter((text) => text.startsWith("--"))
    .join(" ")}`;
  console.log(`\nkept in ${await keepReport(bench.name, report, machine, command.trim(), startedAt)}`);
}

async function leave(code: number): Promise<never> {
  await endChildren();
  await endRedis();
  await folders.removeAll();
  process.exit(code);
}

function findBench(name: string): Bench {
  const bench = BENCHES.find((candidate) => candidate.name === name);
  if (bench !== undefined) return bench;
  console.error(
    `no bench is called "${name}"; there are ${BENCHES.map((candidate) => candidate.name).join(", ")}`,
  );
  process.exit(1);
}

function readArguments(words: readonly string[]): [string[], Map<string, string>] {
  const given = new Map<string, string>();
  for (const word of words.filter((candidate) => candidate.startsWith("--"))) {
    const [name = "", value = "1"] = word.slice(2).split("=");
    given.set(name, value);
  }
  return [words.filter((word) => !word.startsWith("--")), given];
}
