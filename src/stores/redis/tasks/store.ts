/** The task store on Redis: each method is one script, but where the reducer decides about a task this process does not hold. */

import type { OutboxOptions } from "../../../events/outbox.ts";
import { TASK_TYPES, type TaskType } from "../../../protocol/task.ts";
import type { LateReport, WorkItem, WorkKind } from "../../../tasks/due-work.ts";
import type {
  AdvanceOutcome,
  CancelOutcome,
  Claim,
  ClaimedWork,
  ClaimOptions,
  CreateLimits,
  CreateOutcome,
  DueMedia,
  FollowOutcome,
  IdempotencyClaim,
  Lease,
  ListQuery,
  LogRead,
  MediaRetention,
  PurgeOutcome,
  QueueStats,
  RepeatOutcome,
  Retention,
  RetentionOutcome,
  StepKind,
  SweepOutcome,
  TaskDraft,
  TaskPage,
  TaskStore,
  TaskView,
  TenantLogRead,
  WorkClaimOptions,
  WorkOutcome,
} from "../../../tasks/ports/task-store.ts";
import type { Position, Task, Tenant, TenantScope } from "../../../tasks/task.ts";
import type { StepTransition } from "../../../tasks/transition.ts";
import { assertScope, isVisible } from "../../scopes.ts";
import { assertTransitionFits, taskTooLarge } from "../../sizes.ts";
import { RedisDueWork } from "../due-work.ts";
import { RedisRetention } from "../retention.ts";
import { listReply, numberOf, numberOrNull, textOf } from "../server/replies.ts";
import type { ScriptRunner } from "../server/script-runner.ts";
import { ServerClock } from "../server/server-clock.ts";
import { Commits, claimArguments, listText } from "./commits.ts";
import { creationOf, readCreated, readRepeated } from "./creation.ts";
import type { TaskFields } from "./fields.ts";
import { listScript } from "./listing.ts";
import { RedisLogs } from "./logs.ts";
import type { MadeTasks } from "./made-tasks.ts";
import { scopeArguments } from "./scope-arguments.ts";
import { RedisSweep } from "./sweep.ts";
import { TaskViews } from "./views.ts";

export type RedisTasksOptions = {
  /** Names this process among those that follow logs. */
  readonly node: string;
  /** Makes epochs. */
  readonly token: () => string;
  readonly made: MadeTasks;
  readonly outbox: OutboxOptions | null;
  /** Tests only: replaces the server's clock, ms. */
  readonly now?: (() => number) | undefined;
};

export class RedisTasks implements TaskStore {
  readonly #scripts: ScriptRunner;
  readonly #fields: TaskFields;
  readonly #clock: ServerClock;
  readonly #commits: Commits;
  readonly #work: RedisDueWork;
  readonly #sweep: RedisSweep;
  readonly #retention: RedisRetention;
  readonly #outbox: OutboxOptions | null;
  readonly #logs: RedisLogs;
  readonly #views: TaskViews;
  readonly #token: () => string;
  readonly #made: MadeTasks;

  constructor(
    scripts: ScriptRunner,
    fields: TaskFields,
    { node, token, made, outbox, now }: RedisTasksOptions,
  ) {
    this.#scripts = scripts;
    this.#made = made;
    this.#fields = fields;
    this.#token = token;
    this.#outbox = outbox;
    this.#clock = new ServerClock(now);
    this.#commits = new Commits(scripts, fields, this.#clock, made, outbox);
    this.#work = new RedisDueWork(scripts, this.#commits, fields);
    this.#sweep = new RedisSweep(scripts, this.#commits, fields, this.#clock, node);
    this.#retention = new RedisRetention(scripts, token, node);
    this.#logs = new RedisLogs(scripts, fields, this.#commits, { token, node });
    this.#views = new TaskViews(fields, this.#commits);
  }

