/**
 * Voice sessions that begin and end: whether all of what a provider says at once arrives when it hangs up behind it, and how soon a
 * caller learns of a provider that cannot be had.
 */

import type { Bench, BenchContext, BenchReport } from "./harness/bench.ts";
import { format } from "./harness/bench.ts";
import type { Child } from "./harness/process.ts";
import {
  behave,
  installVoicePeers,
  startCallers,
  startVoice,
  type VoiceContender,
  type VoiceSide,
} from "./harness/voice-contenders.ts";
import type { VoiceOpened, VoiceTarget } from "./load/voice.ts";
import type { Behaviour } from "./servers/voice-upstream.ts";

const OPENS = 10_000;
/** A peer that tells its callers of no end needs 10 s for each. */
const PEER_OPENS = 100;
const AT_ONCE = 20;
const REFUSALS = 20;
const AIM_REFUSED_MS = 3_000;
const FAILURES: readonly Behaviour[] = ["refuse", "unauthorized", "vanish"];
/** Its address is one where nobody listens. */
const DEAD_MODEL = "xai/grok-voice";

type Result = { name: string; opens: number; opened: VoiceOpened };

export const voiceOpens: Bench = {
  name: "voice-opens",
  summary:
    "realtime voice: first and last event of 10,000 opens, and how soon a provider that cannot be had is told",
  async run(context) {
    const opens = context.option("opens", OPENS);
    const callers = await startCallers();
    const peers = await installVoicePeers(context);
    const sides: VoiceSide[] = ["conduit", ...peers.keys()];
    const bursts: Result[] = [];
    const failures: Result[] = [];
    for (const side of sides) {
      const contender = await startVoice(side, context.temporaryFolder(), peers);
      await behave(contender, "burst");
      const count = side === "conduit" ? opens : Math.min(opens, PEER_OPENS);
      bursts.push(await open(context, callers, side, contender.target, count));
      if (side === "conduit") failures.push(...(await fail(context, callers, contender)));
      await contender.end();
    }
    await callers.end();
    return report(bursts, failures);
  },
};

async function fail(context: BenchContext, callers: Child, contender: VoiceContender): Promise<Result[]> {
  const results: Result[] = [];
  for (const behaviour of FAILURES) {
    await behave(contender, behaviour);
    results.push(await open(context, callers, behaviour, contender.target, REFUSALS));
  }
  const url = new URL(contender.target.url);
  url.searchParams.set("model", DEAD_MODEL);
  results.push(await open(context, callers, "dead", { ...contender.target, url: url.href }, REFUSALS));
  return results;
}

async function open(
  context: BenchContext,
  callers: Child,
  name: string,
  target: VoiceTarget,
  opens: number,
): Promise<Result> {
  callers.send({ type: "open", ...target, opens, atOnce: AT_ONCE });
  const opened = await callers.expect<VoiceOpened>("opened", 600_000);
  const { first, last, whole, longestMs, errors, closes } = opened;
  context.note(
    `${name.padEnd(14)} ${opens} opens: first ${first}, last ${last}, whole ${whole}, longest ${longestMs} ms, ` +
      `errors ${JSON.stringify(errors)}, closes ${JSON.stringify(closes)}`,
  );
  return { name, opens, opened };
}

function report(bursts: readonly Result[], failures: readonly Result[]): BenchReport {
  const own = bursts[0];
  const longest = Math.max(...failures.map(({ opened }) => opened.longestMs));
  const typed = failures.every(({ opens, opened }) => sum(opened.errors) === opens);
  return {
    complaints: [],
    conditions: [
      `A provider over TLS that says session.created and 20 numbered events as soon as a session is open and closes it at once; ${AT_ONCE} sessions at a time.`,
      `Then ${REFUSALS} sessions with one that answers 503, 401, breaks the connection, or is not there. Time runs from the caller's open to its close.`,
    ],
    tables: [
      {
        title: "sessions",
        columns: [
          "",
          "opens",
          "first event",
          "last event",
          "all, in order",
          "errors",
          "closes",
          "longest ms",
          "opens/s",
        ],
        rows: [...bursts, ...failures].map(({ name, opens, opened }) => [
          name,
          format(opens),
          format(opened.first),
          format(opened.last),
          format(opened.whole),
          counts(opened.errors),
          counts(opened.closes),
          format(opened.longestMs),
          format(opened.perSecond),
        ]),
      },
    ],
    aims: [
      {
        what: "first and last event, and all between them in order",
        aim: `${format(own?.opens ?? 0)} of ${format(own?.opens ?? 0)}`,
        measured: `${format(own?.opened.first ?? 0)}, ${format(own?.opened.last ?? 0)}, ${format(own?.opened.whole ?? 0)}`,
        met: own !== undefined && own.opened.whole === own.opens && own.opened.first === own.opens,
      },
      {
        what: "a provider that cannot be had: a typed error, then the close",
        aim: `all, within ${format(AIM_REFUSED_MS)} ms`,
        measured: `${typed ? "all" : "not all"}, ${format(longest)} ms`,
        met: typed && longest <= AIM_REFUSED_MS,
      },
    ],
    raw: { bursts, failures },
  };
}

function counts(of: Record<string, number>): string {
  return Object.entries(of)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}

function sum(of: Record<string, number>): number {
  return Object.values(of).reduce((total, count) => total + count, 0);
}
