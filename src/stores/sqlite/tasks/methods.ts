/** The steps of the task store: each is one body of a transaction, or of a read when it writes nothing. */

import { StoredValueTooLargeError } from "../../../tasks/ports/store-error.ts";
import type {
  AdvanceOutcome,
  CancelOutcome,
  ClaimOptions,
  FollowOutcome,
  Lease,
  PurgeOutcome,
  SweepOutcome,
  TaskStore,
} from "../../../tasks/ports/task-store.ts";
import type { Position, TaskUpdate, TenantScope } from "../../../tasks/task.ts";
import type { StepTransition } from "../../../tasks/transition.ts";
import { assertStateFits, assertTransitionFits, measuredSpec, taskTooLarge } from "../../sizes.ts";
import { claimNext } from "../queue/claims.ts";
import { laneStats, setPause } from "../queue/lanes.ts";
import { nextDueAt } from "../queue/picks.ts";
import { viewTask } from "../queue/positions.ts";
import type { Step } from "../step.ts";
import type { Steps } from "../steps.ts";
import { claimWork, nextWorkAt } from "../work/claims.ts";
import { finishWork, reportLate } from "../work/outcomes.ts";
import { createTask } from "./creation.ts";
import { listTasks } from "./listing.ts";
import { readTaskLog, readTenantLog } from "./logs.ts";
import { dropIdleTenants, FIRST_TENANT, removeTask, retire, unreferencedMedia } from "./retention.ts";
import { visibleTask } from "./scopes.ts";
import { openScope, scopePosition, setTenantFollowed } from "./tenants.ts";
import { applyTransition } from "./transitions.ts";

export function taskMethods(steps: Steps): Omit<TaskStore, "ping" | "close"> {
  const tenantPosition = async (scope: TenantScope): Promise<Position> =>
    (await steps.read((step) => scopePosition(step, scope))) ??
    (await steps.write((step) => openScope(step, scope)));
  // Where the sweep over tenants stands is worth no row: after a restart, or a body that ran twice, it looks again.
  let tenantCursor = FIRST_TENANT;
  return {
    async create(draft, limits) {
      const spec = measuredSpec(steps.specText(draft));
      return await steps.write((step) => createTask(step, draft, spec, limits));
    },
    get: (scope, taskId) =>
      steps.read((step) => {
        const row = visibleTask(step, scope, taskId);
        return row === null ? null : viewTask(step, row);
      }),
    list: (scope, query) => steps.read((step) => listTasks(step, scope, query)),

    claim: (options) => steps.write((step) => claimNext(step, options)),
    renew: (leases, leaseMs) => steps.write((step) => renew(step, leases, leaseMs)),
    async advance(lease, transition, next) {
      assertTransitionFits(transition);
      const outcome = await steps.write((step) => advance(step, lease, transition, next));
      if (outcome instanceof StoredValueTooLargeError) throw outcome;
      return outcome;
    },
    nextDueAt: (lane, providers) => steps.read((step) => nextDueAt(step, lane, providers)),
    pauseProvider: (lane, provider, pauseMs) =>
      steps.write(({ sql, now }) => setPause(sql, lane, provider, pauseMs > 0 ? now + pauseMs : null)),

    cancel: (scope, taskId) => steps.write((step) => cancel(step, scope, taskId)),
    purge: (scope, taskId) => steps.write((step) => purge(step, scope, taskId)),
    sweep: (limit) => steps.write((step) => sweep(step, limit)),

    claimWork: (options) => steps.write((step) => claimWork(step, options)),
    finishWork: (item, outcome) => steps.write((step) => finishWork(step, item, outcome)),
    nextWorkAt: (kind, destinations) => steps.read((step) => nextWorkAt(step, kind, destinations)),
    async reportLate(report) {
      assertStateFits(report.state);
      await steps.write((step) => reportLate(step, report));
    },

    follow: (scope, taskId) => steps.write((step) => follow(step, scope, taskId)),
    unfollow: (scope, taskId) =>
      steps.write((step) => {
        const row = visibleTask(step, scope, taskId);
        if (row?.followed) step.sql.run("UPDATE tasks SET followed = NULL WHERE no = ?", row.no);
      }),
    followTenant: (scope) =>
      steps.write((step) => {
        const position = openScope(step, scope);
        setTenantFollowed(step, scope, true);
        return position;
      }),
    unfollowTenant: (scope) => steps.write((step) => setTenantFollowed(step, scope, false)),
    readLog: (scope, taskId, after, limit) =>
      steps.read((step) => readTaskLog(step, scope, taskId, after, limit)),
    async readTenantLog(scope, after, limit) {
      const outcome = await steps.read((step) => {
        const position = scopePosition(step, scope);
        return position === null ? null : readTenantLog(step, scope, position, after, limit);
      });
      return outcome ?? { outcome: "reset", position: await tenantPosition(scope) };
    },
    positions: (taskIds) => steps.read((step) => positions(step, taskIds)),
    tenantPosition,

    retire: (retention, limit) =>
      steps.write((step) => {
        const outcome = retire(step, retention, limit);
        tenantCursor = dropIdleTenants(step, tenantCursor, limit) ?? FIRST_TENANT;
        return outcome;
      }),
    unreferencedMedia: (files) => steps.read((step) => unreferencedMedia(step, files)),
    stats: () => steps.read(laneStats),
  };
}