  async create(draft: TaskDraft, limits: CreateLimits): Promise<CreateOutcome> {
    const creation = creationOf(this.#fields, draft, limits, this.#token, this.#outbox);
    const { reply, index } = await this.#scripts.many("create", creation.args);
    return readCreated(this.#fields, creation, listReply(reply)[index], this.#made);
  }

  async repeated(tenant: Tenant, claim: IdempotencyClaim): Promise<RepeatOutcome | null> {
    if (claim.takeOver === true) return null;
    const { key, fingerprint, onlyIfEndedWithinMs } = claim;
    const within = String(onlyIfEndedWithinMs ?? "");
    const { keyId, subject } = tenant;
    return readRepeated(
      this.#fields,
      await this.#scripts.run("repeated", keyId, subject, key, fingerprint, within),
    );
  }

  async get(scope: TenantScope, taskId: string): Promise<TaskView | null> {
    const reply = await this.#scripts.run("get", taskId, ...scopeArguments(scope, taskId));
    return this.#views.first(reply);
  }

  async list(scope: TenantScope, query: ListQuery): Promise<TaskPage> {
    assertScope(scope);
    const { views, found } = await this.#views.all(await this.#scripts.run(...listScript(scope, query)));
    return { tasks: views.slice(0, query.limit), hasMore: found > query.limit };
  }

  async claim(options: ClaimOptions): Promise<Claim[]> {
    const [now, claims] = listReply(await this.#scripts.run("claim", ...claimArguments(options, this.#made)));
    this.#clock.learn(numberOf(now));
    return this.#commits.claimed(claims);
  }

  async renew(leases: readonly Lease[], leaseMs: number): Promise<string[]> {
    if (leases.length === 0) return [];
    const held = leases.flatMap(({ taskId, fence }) => [taskId, String(fence)]);
    return listReply(await this.#scripts.run("renew", String(leaseMs), ...held)).map(textOf);
  }

  async advance(lease: Lease, transition: StepTransition, next?: ClaimOptions): Promise<AdvanceOutcome> {
    assertTransitionFits(transition);
    const committed = await this.#commits.commit(lease.taskId, {
      transition({ task, besides }) {
        if (task.fence !== lease.fence || task.leaseUntil === null) return null;
        const refusal = taskTooLarge({ task, specBytes: besides.specBytes }, transition);
        if (refusal !== null) throw refusal;
        return transition;
      },
      ...(next && { next }),
    });
    if (committed.kind === "applied") {
      const { update, claimed } = committed;
      return { applied: true, update, claimed };
    }
    return { applied: false, claimed: next === undefined ? [] : await this.claim(next) };
  }

  async nextDueIn(lane: TaskType, providers?: readonly string[], kind?: StepKind): Promise<number | null> {
    const asked = providers === undefined ? "" : listText(providers);
    return numberOrNull(await this.#scripts.run("nextDue", lane, asked, kind ?? ""));
  }

  async pauseProvider(lane: TaskType, provider: string, pauseMs: number): Promise<void> {
    await this.#scripts.run("pauseProvider", lane, provider, String(Math.max(0, pauseMs)));
  }

  async hint(taskId: string): Promise<Task | null> {
    const committed = await this.#commits.commit(taskId, { transition: () => ({ kind: "hint" }) });
    return committed.kind === "applied" ? committed.update.task : null;
  }

  async cancel(scope: TenantScope, taskId: string): Promise<CancelOutcome> {
    assertScope(scope);
    const committed = await this.#commits.commit(taskId, {
      transition: ({ task }) => (isVisible(scope, task) ? { kind: "cancel" } : null),
    });
    if (committed.kind === "applied") return { outcome: "cancelled", update: committed.update };
    const task = committed.kind === "refused" && committed.stored ? committed.stored.task : null;
    if (task === null || !isVisible(scope, task)) return { outcome: "not_found" };
    return { outcome: task.status === "cancelled" ? "already_cancelled" : "already_finished", task };
  }

  async purge(scope: TenantScope, taskId: string): Promise<PurgeOutcome> {
    return textOf(await this.#scripts.run("purge", taskId, ...scopeArguments(scope, taskId))) as PurgeOutcome;
  }

  sweep(limit: number): Promise<SweepOutcome> {
    return this.#sweep.sweep(limit);
  }

  claimWork(options: WorkClaimOptions): Promise<ClaimedWork[]> {
    return this.#work.claim(options);
  }

  finishWork(item: WorkItem, outcome: WorkOutcome): Promise<boolean> {
    return this.#work.finish(item, outcome);
  }

  nextWorkIn(kind: WorkKind, destinations?: readonly string[]): Promise<number | null> {
    return this.#work.nextIn(kind, destinations);
  }

  reportLate(report: LateReport): Promise<void> {
    return this.#work.reportLate(report);
  }

  follow(scope: TenantScope, taskId: string): Promise<FollowOutcome | null> {
    return this.#logs.follow(scope, taskId);
  }

  unfollow(scope: TenantScope, taskId: string): Promise<void> {
    return this.#logs.unfollow(scope, taskId);
  }

  followTenant(scope: TenantScope): Promise<Position> {
    return this.#logs.followTenant(scope);
  }

  unfollowTenant(scope: TenantScope): Promise<void> {
    return this.#logs.unfollowTenant(scope);
  }

  readLog(scope: TenantScope, taskId: string, after: Position, limit: number): Promise<LogRead> {
    return this.#logs.readLog(scope, taskId, after, limit);
  }

  readTenantLog(scope: TenantScope, after: Position, limit: number): Promise<TenantLogRead> {
    return this.#logs.readTenantLog(scope, after, limit);
  }

  positions(taskIds: readonly string[]): Promise<Map<string, Position>> {
    return this.#logs.positions(taskIds);
  }

  tenantPosition(scope: TenantScope): Promise<Position> {
    return this.#logs.tenantPosition(scope);
  }

  retire(retention: Retention, limit: number): Promise<RetentionOutcome> {
    return this.#retention.retire(retention, limit);
  }

  dueMedia(retention: MediaRetention, limit: number, receipt: string | null): Promise<DueMedia> {
    return this.#retention.dueMedia(retention, limit, receipt);
  }

  unreferencedMedia(files: readonly { path: string; taskId: string }[]): Promise<string[]> {
    return this.#retention.unreferencedMedia(files);
  }

  async stats(): Promise<QueueStats[]> {
    const counts = listReply(await this.#scripts.run("stats", ...TASK_TYPES));
    return TASK_TYPES.map((lane, index) => {
      const [ready = 0, delayed = 0, held = 0] = listReply(counts[index]).map(numberOf);
      return { lane, ready, delayed, held };
    });
  }

  async oldestWaitingMs(lane: TaskType): Promise<number | null> {
    const ms = textOf(await this.#scripts.run("oldestWaiting", lane));
    return ms === "" ? null : Number(ms);
  }

  async countUnreadable(): Promise<number> {
    return numberOf(await this.#scripts.run("countUnreadable"));
  }

  async ping(): Promise<void> {
    await this.#scripts.run("ping");
  }

  async close(): Promise<void> {
    this.#scripts.close();
  }
}
