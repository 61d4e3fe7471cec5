/**
 * The task and account store on SQLite: under Bun a file (or `:memory:`, for tests), on Workers a Durable Object's SQL.
 * Every method is one body of `database.transact`, or one `database.read` when it writes nothing; bodies take all they
 * need as arguments, because a driver may run one again.
 */

import type { AccountStore } from "../../accounts/account-store.ts";
import type { KeyPatch, VirtualKey } from "../../accounts/virtual-key.ts";
import type { TaskType } from "../../protocol/task.ts";
import { cryptoRandom, type RandomFill, randomToken } from "../../tasks/ids.ts";
import { StoredValueTooLargeError } from "../../tasks/ports/store-error.ts";
import type {
  AdvanceOutcome,
  CancelOutcome,
  Claim,
  ClaimOptions,
  CleanupItem,
  CleanupOutcome,
  CreateLimits,
  CreateOutcome,
  FollowOutcome,
  LateReport,
  Lease,
  ListQuery,
  LogRead,
  PurgeOutcome,
  QueueStats,
  Retention,
  RetentionOutcome,
  SweepOutcome,
  TaskDraft,
  TaskPage,
  TaskStore,
  TaskView,
  TenantLogRead,
} from "../../tasks/ports/task-store.ts";
import type { Position, TaskUpdate, TenantScope } from "../../tasks/task.ts";
import type { StepTransition } from "../../tasks/transition.ts";
import { assertScope } from "../scopes.ts";
import { assertStateFits, assertTransitionFits, measuredSpec, taskTooLarge } from "../sizes.ts";
import type { Sql, SqlDatabase } from "../sql.ts";
import { specOf } from "../task-spec.ts";
import { claimNext, releaseHeld } from "./claims.ts";
import { claimCleanups, finishCleanup, giveUpCleanups, nextCleanupAt, reportLate } from "./cleanups.ts";
import { createTask } from "./creation.ts";
import { deleteKey, insertKey, keyByHash, keyById, listKeys, updateKey } from "./keys.ts";
import { laneStats, nextDueAt } from "./lanes.ts";
import { listTasks } from "./listing.ts";
import { readTaskLog, readTenantLog } from "./logs.ts";
import { viewTask } from "./queue-position.ts";
import {
  dropIdleTenants,
  FIRST_TENANT,
  removeTask,
  retire,
  type TenantCursor,
  unreferencedMedia,
} from "./retention.ts";
import { migrate } from "./schema.ts";
import { visibleTask } from "./scopes.ts";
import { taskById, taskByNo } from "./task-row.ts";
import { openTenant, scopePosition, scopeSubject, setTenantFollowed } from "./tenants.ts";
import { applyTransition } from "./transitions.ts";

export type SqliteStoreOptions = {
  database: SqlDatabase;
  /** Wall clock in ms: the time that decides leases, due dates and deadlines. */
  now: () => number;
  random?: RandomFill;
};

export type SqliteStore = TaskStore &
  AccountStore & {
    /**
     * Voids every lease and follower of an earlier boot. Call it once, at the start of the process that owns the
     * data, before anything is claimed. Answers how many tasks are claimable again.
     */
    releaseLeases(): Promise<number>;
  };

/** Characters of an epoch: 62^10 make a guess or a repetition no concern. */
const EPOCH_LENGTH = 10;
/** Rows that one body of a longer job handles, so that nobody waits long behind it. */
const CHUNK = 500;

/**
 * Opens the store in the database, bringing its schema up to date first. When that fails - a newer release wrote it,
 * or it cannot be written - every method rejects with the reason; `ping` tells at once.
 */
export function createSqliteStore(options: SqliteStoreOptions): SqliteStore {
  return new Store(options);
}

class Store implements SqliteStore {
  readonly #database: SqlDatabase;
  readonly #now: () => number;
  readonly #epoch: () => string;
  /** Settles when the schema is up to date; null from then on. */
  #opening: Promise<void> | null;
  #tenantCursor: TenantCursor = FIRST_TENANT;

  constructor({ database, now, random = cryptoRandom }: SqliteStoreOptions) {
    this.#database = database;
    this.#now = now;
    this.#epoch = () => randomToken(EPOCH_LENGTH, random);
    this.#opening = database
      .transact((sql) => migrate(sql, now()))
      .then(() => {
        this.#opening = null;
      });
    // Whoever calls a method hears of it; nobody has to.
    this.#opening.catch(() => {});
  }

  async create(draft: TaskDraft, limits: CreateLimits): Promise<CreateOutcome> {
    const spec = measuredSpec(JSON.stringify(specOf(draft)));
    return await this.#write((sql) => createTask(sql, draft, spec, limits, this.#now(), this.#epoch));
  }

