/** What a claim costs when 1,000 tasks wait and when 1,000,000 do: create, claim and finish on the store alone. */

import { join } from "node:path";
import { alternate, type Bench, describeSummary, format, pairRatios } from "./harness/bench.ts";
import { Child, SERVER_CORE } from "./harness/process.ts";
import { quantile } from "./harness/statistics.ts";
import type { ClaimResult } from "./servers/claim-conduit.ts";

const SMALL = 1_000;
const LARGE = 1_000_000;
/** Filling takes about a minute per million. */
const FILL_TIMEOUT_MS = 600_000;
/** "The same", within what the processor's caches and the noise of the machine do to two folders of such sizes. */
const AIM_RATIO = 1.5;

export const claim: Bench = {
  name: "claim",
  summary: `claim cost with ${format(SMALL)} and with --queued=${format(LARGE)} tasks waiting`,
  async run(context) {
    const large = context.option("queued", LARGE);
    const results = await alternate<ClaimResult>(
      context,
      [SMALL, large].map((queued) => ({
        name: String(queued),
        run: () => measure(context.temporaryFolder(), queued),
      })),
      ({ queued, claimMicros, creationsPerSecond }) =>
        `${format(queued)} queued: a claim takes ${claimMicros} µs; filled at ${format(creationsPerSecond)}/s`,
    );
    const micros = (queued: number) =>
      (results.get(String(queued)) ?? []).map(({ claimMicros }) => claimMicros);
    const ratios = pairRatios(micros(large), micros(SMALL));
    return {
      complaints: [],
      conditions: [
        "the store alone, on a file; 100 keys share the queue, tasks of three priorities; a claim takes one task, and the figure is",
        "the mean over one group commit of 100 claims (so it holds a hundredth of an fsync).",
      ],
      tables: [
        {
          title: "µs per claim, median (range)",
          columns: ["tasks waiting", "µs"],
          rows: [SMALL, large].map((queued) => [format(queued), describeSummary(micros(queued), 1)]),
        },
      ],
      aims: [
        {
          what: `claim with ${format(large)} waiting / with ${format(SMALL)}`,
          aim: `≤ ${AIM_RATIO}`,
          measured: describeSummary(ratios, 2),
          met: quantile(ratios, 0.5) <= AIM_RATIO,
        },
      ],
      raw: Object.fromEntries(results),
    };
  },
};

async function measure(folder: string, queued: number): Promise<ClaimResult> {
  const source = join(import.meta.dir, "servers/claim-conduit.ts");
  const child = new Child({
    command: ["bun", source, `--folder=${folder}`, `--queued=${queued}`],
    core: SERVER_CORE,
  });
  const result = await child.expect<ClaimResult>("result", FILL_TIMEOUT_MS);
  await child.end();
  return result;
}
