/**
 * The store on Redis 7: over TCP, or Upstash over REST, through the same client. Every method is one script
 * (scripts/**), and one round trip; where the reducer decides about a task that this process does not hold, one more loads it.
 * Time that decides is the server's. One server, no cluster: scripts name keys of several tasks and tenants.
 *
 * | key                               | type   | holds                                                                      |
 * | --------------------------------- | ------ | -------------------------------------------------------------------------- |
 * | `schema`, `reader`                | string | the newest release that wrote here, and the oldest that may use the data (`writes`, `minReader` in release.ts) |
 * | `0:task:<id>`                     | hash   | a task's fields (see fields.ts), its events (`e<seq>`, JSON), its due work (`work <kind> <id>`) |
 * | `0:key:<key>`                     | hash   | of a key: whether it may start tasks (`on`, `until`, `cap`), log position, followers, counters, its queue in each lane |
 * | `0:subject:<tenant>`              | hash   | the same of a subject, without a queue                                     |
 * | `0:log:<tenant>`                  | list   | of a key or a subject: its newest events, as task and field of the task    |
 * | `0:ids:<tenant>`                  | zset   | its tasks by status, type and age, for lists                               |
 * | `0:tenants`                       | zset   | every tenant that has a log                                                |
 * | `0:batch:<length>:<key>:<batch>`  | zset   | the tasks of a batch                                                       |
 * | `0:once:<tenant>:<key>`           | string | an idempotency key: until when, whose, and the request's fingerprint (JSON) |
 * | `0:lane:<lane>`                   | hash   | virtual time, how many are held, the providers, and which are paused       |
 * | `0:turns:<lane>:<provider>`       | zset   | keys that may be served, by virtual time                                   |
 * | `0:polls:<lane>:<provider>`       | zset   | those of them with a started task ready                                    |
 * | `0:ready:<lane>:<rank>:<provider>:<key>` | zset | ready tasks of one key, rank and provider, by age                     |
 * | `0:delayed:<lane>`                | zset   | tasks by when they are due                                                 |
 * | `0:wake:<lane>`                   | zset   | unfinished tasks by the end of their lease or their deadline               |
 * | `0:ended`, `0:trimmed`            | zset   | settled tasks by their end: with their events, and without                 |
 * | `0:unsettled`                     | zset   | tasks that finished unsettled, by their end, until their files are removed |
 * | `0:media-cursors`                 | hash   | up to which finished task the files were removed (see scripts/tasks/due-media.lua) |
 * | `0:work:<kind>:<id>`              | hash   | an item of due work; its sets: see scripts/parts/work.lua                  |
 * | `0:balance:<key>`                 | hash   | what is held and was charged: `reserved:<window>`, `charged:<window>`, and with `:<customer>` of one |
 * | `0:holds:<key>`                   | zset   | what holds money of the key, by age; the hold stands with it (`hold`)      |
 * | `0:movements:<key>`               | zset   | movements of a key by age; their JSON in the hash `0:movement-texts:…`     |
 * | `0:ledgers`                       | zset   | keys by their oldest movement                                              |
 * | `0:session:<id>`                  | hash   | a realtime session; its sets: see scripts/parts/sessions.lua               |
 * | `0:endpoint:<length>:<key>:<id>`  | hash   | a webhook endpoint; those of a key by age in the zset `0:endpoints:<key>`  |
 * | `0:account:<key>`                 | hash   | a virtual key                                                              |
 * | `0:closing`                       | zset   | keys whose waiting tasks are cancelled, by when they were deleted or expire |
 * | `0:accounts`, `0:hashes`          | zset   | virtual keys by age; keys by hash (hash)                                   |
 * | `0:call:<nonce>`                  | string | what a call did, for 30 s: it may come again when its answer was lost      |
 * | `0:probe`                         | string | when health last tried to write                                            |
 * | `0:unreadable`                    | string | how often something stored could not be read and was passed over           |
 *
 * `0:` is the shard. `<tenant>` is `<length of the key>:<key>:<subject>`, the subject empty for the key itself.
 */

