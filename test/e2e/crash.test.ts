/**
 * Killed with SIGKILL twenty times, at drawn moments of a task's life, under clients that never stop working: nothing that
 * was accepted is lost, told twice or painted twice. `bun run test:full` does the same a thousand times.
 */

import { expect, test } from "vitest";
import { crashLoop } from "../fixture/crash/loop.ts";

const KILLS = 20;
const SEED = 20_261_122;
/** About 12 s on two free cores. */
const TIMEOUT_MS = 120_000;

test(
  `${KILLS} kills lose no task, no event and no picture`,
  async () => {
    const history = await crashLoop({ seed: SEED, kills: KILLS });
    expect(history.violations, JSON.stringify(history, null, 2)).toEqual([]);
    // A history in which nothing happened would have no violations either.
    expect(history.tasks).toBeGreaterThan(KILLS);
    expect(history.pictures).toBeGreaterThan(0);
    expect(history.reconnects).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);
