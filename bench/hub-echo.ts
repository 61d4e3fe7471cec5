/** How many calls of a hub method are answered per second, and how soon, over 1 and 50 connections; a bare echo beside it. */

import { join } from "node:path";
import {
  alternate,
  type Bench,
  type BenchContext,
  complainAboutSpread,
  describeSummary,
  format,
} from "./harness/bench.ts";
import { complainAboutOthers, watchCore } from "./harness/core-watch.ts";
import type { HubEncoding } from "./harness/hub-payload.ts";
import { Child, LOAD_CORE, SERVER_CORE } from "./harness/process.ts";
import type { Called, Calling } from "./load/hub-callers.ts";

const CONNECTIONS = [1, 50] as const;
const SECONDS = 3;
const WARM_UP_SECONDS = 1;
const HEALTHY_SPREAD = 0.4;

const CONTENDERS = [
  { name: "bun echo", hub: false, encoding: "json" },
  { name: "conduit, JSON", hub: true, encoding: "json" },
  { name: "conduit, MessagePack", hub: true, encoding: "messagepack" },
] as const satisfies readonly { name: string; hub: boolean; encoding: HubEncoding }[];

type Contender = (typeof CONTENDERS)[number];
type Round = (Called & { connections: number; serverCpu: number; foreignCpu: number })[];

export const hubEcho: Bench = {
  name: "hub-echo",
  summary:
    "calls of a hub method answered per second over 1 and 50 connections, and their p99; a bare echo beside it",
  async run(context) {
    const results = await alternate<Round>(
      context,
      CONTENDERS.map((contender) => ({ name: contender.name, run: () => measure(context, contender) })),
      (round) =>
        round
          .map(
            ({ connections, answersPerSecond, latency }) =>
              `${connections}: ${format(answersPerSecond)}/s, p99 ${latency.p99Ms} ms`,
          )
          .join("   "),
    );
    const at = (name: string, connections: number) =>
      (results.get(name) ?? []).flatMap((round) =>
        round.filter((called) => called.connections === connections),
      );
    return {
      complaints: CONNECTIONS.flatMap((connections) => [
        ...complainAboutSpread(
          `bare echo, ${connections} connections`,
          at("bun echo", connections).map(({ answersPerSecond }) => answersPerSecond),
          HEALTHY_SPREAD,
        ),
        ...complainAboutOthers(`bare echo, ${connections} connections`, at("bun echo", connections)),
      ]),
      conditions: [
        "each connection calls, waits for the answer, calls again; the method (an unsubscription of nothing) does no work of its own.",
        "The bare echo sends the same bytes back and understands nothing.",
      ],
      tables: CONNECTIONS.map((connections) => ({
        title: `${connections} connection${connections === 1 ? "" : "s"}, median (range)`,
        columns: ["", "answers/s", "p50 ms", "p99 ms", "server CPU", "load CPU"],
        rows: CONTENDERS.map(({ name }) => {
          const column = (read: (called: Round[number]) => number, digits: number) =>
            describeSummary(at(name, connections).map(read), digits);
          return [
            name,
            column(({ answersPerSecond }) => answersPerSecond, 0),
            column(({ latency }) => latency.p50Ms, 3),
            column(({ latency }) => latency.p99Ms, 3),
            column(({ serverCpu }) => serverCpu, 2),
            column(({ loadCpu }) => loadCpu, 2),
          ];
        }),
      })),
      aims: [],
      raw: Object.fromEntries(results),
    };
  },
};

async function measure(context: BenchContext, { hub, encoding }: Contender): Promise<Round> {
  const argv = hub
    ? ["fan-out-conduit.ts", `--folder=${context.temporaryFolder()}`, `--payload=${encoding}`]
    : ["echo-bun.ts"];
  const [file, ...options] = argv;
  const server = new Child({
    command: ["bun", join(import.meta.dir, "servers", file as string), ...options],
    core: SERVER_CORE,
  });
  const load = new Child({
    command: ["bun", join(import.meta.dir, "load/hub-callers.ts")],
    core: LOAD_CORE,
  });
  const [ready] = await Promise.all([
    server.expect<Pick<Calling, "port" | "path" | "headers">>("ready"),
    load.expect("ready"),
  ]);
  const round: Round = [];
  for (const connections of CONNECTIONS) {
    const used = watchCore(server);
    const calling: Calling = {
      port: ready.port,
      path: ready.path,
      headers: ready.headers,
      encoding,
      hub,
      connections,
      seconds: SECONDS,
      warmUpSeconds: WARM_UP_SECONDS,
    };
    load.send({ ...calling, type: "call" });
    const { answersPerSecond, latency, loadCpu } = await load.expect<Called>("called");
    round.push({ connections, answersPerSecond, latency, loadCpu, ...used() });
  }
  await load.end();
  await server.end();
  return round;
}
