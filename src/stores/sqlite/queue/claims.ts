/** Handing out leases: whose turn it is stands in claim-order.ts, what becomes of the leases in leases.ts. */

import { type Claim, type ClaimOptions, ONLY_SHARD } from "../../../tasks/ports/task-store.ts";
import { candidateOf } from "../../../tasks/task.ts";
import { applyTransition } from "../tasks/transitions.ts";
import { setAside } from "../tasks/unreadable.ts";
import type { Transaction } from "../transaction.ts";
import { pickNext, refreshLane } from "./claim-order.ts";
import { heldIn, moveClaimed } from "./queue-counters.ts";

const ADVANCE_LANE = "UPDATE lanes SET vtime = max(vtime, ?1), held = held + ?2 WHERE lane = ?3";

/** Claims what is due in the lane, fairest first. */
export function claimNext(tx: Transaction, options: ClaimOptions): Claim[] {
  const { sql } = tx;
  const { lane, leaseMs, max, maxHeld } = options;
  const providers = refreshLane(tx, lane, options.providers);
  const free = maxHeld === undefined ? max : Math.min(max, maxHeld - heldIn(tx, lane));
  const claims: Claim[] = [];
  const left = { starts: options.maxStarts ?? max, polls: options.maxPolls ?? max };
  let startTag = -1;
  while (claims.length < free) {
    const pick = pickNext(tx, lane, providers, { starts: left.starts > 0, polls: left.polls > 0 });
    if (pick === null) break;
    const { tenant } = pick.row.task;
    const queue = { keyId: tenant.keyId, lane, provider: candidateOf(pick.row.task).provider };
    const update = applyTransition(tx, pick.row, { kind: "claim", leaseMs }, (from, to, started) =>
      moveClaimed(sql, queue, pick.charge, from, to, started),
    );
    if (update === null) {
      // Its columns contradict each other: it stands among the ready ones and may not be claimed.
      setAside(tx, pick.row.no);
      continue;
    }
    const { task } = update;
    if (pick.begins) left.starts -= 1;
    else left.polls -= 1;
    claims.push({
      lease: { shard: ONLY_SHARD, taskId: task.id, fence: task.fence },
      task,
      update: update.events.length > 0 ? update : null,
    });
    startTag = Math.max(startTag, pick.startTag);
  }
  // The lane's virtual time follows the start tag of what was served last.
  if (claims.length > 0) sql.run(ADVANCE_LANE, startTag, claims.length, lane);
  return claims;
}
