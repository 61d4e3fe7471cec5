/** Sees whether the core under test was really the contender's alone: what others used of it, as the kernel counts. */

import { readFileSync } from "node:fs";
import { type Child, SERVER_CORE } from "./process.ts";
import { round } from "./statistics.ts";

/** The kernel's unit in /proc/stat. */
const CLOCK_TICK_MS = 10;
/** Fields of a core's line in /proc/stat: user nice system idle iowait irq softirq steal. */
const IDLE_FIELDS = new Set([3, 4]);
const COUNTED_FIELDS = 8;

/** Above this share of the core for others, a round is disturbed. */
export const MOST_FOREIGN_CPU = 0.15;

export type CoreUse = {
  /** Share of its core that the contender used. */
  serverCpu: number;
  /** Share of that core that anybody else used or the host kept for itself. */
  foreignCpu: number;
};

/** Starts watching; call the answer at the end of the measurement. */
export function watchCore(child: Child): () => CoreUse {
  const startedAt = performance.now();
  const ownBefore = child.cpuMs();
  const busyBefore = busyMs();
  return () => {
    const elapsedMs = performance.now() - startedAt;
    const own = child.cpuMs() - ownBefore;
    const busy = busyMs() - busyBefore;
    return {
      serverCpu: round(own / elapsedMs, 2),
      foreignCpu: round(Math.max(0, busy - own) / elapsedMs, 2),
    };
  };
}

/** A complaint when more than half of the rounds were disturbed, else nothing. */
export function complainAboutOthers(what: string, rounds: readonly { foreignCpu: number }[]): string[] {
  const disturbed = rounds.filter(({ foreignCpu }) => foreignCpu > MOST_FOREIGN_CPU);
  return disturbed.length * 2 > rounds.length
    ? [
        `${what}: in ${disturbed.length} of ${rounds.length} rounds others used more than ${MOST_FOREIGN_CPU} of its core (${disturbed.map(({ foreignCpu }) => foreignCpu).join(", ")})`,
      ]
    : [];
}

function busyMs(): number {
  const line = readFileSync("/proc/stat", "utf8")
    .split("\n")
    .find((candidate) => candidate.startsWith(`cpu${SERVER_CORE} `));
  const fields = (line ?? "").split(/\s+/).slice(1, COUNTED_FIELDS + 1);
  return (
    fields.reduce((sum, field, index) => (IDLE_FIELDS.has(index) ? sum : sum + Number(field)), 0) *
    CLOCK_TICK_MS
  );
}
