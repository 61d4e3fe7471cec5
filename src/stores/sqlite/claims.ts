/** Handing out leases, and taking them all back at a new boot. */

import type { Claim, ClaimOptions } from "../../tasks/ports/task-store.ts";
import type { Sql } from "../sql.ts";
import { advanceLane, heldIn, moveClaimed, pickNext, promote } from "./lanes.ts";
import { taskByNo } from "./task-row.ts";
import { applyTransition } from "./transitions.ts";

/** Claims what is due in the lane, fairest first. */
export function claimNext(sql: Sql, options: ClaimOptions, now: number): Claim[] {
  const { lane, leaseMs, max, maxHeld } = options;
  promote(sql, lane, now);
  const free = maxHeld === undefined ? max : Math.min(max, maxHeld - heldIn(sql, lane));
  const claims: Claim[] = [];
  let startTag = -1;
  while (claims.length < free) {
    const pick = pickNext(sql, lane);
    if (pick === null) break;
    const update = applyTransition(
      sql,
      pick.row,
      { kind: "claim", leaseUntil: now + leaseMs },
      now,
      (from, to, started) => moveClaimed(sql, pick, from, to, started),
    );
    if (update === null) throw new Error(`Task ${pick.row.task.id} is ready and cannot be claimed`);
    const { task } = update;
    claims.push({
      lease: { taskId: task.id, fence: task.fence },
      task,
      update: update.events.length > 0 ? update : null,
    });
    startTag = Math.max(startTag, pick.startTag);
  }
  if (claims.length > 0) advanceLane(sql, lane, claims.length, startTag);
  return claims;
}

/** Voids the leases of at most `limit` tasks, whoever holds them; answers how many there were. */
export function releaseHeld(sql: Sql, now: number, limit: number): number {
  const held = sql.all(
    `SELECT t.no FROM lane_keys k JOIN tasks t ON t.key_id = k.key_id AND t.status = 'running' AND t.type = k.lane
     WHERE k.held > 0 AND t.lease_until IS NOT NULL LIMIT ?`,
    limit,
  );
  for (const { no } of held) {
    const row = taskByNo(sql, no as number);
    if (row !== null) applyTransition(sql, row, { kind: "orphan" }, now);
  }
  return held.length;
}
