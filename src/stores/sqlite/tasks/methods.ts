/** The steps of the task store: each is one body of a transaction, or of a read when it writes nothing. */

import { StoredValueTooLargeError } from "../../../tasks/ports/store-error.ts";
import type {
  CancelOutcome,
  FollowOutcome,
  PurgeOutcome,
  TaskStore,
} from "../../../tasks/ports/task-store.ts";
import type { Position, Task, TenantScope } from "../../../tasks/task.ts";
import { assertStateFits, assertTransitionFits, measuredSpec } from "../../sizes.ts";
import { dueMedia } from "../due-media.ts";
import { claimWork, nextWorkIn } from "../due-work/claims.ts";
import { finishWork, reportLate } from "../due-work/outcomes.ts";
import { nextDueIn } from "../queue/claim-order.ts";
import { claimNext } from "../queue/claims.ts";
import { renew, sweep } from "../queue/leases.ts";
import { oldestWaitingMs } from "../queue/oldest-waiting.ts";
import { viewTask } from "../queue/positions.ts";
import { laneStats, setPause } from "../queue/queue-counters.ts";
import { dropIdleTenants, FIRST_TENANT, removeTask, retire, unreferencedMedia } from "../retention.ts";
import type { Transaction } from "../transaction.ts";
import type { Transactions } from "../transactions.ts";
import { advance } from "./advance.ts";
import { createTask } from "./creation.ts";
import { holderOf } from "./idempotency.ts";
import { listTasks } from "./listing.ts";
import { readTaskLog, readTenantLog } from "./logs.ts";
import { visibleTask } from "./scopes.ts";
import { openScope, scopePosition, setTenantFollowed } from "./tenants.ts";
import { applyTransition } from "./transitions.ts";
import { countUnreadable } from "./unreadable.ts";

export function taskMethods(transactions: Transactions): Omit<TaskStore, "ping" | "close"> {
  const tenantPosition = async (scope: TenantScope): Promise<Position> =>
    (await transactions.read((tx) => scopePosition(tx, scope))) ??
    (await transactions.write((tx) => openScope(tx, scope)));
  // Not stored: a restart begins the sweep over tenants anew, and what a body that ran twice passed over comes next
  // round.
  let tenantCursor = FIRST_TENANT;
  return {
    async create(draft, limits, next) {
      const spec = measuredSpec(transactions.specText(draft));
      return await transactions.write((tx) => {
        const outcome = createTask(tx, draft, spec, limits);
        if (outcome.outcome !== "created" || next === undefined) return outcome;
        return { ...outcome, claimed: claimNext(tx, next) };
      });
    },
    repeated: (tenant, claim) =>
      transactions.read((tx) => {
        const holder = holderOf(tx, tenant, claim);
        if (holder === "conflict") return { outcome: "conflict" };
        return holder === null ? null : { outcome: "replayed", task: viewTask(tx, holder) };
      }),
    get: (scope, taskId) =>
      transactions.read((tx) => {
        const row = visibleTask(tx, scope, taskId);
        return row === null ? null : viewTask(tx, row);
      }),
    list: (scope, query) => transactions.read((tx) => listTasks(tx, scope, query)),

    claim: (options) => transactions.write((tx) => claimNext(tx, options)),
    renew: (leases, leaseMs) => transactions.write((tx) => renew(tx, leases, leaseMs)),
    async advance(lease, transition, next) {
      assertTransitionFits(transition);
      const outcome = await transactions.write((tx) => advance(tx, lease, transition, next));
      if (outcome instanceof StoredValueTooLargeError) throw outcome;
      return outcome;
    },
    nextDueIn: (lane, providers, kind) => transactions.read((tx) => nextDueIn(tx, lane, providers, kind)),
    pauseProvider: (lane, provider, pauseMs) =>
      transactions.write(({ sql, now }) => setPause(sql, lane, provider, pauseMs > 0 ? now + pauseMs : null)),

    hint: (taskId) => transactions.write((tx) => hint(tx, taskId)),
    cancel: (scope, taskId) => transactions.write((tx) => cancel(tx, scope, taskId)),
    purge: (scope, taskId) => transactions.write((tx) => purge(tx, scope, taskId)),
    sweep: (limit) => transactions.write((tx) => sweep(tx, limit)),

    claimWork: (options) => transactions.write((tx) => claimWork(tx, options)),
    finishWork: (item, outcome) => transactions.write((tx) => finishWork(tx, item, outcome)),
    nextWorkIn: (kind, destinations) => transactions.read((tx) => nextWorkIn(tx, kind, destinations)),
    async reportLate(report) {
      assertStateFits(report.state);
      await transactions.write((tx) => reportLate(tx, report));
    },

    follow: (scope, taskId) => transactions.write((tx) => follow(tx, scope, taskId)),
    unfollow: (scope, taskId) =>
      transactions.write((tx) => {
        const row = visibleTask(tx, scope, taskId);
        if (row?.followed) tx.sql.run("UPDATE tasks SET followed = NULL WHERE no = ?", row.no);
      }),
    followTenant: (scope) =>
      transactions.write((tx) => {
        const position = openScope(tx, scope);
        setTenantFollowed(tx, scope, true);
        return position;
      }),
    unfollowTenant: (scope) => transactions.write((tx) => setTenantFollowed(tx, scope, false)),
    readLog: (scope, taskId, after, limit) =>
      transactions.read((tx) => readTaskLog(tx, scope, taskId, after, limit)),
    async readTenantLog(scope, after, limit) {
      const outcome = await transactions.read((tx) => {
        const position = scopePosition(tx, scope);
        return position === null ? null : readTenantLog(tx, scope, position, after, limit);
      });
      return outcome ?? { outcome: "reset", position: await tenantPosition(scope) };
    },
    positions: (taskIds) => transactions.read((tx) => positions(tx, taskIds)),
    tenantPosition,

    retire: (retention, limit) =>
      transactions.write((tx) => {
        const outcome = retire(tx, retention, limit);
        tenantCursor = dropIdleTenants(tx, tenantCursor, limit) ?? FIRST_TENANT;
        return outcome;
      }),
    dueMedia: (retention, limit, receipt) =>
      transactions.write((tx) => dueMedia(tx, retention, limit, receipt)),
    unreferencedMedia: (files) => transactions.read((tx) => unreferencedMedia(tx, files)),
    stats: () => transactions.read(laneStats),
    oldestWaitingMs: (lane) => transactions.read((tx) => oldestWaitingMs(tx, lane)),
    countUnreadable: () => transactions.read(countUnreadable),
  };
}

