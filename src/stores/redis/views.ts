/**
 * Tasks with their places in the queue: how many tasks of the own key are served first, and what the other keys take
 * meanwhile. Bounded work on the server: beyond the bound the place is a lower estimate.
 */

import type { TaskView } from "../../tasks/ports/task-store.ts";
import { type KeyQueue, servedBefore, type Triple } from "../fair-queue.ts";
import { listOf, numberOf, textOf } from "./replies.ts";
import type { Reply } from "./script-runner.ts";
import { readTask } from "./task-reply.ts";

/** What scripts/parts/view.lua answers: views of one key's tasks. */
export function readViews(reply: Reply): TaskView[] {
  const [views, ...others] = listOf(reply);
  const ready = { image: listOf(others[0]).map(numberOf), video: listOf(others[1]).map(numberOf) };
  return listOf(views).map((view) => {
    const [told, index, queue] = listOf(view);
    const { task, readyRank } = readTask(told);
    if (index === "" || readyRank === null) return { task, queuePosition: null };
    const own = servedBefore(readQueue(textOf(queue)), readyRank, numberOf(index));
    const shares = ready[task.type].map((count) => Math.min(count, own + 1));
    return { task, queuePosition: 1 + own + shares.reduce((sum, share) => sum + share, 0) };
  });
}

/** See scripts/parts/lanes.lua. */
function readQueue(line: string): KeyQueue {
  const [, continuing = 0, ...rest] = line.split(" ").map(Number);
  const idle = rest.slice(6, 9).reduce((mask, flag, index) => mask | (flag << index), 0);
  return { continuing, counts: rest.slice(0, 3) as Triple, virtual: rest.slice(3, 6) as Triple, idle };
}