  get(scope: TenantScope, taskId: string): Promise<TaskView | null> {
    return this.#read((sql) => {
      const row = visibleTask(sql, scope, taskId);
      return row === null ? null : viewTask(sql, row);
    });
  }

  list(scope: TenantScope, query: ListQuery): Promise<TaskPage> {
    return this.#read((sql) => listTasks(sql, scope, query));
  }

  claim(options: ClaimOptions): Promise<Claim[]> {
    return this.#write((sql) => claimNext(sql, options, this.#now()));
  }

  renew(leases: readonly Lease[], leaseMs: number): Promise<string[]> {
    return this.#write((sql) => {
      const until = this.#now() + leaseMs;
      return leases
        .filter(
          ({ taskId, fence }) =>
            sql.change(
              `UPDATE tasks SET lease_until = ?1, wake_at = min(?1, deadline_at)
               WHERE id = ?2 AND fence = ?3 AND lease_until IS NOT NULL`,
              until,
              taskId,
              fence,
            ) === 0,
        )
        .map(({ taskId }) => taskId);
    });
  }

  async advance(lease: Lease, transition: StepTransition, next?: ClaimOptions): Promise<AdvanceOutcome> {
    assertTransitionFits(transition);
    const outcome = await this.#write((sql) => {
      const now = this.#now();
      const row = taskById(sql, lease.taskId);
      const holder =
        row !== null && row.task.fence === lease.fence && row.task.leaseUntil !== null ? row : null;
      const tooLarge = holder === null ? null : taskTooLarge(holder, transition);
      if (tooLarge !== null) return tooLarge;
      const update = holder === null ? null : applyTransition(sql, holder, transition, now);
      const claimed = next === undefined ? [] : claimNext(sql, next, now);
      return update === null
        ? { applied: false as const, claimed }
        : { applied: true as const, update, claimed };
    });
    if (outcome instanceof StoredValueTooLargeError) throw outcome;
    return outcome;
  }

  nextDueAt(lane: TaskType): Promise<number | null> {
    return this.#read((sql) => nextDueAt(sql, lane));
  }

  cancel(scope: TenantScope, taskId: string): Promise<CancelOutcome> {
    return this.#write((sql) => {
      const row = visibleTask(sql, scope, taskId);
      if (row === null) return { outcome: "not_found" };
      const update = applyTransition(sql, row, { kind: "cancel" }, this.#now());
      if (update !== null) return { outcome: "cancelled", update };
      return {
        outcome: row.task.status === "cancelled" ? "already_cancelled" : "already_finished",
        task: row.task,
      };
    });
  }

  purge(scope: TenantScope, taskId: string): Promise<PurgeOutcome> {
    return this.#write((sql) => {
      const row = visibleTask(sql, scope, taskId);
      if (row === null) return "not_found";
      if (row.task.finishedAt === null || !row.task.settled) return "not_finished";
      removeTask(sql, row.no);
      return "purged";
    });
  }

  sweep(limit: number): Promise<SweepOutcome> {
    return this.#write((sql) => {
      const now = this.#now();
      const due = sql.all("SELECT no FROM tasks WHERE wake_at <= ? ORDER BY wake_at LIMIT ?", now, limit);
      const updates: TaskUpdate[] = [];
      let requeued = 0;
      for (const { no } of due) {
        const row = taskByNo(sql, no as number);
        if (row === null) continue;
        const expired = row.task.deadlineAt <= now;
        const update = applyTransition(sql, row, { kind: expired ? "expire" : "orphan" }, now);
        if (update !== null && expired) updates.push(update);
        else if (update !== null) requeued++;
      }
      const givenUp = giveUpCleanups(sql, now, limit);
      return { updates, requeued, more: due.length === limit || givenUp === limit };
    });
  }

  claimCleanups(options: { leaseMs: number; max: number }): Promise<CleanupItem[]> {
    return this.#write((sql) => claimCleanups(sql, this.#now(), options.leaseMs, options.max));
  }

  finishCleanup(item: CleanupItem, outcome: CleanupOutcome): Promise<boolean> {
    return this.#write((sql) => finishCleanup(sql, item, outcome, this.#now()));
  }

  nextCleanupAt(): Promise<number | null> {
    return this.#read(nextCleanupAt);
  }

  async reportLate(report: LateReport): Promise<void> {
    assertStateFits(report.state);
    await this.#write((sql) => reportLate(sql, report, this.#now()));
  }

  follow(scope: TenantScope, taskId: string): Promise<FollowOutcome | null> {
    return this.#write((sql) => {
      const row = visibleTask(sql, scope, taskId);
      if (row === null) return null;
      if (!row.followed) sql.run("UPDATE tasks SET followed = 1 WHERE no = ?", row.no);
      return { view: viewTask(sql, row), position: { epoch: row.task.epoch, seq: row.task.seq } };
    });
  }

  async unfollow(scope: TenantScope, taskId: string): Promise<void> {
    await this.#write((sql) => {
      const row = visibleTask(sql, scope, taskId);
      if (row?.followed) sql.run("UPDATE tasks SET followed = NULL WHERE no = ?", row.no);
    });
  }

  followTenant(scope: TenantScope): Promise<Position> {
    return this.#write((sql) => {
      const position = this.#openScope(sql, scope);
      setTenantFollowed(sql, scope.keyId, scopeSubject(scope), true);
      return position;
    });
  }

  async unfollowTenant(scope: TenantScope): Promise<void> {
    await this.#write((sql) => {
      assertScope(scope);
      setTenantFollowed(sql, scope.keyId, scopeSubject(scope), false);
    });
  }

  readLog(scope: TenantScope, taskId: string, after: Position, limit: number): Promise<LogRead> {
    return this.#read((sql) => readTaskLog(sql, scope, taskId, after, limit));
  }

  async readTenantLog(scope: TenantScope, after: Position, limit: number): Promise<TenantLogRead> {
    const outcome = await this.#read((sql) => {
      assertScope(scope);
      const position = scopePosition(sql, scope);
      return position === null ? null : readTenantLog(sql, scope, position, after, limit, this.#now());
    });
    return outcome ?? { outcome: "reset", position: await this.tenantPosition(scope) };
  }

  positions(taskIds: readonly string[]): Promise<Map<string, Position>> {
    return this.#read((sql) => {
      const positions = new Map<string, Position>();
      for (const id of taskIds) {
        const row = sql.get("SELECT epoch, seq FROM tasks WHERE id = ?", id);
        if (row !== null) positions.set(id, { epoch: row.epoch as string, seq: row.seq as number });
      }
      return positions;
    });
  }

  async tenantPosition(scope: TenantScope): Promise<Position> {
    const position = await this.#read((sql) => {
      assertScope(scope);
      return scopePosition(sql, scope);
    });
    return position ?? (await this.#write((sql) => this.#openScope(sql, scope)));
  }

  retire(retention: Retention, limit: number): Promise<RetentionOutcome> {
    return this.#write((sql) => {
      const outcome = retire(sql, retention, limit, this.#now(), this.#epoch);
      // Where the sweep stands is worth no row: after a restart, or a body that ran twice, it merely looks again.
      this.#tenantCursor = dropIdleTenants(sql, this.#tenantCursor, limit) ?? FIRST_TENANT;
      return outcome;
    });
  }

  unreferencedMedia(files: readonly { path: string; taskId: string }[]): Promise<string[]> {
    return this.#read((sql) => unreferencedMedia(sql, files));
  }

  stats(): Promise<QueueStats[]> {
    return this.#read(laneStats);
  }

  async ping(): Promise<void> {
    await this.#read((sql) => sql.get("SELECT vtime FROM lanes LIMIT 1"));
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  async releaseLeases(): Promise<number> {
    let released = 0;
    for (let chunk = CHUNK; chunk === CHUNK; released += chunk)
      chunk = await this.#write((sql) => releaseHeld(sql, this.#now(), CHUNK));
    await this.#write((sql) => {
      sql.run("UPDATE cleanups SET held = 0, fence = fence + 1, due_at = ? WHERE held = 1", this.#now());
      sql.run("UPDATE tasks SET followed = NULL WHERE followed IS NOT NULL");
      sql.run("UPDATE tenants SET followed = 0 WHERE followed = 1");
    });
    return released;
  }

  findKeyByHash(hash: string): Promise<VirtualKey | null> {
    return this.#read((sql) => keyByHash(sql, hash));
  }

  getKey(id: string): Promise<VirtualKey | null> {
    return this.#read((sql) => keyById(sql, id));
  }

  listKeys(limit: number, after: string | null): Promise<{ keys: VirtualKey[]; hasMore: boolean }> {
    return this.#read((sql) => listKeys(sql, limit, after));
  }

  createKey(key: VirtualKey): Promise<void> {
    return this.#write((sql) => insertKey(sql, key));
  }

  updateKey(id: string, patch: KeyPatch, updatedAt: number): Promise<VirtualKey | null> {
    return this.#write((sql) => updateKey(sql, id, patch, updatedAt));
  }

  deleteKey(id: string): Promise<boolean> {
    return this.#write((sql) => deleteKey(sql, id));
  }

  #openScope(sql: Sql, scope: TenantScope): Position {
    assertScope(scope);
    openTenant(sql, scope.keyId, scopeSubject(scope), this.#epoch);
    return scopePosition(sql, scope) as Position;
  }

  #write<T>(body: (sql: Sql) => T): Promise<T> {
    if (this.#opening === null) return this.#database.transact(body);
    return this.#opening.then(() => this.#database.transact(body));
  }

  async #read<T>(body: (sql: Sql) => T): Promise<T> {
    if (this.#opening !== null) await this.#opening;
    return this.#database.read(body);
  }
}
