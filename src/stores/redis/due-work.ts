/** Due work: claimed, finished, changed by late reports. */

import type { Json } from "../../protocol/task.ts";
import {
  type CleanupPayload,
  cleanupId,
  type DeliveryReport,
  isStale,
  type LateReport,
  type WorkItem,
  type WorkKind,
  withLateReport,
} from "../../tasks/due-work.ts";
import type { ClaimedWork, WorkClaimOptions, WorkOutcome } from "../../tasks/ports/task-store.ts";
import { assertStateFits } from "../sizes.ts";
import { listReply, numberOf, numberOrNull, readable, textOf } from "./server/replies.ts";
import type { ScriptRunner } from "./server/script-runner.ts";
import { type Commits, listText } from "./tasks/commits.ts";
import type { TaskFields } from "./tasks/fields.ts";

/** How often a late report is tried again because its item, or its task, changed meanwhile. */
const MAX_REPORTS = 20;

export class RedisDueWork {
  readonly #scripts: ScriptRunner;
  readonly #commits: Commits;
  readonly #fields: TaskFields;

  constructor(scripts: ScriptRunner, commits: Commits, fields: TaskFields) {
    this.#scripts = scripts;
    this.#commits = commits;
    this.#fields = fields;
  }

  async claim(options: WorkClaimOptions): Promise<ClaimedWork[]> {
    const { kind, leaseMs, max, maxPerDestination, destinations } = options;
    const items = await this.#scripts.run(
      "claimWork",
      kind,
      String(leaseMs),
      String(max),
      String(maxPerDestination),
      destinations === undefined ? "" : listText(destinations),
    );
    return readable(listReply(items), (reply) => {
      const replies = listReply(reply);
      const [id = "", destination = "", taskId = "", payload = ""] = replies.slice(0, 4).map(textOf);
      const [createdAt = 0, giveUpAt = 0, tries = 0, fence = 0, overdue] = replies.slice(4, 9).map(numberOf);
      const item: WorkItem = {
        id,
        kind,
        destination,
        taskId,
        payload: JSON.parse(payload) as Json,
        createdAt,
        giveUpAt,
        tries,
        fence,
      };
      const stored = this.#fields.tryRead(replies[9]);
      return { item, task: stored?.task ?? null, overdue: overdue === 1 };
    });
  }

  async finish(item: WorkItem, outcome: WorkOutcome): Promise<boolean> {
    if (outcome.kind === "done" && outcome.bill !== undefined) {
      const { bill } = outcome;
      const committed = await this.#commits.commit(item.taskId, {
        transition: () => ({ kind: "settle", ...bill }),
        work: item,
      });
      if (committed.kind !== "refused") return committed.kind === "applied";
    }
    const again = outcome.kind === "again" ? [outcome.delayMs, outcome.pauseMs ?? 0] : ["", 0];
    const { kind, id, fence } = item;
    const call = [kind, id, String(fence), ...again.map(String), ...reportArguments(outcome.delivery)];
    return (await this.#scripts.run("finishWork", ...call)) === 1;
  }

  async nextIn(kind: WorkKind, destinations: readonly string[] | undefined): Promise<number | null> {
    const asked = destinations === undefined ? "" : listText(destinations);
    return numberOrNull(await this.#scripts.run("nextWork", kind, asked));
  }

  /** Adds to the cleanup that the holder left, or leaves one where there is none. */
  async reportLate(report: LateReport): Promise<void> {
    assertStateFits(report.state);
    const { taskId, job } = report;
    const id = cleanupId(taskId, job);
    for (let tries = 0; tries < MAX_REPORTS; tries++) {
      const [holder, payload, fence] = listReply(await this.#scripts.run("loadWork", "cleanup", id, taskId));
      if (typeof holder !== "string") return;
      if (typeof payload !== "string") {
        await this.#commits.commit(taskId, { transition: () => ({ kind: "late_job", report }) });
        return;
      }
      if (!isStale({ fence: Number(holder) }, report)) return;
      const changed = JSON.stringify(withLateReport(JSON.parse(payload) as CleanupPayload, report));
      if ((await this.#scripts.run("changeWork", "cleanup", id, textOf(fence), changed)) === 1) return;
    }
    throw new Error(`The cleanup ${id} changed ${MAX_REPORTS} times while it was to be changed`);
  }
}

/** In the order of the head of scripts/work/finish-work.lua. */
function reportArguments(report: DeliveryReport | undefined): string[] {
  if (report === undefined) return [];
  const { status, attempt, disable } = report;
  const begun = attempt === null ? "" : JSON.stringify(attempt).slice(0, -1);
  return [status, begun, String(attempt?.ms ?? 0), disable === true ? "1" : ""];
}
