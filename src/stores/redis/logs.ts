/** Reading the logs: one task's, and a tenant's. */

import type { LogRead, TenantLogRead } from "../../tasks/ports/task-store.ts";
import type { Position } from "../../tasks/task.ts";
import { lastProgress } from "../event-log.ts";
import { listOf, numberOf, textOf } from "./replies.ts";
import type { Reply } from "./script-runner.ts";
import { readEvent, readTask } from "./task-reply.ts";

export function readTaskLog(reply: Reply, after: Position, limit: number): LogRead {
  if (reply === null) return { outcome: "not_found" };
  const [told, lines] = listOf(reply);
  const { task, progressAt, trimmed } = readTask(told);
  const lost = trimmed && after.seq < task.seq;
  if (after.epoch !== task.epoch || after.seq > task.seq || lost) return { outcome: "reset" };
  const events = listOf(lines).map((line) => readEvent(task.id, textOf(line)));
  const last = events.at(-1)?.seq ?? after.seq;
  if (events.length < limit && last < task.seq && progressAt !== null)
    events.push(lastProgress(task, progressAt));
  return {
    outcome: "events",
    task,
    events,
    position: { epoch: task.epoch, seq: events.at(-1)?.seq ?? after.seq },
  };
}

/** Null when the tenant has no log. */
export function readTenantLog(reply: Reply, after: Position): TenantLogRead | null {
  if (reply === null) return null;
  const [logEpoch, logSeq, pairs, told] = listOf(reply);
  const epoch = textOf(logEpoch);
  const seq = numberOf(logSeq);
  if (pairs === undefined) return { outcome: "reset", position: { epoch, seq } };
  const tasks = listOf(told).map((one) => readTask(one).task);
  const lines = listOf(pairs);
  const entries = Array.from({ length: lines.length / 2 }, (_, index) => {
    const task = tasks[numberOf(lines[index * 2 + 1])];
    if (task === undefined) throw new Error("A tenant's log names a task that was not answered");
    return { event: readEvent(task.id, textOf(lines[index * 2])), task };
  });
  const read = after.seq + entries.length;
  return { outcome: "events", entries, position: { epoch, seq: read }, more: read < seq };
}
