/** How long webhooks of a live receiver wait when as many are to go to one that never answers. */

import { join } from "node:path";
import { alternate, type Bench, describeSummary, format, pairRatios } from "./harness/bench.ts";
import { Child, SERVER_CORE } from "./harness/process.ts";
import { quantile } from "./harness/statistics.ts";
import type { DeliveriesResult } from "./servers/deliveries-conduit.ts";

const PENDING = 10_000;
const TIMEOUT_MS = 300_000;
/** Of the live one's p99 beside a dead one, to that of the live one alone. */
const AIM_RATIO = 1.5;

export const deliveries: Bench = {
  name: "deliveries",
  summary: `--pending=${format(PENDING)} webhooks, half of them to a receiver that never answers: how long the other half waits`,
  async run(context) {
    const live = Math.floor(context.option("pending", PENDING) / 2);
    const measure = (dead: number) => () => send(context.temporaryFolder(), live, dead);
    const results = await alternate<DeliveriesResult>(
      context,
      [
        { name: "live alone", run: measure(0) },
        { name: "beside a dead one", run: measure(live) },
      ],
      ({ p50Ms, p99Ms, lastMs }) => `p50 ${p50Ms} ms, p99 ${p99Ms} ms, last after ${lastMs} ms`,
    );
    const p99 = (name: string) => (results.get(name) ?? []).map(({ p99Ms }) => p99Ms);
    const p50 = (name: string) => (results.get(name) ?? []).map(({ p50Ms }) => p50Ms);
    const ratios = pairRatios(p99("beside a dead one"), p99("live alone"));
    return {
      complaints: [],
      conditions: [
        "one process with the store on a file; all deliveries are due at the start, those to both receivers in turn; the delay is from",
        "the start to the arrival. The live receiver is in the same process; the dead one takes connections and answers nothing.",
      ],
      tables: [
        {
          title: `delay of ${format(live)} deliveries to the live receiver, ms, median (range)`,
          columns: ["", "p50", "p99"],
          rows: [...results.keys()].map((name) => [
            name,
            describeSummary(p50(name)),
            describeSummary(p99(name)),
          ]),
        },
      ],
      aims: [
        {
          what: "p99 beside a dead receiver to p99 alone",
          aim: `≤ ${AIM_RATIO}`,
          measured: describeSummary(ratios, 2),
          met: quantile(ratios, 0.5) <= AIM_RATIO,
        },
      ],
      raw: Object.fromEntries(results),
    };
  },
};

async function send(folder: string, live: number, dead: number): Promise<DeliveriesResult> {
  const source = join(import.meta.dir, "servers/deliveries-conduit.ts");
  const child = new Child({
    command: ["bun", source, `--folder=${folder}`, `--live=${live}`, `--dead=${dead}`],
    core: SERVER_CORE,
  });
  const result = await child.expect<DeliveriesResult>("result", TIMEOUT_MS);
  await child.end();
  return result;
}
