/**
 * Makes the `n` items of a task by upstream jobs that are begun and asked for later, some items each. Everything that is known
 * is in the state: finished items, and a reference for every job that runs. No finished item is made again, and no job that was
 * begun is begun again.
 */

import type { Json, TaskErrorCode } from "../../../protocol/task.ts";
import type {
  CancelResult,
  Failure,
  StepIo,
  StepOutcome,
  Usage,
} from "../../../tasks/ports/media-provider.ts";
import type { MediaItem } from "../../../tasks/task.ts";
import { isRecord } from "../calls/error-text.ts";
import { ofEndedJob, permanent } from "../calls/failures.ts";
import { UpstreamError } from "../calls/upstream-error.ts";
import { codeOf, type Made, sumOf } from "./items.ts";

/** A job that runs, for the items from `index` on. */
export type RunningJob = {
  readonly index: number;
  readonly count: number;
  /** The adapter's own reference; no key in it. */
  readonly ref: Json;
  /** When it was begun, wall clock. */
  readonly since: number;
  /** What it costs, where the provider says so at once; micro-dollars. */
  readonly costMicros?: number;
};

export type JobReport =
  | { readonly kind: "running"; readonly progress?: number; readonly message?: string }
  | { readonly kind: "made"; readonly made: Made; readonly costMicros?: number }
  /** It is over without a result through no fault of the request: its items are begun again, by the next attempt. */
  | { readonly kind: "lost"; readonly failure: PassingFailure };

export type Begun = Pick<RunningJob, "ref" | "costMicros"> & { readonly report: JobReport };

export type JobsOrder = {
  readonly n: number;
  /** How many items one job makes at most. */
  readonly perJob: number;
  /** As people call the provider. */
  readonly provider: string;
  /** What the last step of the task saved; null at the first. */
  readonly state: Json;
  readonly lastAttempt?: boolean;
  readonly io: Pick<StepIo, "save">;
  /** The wall clock. */
  readonly now: () => number;
  /** Begins a job. Throws `UpstreamError`. */
  begin(count: number, index: number): Promise<Begun>;
  /**
   * How a job is. Throws `UpstreamError`: a final one with `jobOver` when the job has ended, another final one when it cannot be
   * asked for any more, any other is a failure of the call.
   */
  ask(job: RunningJob): Promise<JobReport>;
  /** Until the next question, by how long the youngest job has run, ms. */
  pollAfterMs(elapsedMs: number): number;
};

type Kept = {
  items: MediaItem[];
  errors: { index: number; code: TaskErrorCode; message: string }[];
  usage: Usage;
  jobs: RunningJob[];
  /** Of the finished jobs together, in micro-dollars; null once one of them did not say. */
  costMicros: number | null;
};
type FinalFailure = Extract<Failure, { kind: "permanent" | "content_policy" }>;
/** May not stand in the way the next time. */
type PassingFailure = Exclude<Failure, FinalFailure>;
type Range = { readonly index: number; readonly count: number };

const MOST_PERCENT = 95;

/** One step: asks for what runs, begins what is missing, and answers what became of it. */
export async function stepJobs(order: JobsOrder): Promise<StepOutcome> {
  const kept = readKept(order.state);
  const run = new JobsRun(order, kept);
  await run.askAll();
  await run.beginMissing();
  return await run.outcome();
}

/** The jobs that a state says are running. */
export function runningJobs(state: Json): readonly RunningJob[] {
  return readKept(state).jobs;
}

/** What the provider said it bills for the jobs of a state, in micro-dollars; null where it did not say for all. */
export function billOf(state: Json): number | null {
  const { jobs, costMicros } = readKept(state);
  return jobs.reduce((sum, job) => plus(sum, job.costMicros), costMicros);
}

/** Ends every job of a state; the least sure answer counts for all. Rejects as `cancel` does. */
export async function cancelJobs(
  state: Json,
  cancel: (job: RunningJob) => Promise<"immediate" | "requested">,
): Promise<CancelResult> {
  const answers = await Promise.all(runningJobs(state).map(cancel));
  const cancellation = answers.includes("requested") ? "requested" : "immediate";
  return { cancellation, billedMicros: null, askAgain: false };
}

/** Whether a cancel was refused because there is nothing left to be ended: the job is over, or not known any more. */
export function isOverAlready(error: unknown): boolean {
  if (!(error instanceof UpstreamError) || error.failure.kind !== "permanent") return false;
  return error.failure.code === "invalid_request" || error.failure.code === "provider_error";
}

