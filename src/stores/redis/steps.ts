/** A worker's step as a script and its arguments, in the order of the scripts' heads. */

import type { ClaimOptions, Lease } from "../../tasks/ports/task-store.ts";
import { clampPercent, NO_WORK, type StepTransition } from "../../tasks/transition.ts";
import type { ScriptName } from "./scripts.ts";
import { jsonText } from "./task-reply.ts";

/** The script of a step, and what it gets behind lease, claim and work. */
export function stepScript(
  lease: Lease,
  transition: StepTransition,
  next: ClaimOptions | undefined,
): [ScriptName, ...string[]] {
  const work = "work" in transition ? transition.work : NO_WORK;
  return [
    transition.kind === "snooze" ? "retry" : transition.kind,
    lease.taskId,
    String(lease.fence),
    ...(next === undefined ? ["", "", "", ""] : claimArguments(next)),
    String(work.providerMs),
    String(work.storeMs),
    ...stepArguments(transition),
  ];
}

/** Lane, lease, how many at most, and how many may be held at once ("" = no such limit). */
export function claimArguments({ lane, leaseMs, max, maxHeld }: ClaimOptions): string[] {
  return [lane, String(leaseMs), String(max), maxHeld === undefined ? "" : String(maxHeld)];
}

function stepArguments(transition: StepTransition): string[] {
  switch (transition.kind) {
    case "progress":
      return [String(clampPercent(transition.percent)), jsonText(transition.message)];
    case "save":
      return [jsonText(transition.state)];
    case "pend":
      return [
        jsonText(transition.state),
        String(transition.dueAt),
        String(clampPercent(transition.percent ?? 0)),
        jsonText(transition.message),
      ];
    case "retry":
    case "snooze":
      return [
        String(transition.dueAt),
        jsonText(transition.error.message),
        flag(transition.kind === "snooze"),
      ];
    case "release":
      return [flag(transition.unsure)];
    case "complete":
      return [jsonText(transition.result), String(transition.costMicros)];
    case "fail":
      return [jsonText(transition.error), flag(transition.abandonsJob)];
  }
}

export function flag(value: boolean): string {
  return value ? "1" : "0";
}
