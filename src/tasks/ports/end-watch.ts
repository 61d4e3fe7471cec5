/** The port through which a request waits for a task's end. */

import type { Task, TenantScope } from "../task.ts";

export interface EndWatch {
  /**
   * The ended task, or null where it has to be read: resolves once the task has ended, the time is up or the signal aborts, whichever is first; also when there is no
   * such task. MUST NOT miss an end that was committed before the call.
   */
  untilEnded(
    scope: TenantScope,
    taskId: string,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<Task | null>;
}
