/** The built-in model of films: processor time of the whole program, from the request to the stored film. */

import { alternate, type Bench, type BenchContext, describeSummary } from "./harness/bench.ts";
import { AUTHORIZED, Conduit } from "./harness/conduit.ts";
import { type CoreUse, complainAboutOthers, watchCore } from "./harness/core-watch.ts";
import { quantile, round } from "./harness/statistics.ts";

const FILM = {
  model: "local/motion",
  prompt: "a sailboat on the sea at sunset",
  duration: 4,
  size: "640x360",
  seed: 7,
};
const WAIT_SECONDS = 60;
const FILMS_PER_ROUND = 3;
const AIM_SECONDS = 3;
const MS_PER_SECOND = 1_000;
const BYTES_PER_KIB = 1_024;

type Drawn = { cpuSeconds: number; seconds: number; kiB: number };
type Round = CoreUse & { first: Drawn; later: Drawn[] };

export const film: Bench = {
  name: "film",
  summary: `local/motion, ${FILM.duration} s at ${FILM.size}: processor seconds, on one core`,
  async run(context) {
    const results = await alternate<Round>(
      context,
      [{ name: "conduit", run: () => measure(context) }],
      ({ first, later }) =>
        `first ${first.cpuSeconds} s of the processor, later ${later.map(({ cpuSeconds }) => cpuSeconds).join(", ")}`,
    );
    const rounds = results.get("conduit") ?? [];
    const first = rounds.map((one) => one.first);
    const later = rounds.flatMap((one) => one.later);
    const row = (name: string, drawn: readonly Drawn[]) => [
      name,
      describeSummary(
        drawn.map(({ cpuSeconds }) => cpuSeconds),
        2,
      ),
      describeSummary(
        drawn.map(({ seconds }) => seconds),
        2,
      ),
      describeSummary(drawn.map(({ kiB }) => kiB)),
    ];
    const cpu = first.map(({ cpuSeconds }) => cpuSeconds);
    return {
      complaints: complainAboutOthers("conduit", rounds),
      conditions: [
        `The program on one core, ${JSON.stringify(FILM)}; all its threads count, from the request to the answer`,
        "of `Prefer: wait`. The first film of a process has the start of the drawing thread in it.",
      ],
      tables: [
        {
          title: "median (range)",
          columns: ["", "processor s", "s", "KiB"],
          rows: [row("first film of a process", first), row("later films", later)],
        },
      ],
      aims: [
        {
          what: "first film of a process, processor time",
          aim: `< ${AIM_SECONDS} s`,
          measured: `${describeSummary(cpu, 2)} s`,
          met: quantile(cpu, 0.5) < AIM_SECONDS,
        },
      ],
      raw: Object.fromEntries(results),
    };
  },
};

async function measure(context: BenchContext): Promise<Round> {
  const conduit = await Conduit.start({ folder: context.temporaryFolder() });
  const used = watchCore(conduit.child);
  const first = await draw(conduit);
  const later: Drawn[] = [];
  while (later.length < FILMS_PER_ROUND - 1) later.push(await draw(conduit));
  const use = used();
  await conduit.child.end();
  return { ...use, first, later };
}

async function draw(conduit: Conduit): Promise<Drawn> {
  const cpuBefore = conduit.child.cpuMs();
  const startedAt = performance.now();
  const answer = await fetch(conduit.url("/v1/videos/generations/async"), {
    method: "POST",
    headers: { ...AUTHORIZED, prefer: `wait=${WAIT_SECONDS}` },
    body: JSON.stringify(FILM),
  });
  const task = (await answer.json()) as { status?: string; result?: { videos: { url: string }[] } };
  const seconds = (performance.now() - startedAt) / MS_PER_SECOND;
  const cpuSeconds = (conduit.child.cpuMs() - cpuBefore) / MS_PER_SECOND;
  const url = task.result?.videos[0]?.url;
  if (task.status !== "completed" || url === undefined)
    throw new Error(`no film came: ${answer.status} ${JSON.stringify(task).slice(0, 500)}`);
  const bytes = await (await fetch(url)).arrayBuffer();
  return {
    cpuSeconds: round(cpuSeconds, 2),
    seconds: round(seconds, 2),
    kiB: Math.round(bytes.byteLength / BYTES_PER_KIB),
  };
}
