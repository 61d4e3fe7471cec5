/**
 * The store on Redis 7: over TCP, or Upstash over REST, through the same client. Every method is one script
 * (scripts/**), and one round trip; where the reducer decides about a task that this process does not hold, one more loads it.
 * Time that decides is the server's. One server, no cluster: scripts name keys of several tasks and tenants (which ones there
 * are: scripts.ts).
 */

import type { KeyStep } from "../../accounts/account-store.ts";
import type { AuditDraft, AuditQuery } from "../../accounts/audit-store.ts";
import type { Budget, BudgetWindow } from "../../accounts/budgets.ts";
import type { EphemeralKeyDraft } from "../../accounts/ephemeral/ephemeral-key-store.ts";
import type { CustomerBudgetStep, MovementPlace } from "../../accounts/ledger-store.ts";
import type { KeyPatch, VirtualKey } from "../../accounts/virtual-key.ts";
import type { OutboxBatch, OutboxClaim, OutboxOptions, OutboxOutcome } from "../../events/outbox.ts";
import { TASK_TYPES, type TaskType } from "../../protocol/task.ts";
import type {
  SessionCounters,
  SessionDraft,
  SessionEnd,
  SessionLimits,
} from "../../realtime/session-store.ts";
import type { LateReport, WorkItem, WorkKind } from "../../tasks/due-work.ts";
import { cryptoRandom, type RandomFill, randomToken } from "../../tasks/ids.ts";
import type { BatchDraft } from "../../tasks/ports/batch-store.ts";
import {
  type AdvanceOutcome,
  type CancelOutcome,
  type Claim,
  type ClaimedWork,
  type ClaimOptions,
  type CreateLimits,
  type CreateOutcome,
  type DueMedia,
  type FollowOutcome,
  type IdempotencyClaim,
  type Lease,
  type ListQuery,
  type LogRead,
  type MediaRetention,
  ONLY_SHARD,
  type PurgeOutcome,
  type QueueStats,
  type RepeatOutcome,
  type Retention,
  type RetentionOutcome,
  type StepKind,
  type SweepOutcome,
  type TaskDraft,
  type TaskPage,
  type TaskView,
  type TenantLogRead,
  type WorkClaimOptions,
  type WorkOutcome,
} from "../../tasks/ports/task-store.ts";
import type { Position, Task, Tenant, TenantScope } from "../../tasks/task.ts";
import type { StepTransition } from "../../tasks/transition.ts";
import type { DeliveryQuery } from "../../webhooks/delivery-store.ts";
import type { EndpointPatch, WebhookEndpoint } from "../../webhooks/endpoint-store.ts";
import type { SigningSecret } from "../../webhooks/secret-store.ts";
import { DATA_RELEASE, type DataRelease } from "../release.ts";
import { assertScope, isVisible } from "../scopes.ts";
import { assertTransitionFits, taskTooLarge } from "../sizes.ts";
import type { Store } from "../store.ts";
import { type FieldTable, TASK_FIELDS } from "../task-fields.ts";
import { RedisAudit } from "./accounts/audit.ts";
import { RedisEndpoints } from "./accounts/endpoints.ts";
import { RedisEphemeralKeys } from "./accounts/ephemeral-keys.ts";
import { RedisAccounts } from "./accounts/keys.ts";
import { RedisBatches } from "./batches.ts";
import { RedisDeliveries } from "./deliveries.ts";
import { RedisDueWork } from "./due-work.ts";
import { RedisLedger } from "./ledger.ts";
import { RedisOutbox } from "./outbox.ts";
import { RedisRetention } from "./retention.ts";
import { prepare } from "./schema/conversion.ts";
import { Scripts } from "./scripts.ts";
import { listReply, numberOf, numberOrNull, textOf } from "./server/replies.ts";
import { type ScriptClient, ScriptRunner, type Together } from "./server/script-runner.ts";
import { ServerClock } from "./server/server-clock.ts";
import { RedisSessions } from "./sessions.ts";
import { Commits, claimArguments, listText } from "./tasks/commits.ts";
import { creationOf, readCreated, readRepeated } from "./tasks/creation.ts";
import { TaskFields } from "./tasks/fields.ts";
import { listScript } from "./tasks/listing.ts";
import { RedisLogs } from "./tasks/logs.ts";
import { scopeArguments } from "./tasks/scope-arguments.ts";
import { RedisSweep } from "./tasks/sweep.ts";
import { TaskViews } from "./tasks/views.ts";
import { RedisUsage } from "./usage.ts";

