/** What one idle follower - an event socket, or a hub connection - costs in the server's resident memory, 5,000 of them on one task, against bare Bun. */

import {
  alternate,
  type Bench,
  type BenchContext,
  type BenchReport,
  complainAboutSpread,
  describeSummary,
  format,
} from "./harness/bench.ts";
import { CrowdedServer, type FanOutServer } from "./harness/crowd.ts";
import type { Payload } from "./harness/hub-payload.ts";
import { quantile, round } from "./harness/statistics.ts";

const FOLLOWERS = 5000;
/** Connected and gone before the first reading, so that code and pools that come once are not counted. */
const WARM_UP_FOLLOWERS = 500;
const SETTLE_MS = 1500;
const HEALTHY_SPREAD = 1;
/** What Conduit may cost above bare Bun. */
const AIM_EXTRA_BYTES = 5000;

type Round = { bytesPerFollower: number; emptyBytes: number; fullBytes: number };

export const idleMemory = createBench(
  "idle-memory",
  "resident memory per idle WebSocket follower at 5,000, against bare Bun",
  "event",
);
export const hubIdleMemory = createBench(
  "hub-idle-memory",
  "resident memory per idle hub connection with one subscription at 5,000, against bare Bun",
  "json",
);

function createBench(name: string, summary: string, payload: Payload): Bench {
  return { name, summary, run: (context) => compare(context, payload) };
}

async function compare(context: BenchContext, payload: Payload): Promise<BenchReport> {
  const results = await alternate<Round>(
    context,
    (["bun publish", "conduit"] as const).map((name) => ({
      name,
      run: () => measure(context, name, payload),
    })),
    (result) => `${format(result.bytesPerFollower)} bytes per follower`,
  );
  const bytes = (name: FanOutServer) => (results.get(name) ?? []).map((result) => result.bytesPerFollower);
  const bare = bytes("bun publish");
  const ours = bytes("conduit");
  const extra = ours.map((value, index) => value - (bare[index] ?? 0));
  return {
    complaints: complainAboutSpread("bare Bun, bytes per follower", bare, HEALTHY_SPREAD),
    conditions: [
      `${FOLLOWERS} followers of one task, nothing is sent after the snapshot; RSS after a settling time, minus RSS after`,
      `${WARM_UP_FOLLOWERS} followers had come and gone.`,
    ],
    tables: [
      {
        title: "bytes per idle follower, median (range)",
        columns: ["", "bytes"],
        rows: [
          ["bun publish", describeSummary(bare)],
          ["conduit", describeSummary(ours)],
        ],
      },
    ],
    aims: [
      {
        what: "conduit - bare Bun",
        aim: `≤ ${format(AIM_EXTRA_BYTES)} bytes`,
        measured: describeSummary(extra),
        met: quantile(extra, 0.5) <= AIM_EXTRA_BYTES,
      },
    ],
    raw: Object.fromEntries(results),
  };
}

async function measure(context: BenchContext, name: FanOutServer, payload: Payload): Promise<Round> {
  const crowd = await CrowdedServer.start(name, context.temporaryFolder(), payload);
  await crowd.connect(crowd.ready, WARM_UP_FOLLOWERS);
  await crowd.disconnect();
  await Bun.sleep(SETTLE_MS);
  const emptyBytes = crowd.server.residentBytes();
  await crowd.connect(crowd.ready, FOLLOWERS);
  await Bun.sleep(SETTLE_MS);
  const fullBytes = crowd.server.residentBytes();
  await crowd.end();
  return { bytesPerFollower: round((fullBytes - emptyBytes) / FOLLOWERS, 0), emptyBytes, fullBytes };
}
