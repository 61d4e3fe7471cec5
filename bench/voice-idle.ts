/** What a silent voice session costs in the gateway's resident memory, the socket to its provider included, and whether it lasts. */

import type { Bench, BenchReport } from "./harness/bench.ts";
import { alternate, describeSummary, format } from "./harness/bench.ts";
import { quantile, round } from "./harness/statistics.ts";
import { startCallers, startVoice, type VoiceSide } from "./harness/voice-contenders.ts";

const SESSIONS = 1_000;
/** Opened and gone before the first reading, so that code and pools that come once are not counted. */
const WARM_UP_SESSIONS = 100;
const HOLD_SECONDS = 60;
const SETTLE_MS = 3_000;
const AIM_BYTES = 100_000;
const SIDES = ["relay", "conduit"] as const satisfies readonly VoiceSide[];

type Round = { bytesPerSession: number; dropped: number };

export const voiceIdle: Bench = {
  name: "voice-idle",
  summary: "realtime voice: memory of an idle session, 1,000 held for a minute",
  async run(context) {
    const sessions = context.option("sessions", SESSIONS);
    const seconds = context.option("hold", HOLD_SECONDS);
    const results = await alternate<Round>(
      context,
      SIDES.map((name) => ({ name, run: () => hold(name, context.temporaryFolder(), sessions, seconds) })),
      ({ bytesPerSession, dropped }) => `${format(bytesPerSession)} bytes a session, ${dropped} dropped`,
    );
    return report(results, sessions, seconds);
  },
};

async function hold(side: VoiceSide, folder: string, sessions: number, seconds: number): Promise<Round> {
  const { server, target, end } = await startVoice(side, folder, new Map());
  const callers = await startCallers();
  const held = async (count: number) => {
    callers.send({ type: "hold", ...target, sessions: count });
    await callers.expect("holding");
  };
  const release = async () => {
    callers.send({ type: "release" });
    return (await callers.expect<{ dropped: number }>("released")).dropped;
  };
  await held(WARM_UP_SESSIONS);
  await release();
  await Bun.sleep(SETTLE_MS);
  const empty = server?.residentBytes() ?? 0;
  await held(sessions);
  await Bun.sleep(seconds * 1_000);
  const full = server?.residentBytes() ?? 0;
  const dropped = await release();
  await callers.end();
  await end();
  return { bytesPerSession: round((full - empty) / sessions, 0), dropped };
}

function report(
  results: ReadonlyMap<string, readonly Round[]>,
  sessions: number,
  seconds: number,
): BenchReport {
  const bytes = (name: (typeof SIDES)[number]) =>
    (results.get(name) ?? []).map(({ bytesPerSession }) => bytesPerSession);
  const dropped = (results.get("conduit") ?? []).map((round) => round.dropped);
  return {
    complaints: [],
    conditions: [
      `${format(sessions)} sessions, each with a TLS connection to the provider, held silent for ${seconds} s; RSS then, minus RSS after ${WARM_UP_SESSIONS} sessions`,
      "had come and gone.",
    ],
    tables: [
      {
        title: "bytes per idle session, median (range)",
        columns: ["", "bytes"],
        rows: SIDES.map((name) => [name, describeSummary(bytes(name))]),
      },
    ],
    aims: [
      {
        what: "memory of an idle session",
        aim: `≤ ${format(AIM_BYTES)} bytes`,
        measured: describeSummary(bytes("conduit")),
        met: quantile(bytes("conduit"), 0.5) <= AIM_BYTES,
      },
      {
        what: "sessions dropped",
        aim: "none",
        measured: describeSummary(dropped),
        met: Math.max(...dropped) === 0,
      },
    ],
    raw: Object.fromEntries(results),
  };
}
