/** Which files a task holds. */

import type { Task } from "../tasks/task.ts";

/** What says which files a task holds. */
export type Holding = Pick<Task, "finishedAt" | "inputs" | "result" | "state">;

/**
 * An unfinished task holds all of its files, a finished one its inputs - a retry needs them - and those it names in its
 * result or its state.
 */
export function holdsFile(task: Holding, path: string): boolean {
  if (task.finishedAt === null || task.inputs.some((input) => input.path === path)) return true;
  if (task.result?.items.some((item) => item.media.path === path)) return true;
  // The state is the provider's own; a path it names stands in it as a JSON string.
  return task.state !== null && JSON.stringify(task.state).includes(JSON.stringify(path));
}
