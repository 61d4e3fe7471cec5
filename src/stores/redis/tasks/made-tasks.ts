/**
 * Records of tasks that this process made and that nobody has claimed yet: the claim of one need not read and answer what is known
 * here. Bounded, the oldest go first. A claim is told since which call everything made is known, and says of each task which
 * revision it takes to be known; what is not known after all is read.
 */

/** A record as scripts answer it: its values in the order of the fields. */
export type TaskValues = readonly (string | null)[];

type Made = { readonly rev: string; readonly values: TaskValues; readonly size: number };

const MAX_TASKS = 2_048;
/** Of the records' specs; the rest of a new task is small. */
const MAX_CHARACTERS = 4_000_000;

export class MadeTasks {
  readonly #nameLength: number;
  readonly #made = new Map<string, Made>();
  #characters = 0;
  #since = 0;

  /** A call's name begins with as many characters that name its process. */
  constructor(nameLength: number) {
    this.#nameLength = nameLength;
  }

  /** What was made in this call of the process, or a later one, is known. */
  get since(): number {
    return this.#since;
  }

  /** The task was made at this revision; its spec has so many characters. */
  add(taskId: string, rev: string, values: TaskValues, size: number): void {
    this.#drop(taskId);
    this.#made.set(taskId, { rev, values, size });
    this.#characters += size;
    for (const [oldest, made] of this.#made) {
      if (this.#made.size <= MAX_TASKS && this.#characters <= MAX_CHARACTERS) break;
      this.#drop(oldest);
      this.#since = Math.max(this.#since, this.#callOf(made.rev) + 1);
    }
  }

  /** The record as it was made, which is forgotten; null when it is not known at that revision. */
  take(taskId: string, rev: string): TaskValues | null {
    const made = this.#made.get(taskId);
    this.#drop(taskId);
    return made?.rev === rev ? made.values : null;
  }

  #drop(taskId: string): void {
    this.#characters -= this.#made.get(taskId)?.size ?? 0;
    this.#made.delete(taskId);
  }

  /** The call's number; a sign follows it. */
  #callOf(rev: string): number {
    return Number.parseInt(rev.slice(this.#nameLength, -1), 36);
  }
}
