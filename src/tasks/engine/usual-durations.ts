/** How long jobs usually take: what this process has seen lately, else what is known of the model beforehand. */

import type { TaskType } from "../../protocol/task.ts";
import { type Candidate, candidateOf, type Task } from "../task.ts";

/**
 * How long a job of a model usually takes where none was seen yet, ms (> 0). Null for a model whose provider says how far a job
 * is, and for one that is not known: nothing is estimated of them.
 */
export type DurationSeeds = (candidate: Candidate, type: TaskType) => number | null;

/** What decides how long a job takes. */
export type SizedJob = Pick<Task, "type" | "route" | "candidate" | "request"> & {
  readonly inputs: { readonly length: number };
};

/** Of each class the last ones are remembered. */
const KEPT_DURATIONS = 15;
/** Classes remembered; the one that was seen longest ago is forgotten first. */
const MAX_CLASSES = 500;
const PIXELS_PER_MEGAPIXEL = 1_000_000;

/** Kept in memory by provider, model and what makes a job long or short. A new process begins with the seeds. */
export class UsualDurations {
  readonly #seeds: DurationSeeds;
  /** Durations by class, oldest first; the class seen last is the last. */
  readonly #seen = new Map<string, readonly number[]>();

  constructor(seeds: DurationSeeds) {
    this.#seeds = seeds;
  }

  /** How long the task's present attempt will usually take, ms; null where nothing is to be estimated. */
  usualMs(task: SizedJob): number | null {
    const seed = this.#seeds(candidateOf(task), task.type);
    if (seed === null) return null;
    const seen = this.#seen.get(classOf(task));
    return seen === undefined ? seed : Math.max(1, medianOf(seen));
  }

  /** Learns from a task that has just ended; only one completed by an attempt that did all of the work says anything. */
  note(task: Task): void {
    const done = task.attempts.at(-1);
    if (task.status !== "completed" || done?.outcome !== "completed") return;
    const before = task.attempts.at(-2);
    // An attempt before may have left finished items to it.
    if (before?.outcome === "retried" && before.provider === done.provider && before.model === done.model)
      return;
    if (this.#seeds(candidateOf(task), task.type) === null) return;
    const key = classOf(task);
    const seen = [...(this.#seen.get(key) ?? []), done.ms].slice(-KEPT_DURATIONS);
    this.#seen.delete(key);
    this.#seen.set(key, seen);
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= MAX_CLASSES) break;
      this.#seen.delete(oldest);
    }
  }
}

/** What decides how long a job takes: who makes it, how much of it, how large, how good, and whether from pictures. */
function classOf(task: SizedJob): string {
  const { provider, model } = candidateOf(task);
  const { n, size, quality, duration } = task.request;
  return JSON.stringify([
    provider,
    model,
    task.type,
    n,
    megapixelsOf(size),
    quality ?? null,
    duration === undefined ? null : Math.ceil(duration),
    task.inputs.length > 0,
  ]);
}

/** Whole megapixels, rounded up; null for a size that names no sides. */
function megapixelsOf(size: string | undefined): number | null {
  const [width, height] = (size ?? "").split("x").map(Number);
  const pixels = (width ?? Number.NaN) * (height ?? Number.NaN);
  return Number.isFinite(pixels) ? Math.ceil(pixels / PIXELS_PER_MEGAPIXEL) : null;
}

/** Of at least one number. */
function medianOf(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? upper;
  return (lower + upper) / 2;
}