export type RedisStoreOptions = {
  /** An Upstash client without automatic deserialization and without automatic pipelining. */
  redis: ScriptClient;
  /** Names this process among those that follow logs: a word, different at every boot. */
  node: string;
  /** Before every key; default `conduit:`. */
  prefix?: string;
  /** Waits before a call whose answer was lost is sent again, ms; on top of what the client itself repeats. */
  repeatAfterMs?: readonly number[];
  random?: RandomFill;
  /** Tests only: replaces the server's clock, ms. */
  now?: () => number;
  /** Where callers may wait for one another (TCP): calls of one turn share a script. */
  together?: Together;
  /** Which domain events are written. Default: none. */
  outbox?: OutboxOptions | null;
  /** Tests only: the fields and the number of another release. */
  fields?: FieldTable;
  release?: DataRelease;
};

const DEFAULT_PREFIX = "conduit:";
/** A restarted server is back within a second; who waits longer should hear of it. */
const REPEAT_AFTER_MS = [100, 500];
/** Characters of an epoch, and of what the names of a process's calls begin with: 62^10 make a repetition no concern. */
const TOKEN_LENGTH = 10;

/** The store in the Redis behind the client. Nothing is asked of the server before the first call. */
export function createRedisStore(options: RedisStoreOptions): Store {
  return new RedisStore(options);
}

class RedisStore implements Store {
  readonly #scripts: ScriptRunner;
  readonly #fields: TaskFields;
  readonly #clock: ServerClock;
  readonly #commits: Commits;
  readonly #accounts: RedisAccounts;
  readonly #audit: RedisAudit;
  readonly #ledger: RedisLedger;
  readonly #usage: RedisUsage;
  readonly #work: RedisDueWork;
  readonly #sessions: RedisSessions;
  readonly #batches: RedisBatches;
  readonly #endpoints: RedisEndpoints;
  readonly #ephemeralKeys: RedisEphemeralKeys;
  readonly #deliveries: RedisDeliveries;
  readonly #sweep: RedisSweep;
  readonly #retention: RedisRetention;
  readonly #outbox: RedisOutbox;
  readonly #outboxOptions: OutboxOptions | null;
  readonly #logs: RedisLogs;
  readonly #views: TaskViews;
  readonly #token: () => string;

