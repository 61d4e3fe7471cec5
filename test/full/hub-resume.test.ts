/** The long form of the cut hub connections. Its last result is kept in test/results/hub-resume.json. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hubResumeLoop } from "../fixture/hub-resume/loop.ts";

const DISCONNECTS = 10_000;
const SEED = 1;
const RESULT = join(import.meta.dirname, "../results/hub-resume.json");
const TIMEOUT_MS = 1_800_000;

test(
  `${DISCONNECTS} cut hub connections lose no event of a task, and repeat none`,
  async () => {
    const history = await hubResumeLoop({ seed: SEED, disconnects: DISCONNECTS });
    const result = { date: new Date().toISOString(), command: "bun run test:full", ...history };
    writeFileSync(RESULT, `${JSON.stringify(result, null, 2)}\n`);
    expect(history.violations).toEqual([]);
    expect(history.disconnects).toBeGreaterThanOrEqual(DISCONNECTS);
    for (const [name, count] of Object.entries({ ...history.byTransport, ...history.byManner }))
      expect(count, name).toBeGreaterThan(DISCONNECTS / 20);
  },
  TIMEOUT_MS,
);