function hint(tx: Transaction, taskId: string): Task | null {
  const row = tx.tasks.byId(tx.sql, taskId);
  return row === null ? null : (applyTransition(tx, row, { kind: "hint" })?.task ?? null);
}

function cancel(tx: Transaction, scope: TenantScope, taskId: string): CancelOutcome {
  const row = visibleTask(tx, scope, taskId);
  if (row === null) return { outcome: "not_found" };
  const update = applyTransition(tx, row, { kind: "cancel" });
  if (update !== null) return { outcome: "cancelled", update };
  return {
    outcome: row.task.status === "cancelled" ? "already_cancelled" : "already_finished",
    task: row.task,
  };
}

function purge(tx: Transaction, scope: TenantScope, taskId: string): PurgeOutcome {
  const row = visibleTask(tx, scope, taskId);
  if (row === null) return "not_found";
  const { finishedAt, settled, openCleanups } = row.task;
  if (finishedAt === null || !settled || openCleanups > 0) return "not_finished";
  removeTask(tx, row);
  return "purged";
}

function follow(tx: Transaction, scope: TenantScope, taskId: string): FollowOutcome | null {
  const row = visibleTask(tx, scope, taskId);
  if (row === null) return null;
  if (!row.followed) tx.sql.run("UPDATE tasks SET followed = 1 WHERE no = ?", row.no);
  return { view: viewTask(tx, row), position: { epoch: row.task.epoch, seq: row.task.seq } };
}

function positions({ sql }: Transaction, taskIds: readonly string[]): Map<string, Position> {
  const found = new Map<string, Position>();
  for (const id of taskIds) {
    const row = sql.get("SELECT epoch, seq FROM tasks WHERE id = ?", id);
    if (row !== null) found.set(id, { epoch: row.epoch as string, seq: row.seq as number });
  }
  return found;
}