class JobsRun {
  readonly #order: JobsOrder;
  readonly #kept: Kept;
  /** Of the whole job range: the last final failure. */
  #refusal: Failure | null = null;
  /** A call failed that may work next time. */
  #trouble: PassingFailure | null = null;
  /** A job could not be begun for now. */
  #unbegun: PassingFailure | null = null;
  /** A job has to be begun again. */
  #lost: PassingFailure | null = null;
  /** What is stored does not have all of what is kept. */
  #isChanged = false;
  /** A job may run on that cannot be asked for any more. */
  #leavesJob = false;
  readonly #reports = new Map<number, JobReport>();

  constructor(order: JobsOrder, kept: Kept) {
    this.#order = order;
    this.#kept = kept;
  }

  async askAll(): Promise<void> {
    for (const job of [...this.#kept.jobs]) {
      try {
        this.#take(job, await this.#order.ask(job));
      } catch (error) {
        const failure = failureOf(error);
        if (isFinal(failure)) {
          this.#drop(job);
          this.#fail(job, failure);
          if (failure.jobOver !== true) this.#leavesJob = true;
        } else this.#trouble ??= failure;
      }
    }
  }

  async beginMissing(): Promise<void> {
    if (this.#lost !== null) return;
    const missing = missingRanges(this.#kept, this.#order.n, this.#order.perJob);
    for (const [place, range] of missing.entries()) {
      try {
        const { report, ...begun } = await this.#order.begin(range.count, range.index);
        const job = { ...range, ...begun, since: this.#order.now() };
        this.#kept.jobs.push(job);
        this.#isChanged = true;
        this.#take(job, report);
        // A reference must not be lost with the next job's call; the last one is stored with the step's outcome.
        if (place < missing.length - 1) await this.#save();
      } catch (error) {
        const failure = failureOf(error);
        if (!isFinal(failure)) {
          this.#unbegun = failure;
          return;
        }
        this.#fail(range, failure);
        // What is wrong with the account or the request is wrong with the remaining jobs as well.
        if (failure.kind !== "permanent") continue;
        for (const other of missing.slice(place + 1)) this.#fail(other, failure);
        return;
      }
    }
  }

  async outcome(): Promise<StepOutcome> {
    const { n, lastAttempt, state } = this.#order;
    const { jobs, items } = this.#kept;
    if (this.#lost !== null) {
      // Without the job in its state, whose place the next one takes.
      await this.#save();
      throw new UpstreamError({ ...this.#lost, jobFailed: true });
    }
    if (madeOf(this.#kept) >= n) return this.#over();
    const isLast = lastAttempt === true && this.#unbegun?.kind === "transient" && items.length > 0;
    if (this.#unbegun !== null && jobs.length === 0 && isLast) {
      for (const range of missingRanges(this.#kept, n, 1)) this.#fail(range, this.#unbegun);
      return this.#over();
    }
    const trouble = this.#trouble ?? this.#unbegun;
    if (trouble !== null) {
      // With a state the task is polled, and a failed poll would use no attempt: nothing runs that could be asked.
      const again = jobs.length === 0 && (items.length > 0 || state !== null);
      if (this.#isChanged && madeOf(this.#kept) + jobs.length > 0) await this.#save();
      throw new UpstreamError(again ? { ...trouble, jobFailed: true } : trouble);
    }
    const elapsed = this.#order.now() - Math.max(...jobs.map(({ since }) => since));
    return {
      kind: "pending",
      state: this.#state(),
      pollAfterMs: this.#order.pollAfterMs(elapsed),
      ...this.#progress(),
    };
  }

  #over(): StepOutcome {
    const { items, errors, usage, costMicros } = this.#kept;
    const byIndex = (one: { index: number }, other: { index: number }) => one.index - other.index;
    if (items.length > 0) {
      const cost = costMicros === null ? {} : { costMicros };
      return {
        kind: "done",
        items: items.toSorted(byIndex),
        errors: errors.toSorted(byIndex),
        usage,
        ...cost,
      };
    }
    const refusal =
      this.#refusal ??
      (errors[0] === undefined
        ? permanent("provider_error", `${this.#order.provider} answered without any result.`)
        : failureFrom(errors[0]));
    if (!isFinal(refusal)) return { kind: "failed", failure: { ...refusal, jobFailed: true } };
    return { kind: "failed", failure: this.#leavesJob ? refusal : ofEndedJob(refusal) };
  }

  #take(job: RunningJob, report: JobReport): void {
    this.#reports.set(job.index, report);
    if (report.kind === "running") return;
    this.#drop(job);
    if (report.kind === "lost") {
      if (this.#order.lastAttempt === true) this.#fail(job, report.failure);
      else this.#lost ??= report.failure;
      return;
    }
    const { items, usage, missing } = report.made;
    const taken = items.slice(0, job.count);
    for (const [place, item] of taken.entries()) this.#kept.items.push({ ...item, index: job.index + place });
    const reason =
      missing ?? permanent("provider_error", `${this.#order.provider} did not deliver this one.`);
    this.#fail({ index: job.index + taken.length, count: job.count - taken.length }, reason);
    this.#kept.usage = sumOf(this.#kept.usage, usage ?? {});
    this.#kept.costMicros = plus(this.#kept.costMicros, job.costMicros ?? report.costMicros);
  }

  #drop(job: RunningJob): void {
    this.#isChanged = true;
    this.#kept.jobs = this.#kept.jobs.filter((other) => other !== job);
  }

  #fail({ index, count }: Range, failure: Failure): void {
    if (count > 0) this.#refusal = failure;
    for (let place = 0; place < count; place += 1)
      this.#kept.errors.push({ index: index + place, code: codeOf(failure), message: failure.message });
  }

  /** Finished items count whole, running ones as far as they are said to be; nothing is said while one of them is not. */
  #progress(): { progress?: number; message?: string } {
    const { n } = this.#order;
    const running = this.#kept.jobs.map((job) => ({ job, report: this.#reports.get(job.index) }));
    let percent = madeOf(this.#kept) * 100;
    let isKnown = true;
    let message: string | undefined;
    for (const { job, report } of running) {
      if (report?.kind !== "running") continue;
      if (report.progress === undefined) isKnown = false;
      else percent += report.progress * job.count;
      message ??= report.message;
    }
    return {
      ...(isKnown && { progress: Math.min(MOST_PERCENT, Math.floor(percent / n)) }),
      ...(message !== undefined && { message }),
    };
  }

  async #save(): Promise<void> {
    await this.#order.io.save(this.#state());
    this.#isChanged = false;
  }

  #state(): Json {
    return JSON.parse(JSON.stringify(this.#kept)) as Json;
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof UpstreamError) return error.failure;
  throw error;
}

function isFinal(failure: Failure): failure is FinalFailure {
  return failure.kind === "permanent" || failure.kind === "content_policy";
}

function failureFrom({ code, message }: Kept["errors"][number]): Failure {
  return code === "content_policy_violation" ? { kind: "content_policy", message } : permanent(code, message);
}

function plus(sum: number | null, costMicros: number | undefined): number | null {
  return sum === null || costMicros === undefined ? null : sum + costMicros;
}

function madeOf({ items, errors }: Pick<Kept, "items" | "errors">): number {
  return items.length + errors.length;
}

/** Items that neither came, failed nor are being made, neighbours together. */
function missingRanges({ items, errors, jobs }: Kept, n: number, perJob: number): Range[] {
  const known = new Set([...items, ...errors].map(({ index }) => index));
  for (const { index, count } of jobs)
    for (let place = 0; place < count; place += 1) known.add(index + place);
  const ranges: { index: number; count: number }[] = [];
  for (let index = 0; index < n; index += 1) {
    if (known.has(index)) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last.index + last.count === index && last.count < perJob) last.count += 1;
    else ranges.push({ index, count: 1 });
  }
  return ranges;
}

/** The state of an earlier step. Throws `UpstreamError` for one that cannot be read: what it stood for must not be begun anew. */
function readKept(state: Json): Kept {
  if (state === null) return { items: [], errors: [], usage: {}, jobs: [], costMicros: 0 };
  const isKept =
    isRecord(state) &&
    Array.isArray(state.items) &&
    Array.isArray(state.errors) &&
    Array.isArray(state.jobs) &&
    isRecord(state.usage);
  if (isKept) return structuredClone(state) as unknown as Kept;
  throw new UpstreamError(permanent("provider_error", "What the task had begun cannot be read any more."));
}