import type { BudgetWindow, MovementPlace } from "../../accounts/ledger-store.ts";
import type { KeyPatch, VirtualKey } from "../../accounts/virtual-key.ts";
import { type Json, TASK_TYPES, type TaskType } from "../../protocol/task.ts";
import type {
  SessionCounters,
  SessionDraft,
  SessionEnd,
  SessionLimits,
} from "../../realtime/session-store.ts";
import type { LateReport, WorkItem, WorkKind } from "../../tasks/due-work.ts";
import { cryptoRandom, type RandomFill, randomToken } from "../../tasks/ids.ts";
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
  type Lease,
  type ListQuery,
  type LogRead,
  type MediaRetention,
  ONLY_SHARD,
  type PurgeOutcome,
  type QueueStats,
  type Retention,
  type RetentionOutcome,
  type SweepOutcome,
  type TaskDraft,
  type TaskPage,
  type TaskView,
  type TenantLogRead,
  type WorkClaimOptions,
  type WorkOutcome,
} from "../../tasks/ports/task-store.ts";
import type { Position, Task, TaskResult, TenantScope } from "../../tasks/task.ts";
import type { StepTransition } from "../../tasks/transition.ts";
import type { EndpointPatch, WebhookEndpoint } from "../../webhooks/endpoint-store.ts";
import { holdsFile } from "../held-media.ts";
import { DATA_RELEASE, type DataRelease } from "../release.ts";
import { assertScope, isVisible } from "../scopes.ts";
import { assertTransitionFits, taskTooLarge } from "../sizes.ts";
import type { Store } from "../store.ts";
import { type FieldTable, TASK_FIELDS } from "../task-fields.ts";
import { RedisEndpoints } from "./accounts/endpoints.ts";
import { RedisAccounts } from "./accounts/keys.ts";
import { RedisDueWork } from "./due-work.ts";
import { RedisLedger } from "./ledger.ts";
import { prepare } from "./schema/conversion.ts";
import { MAX_STEP_TASKS, Scripts } from "./scripts.ts";
import { DamagedKeyError } from "./server/errors.ts";
import type { Reply } from "./server/replies.ts";
import { listReply, numberOf, numberOrNull, textOf } from "./server/replies.ts";
import { type ScriptClient, ScriptRunner, type Together } from "./server/script-runner.ts";
import { ServerClock } from "./server/server-clock.ts";
import { RedisSessions } from "./sessions.ts";
import { Commits, claimArguments, listText, type Wanted } from "./tasks/commits.ts";
import { creationOf, readCreated } from "./tasks/creation.ts";
import { type DamagedTask, namesOf, type StoredTask, TaskFields } from "./tasks/fields.ts";
import { listScript } from "./tasks/listing.ts";
import { readTaskLogReply, readTenantLogReply } from "./tasks/logs.ts";
import { readViews } from "./tasks/task-reply.ts";

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
  readonly #ledger: RedisLedger;
  readonly #work: RedisDueWork;
  readonly #sessions: RedisSessions;
  readonly #endpoints: RedisEndpoints;
  readonly #node: string;
  readonly #token: () => string;
  /** The tenant behind which the retention looks at tenants next; after a restart it merely looks again. */
  #tenantCursor = "";

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
    } = options;
    if (!/^\S+$/.test(node)) throw new TypeError(`node: expected a word, got ${JSON.stringify(node)}`);
    this.#node = node;
    this.#token = () => randomToken(TOKEN_LENGTH, random);
    const boot = this.#token();
    let calls = 0;
    this.#fields = new TaskFields(fields);
    this.#clock = new ServerClock(now);
    this.#scripts = new ScriptRunner({
      client: redis,
      scripts: new Scripts(this.#fields, release),
      prefix,
      shard: ONLY_SHARD,
      repeatAfterMs,
      nonce: () => `${boot}${(calls++).toString(36)}`,
      ...(now && { now }),
      ...(together && { together }),
    });
    this.#scripts.onUnprepared(() => prepare(this.#scripts, this.#fields));
    this.#commits = new Commits(this.#scripts, this.#fields, this.#clock);
    this.#accounts = new RedisAccounts(this.#scripts);
    this.#ledger = new RedisLedger(this.#scripts);
    this.#work = new RedisDueWork(this.#scripts, this.#commits, this.#fields);
    this.#sessions = new RedisSessions(this.#scripts);
    this.#endpoints = new RedisEndpoints(this.#scripts);
  }

  async create(draft: TaskDraft, limits: CreateLimits): Promise<CreateOutcome> {
    const creation = creationOf(this.#fields, draft, limits, this.#token);
    const { reply, index } = await this.#scripts.many("create", creation.args);
    return readCreated(this.#fields, creation, listReply(reply)[index]);
  }

  async get(scope: TenantScope, taskId: string): Promise<TaskView | null> {
    const reply = await this.#scripts.run("get", taskId, ...scopeArguments(scope, taskId));
    return this.#firstView(reply);
  }

  async list(scope: TenantScope, query: ListQuery): Promise<TaskPage> {
    assertScope(scope);
    const tasks = readViews(this.#fields, await this.#scripts.run(...listScript(scope, query)));
    return { tasks: tasks.slice(0, query.limit), hasMore: tasks.length > query.limit };
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

  async nextDueIn(lane: TaskType, providers?: readonly string[]): Promise<number | null> {
    const asked = providers === undefined ? "" : listText(providers);
    return numberOrNull(await this.#scripts.run("nextDue", lane, asked));
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

  async sweep(limit: number): Promise<SweepOutcome> {
    const [moment, replies, looked, closed] = listReply(await this.#scripts.run("due", String(limit)));
    this.#clock.learn(numberOf(moment));
    const records = listReply(replies);
    const firstClosed = records.length - numberOf(closed);
    const due = this.#fields.readAll(records.slice(0, firstClosed));
    const waiting = this.#fields.readAll(records.slice(firstClosed));
    // Before the others: where a change fails, these are out of its way the next time.
    await this.#commits.setAside([...due.damaged, ...waiting.damaged]);
    const withoutKey: DamagedTask[] = [];
    const change = (stored: StoredTask, transition: Wanted["transition"]) =>
      this.#commits.commit(stored.task.id, { transition, stored }).catch((error: unknown) => {
        if (!(error instanceof DamagedKeyError)) throw error;
        withoutKey.push(namesOf(stored));
        return null;
      });
    const committed = await Promise.all(
      this.#scripts.collect(() => [
        ...due.tasks.map((stored) =>
          change(stored, ({ task: { deadlineAt, leaseUntil } }, now) => {
            if (deadlineAt <= now) return { kind: "expire" };
            return leaseUntil !== null && leaseUntil <= now ? { kind: "orphan" } : null;
          }),
        ),
        ...waiting.tasks.map((stored) =>
          change(stored, ({ task }) => (task.status === "queued" ? { kind: "cancel" } : null)),
        ),
      ]),
    );
    // Nothing can be made of the tasks of a damaged key; they would come up at every sweep.
    await this.#commits.setAside(withoutKey);
    const updates = committed.flatMap((one) => (one?.kind === "applied" ? [one.update] : []));
    const ended = updates.filter(({ task }) => task.finishedAt !== null);
    return {
      updates: ended,
      requeued: updates.length - ended.length,
      more: [numberOf(looked), numberOf(closed)].includes(Math.min(limit, MAX_STEP_TASKS)),
    };
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

  async follow(scope: TenantScope, taskId: string): Promise<FollowOutcome | null> {
    const reply = await this.#scripts.run("follow", taskId, ...scopeArguments(scope, taskId), this.#node);
    const view = this.#firstView(reply);
    if (view === null) return null;
    return { view, position: { epoch: view.task.epoch, seq: view.task.seq } };
  }

  async unfollow(scope: TenantScope, taskId: string): Promise<void> {
    await this.#scripts.run("unfollow", taskId, ...scopeArguments(scope, taskId), this.#node);
  }

  followTenant(scope: TenantScope): Promise<Position> {
    return this.#openTenant(scope, this.#node);
  }

  async unfollowTenant(scope: TenantScope): Promise<void> {
    assertScope(scope);
    await this.#scripts.run("unfollowTenant", scope.keyId, scope.subject ?? "", this.#node);
  }

  async readLog(scope: TenantScope, taskId: string, after: Position, limit: number): Promise<LogRead> {
    const range = [String(after.seq), String(limit)];
    const reply = await this.#scripts.run("readLog", taskId, ...scopeArguments(scope, taskId), ...range);
    return readTaskLogReply(this.#fields, reply, after, limit);
  }

  async readTenantLog(scope: TenantScope, after: Position, limit: number): Promise<TenantLogRead> {
    assertScope(scope);
    const range = [after.epoch, String(after.seq), String(limit)];
    const reply = await this.#scripts.run("readTenantLog", scope.keyId, scope.subject ?? "", ...range);
    const read = readTenantLogReply(this.#fields, reply, after);
    return read ?? { outcome: "reset", position: await this.tenantPosition(scope) };
  }

  async positions(taskIds: readonly string[]): Promise<Map<string, Position>> {
    const positions = new Map<string, Position>();
    if (taskIds.length === 0) return positions;
    const found = listReply(await this.#scripts.run("positions", ...taskIds));
    for (const [index, id] of taskIds.entries()) {
      const place = found[index] ?? null;
      if (place === null) continue;
      const [epoch, seq] = listReply(place);
      positions.set(id, { epoch: textOf(epoch), seq: numberOf(seq) });
    }
    return positions;
  }

  tenantPosition(scope: TenantScope): Promise<Position> {
    return this.#openTenant(scope, "");
  }

  async retire({ tasksMs, eventsMs, ledgerMs }: Retention, limit: number): Promise<RetentionOutcome> {
    const kept = [tasksMs, eventsMs, ledgerMs].map(String);
    const reply = await this.#scripts.run(
      "retire",
      String(limit),
      ...kept,
      this.#tenantCursor,
      this.#token(),
    );
    const [removed, trimmed, more, cursor] = listReply(reply);
    this.#tenantCursor = textOf(cursor);
    return {
      removedTaskIds: listReply(removed).map(textOf),
      trimmedLogs: numberOf(trimmed),
      more: more === 1,
    };
  }

  async dueMedia(
    { mediaMs, strayMs }: MediaRetention,
    limit: number,
    receipt: string | null,
  ): Promise<DueMedia> {
    const kept = [mediaMs, strayMs].map(String);
    const reply = await this.#scripts.run("dueMedia", String(limit), ...kept, receipt ?? "");
    const [expired, untidy, next] = listReply(reply);
    return {
      expired: listReply(expired).map(textOf),
      untidy: listReply(untidy).map(textOf),
      receipt: textOf(next) || null,
    };
  }

  async unreferencedMedia(files: readonly { path: string; taskId: string }[]): Promise<string[]> {
    const ids = [...new Set(files.map(({ taskId }) => taskId))];
    if (ids.length === 0) return [];
    const held = listReply(await this.#scripts.run("heldMedia", ...ids));
    const tasks = new Map(
      ids.map((id, index) => {
        const reply = held[index] ?? null;
        if (reply === null) return [id, null];
        return [id, heldFiles(listReply(reply))];
      }),
    );
    return files
      .filter(({ path, taskId }) => {
        const task = tasks.get(taskId) ?? null;
        return task === null || !holdsFile(task, path);
      })
      .map(({ path }) => path);
  }

  async stats(): Promise<QueueStats[]> {
    const counts = listReply(await this.#scripts.run("stats", ...TASK_TYPES));
    return TASK_TYPES.map((lane, index) => {
      const [ready = 0, delayed = 0, held = 0] = listReply(counts[index]).map(numberOf);
      return { lane, ready, delayed, held };
    });
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

  createKey(key: VirtualKey): Promise<void> {
    return this.#accounts.createKey(key);
  }

  updateKey(id: string, patch: KeyPatch, updatedAt: number): Promise<VirtualKey | null> {
    return this.#accounts.updateKey(id, patch, updatedAt);
  }

  deleteKey(id: string): Promise<boolean> {
    return this.#accounts.deleteKey(id);
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

  openSession(draft: SessionDraft, limits: SessionLimits, leaseMs: number) {
    return this.#sessions.openSession(draft, limits, leaseMs);
  }

  renewSession(id: string, fence: number, leaseMs: number, counters: SessionCounters) {
    return this.#sessions.renewSession(id, fence, leaseMs, counters);
  }

  endSession(id: string, fence: number, end: SessionEnd) {
    return this.#sessions.endSession(id, fence, end);
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

  #firstView(reply: Reply): TaskView | null {
    return reply === null ? null : (readViews(this.#fields, reply)[0] ?? null);
  }

  /** Where the tenant's log stands; with a node, marks it followed by it. */
  async #openTenant(scope: TenantScope, node: string): Promise<Position> {
    assertScope(scope);
    const reply = await this.#scripts.run(
      "followTenant",
      scope.keyId,
      scope.subject ?? "",
      this.#token(),
      node,
    );
    const [epoch, seq] = listReply(reply);
    return { epoch: textOf(epoch), seq: numberOf(seq) };
  }
}

/** Key, subject ("" = the key itself), and whether the task was granted. */
function scopeArguments(scope: TenantScope, taskId: string): string[] {
  assertScope(scope);
  return [scope.keyId, scope.subject ?? "", flag(scope.granted?.includes(taskId) ?? false)];
}

function flag(value: boolean): string {
  return value ? "1" : "0";
}

/** What says which files a task holds. One that cannot be read keeps all of them, as one that has not ended does. */
function heldFiles([ended, result, state]: readonly Reply[]): Parameters<typeof holdsFile>[0] {
  try {
    return {
      finishedAt: numberOrNull(ended),
      result: jsonOf<TaskResult>(result),
      state: jsonOf<Json>(state),
    };
  } catch {
    return { finishedAt: null, result: null, state: null };
  }
}

/** A JSON text, null where the field is empty. */
function jsonOf<T>(reply: Reply | undefined): T | null {
  const text = textOf(reply);
  return text === "" ? null : (JSON.parse(text) as T);
}
