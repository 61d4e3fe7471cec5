/**
 * The task and account store on Redis 7: over TCP, or Upstash over REST, through the same client. Every method is one
 * script (scripts/*.lua), and one round trip. Time that decides is the server's. Texts of callers stay the JSON they came
 * as; the rest is numbers in packed lines, which the scripts take apart. One server, no cluster: scripts name keys of
 * several tasks and tenants.
 *
 * | key                           | type   | holds                                                                         |
 * | ----------------------------- | ------ | ----------------------------------------------------------------------------- |
 * | `schema`                      | string | the schema's version                                                          |
 * | `task:<id>`                   | hash   | `fix` and `now` (packed), `e0`, `e1`, … (its events), `key`, `subject`, `batch`, `model`, `by` (who follows it), `spec`, `message`, `state`, `error`, `result` |
 * | `cleanup:<id>`                | hash   | the upstream job its end may have left behind                                 |
 * | `key:<key>`                   | hash   | of a key: whether it may start tasks (`on`, `until`, `cap`), log position, followers, counters, money, its queue in each lane |
 * | `subject:<tenant>`            | hash   | the same of a subject, without a queue                                        |
 * | `log:<tenant>`                | list   | of a key or a subject: its newest events, as task and field of the task        |
 * | `ids:<tenant>`                | zset   | its tasks by status, type and age, for lists                                  |
 * | `tenants`                     | zset   | every tenant that has a log                                                   |
 * | `batch:<length>:<key>:<batch>` | zset   | the tasks of a batch                                                          |
 * | `once:<tenant>:<key>`         | string | an idempotency key: until when, whose, and the request's fingerprint          |
 * | `lane:<lane>`                 | hash   | virtual time, and how many of its tasks are held                              |
 * | `turns:<lane>`                | zset   | keys that may be served, by virtual time                                      |
 * | `ready:<lane>:<rank>:<key>`   | zset   | ready tasks of one key and rank, by age                                       |
 * | `delayed:<lane>`              | zset   | tasks by when they are due                                                    |
 * | `wake:<lane>`                 | zset   | unfinished tasks by the end of their lease or their deadline                  |
 * | `ended`, `trimmed`            | zset   | settled tasks by their end: with their events, and without                    |
 * | `cleanups`, `cleanup-ends`    | zset   | cleanup items by when they are due, and by when they are given up             |
 * | `deliveries`                  | zset   | webhooks by when they are due: task and position of its end                   |
 * | `ledger:<key>`, `ledgers`     | list   | charges of a key; keys by their oldest charge (zset)                          |
 * | `account:<key>`               | hash   | a virtual key                                                                 |
 * | `accounts`, `hashes`          | zset   | virtual keys by age; keys by hash (hash)                                      |
 * | `call:<nonce>`                | string | what a call did, for 30 s: it may come again when its answer was lost         |
 *
 * `<tenant>` is `<length of the key>:<key>:<subject>`, the subject empty for the key itself.
 */

import type { AccountStore } from "../../accounts/account-store.ts";
import type { KeyPatch, VirtualKey } from "../../accounts/virtual-key.ts";
import { type Json, TASK_TYPES, type TaskType } from "../../protocol/task.ts";
import { cryptoRandom, type RandomFill, randomToken } from "../../tasks/ids.ts";
import { MAX_TASK_BYTES, StoredValueTooLargeError } from "../../tasks/ports/store-error.ts";
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
import type { Position, TaskResult, TenantScope } from "../../tasks/task.ts";
import type { StepTransition } from "../../tasks/transition.ts";
import { holdsFile } from "../held-media.ts";
import { assertScope } from "../scopes.ts";
import { assertStateFits, assertTransitionFits } from "../sizes.ts";
import { RedisAccounts } from "./accounts.ts";
import { createArguments, readCreated } from "./creation.ts";
import { listScript } from "./listing.ts";
import { readTaskLog, readTenantLog } from "./logs.ts";
import { listOf, numberOf, numberOrNull, textOf } from "./replies.ts";
import { type ScriptClient, ScriptRunner, type Together } from "./script-runner.ts";
import { claimArguments, flag, stepScript } from "./steps.ts";
import { jsonOf, jsonText, positionOfLine, readClaim, readTask, readUpdate } from "./task-reply.ts";
import { readViews } from "./views.ts";

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
};

