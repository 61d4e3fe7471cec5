/** What is handed back so that another process, or this one later, goes on with it. */

import { describeError, type Log } from "../ports/log.ts";
import type { TaskStore } from "../ports/task-store.ts";
import { candidateOf } from "../task.ts";
import type { StepRun } from "./steps/step-run.ts";

/** Hands back the tasks whose provider calls ignored their abort signal; the calls themselves go on unobserved. */
export async function releaseUnstopped(
  runs: Iterable<StepRun>,
  { store, log }: { readonly store: Pick<TaskStore, "advance">; readonly log: Log },
): Promise<void> {
  for (const run of runs) {
    log.warn("provider call did not stop", {
      taskId: run.lease.taskId,
      provider: candidateOf(run.task).provider,
    });
    const release = {
      kind: "release",
      submitUnknown: run.submitUnknown,
      spent: run.takeSpentTime(),
    } as const;
    await store.advance(run.lease, release).catch((error: unknown) => {
      log.error("task could not be handed back", { taskId: run.lease.taskId, cause: describeError(error) });
    });
  }
}
