/** Which files a task holds. */

import type { Json } from "../protocol/task.ts";
import type { TaskResult } from "../tasks/task.ts";

/** An unfinished task holds all of its files, a finished one those it names in its result or its state. */
export function holdsFile(
  task: { finishedAt: number | null; result: TaskResult | null; state: Json },
  path: string,
): boolean {
  if (task.finishedAt === null) return true;
  if (task.result?.items.some((item) => item.media.path === path)) return true;
  // The state is the provider's own; a path it names stands in it as a JSON string.
  return task.state !== null && JSON.stringify(task.state).includes(JSON.stringify(path));
}