const DEFAULT_PREFIX = "conduit:";
/** A restarted server is back within a second; who waits longer should hear of it. */
const REPEAT_AFTER_MS = [100, 500];
/** Characters of an epoch, and of what the names of a process's calls begin with: 62^10 make a repetition no concern. */
const TOKEN_LENGTH = 10;

/** The store in the Redis behind the client. Nothing is asked of the server before the first call. */
export function createRedisStore(options: RedisStoreOptions): TaskStore & AccountStore {
  return new Store(options);
}

class Store implements TaskStore, AccountStore {
  readonly #scripts: ScriptRunner;
  readonly #accounts: RedisAccounts;
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
    } = options;
    if (!/^\S+$/.test(node)) throw new TypeError(`node: expected a word, got ${JSON.stringify(node)}`);
    this.#node = node;
    this.#token = () => randomToken(TOKEN_LENGTH, random);
    const boot = this.#token();
    let calls = 0;
    this.#scripts = new ScriptRunner({
      client: redis,
      prefix,
      repeatAfterMs,
      nonce: () => `${boot}${(calls++).toString(36)}`,
      ...(now && { now }),
      ...(together && { together }),
    });
    this.#accounts = new RedisAccounts(this.#scripts);
  }

  async create(draft: TaskDraft, limits: CreateLimits): Promise<CreateOutcome> {
    const args = createArguments(draft, limits, this.#token);
    return readCreated(draft, await this.#scripts.run("create", ...args));
  }

  async get(scope: TenantScope, taskId: string): Promise<TaskView | null> {
    const reply = await this.#scripts.run("get", taskId, ...scopeArguments(scope, taskId));
    return reply === null ? null : (readViews(reply)[0] ?? null);
  }

  async list(scope: TenantScope, query: ListQuery): Promise<TaskPage> {
    assertScope(scope);
    const tasks = readViews(await this.#scripts.run(...listScript(scope, query)));
    return { tasks: tasks.slice(0, query.limit), hasMore: tasks.length > query.limit };
  }

  async claim(options: ClaimOptions): Promise<Claim[]> {
    return listOf(await this.#scripts.run("claim", ...claimArguments(options))).map(readClaim);
  }

  async renew(leases: readonly Lease[], leaseMs: number): Promise<string[]> {
    if (leases.length === 0) return [];
    const held = leases.flatMap(({ taskId, fence }) => [taskId, String(fence)]);
    return listOf(await this.#scripts.run("renew", String(leaseMs), ...held)).map(textOf);
  }

  async advance(lease: Lease, transition: StepTransition, next?: ClaimOptions): Promise<AdvanceOutcome> {
    assertTransitionFits(transition);
    const [applied, update, claims] = listOf(await this.#scripts.run(...stepScript(lease, transition, next)));
    if (applied === 2) throw new StoredValueTooLargeError("task", numberOf(update), MAX_TASK_BYTES);
    const claimed = listOf(claims).map(readClaim);
    return applied === 1
      ? { applied: true, update: readUpdate(update), claimed }
      : { applied: false, claimed };
  }

  async nextDueAt(lane: TaskType): Promise<number | null> {
    return numberOrNull(await this.#scripts.run("nextDue", lane));
  }

  async cancel(scope: TenantScope, taskId: string): Promise<CancelOutcome> {
    const [outcome, told] = listOf(
      await this.#scripts.run("cancel", taskId, ...scopeArguments(scope, taskId)),
    );
    if (outcome === "not_found") return { outcome };
    if (outcome === "cancelled") return { outcome, update: readUpdate(told) };
    return {
      outcome: outcome === "already_cancelled" ? "already_cancelled" : "already_finished",
      task: readTask(told).task,
    };
  }

  async purge(scope: TenantScope, taskId: string): Promise<PurgeOutcome> {
    return textOf(await this.#scripts.run("purge", taskId, ...scopeArguments(scope, taskId))) as PurgeOutcome;
  }

  async sweep(limit: number): Promise<SweepOutcome> {
    const [updates, requeued, more] = listOf(await this.#scripts.run("sweep", String(limit)));
    return { updates: listOf(updates).map(readUpdate), requeued: numberOf(requeued), more: more === 1 };
  }

  async claimCleanups(options: { leaseMs: number; max: number }): Promise<CleanupItem[]> {
    const items = await this.#scripts.run("claimCleanups", String(options.leaseMs), String(options.max));
    return listOf(items).map((item) => {
      const [told, state, late, cost, tries, createdAt, giveUpAt, fence] = listOf(item);
      const { task } = readTask(told);
      return {
        taskId: task.id,
        type: task.type,
        provider: task.provider,
        providerModel: task.providerModel,
        request: task.request,
        attempt: task.attempt,
        state: jsonOf<Json>(state),
        late: textOf(late) === "1" ? { costMicros: numberOrNull(cost) } : null,
        tries: numberOf(tries),
        createdAt: numberOf(createdAt),
        giveUpAt: numberOf(giveUpAt),
        fence: numberOf(fence),
      };
    });
  }

  async finishCleanup(item: CleanupItem, outcome: CleanupOutcome): Promise<boolean> {
    const result =
      outcome.kind === "settled"
        ? [outcome.cancellation, String(outcome.billedMicros ?? 0)]
        : ["", String(outcome.delayMs)];
    return (await this.#scripts.run("finishCleanup", item.taskId, String(item.fence), ...result)) === 1;
  }

  async nextCleanupAt(): Promise<number | null> {
    return numberOrNull(await this.#scripts.run("nextCleanup"));
  }

  async reportLate({ taskId, fence, state, costMicros }: LateReport): Promise<void> {
    assertStateFits(state);
    const cost = costMicros === null ? "" : String(costMicros);
    await this.#scripts.run("reportLate", taskId, String(fence), jsonText(state), cost);
  }

  async follow(scope: TenantScope, taskId: string): Promise<FollowOutcome | null> {
    const reply = await this.#scripts.run("follow", taskId, ...scopeArguments(scope, taskId), this.#node);
    const view = reply === null ? undefined : readViews(reply)[0];
    if (view === undefined) return null;
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
    return readTaskLog(reply, after, limit);
  }

  async readTenantLog(scope: TenantScope, after: Position, limit: number): Promise<TenantLogRead> {
    assertScope(scope);
    const range = [after.epoch, String(after.seq), String(limit)];
    const reply = await this.#scripts.run("readTenantLog", scope.keyId, scope.subject ?? "", ...range);
    return readTenantLog(reply, after) ?? { outcome: "reset", position: await this.tenantPosition(scope) };
  }

  async positions(taskIds: readonly string[]): Promise<Map<string, Position>> {
    const positions = new Map<string, Position>();
    if (taskIds.length === 0) return positions;
    const lines = listOf(await this.#scripts.run("positions", ...taskIds));
    for (const [index, id] of taskIds.entries()) {
      const line = lines[index];
      if (typeof line === "string") positions.set(id, positionOfLine(line));
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
    const [removed, trimmed, more, cursor] = listOf(reply);
    this.#tenantCursor = textOf(cursor);
    return { removedTaskIds: listOf(removed).map(textOf), trimmedLogs: numberOf(trimmed), more: more === 1 };
  }

  async unreferencedMedia(files: readonly { path: string; taskId: string }[]): Promise<string[]> {
    const ids = [...new Set(files.map(({ taskId }) => taskId))];
    if (ids.length === 0) return [];
    const held = listOf(await this.#scripts.run("heldMedia", ...ids));
    const tasks = new Map(
      ids.map((id, index) => {
        const reply = held[index] ?? null;
        if (reply === null) return [id, null];
        const [ended, result, state] = listOf(reply);
        return [
          id,
          {
            finishedAt: ended === "-" ? null : numberOf(ended),
            result: jsonOf<TaskResult>(result),
            state: jsonOf<Json>(state),
          },
        ];
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
    const counts = listOf(await this.#scripts.run("stats", ...TASK_TYPES));
    return TASK_TYPES.map((lane, index) => {
      const [ready = 0, delayed = 0, held = 0] = listOf(counts[index]).map(numberOf);
      return { lane, ready, delayed, held };
    });
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
    const [epoch, seq] = listOf(reply);
    return { epoch: textOf(epoch), seq: numberOf(seq) };
  }
}

/** Key, subject ("" = the key itself), and whether the task was granted. */
function scopeArguments(scope: TenantScope, taskId: string): string[] {
  assertScope(scope);
  return [scope.keyId, scope.subject ?? "", flag(scope.granted?.includes(taskId) ?? false)];
}