  constructor(options: RedisStoreOptions) {
    const {
      redis,
      node,
      prefix = DEFAULT_PREFIX,
      repeatAfterMs = REPEAT_AFTER_MS,
      random = cryptoRandom,
      now,
      together,
      fields = TASK_FIELDS,
      release = DATA_RELEASE,
      outbox = null,
    } = options;
    if (!/^\S+$/.test(node)) throw new TypeError(`node: expected a word, got ${JSON.stringify(node)}`);
    this.#token = () => randomToken(TOKEN_LENGTH, random);
    const boot = this.#token();
    let calls = 0;
    this.#fields = new TaskFields(fields);
    this.#clock = new ServerClock(now);
    this.#scripts = new ScriptRunner({
      client: redis,
      scripts: new Scripts(this.#fields, release, outbox),
      prefix,
      shard: ONLY_SHARD,
      repeatAfterMs,
      nonce: () => `${boot}${(calls++).toString(36)}`,
      ...(now && { now }),
      ...(together && { together }),
    });
    this.#scripts.onUnprepared(() => prepare(this.#scripts, this.#fields));
    this.#commits = new Commits(this.#scripts, this.#fields, this.#clock, outbox);
    this.#outbox = new RedisOutbox(this.#scripts);
    this.#outboxOptions = outbox;
    this.#accounts = new RedisAccounts(this.#scripts);
    this.#audit = new RedisAudit(this.#scripts);
    this.#ledger = new RedisLedger(this.#scripts);
    this.#usage = new RedisUsage(this.#scripts);
    this.#work = new RedisDueWork(this.#scripts, this.#commits, this.#fields);
    this.#sessions = new RedisSessions(this.#scripts, outbox);
    this.#batches = new RedisBatches(this.#scripts, this.#fields, this.#token, outbox);
    this.#endpoints = new RedisEndpoints(this.#scripts);
    this.#ephemeralKeys = new RedisEphemeralKeys(this.#scripts);
    this.#deliveries = new RedisDeliveries(this.#scripts);
    this.#sweep = new RedisSweep(this.#scripts, this.#commits, this.#fields, this.#clock, node);
    this.#retention = new RedisRetention(this.#scripts, this.#token, node);
    this.#logs = new RedisLogs(this.#scripts, this.#fields, this.#commits, { token: this.#token, node });
    this.#views = new TaskViews(this.#fields, this.#commits);
  }

  async create(draft: TaskDraft, limits: CreateLimits): Promise<CreateOutcome> {
    const creation = creationOf(this.#fields, draft, limits, this.#token, this.#outboxOptions);
    const { reply, index } = await this.#scripts.many("create", creation.args);
    return readCreated(this.#fields, creation, listReply(reply)[index]);
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
    const [now, claims] = listReply(await this.#scripts.run("claim", ...claimArguments(options)));
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

  findKeyByHash(hash: string): Promise<VirtualKey | null> {
    return this.#accounts.findKeyByHash(hash);
  }

  getKey(id: string): Promise<VirtualKey | null> {
    return this.#accounts.getKey(id);
  }

  listKeys(limit: number, after: string | null): Promise<{ keys: VirtualKey[]; hasMore: boolean }> {
    return this.#accounts.listKeys(limit, after);
  }

  createKey(key: VirtualKey, step?: KeyStep) {
    return this.#accounts.createKey(key, step);
  }

  updateKey(id: string, patch: KeyPatch, updatedAt: number, step?: KeyStep) {
    return this.#accounts.updateKey(id, patch, updatedAt, step);
  }

  deleteKey(id: string, step?: KeyStep) {
    return this.#accounts.deleteKey(id, step);
  }

  getDeletedKey(id: string) {
    return this.#accounts.getDeletedKey(id);
  }

  listDeletedKeys(limit: number, after: string | null) {
    return this.#accounts.listDeletedKeys(limit, after);
  }

  recallAnswer(id: string) {
    return this.#accounts.recallAnswer(id);
  }

  recordAudit(draft: AuditDraft) {
    return this.#audit.recordAudit(draft);
  }

  listAudit(query: AuditQuery) {
    return this.#audit.listAudit(query);
  }

  keyStanding(keyId: string) {
    return this.#ledger.keyStanding(keyId);
  }

  customerStanding(keyId: string, customer: string) {
    return this.#ledger.customerStanding(keyId, customer);
  }

  setCustomerBudget(keyId: string, customer: string, budget: Budget | null, step?: CustomerBudgetStep) {
    return this.#ledger.setCustomerBudget(keyId, customer, budget, step);
  }

  listSpendMarks(keyId: string, limit: number) {
    return this.#ledger.listSpendMarks(keyId, limit);
  }

  balance(keyId: string, customer: string | null, window: BudgetWindow) {
    return this.#ledger.balance(keyId, customer, window);
  }

  listHolds(keyId: string, limit: number) {
    return this.#ledger.listHolds(keyId, limit);
  }

  listMovements(keyId: string, page: { limit: number; before: MovementPlace | null }) {
    return this.#ledger.listMovements(keyId, page);
  }

  claimEvents(claim: OutboxClaim) {
    return this.#outbox.claimEvents(claim);
  }

  finishEvents(batch: Pick<OutboxBatch, "fence" | "first" | "rows">, outcome: OutboxOutcome) {
    return this.#outbox.finishEvents(batch, outcome);
  }

  outboxStats() {
    return this.#outbox.outboxStats();
  }

  createEphemeralKey(draft: EphemeralKeyDraft, maxLive: number | null) {
    return this.#ephemeralKeys.createEphemeralKey(draft, maxLive);
  }

  findEphemeralKey(hash: string) {
    return this.#ephemeralKeys.findEphemeralKey(hash);
  }

  listBalanceKeys(after: string | null, limit: number) {
    return this.#ledger.listBalanceKeys(after, limit);
  }

  checkBalances(keyId: string) {
    return this.#ledger.checkBalances(keyId);
  }

  usage(...asked: Parameters<RedisUsage["usage"]>) {
    return this.#usage.usage(...asked);
  }

  usageOfKeys(...asked: Parameters<RedisUsage["usageOfKeys"]>) {
    return this.#usage.usageOfKeys(...asked);
  }

  usageOfCustomers(...asked: Parameters<RedisUsage["usageOfCustomers"]>) {
    return this.#usage.usageOfCustomers(...asked);
  }

  createEndpoint(endpoint: WebhookEndpoint, maxPerKey: number) {
    return this.#endpoints.createEndpoint(endpoint, maxPerKey);
  }

  getEndpoint(keyId: string, id: string) {
    return this.#endpoints.getEndpoint(keyId, id);
  }

  listEndpoints(keyId: string) {
    return this.#endpoints.listEndpoints(keyId);
  }

  updateEndpoint(keyId: string, id: string, patch: EndpointPatch, updatedAt: number) {
    return this.#endpoints.updateEndpoint(keyId, id, patch, updatedAt);
  }

  deleteEndpoint(keyId: string, id: string) {
    return this.#endpoints.deleteEndpoint(keyId, id);
  }

  openDelivery(id: string) {
    return this.#deliveries.openDelivery(id);
  }

  listDeliveries(keyId: string | null, query: DeliveryQuery) {
    return this.#deliveries.listDeliveries(keyId, query);
  }

  taskDeliveries(taskId: string) {
    return this.#deliveries.taskDeliveries(taskId);
  }

  replayDelivery(keyId: string | null, id: string) {
    return this.#deliveries.replayDelivery(keyId, id);
  }

  countDeliveries() {
    return this.#deliveries.countDeliveries();
  }

  signingSecrets(keyId: string) {
    return this.#deliveries.signingSecrets(keyId);
  }

  setSigningSecrets(keyId: string, secrets: readonly SigningSecret[], expected: string | null) {
    return this.#deliveries.setSigningSecrets(keyId, secrets, expected);
  }

  createBatch(draft: BatchDraft, limits: CreateLimits) {
    return this.#batches.createBatch(draft, limits);
  }

  repeatedBatch(tenant: Tenant, claim: IdempotencyClaim) {
    return this.#batches.repeatedBatch(tenant, claim);
  }

  getBatch(scope: TenantScope, batchId: string) {
    return this.#batches.getBatch(scope, batchId);
  }

  listBatches(scope: TenantScope, page: { limit: number; after: string | null }) {
    return this.#batches.listBatches(scope, page);
  }

  cancelBatch(scope: TenantScope, batchId: string) {
    return this.#batches.cancelBatch(scope, batchId);
  }

  openSession(draft: SessionDraft, limits: SessionLimits, leaseMs: number) {
    return this.#sessions.openSession(draft, limits, leaseMs);
  }

  renewSession(id: string, fence: number, leaseMs: number, counters: SessionCounters) {
    return this.#sessions.renewSession(id, fence, leaseMs, counters);
  }

  endSession(id: string, fence: number, end: SessionEnd) {
    return this.#sessions.endSession(id, fence, end);
  }

  keepCall(id: string, fence: number, callId: string) {
    return this.#sessions.keepCall(id, fence, callId);
  }
  raiseHold(id: string, fence: number, reservedMicros: number) {
    return this.#sessions.raiseHold(id, fence, reservedMicros);
  }
  listOpenSessions(limit: number) {
    return this.#sessions.listOpenSessions(limit);
  }
  findSession(id: string) {
    return this.#sessions.findSession(id);
  }
  endLostSessions(limit: number) {
    return this.#sessions.endLostSessions(limit);
  }

  settleSession(id: string, fence: number, chargedMicros: number) {
    return this.#sessions.settleSession(id, fence, chargedMicros);
  }

  getSession(scope: TenantScope, id: string) {
    return this.#sessions.getSession(scope, id);
  }

  listSessions(scope: TenantScope, query: { open: boolean; limit: number; before: string | null }) {
    return this.#sessions.listSessions(scope, query);
  }
}
