/** Due work of the kind `roll_up`: reports what a finished task cost. */

import type { Log } from "../../ports/log.ts";
import type { WorkHandler } from "./runner.ts";

const TIMEOUT_MS = 1_000;

export function createRollUp({ log }: { log: Pick<Log, "info"> }): WorkHandler {
  return {
    kind: "roll_up",
    timeoutMs: TIMEOUT_MS,
    maxPerDestination: 1,
    destinations: () => undefined,
    async run({ item, task }) {
      log.info("A task was charged", { task: item.taskId, micros: task?.costMicros ?? 0 });
      return { kind: "done" };
    },
    failed: () => ({ kind: "again", delayMs: TIMEOUT_MS }),
  };
}
