/** Following and reading the logs: one task's, and a tenant's. */

import type { FollowOutcome, LogRead, TenantLogRead } from "../../../tasks/ports/task-store.ts";
import type { Position, TenantScope } from "../../../tasks/task.ts";
import { lastProgress } from "../../event-log.ts";
import { assertScope } from "../../scopes.ts";
import type { Reply } from "../server/replies.ts";
import { listReply, numberOf, textOf } from "../server/replies.ts";
import type { ScriptRunner } from "../server/script-runner.ts";
import type { Commits } from "./commits.ts";
import type { StoredTask, TaskFields } from "./fields.ts";
import { scopeArguments } from "./scope-arguments.ts";
import { readEvent } from "./task-reply.ts";
import { TaskViews } from "./views.ts";

export class RedisLogs {
  readonly #scripts: ScriptRunner;
  readonly #fields: TaskFields;
  readonly #commits: Commits;
  readonly #views: TaskViews;
  readonly #token: () => string;
  readonly #node: string;

  /** `token` draws epochs; `node` names this process among those that follow logs. */
  constructor(
    scripts: ScriptRunner,
    fields: TaskFields,
    commits: Commits,
    { token, node }: { token: () => string; node: string },
  ) {
    this.#scripts = scripts;
    this.#fields = fields;
    this.#commits = commits;
    this.#views = new TaskViews(fields, commits);
    this.#token = token;
    this.#node = node;
  }

  async follow(scope: TenantScope, taskId: string): Promise<FollowOutcome | null> {
    const reply = await this.#scripts.run("follow", taskId, ...scopeArguments(scope, taskId), this.#node);
    const view = await this.#views.first(reply);
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
    if (reply === null) return { outcome: "not_found" };
    const told = listReply(reply)[0];
    const stored = this.#fields.tryRead(told);
    if (stored !== null) return readTaskLog(stored, listReply(reply)[1], after, limit);
    await this.#commits.setEndedAside([this.#fields.damaged(told)]);
    return { outcome: "not_found" };
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

/** `texts` are those of all its events, in any order. */
function readTaskLog(
  { task, besides }: StoredTask,
  texts: Reply | undefined,
  after: Position,
  limit: number,
): LogRead {
  const lost = besides.trimmed && after.seq < task.seq;
  if (after.epoch !== task.epoch || after.seq > task.seq || lost) return { outcome: "reset" };
  const events = listReply(texts)
    .map((text) => readEvent(task.id, textOf(text)))
    .filter(({ seq }) => seq > after.seq)
    .sort((a, b) => a.seq - b.seq)
    .slice(0, limit);
  const last = events.at(-1)?.seq ?? after.seq;
  if (events.length < limit && last < task.seq && besides.progressAt !== null)
    events.push(lastProgress(task, besides.progressAt));
  return {
    outcome: "events",
    task,
    events,
    position: { epoch: task.epoch, seq: events.at(-1)?.seq ?? after.seq },
  };
}

/** Null when the tenant has no log. One that names a task which cannot be read has to be started anew, as where it is gone. */
function readTenantLogReply(fields: TaskFields, reply: Reply, after: Position): TenantLogRead | null {
  if (reply === null) return null;
  const [logEpoch, logSeq, pairs, told] = listReply(reply);
  const epoch = textOf(logEpoch);
  const seq = numberOf(logSeq);
  const reset = { outcome: "reset", position: { epoch, seq } } as const;
  if (pairs === undefined) return reset;
  const { tasks: stored, damaged } = fields.readAll(listReply(told));
  if (damaged.length > 0) return reset;
  const tasks = stored.map(({ task }) => task);
  const texts = listReply(pairs);
  const entries = Array.from({ length: texts.length / 2 }, (_, index) => {
    const task = tasks[numberOf(texts[index * 2 + 1])];
    if (task === undefined) throw new Error("A tenant's log names a task that was not answered");
    return { event: readEvent(task.id, textOf(texts[index * 2])), task };
  });
  const read = after.seq + entries.length;
  return { outcome: "events", entries, position: { epoch, seq: read }, more: read < seq };
}
