/**
 * One task, many WebSocket followers: how many events per second reach all of them, and how late, against Bun's own
 * publish, `ws` and Socket.IO with the same payload; and what one reader that never reads does to the others.
 */

import type { Bench } from "./harness/bench.ts";
import { reportFanOut } from "./harness/fan-out-report.ts";
import { type FanOutPlan, runSection, runStalled } from "./harness/fan-out-run.ts";

const PLAN: FanOutPlan = {
  payload: "event",
  ladders: {
    500: [100, 200, 400, 800, 1600, 2400],
    5000: [10, 20, 40, 80, 160, 240],
  },
  stepSeconds: 3,
  // About 5 MB, and done before the server loses patience.
  fill: { eventsPerSecond: 5000, seconds: 5 },
};
const CONDITIONS = [
  "one task; Conduit's progress throttle is off: every event is a store transaction (synchronous=FULL) and then a publish;",
  "the others only publish. The same payload for all, about 220 bytes; every follower checks that numbers rise without a hole.",
  "Latency runs from the moment an event was due to its arrival; the crowd shares one core, so at a load CPU near 1 the rate",
  "is a lower bound for the server.",
];

export const fanOut: Bench = {
  name: "fan-out",
  summary:
    "one task, 500 and 5,000 WebSocket followers, against Bun publish, ws and socket.io; stalled reader [--peers=0]",
  async run(context) {
    const small = await runSection(context, PLAN, 500);
    const large = await runSection(context, PLAN, 5000);
    return reportFanOut([small, large], await runStalled(context, PLAN, small), CONDITIONS);
  },
};
