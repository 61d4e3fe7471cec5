/** What scripts answer about tasks, and what is built of it. */

import type { TaskEventType } from "../../../protocol/task.ts";
import { type Claim, ONLY_SHARD, type TaskView } from "../../../tasks/ports/task-store.ts";
import type { TaskEvent, TaskUpdate } from "../../../tasks/task.ts";
import { STATUS_OF_EVENT } from "../../event-log.ts";
import { type KeyQueue, rankOf, servedBefore, type Triple } from "../../fair-queue.ts";
import type { Reply } from "../server/replies.ts";
import { listReply, numberOf, numberOrNull, textOf } from "../server/replies.ts";
import type { DamagedTask, StoredTask, TaskFields } from "./fields.ts";
import type { MadeTasks, TaskValues } from "./made-tasks.ts";

/** What of an event its caller knows. The server adds when it was, and its places in the logs. */
export function eventText(event: Pick<TaskEvent, "seq" | "type" | "progress" | "message">): string {
  const { seq, type, progress, message } = event;
  const told = `{"seq":${seq},"type":"${type}","progress":${progress}`;
  return message === null ? told : `${told},"message":${JSON.stringify(message)}`;
}

/** An event as it is stored: a message or a subject's log that it does not have is left out. */
type StoredEvent = Omit<TaskEvent, "taskId" | "status" | "message" | "subjectSeq"> & {
  type: TaskEventType;
  message?: string | null;
  subjectSeq?: number | null;
};

export function readEvent(taskId: string, text: string): TaskEvent {
  const {
    seq,
    type,
    progress,
    message = null,
    at,
    keySeq,
    subjectSeq = null,
  } = JSON.parse(text) as StoredEvent;
  return { taskId, seq, type, status: STATUS_OF_EVENT[type], progress, message, at, keySeq, subjectSeq };
}

/** Where the logs of key and subject stand, and who follows, as `places_of` in scripts/parts/tenants.lua writes it. */
export function readPlaces(
  reply: Reply | undefined,
): Pick<TaskUpdate, "keyEpoch" | "keySeq" | "subjectEpoch" | "subjectSeq" | "followed" | "webhooks"> {
  const [keyEpoch = "", keySeq, subjectEpoch = "", subjectSeq, followed = ""] = textOf(reply).split(" ");
  return {
    keyEpoch,
    keySeq: numberOf(keySeq),
    subjectEpoch: subjectEpoch === "" ? null : subjectEpoch,
    subjectSeq: numberOrNull(subjectSeq),
    followed: { task: followed[0] === "1", key: followed[1] === "1", subject: followed[2] === "1" },
    ...(followed[3] === "1" && { webhooks: true }),
  };
}

/**
 * A claim's task as it stands in the store, where the script told only what it set in a record that the caller is to know: the id,
 * the revision before, names and texts, as lines. Null when it is not known.
 */
export function knownClaim(fields: TaskFields, told: string, made: MadeTasks): TaskValues | null {
  const [id = "", rev = "", ...changes] = told.split("\n");
  const values = made.take(id, rev);
  return values && fields.changed(values, changes);
}

/** Claims with the tasks as they are stored, and apart from them those whose task cannot be read. */
export function readClaims(
  fields: TaskFields,
  replies: readonly Reply[],
): { claims: { claim: Claim; stored: StoredTask }[]; damaged: DamagedTask[] } {
  const damaged: DamagedTask[] = [];
  const claims = replies.flatMap((one) => {
    const [told, event, places] = listReply(one);
    const stored = fields.tryRead(told);
    if (stored === null) {
      damaged.push(fields.damaged(told));
      return [];
    }
    const { task } = stored;
    const lease = { shard: ONLY_SHARD, taskId: task.id, fence: task.fence };
    const events = event === "" ? [] : [readEvent(task.id, textOf(event))];
    const update = events.length === 0 ? null : { task, events, ...readPlaces(places) };
    return [{ claim: { lease, task, update }, stored }];
  });
  return { claims, damaged };
}

/**
 * Tasks with their places in the queue, as scripts/parts/tasks/view.lua answers them: how many tasks of the own key are served
 * first, and what the other keys take meanwhile. Bounded work on the server: beyond the bound the place is a lower estimate.
 */
export function readViews(fields: TaskFields, reply: Reply): { views: TaskView[]; damaged: DamagedTask[] } {
  const [, replies, ...others] = listReply(reply);
  const ready = { image: listReply(others[0]).map(numberOf), video: listReply(others[1]).map(numberOf) };
  const damaged: DamagedTask[] = [];
  const views = listReply(replies).flatMap((view): TaskView[] => {
    const [told, index, queue] = listReply(view);
    const stored = fields.tryRead(told);
    if (stored === null) {
      damaged.push(fields.damaged(told));
      return [];
    }
    const { task } = stored;
    if (index === "") return [{ task, queuePosition: null }];
    const own = servedBefore(readQueue(listReply(queue)), rankOf(task), numberOf(index));
    const shares = ready[task.type].map((count) => Math.min(count, own + 1));
    return [{ task, queuePosition: 1 + own + shares.reduce((sum, share) => sum + share, 0) }];
  });
  return { views, damaged };
}

function readQueue(replies: readonly Reply[]): KeyQueue {
  const [continuing = 0, ...rest] = replies.map(numberOf);
  const idle = rest.slice(6, 9).reduce((mask, flag, index) => mask | (flag << index), 0);
  return { continuing, counts: rest.slice(0, 3) as Triple, virtual: rest.slice(3, 6) as Triple, idle };
}
