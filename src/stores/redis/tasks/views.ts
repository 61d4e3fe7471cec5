/** Tasks as a tenant reads them. Those that have ended and cannot be read are set aside on the way. */

import type { TaskView } from "../../../tasks/ports/task-store.ts";
import type { Reply } from "../server/replies.ts";
import type { Commits } from "./commits.ts";
import type { TaskFields } from "./fields.ts";
import { readViews } from "./task-reply.ts";

export class TaskViews {
  readonly #fields: TaskFields;
  readonly #commits: Commits;

  constructor(fields: TaskFields, commits: Commits) {
    this.#fields = fields;
    this.#commits = commits;
  }

  /** Those that can be read, and how many there were. */
  async all(reply: Reply): Promise<{ views: TaskView[]; found: number }> {
    const { views, damaged } = readViews(this.#fields, reply);
    await this.#commits.setEndedAside(damaged);
    return { views, found: views.length + damaged.length };
  }

  async first(reply: Reply): Promise<TaskView | null> {
    return reply === null ? null : ((await this.all(reply)).views[0] ?? null);
  }
}
