/** The sweep: ends what its deadline ended, and takes back what a worker that is gone had. */

import type { SweepOutcome } from "../../../tasks/ports/task-store.ts";
import { MAX_STEP_TASKS } from "../scripts.ts";
import { DamagedKeyError } from "../server/errors.ts";
import { listReply, numberOf } from "../server/replies.ts";
import type { ScriptRunner } from "../server/script-runner.ts";
import type { ServerClock } from "../server/server-clock.ts";
import type { Commits, WantedChange } from "./commits.ts";
import { type DamagedTask, namesOf, type StoredTask, type TaskFields } from "./fields.ts";

export class RedisSweep {
  readonly #scripts: ScriptRunner;
  readonly #commits: Commits;
  readonly #fields: TaskFields;
  readonly #clock: ServerClock;
  readonly #node: string;

  /** `node` names this process, which is heard of by its sweeps. */
  constructor(scripts: ScriptRunner, commits: Commits, fields: TaskFields, clock: ServerClock, node: string) {
    this.#scripts = scripts;
    this.#commits = commits;
    this.#fields = fields;
    this.#clock = clock;
    this.#node = node;
  }

  /** One bounded step: deadlines that passed, leases that ran out, and what waits under keys that are gone. */
  async sweep(limit: number): Promise<SweepOutcome> {
    const [moment, replies, looked, closed] = listReply(
      await this.#scripts.run("due", String(limit), this.#node),
    );
    this.#clock.learn(numberOf(moment));
    const records = listReply(replies);
    const firstClosed = records.length - numberOf(closed);
    const due = this.#fields.readAll(records.slice(0, firstClosed));
    const waiting = this.#fields.readAll(records.slice(firstClosed));
    // Before the others: where a change fails, these are out of its way the next time.
    await this.#commits.setAside([...due.damaged, ...waiting.damaged]);
    const withoutKey: DamagedTask[] = [];
    const change = (stored: StoredTask, transition: WantedChange["transition"]) =>
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
}
