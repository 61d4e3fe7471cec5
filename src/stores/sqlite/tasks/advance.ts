/** The write of a worker's step, under its fence: what came of it, and the next claim in the same step. */

import type { StoredValueTooLargeError } from "../../../tasks/ports/store-error.ts";
import type { AdvanceOutcome, ClaimOptions, Lease } from "../../../tasks/ports/task-store.ts";
import type { StepTransition } from "../../../tasks/transition.ts";
import { taskTooLarge } from "../../sizes.ts";
import { claimNext } from "../queue/claims.ts";
import type { Transaction } from "../transaction.ts";
import { applyTransition } from "./transitions.ts";

/**
 * Writes the transition while the lease is the task's; of a lease that was lost nothing is written (`applied: false`), and its
 * holder reports what it knows by `reportLate`. Claims for `next` either way, unless the transition does not fit: that is answered.
 */
export function advance(
  tx: Transaction,
  lease: Lease,
  transition: StepTransition,
  next: ClaimOptions | undefined,
): AdvanceOutcome | StoredValueTooLargeError {
  const row = tx.tasks.byId(tx.sql, lease.taskId);
  const holder = row !== null && row.task.fence === lease.fence && row.task.leaseUntil !== null ? row : null;
  const tooLarge = holder === null ? null : taskTooLarge(holder, transition);
  if (tooLarge !== null) return tooLarge;
  const update = holder === null ? null : applyTransition(tx, holder, transition);
  const claimed = next === undefined ? [] : claimNext(tx, next);
  return update === null ? { applied: false, claimed } : { applied: true, update, claimed };
}
