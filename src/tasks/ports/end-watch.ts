/** The port through which a request waits for a task's end. */

import type { TenantScope } from "../task.ts";

export interface EndWatch {
  /**
   * Resolves once the task has ended, the time is up or the signal aborts, whichever is first; also when there is no
   * such task. MUST NOT miss an end that was committed before the call.
   */
  untilEnded(scope: TenantScope, taskId: string, timeoutMs: number, signal?: AbortSignal): Promise<void>;
}
