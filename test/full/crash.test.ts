/** The long form of the crash loop. Its last result is kept in test/results/crash-loop.json. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { FINDINGS } from "../fixture/crash/autopsy.ts";
import { SIGHTS } from "../fixture/crash/death.ts";
import { type CrashHistory, crashLoop } from "../fixture/crash/loop.ts";
import { CRASH_POINTS } from "../fixture/crash/points.ts";

const ROUNDS = 10;
const KILLS_PER_ROUND = 100;
const SEED = 1;
const RESULT = join(import.meta.dirname, "../results/crash-loop.json");
const TIMEOUT_MS = 2 * 3_600_000;

test(
  `${ROUNDS * KILLS_PER_ROUND} kills lose no task, no event and no picture, whatever they hit`,
  async () => {
    const began = Date.now();
    const rounds: CrashHistory[] = [];
    mkdirSync(dirname(RESULT), { recursive: true });
    for (let round = 0; round < ROUNDS; round++) {
      rounds.push(await crashLoop({ seed: SEED + round, kills: KILLS_PER_ROUND }));
      const result = summary(rounds, began);
      writeFileSync(RESULT, `${JSON.stringify(result, null, 2)}\n`);
    }
    const { violations, deaths, tasksFoundAtAKill } = summary(rounds, began);
    expect(violations).toEqual([]);
    // Every moment that has a name was one a server died at, and every state of a task one it was found in.
    for (const point of CRASH_POINTS) expect(deaths, point).toHaveProperty([point]);
    for (const sight of SIGHTS) expect(deaths, sight).toHaveProperty([`after clients saw: ${sight}`]);
    for (const finding of FINDINGS) expect(tasksFoundAtAKill, finding).toHaveProperty([finding]);
  },
  TIMEOUT_MS,
);

function summary(rounds: readonly CrashHistory[], began: number) {
  const sum = (read: (round: CrashHistory) => number) =>
    rounds.reduce((total, round) => total + read(round), 0);
  return {
    date: new Date(began).toISOString(),
    seconds: Math.round((Date.now() - began) / 1000),
    command: "bun run test:full",
    seeds: rounds.map(({ seed }) => seed),
    kills: sum(({ kills }) => kills),
    violations: rounds.flatMap(({ seed, violations }) => violations.map((what) => `seed ${seed}: ${what}`)),
    tasks: sum(({ tasks }) => tasks),
    ends: merged(rounds.map(({ ends }) => ends)),
    checked: {
      lifecycleEvents: sum(({ events }) => events),
      pictures: sum(({ pictures }) => pictures),
      repeatedCreates: sum(({ repeats }) => repeats),
      resumedStreams: sum(({ reconnects }) => reconnects),
    },
    paintedAgainBecauseUnnamed: sum(({ repainted }) => repainted),
    deaths: merged(rounds.map(({ deaths }) => deaths)),
    tasksFoundAtAKill: merged(rounds.map(({ findings }) => findings)),
  };
}

function merged(counts: readonly Record<string, number>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const each of counts)
    for (const [name, count] of Object.entries(each)) total[name] = (total[name] ?? 0) + count;
  return Object.fromEntries(Object.entries(total).sort(([a], [b]) => a.localeCompare(b)));
}
