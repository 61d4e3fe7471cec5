/** What a bench is to the runner: a name, a way to run, and a report that may refuse to speak. */

import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { round, spread, summarize } from "./statistics.ts";

export type BenchContext = {
  rounds: number;
  /** Value of `--name=…` of the command line. */
  option(name: string, fallback: number): number;
  flag(name: string): boolean;
  /** A fresh folder that is removed when the run ends. */
  temporaryFolder(): string;
  /** Tells the person who waits. */
  note(text: string): void;
};

export type Table = { title: string; columns: string[]; rows: string[][] };

export type Aim = { what: string; aim: string; measured: string; met: boolean };

export type BenchReport = {
  /** Why the figures mean nothing: the baseline itself was unhealthy. Nothing is reported or kept when there are any. */
  complaints: string[];
  /** What was measured and what was not, in sentences. */
  conditions: string[];
  tables: Table[];
  aims: Aim[];
  /** Every single round, as it came. */
  raw: unknown;
};

export type Bench = { name: string; summary: string; run(context: BenchContext): Promise<BenchReport> };

export type Contender<Round> = { name: string; run(): Promise<Round> };

/**
 * Runs the contenders in turn, each round in the opposite order of the one before, so that slow drifts of the machine
 * meet all of them alike.
 */
export async function alternate<Round>(
  context: BenchContext,
  contenders: readonly Contender<Round>[],
  describe: (round: Round) => string,
): Promise<Map<string, Round[]>> {
  const results = new Map<string, Round[]>(contenders.map(({ name }) => [name, []]));
  for (let index = 0; index < context.rounds; index += 1) {
    const order = index % 2 === 0 ? contenders : [...contenders].reverse();
    for (const contender of order) {
      const result = await contender.run();
      results.get(contender.name)?.push(result);
      context.note(`round ${index + 1}/${context.rounds}  ${contender.name.padEnd(18)} ${describe(result)}`);
    }
  }
  return results;
}

/** A complaint when the rounds of a baseline lie further apart than `bound` (share of the median), else nothing. */
export function complainAboutSpread(what: string, values: readonly number[], bound: number): string[] {
  const width = spread(summarize(values));
  return width > bound
    ? [`${what}: the rounds lie ${percent(width)} apart, at most ${percent(bound)} is a healthy baseline`]
    : [];
}

/** `median (min-max)` with a number of decimals. */
export function describeSummary(values: readonly number[], digits = 0): string {
  const { median, min, max } = summarize(values);
  return `${format(median, digits)} (${format(min, digits)}-${format(max, digits)})`;
}

/** `ours[i] / theirs[i]` of every round: neighbours in time share the machine's mood. */
export function pairRatios(ours: readonly number[], theirs: readonly number[]): number[] {
  return ours.map((value, index) => round(value / (theirs[index] ?? Number.NaN), 3));
}

export function format(value: number, digits = 0): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** Folders made by one run; `removeAll` when it ends, however it ends. */
export class TemporaryFolders {
  readonly #paths: string[] = [];

  make(): string {
    const path = mkdtempSync(join(tmpdir(), "conduit-bench-"));
    this.#paths.push(path);
    return path;
  }

  async removeAll(): Promise<void> {
    await Promise.all(this.#paths.splice(0).map((path) => rm(path, { recursive: true, force: true })));
  }
}
