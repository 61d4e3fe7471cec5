/**
 * Hub connections over all three transports cut two hundred times while tasks run: nothing is missed, told twice or told out
 * of order. `bun run test:full` does the same ten thousand times.
 */

import { expect, test } from "vitest";
import { hubResumeLoop } from "../fixture/hub-resume/loop.ts";

const DISCONNECTS = 200;
const SEED = 20_261_122;
/** About 6 s on two free cores. */
const TIMEOUT_MS = 90_000;

test(
  `${DISCONNECTS} cut hub connections lose no event of a task, and repeat none`,
  async () => {
    const history = await hubResumeLoop({ seed: SEED, disconnects: DISCONNECTS });
    expect(history.violations, JSON.stringify(history, null, 2)).toEqual([]);
    // A history in which nothing happened would have no violations either.
    expect(history.disconnects).toBeGreaterThanOrEqual(DISCONNECTS);
    for (const count of Object.values(history.byTransport)) expect(count).toBeGreaterThan(0);
    for (const count of Object.values(history.byManner)) expect(count).toBeGreaterThan(0);
    for (const count of Object.values(history.checked)) expect(count).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);
