/** From the start of the process to the first 200 of `/health/ready`: in an empty folder, and where a database is already. */

import { alternate, type Bench, describeSummary } from "./harness/bench.ts";
import { Conduit } from "./harness/conduit.ts";
import { quantile, round } from "./harness/statistics.ts";

const STARTS_PER_ROUND = 2;
const AIM_MS = 300;

type Round = { firstMs: number[]; againMs: number[] };

export const startUp: Bench = {
  name: "start-up",
  summary: `process start → ready, ${STARTS_PER_ROUND} starts a round`,
  async run(context) {
    const rounds = await alternate<Round>(
      context,
      [
        {
          name: "conduit",
          run: async () => {
            const result: Round = { firstMs: [], againMs: [] };
            for (let start = 0; start < STARTS_PER_ROUND; start += 1) {
              const folder = context.temporaryFolder();
              result.firstMs.push(await startAndEnd(folder));
              result.againMs.push(await startAndEnd(folder));
            }
            return result;
          },
        },
      ],
      ({ firstMs, againMs }) => `first ${firstMs.join(", ")} ms, again ${againMs.join(", ")} ms`,
    );
    const all = rounds.get("conduit") ?? [];
    const first = all.flatMap(({ firstMs }) => firstMs);
    const again = all.flatMap(({ againMs }) => againMs);
    return {
      complaints: [],
      conditions: [
        "asked every millisecond by another process on the other core; starting bun itself is part of the figure",
      ],
      tables: [
        {
          title: `${first.length} starts each, ms, median (range)`,
          columns: ["", "ms"],
          rows: [
            ["empty folder (database and keys are made)", describeSummary(first)],
            ["existing data directory", describeSummary(again)],
          ],
        },
      ],
      aims: [
        {
          what: "start-up in an empty folder",
          aim: `< ${AIM_MS} ms`,
          measured: `${describeSummary(first)} ms`,
          met: quantile(first, 0.5) < AIM_MS,
        },
      ],
      raw: Object.fromEntries(rounds),
    };
  },
};

async function startAndEnd(folder: string): Promise<number> {
  const conduit = await Conduit.start({ folder });
  await conduit.child.end();
  return round(conduit.readyAfterMs, 1);
}
