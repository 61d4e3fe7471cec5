/** Reading the logs: one task's, and a tenant's. */

import type { LogRead, TenantLogRead } from "../../../tasks/ports/task-store.ts";
import type { Position } from "../../../tasks/task.ts";
import { lastProgress } from "../../event-log.ts";
import type { Reply } from "../server/replies.ts";
import { listReply, numberOf, textOf } from "../server/replies.ts";
import type { StoredTask, TaskFields } from "./fields.ts";
import { readEvent } from "./task-reply.ts";

/** `texts` are those of all its events, in any order. */
export function readTaskLog(
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
export function readTenantLogReply(fields: TaskFields, reply: Reply, after: Position): TenantLogRead | null {
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
