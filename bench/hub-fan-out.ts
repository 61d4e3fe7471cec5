/**
 * The hubs' broadcast: `TaskProgress` of one task to 500 and 5,000 connections of the image hub, in JSON and in MessagePack,
 * against Bun's own publish, `ws` and Socket.IO with the same payload; and what one reader that never reads does to the others.
 */

import type { Bench } from "./harness/bench.ts";
import { reportFanOut } from "./harness/fan-out-report.ts";
import { type FanOutPlan, runSection, runStalled } from "./harness/fan-out-run.ts";
import type { HubEncoding } from "./harness/hub-payload.ts";

const PLAN = {
  ladders: {
    500: [100, 400, 1500, 3000, 4500],
    5000: [10, 40, 150, 300, 450],
  },
  stepSeconds: 1.5,
  // 4.6 MB of the smaller encoding: the kernel takes 4. And done before the server loses patience.
  fill: { eventsPerSecond: 16_000, seconds: 5 },
} satisfies Omit<FanOutPlan, "payload">;
const FURTHER_AIMS = { timesSocketIo: 4 };

export const hubFanOut = createBench("hub-fan-out", "json", "JSON");
export const hubFanOutBinary = createBench("hub-fan-out-messagepack", "messagepack", "MessagePack");

function createBench(name: string, encoding: HubEncoding, title: string): Bench {
  const plan: FanOutPlan = { ...PLAN, payload: encoding };
  return {
    name,
    summary: `TaskProgress to 500 and 5,000 hub connections in ${title}, against Bun publish, ws and socket.io; stalled reader [--peers=0]`,
    async run(context) {
      const small = await runSection(context, plan, 500);
      const large = await runSection(context, plan, 5000);
      const stalled = await runStalled(context, plan, small);
      return reportFanOut(
        [small, large],
        stalled,
        [
          `one task, ${title}; Conduit's progress throttle is off: every push is a store transaction (synchronous=FULL) with its`,
          "entry in the log, then a publish; the others only publish. The same message for all, handshake and subscription are done.",
          "TaskProgress carries no number and no time: the nth push is taken for the nth offered, a lost one shows in `delivered`",
          "and makes latencies look worse. The crowd shares one core: at a load CPU near 1 the rate is a lower bound.",
        ],
        FURTHER_AIMS,
      );
    },
  };
}
