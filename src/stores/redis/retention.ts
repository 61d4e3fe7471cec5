/** The retention: removes what is old, and says whose files are due. See scripts/tasks/retire.lua and due-media.lua. */

import type { Json } from "../../protocol/task.ts";
import type { DueMedia, MediaRetention, Retention, RetentionOutcome } from "../../tasks/ports/task-store.ts";
import type { TaskResult } from "../../tasks/task.ts";
import { type Holding, holdsFile } from "../held-media.ts";
import type { Reply } from "./server/replies.ts";
import { listReply, numberOf, numberOrNull, textOf } from "./server/replies.ts";
import type { ScriptRunner } from "./server/script-runner.ts";

export class RedisRetention {
  readonly #scripts: ScriptRunner;
  readonly #token: () => string;
  readonly #node: string;
  /** The tenant behind which it looks at tenants next; after a restart it merely looks again. */
  #tenantCursor = "";

  /** `token` draws what new epochs begin with; `node` names this process. */
  constructor(scripts: ScriptRunner, token: () => string, node: string) {
    this.#scripts = scripts;
    this.#token = token;
    this.#node = node;
  }

  async retire({ tasksMs, eventsMs, ledgerMs }: Retention, limit: number): Promise<RetentionOutcome> {
    const kept = [tasksMs, eventsMs, ledgerMs].map(String);
    const reply = await this.#scripts.run(
      "retire",
      String(limit),
      ...kept,
      this.#tenantCursor,
      this.#token(),
      this.#node,
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
}

/** What says which files a task holds. One that cannot be read keeps all of them, as one that has not ended does. */
function heldFiles([ended, result, state, spec]: readonly Reply[]): Holding {
  try {
    return {
      finishedAt: numberOrNull(ended),
      result: jsonOf<TaskResult>(result),
      state: jsonOf<Json>(state),
      inputs: jsonOf<Partial<Holding>>(spec)?.inputs ?? [],
    };
  } catch {
    return { finishedAt: null, result: null, state: null, inputs: [] };
  }
}

/** A JSON text, null where the field is empty. */
function jsonOf<T>(reply: Reply | undefined): T | null {
  const text = textOf(reply);
  return text === "" ? null : (JSON.parse(text) as T);
}