const RENEW = `UPDATE tasks SET lease_until = ?1, wake_at = min(?1, deadline_at)
  WHERE id = ?2 AND fence = ?3 AND lease_until IS NOT NULL`;

function renew({ sql, now }: Step, leases: readonly Lease[], leaseMs: number): string[] {
  return leases
    .filter(({ taskId, fence }) => sql.change(RENEW, now + leaseMs, taskId, fence) === 0)
    .map(({ taskId }) => taskId);
}

function advance(
  step: Step,
  lease: Lease,
  transition: StepTransition,
  next: ClaimOptions | undefined,
): AdvanceOutcome | StoredValueTooLargeError {
  const row = step.tasks.byId(step.sql, lease.taskId);
  const holder = row !== null && row.task.fence === lease.fence && row.task.leaseUntil !== null ? row : null;
  const tooLarge = holder === null ? null : taskTooLarge(holder, transition);
  if (tooLarge !== null) return tooLarge;
  const update = holder === null ? null : applyTransition(step, holder, transition);
  const claimed = next === undefined ? [] : claimNext(step, next);
  return update === null ? { applied: false, claimed } : { applied: true, update, claimed };
}

function cancel(step: Step, scope: TenantScope, taskId: string): CancelOutcome {
  const row = visibleTask(step, scope, taskId);
  if (row === null) return { outcome: "not_found" };
  const update = applyTransition(step, row, { kind: "cancel" });
  if (update !== null) return { outcome: "cancelled", update };
  return {
    outcome: row.task.status === "cancelled" ? "already_cancelled" : "already_finished",
    task: row.task,
  };
}

function purge(step: Step, scope: TenantScope, taskId: string): PurgeOutcome {
  const row = visibleTask(step, scope, taskId);
  if (row === null) return "not_found";
  const { finishedAt, settled, openCleanups } = row.task;
  if (finishedAt === null || !settled || openCleanups > 0) return "not_finished";
  removeTask(step, row);
  return "purged";
}

function sweep(step: Step, limit: number): SweepOutcome {
  const { sql, tasks, now } = step;
  const due = sql.all("SELECT no FROM tasks WHERE wake_at <= ? ORDER BY wake_at LIMIT ?", now, limit);
  const updates: TaskUpdate[] = [];
  let requeued = 0;
  for (const { no } of due) {
    const row = tasks.byNo(sql, no as number);
    if (row === null) continue;
    const expired = row.task.deadlineAt <= now;
    const update = applyTransition(step, row, { kind: expired ? "expire" : "orphan" });
    if (update === null) continue;
    if (update.task.finishedAt !== null) updates.push(update);
    else requeued++;
  }
  return { updates, requeued, more: due.length === limit };
}

function follow(step: Step, scope: TenantScope, taskId: string): FollowOutcome | null {
  const row = visibleTask(step, scope, taskId);
  if (row === null) return null;
  if (!row.followed) step.sql.run("UPDATE tasks SET followed = 1 WHERE no = ?", row.no);
  return { view: viewTask(step, row), position: { epoch: row.task.epoch, seq: row.task.seq } };
}

function positions({ sql }: Step, taskIds: readonly string[]): Map<string, Position> {
  const found = new Map<string, Position>();
  for (const id of taskIds) {
    const row = sql.get("SELECT epoch, seq FROM tasks WHERE id = ?", id);
    if (row !== null) found.set(id, { epoch: row.epoch as string, seq: row.seq as number });
  }
  return found;
}
