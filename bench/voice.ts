/** Voice sessions over a TLS provider, 50 pieces of sound a second each way: what a gateway adds to the round trip, and its CPU for a message. */

import {
  type Aim,
  alternate,
  type Bench,
  type BenchContext,
  type BenchReport,
  type Contender,
  describeSummary,
  pairRatios,
} from "./harness/bench.ts";
import { type CoreUse, complainAboutOthers, watchCore } from "./harness/core-watch.ts";
import { quantile, round } from "./harness/statistics.ts";
import {
  installVoicePeers,
  startCallers,
  startVoice,
  type VoicePeers,
  type VoiceSide,
} from "./harness/voice-contenders.ts";
import type { VoiceTalked } from "./load/voice.ts";

const SESSIONS = 200;
const SECONDS = 10;
const WARM_UP_SECONDS = 4;
/** Above this share of its core the load, with the provider beside it, may itself be what is slow. */
const MOST_LOAD_CPU = 0.6;
const MICROS_PER_MS = 1_000;
const BYTES_PER_MIB = 2 ** 20;
const AIM_P99 = 2;
const AIM_CPU = 1.5;
const AIM_TRANSLATED = 2;

type VoiceRound = VoiceTalked & CoreUse & { microsPerFrame: number; residentMiB: number };
type Rounds = ReadonlyMap<string, readonly VoiceRound[]>;

export const voice: Bench = {
  name: "voice",
  summary:
    "realtime voice: what is added to the round trip and CPU per message, against a relay and (--peers) Portkey and LiteLLM",
  async run(context) {
    const sessions = context.option("sessions", SESSIONS);
    const peers = await installVoicePeers(context);
    const sides: VoiceSide[] = ["direct", "relay", "conduit", "conduit, translated", ...peers.keys()];
    const contenders = sides.map(
      (side): Contender<VoiceRound> => ({ name: side, run: () => measure(context, side, sessions, peers) }),
    );
    const results = await alternate(
      context,
      contenders,
      ({ latency, microsPerFrame, serverCpu, loadCpu, missing, misplaced, closed }) =>
        `p50 ${latency.p50Ms} ms, p99 ${latency.p99Ms} ms, ${microsPerFrame} µs a message, CPU ${serverCpu}, load ${loadCpu}; ` +
        `missing ${missing}, misplaced ${misplaced}, closed ${closed}`,
    );
    return report(results, sessions, context.option("seconds", SECONDS));
  },
};

async function measure(
  context: BenchContext,
  side: VoiceSide,
  sessions: number,
  peers: VoicePeers,
): Promise<VoiceRound> {
  const { server, target, end } = await startVoice(side, context.temporaryFolder(), peers);
  const callers = await startCallers();
  callers.send({
    type: "talk",
    ...target,
    sessions,
    warmUpSeconds: WARM_UP_SECONDS,
    seconds: context.option("seconds", SECONDS),
    inOrder: side !== "conduit, translated",
  });
  await callers.expect("measuring");
  const used = server === null ? null : watchCore(server);
  const cpuBefore = server?.cpuMs() ?? 0;
  await callers.expect("measured");
  const cpuMs = (server?.cpuMs() ?? 0) - cpuBefore;
  const use = used?.() ?? { serverCpu: 0, foreignCpu: 0 };
  const residentMiB = round((server?.residentBytes() ?? 0) / BYTES_PER_MIB, 0);
  const talked = await callers.expect<VoiceTalked>("talked");
  await callers.end();
  await end();
  return {
    ...talked,
    ...use,
    microsPerFrame: round((cpuMs * MICROS_PER_MS) / Math.max(1, talked.frames), 2),
    residentMiB,
  };
}

