/** All due work that this process does: one runner for each kind that has a handler. A new kind is a line in here. */

import { type CleanupWorkDependencies, createCleanupWork } from "./cleanup.ts";
import { type WorkHandler, WorkRunner, type WorkRunnerDependencies } from "./runner.ts";

export type WorkRunnersDependencies = WorkRunnerDependencies &
  CleanupWorkDependencies & {
    /** Of the kinds whose work is no business of tasks. Absent: none. */
    otherWork?: readonly WorkHandler[] | undefined;
  };

/** The handlers of the kinds of `WORK_KINDS` that are done here. */
function createHandlers(dependencies: WorkRunnersDependencies): readonly WorkHandler[] {
  return [createCleanupWork(dependencies), ...(dependencies.otherWork ?? [])];
}

/** The runners as one. */
export class WorkRunners {
  readonly #runners: readonly WorkRunner[];

  constructor(dependencies: WorkRunnersDependencies, options: { leaseMs: number }) {
    this.#runners = createHandlers(dependencies).map(
      (handler) => new WorkRunner(dependencies, handler, options),
    );
  }

  /** There may be work now. */
  ring(): void {
    for (const runner of this.#runners) runner.ring();
  }

  /** Looks whether work is due; rejects when the store cannot be asked. */
  async sweep(): Promise<void> {
    await Promise.all(this.#runners.map((runner) => runner.sweep()));
  }

  /** When the first of what they have put off is to be tried again (wall clock, ms); null when they have put off nothing. */
  get triedAgainAt(): number | null {
    const times = this.#runners.map(({ triedAgainAt }) => triedAgainAt).filter((at) => at !== null);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Resolves once nothing is worked on. */
  async drained(): Promise<void> {
    await Promise.all(this.#runners.map((runner) => runner.drained()));
  }

  /** Takes no further work, and puts off what is still open after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    await Promise.all(this.#runners.map((runner) => runner.stop(graceMs)));
  }
}