function report(results: Rounds, sessions: number, seconds: number): BenchReport {
  const of = (name: VoiceSide) => results.get(name) ?? [];
  const complaints = ["relay", "conduit"].flatMap((name) =>
    complainAboutOthers(name, results.get(name) ?? []),
  );
  const busy = [...results].filter(([, rounds]) => rounds.some(({ loadCpu }) => loadCpu > MOST_LOAD_CPU));
  if (busy.length > 0)
    complaints.push(
      `the load used more than ${MOST_LOAD_CPU} of its core, which it shares with the provider: fewer --sessions`,
    );
  return {
    complaints,
    conditions: [
      `${sessions} sessions, 50 messages a second and session to the provider, each answered by one with as much sound (1,280 characters of base64),`,
      `a response with usage each second, ${seconds} s after ${WARM_UP_SECONDS} s of warming up. Callers (plain WebSocket; TLS in \`direct\`) and the provider (TLS) share core 1,`,
      "what is between them has core 0. The relay parses and counts every message and does nothing else. Conduit is the whole program with SQLite;",
      "translated: to Gemini Live, 24 kHz to 16 kHz. The round trip is from the sending of a piece to its echo; added: minus that of `direct` in the same round.",
    ],
    tables: [table(results)],
    aims: aims(of),
    raw: Object.fromEntries(results),
  };
}

function table(results: Rounds) {
  const direct = results.get("direct") ?? [];
  const relay = results.get("relay") ?? [];
  return {
    title: "median (range)",
    columns: [
      "",
      "p50 ms",
      "p99 ms",
      "added p50",
      "added p99",
      "µs CPU a message",
      "/ relay",
      "CPU",
      "RSS MiB",
      "missing",
    ],
    rows: [...results].map(([name, rounds]) => {
      const figure = (read: (result: VoiceRound) => number, digits: number) =>
        describeSummary(rounds.map(read), digits);
      return [
        name,
        figure(({ latency }) => latency.p50Ms, 2),
        figure(({ latency }) => latency.p99Ms, 1),
        describeSummary(added(rounds, direct, 0.5), 2),
        describeSummary(added(rounds, direct, 0.99), 2),
        figure(({ microsPerFrame }) => microsPerFrame, 1),
        describeSummary(pairRatios(micros(rounds), micros(relay)), 2),
        figure(({ serverCpu }) => serverCpu, 2),
        figure(({ residentMiB }) => residentMiB, 0),
        figure(({ missing, misplaced, closed }) => missing + misplaced + closed, 0),
      ];
    }),
  };
}

function aims(of: (name: VoiceSide) => readonly VoiceRound[]): Aim[] {
  const addedRatios = (name: VoiceSide, q: 0.5 | 0.99) =>
    pairRatios(added(of(name), of("direct"), q), added(of("relay"), of("direct"), q));
  const cpuRatios = (name: VoiceSide) => pairRatios(micros(of(name)), micros(of("relay")));
  const lost = [...of("conduit"), ...of("conduit, translated")].map(
    ({ missing, misplaced, closed }) => missing + misplaced + closed,
  );
  const all: Aim[] = [
    atMost("conduit's added p99 / the relay's", addedRatios("conduit", 0.99), AIM_P99),
    atMost("conduit's CPU a message / the relay's", cpuRatios("conduit"), AIM_CPU),
    atMost("translated, added p99 / the relay's", addedRatios("conduit, translated", 0.99), AIM_TRANSLATED),
    atMost("translated, CPU a message / the relay's", cpuRatios("conduit, translated"), AIM_TRANSLATED),
    {
      what: "pieces missing or misplaced, and sessions closed",
      aim: "none",
      measured: describeSummary(lost),
      met: Math.max(...lost) === 0,
    },
  ];
  for (const peer of ["portkey", "litellm"] as const) {
    if (of(peer).length === 0) continue;
    all.push(
      atMost(
        `conduit's added p99 / ${peer}'s`,
        pairRatios(added(of("conduit"), of("direct"), 0.99), added(of(peer), of("direct"), 0.99)),
        1,
      ),
    );
  }
  return all;
}

function added(rounds: readonly VoiceRound[], direct: readonly VoiceRound[], q: 0.5 | 0.99): number[] {
  const read = ({ latency }: VoiceRound) => (q === 0.5 ? latency.p50Ms : latency.p99Ms);
  return rounds.map((own, index) => {
    const base = direct[index];
    return round(read(own) - (base === undefined ? Number.NaN : read(base)), 3);
  });
}

function micros(rounds: readonly VoiceRound[]): number[] {
  return rounds.map(({ microsPerFrame }) => microsPerFrame);
}

function atMost(what: string, ratios: readonly number[], bound: number): Aim {
  return {
    what,
    aim: `≤ ${bound}`,
    measured: describeSummary(ratios, 2),
    met: quantile(ratios, 0.5) <= bound,
  };
}
