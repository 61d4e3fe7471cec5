/** The two answers about a task: that it was accepted, and how it is. */

import type { WireAccepted, WireTask } from "../../protocol/task.ts";
import { isTerminal } from "../../protocol/task.ts";
import type { TaskView } from "../../tasks/ports/task-store.ts";
import { isOwnTask } from "../../tasks/task.ts";
import { isoTime, toWholeWireTask, type WireContext } from "../../tasks/wire.ts";
import type { AccessToken } from "../creation/access-token.ts";
import { type HttpContext, principalOfExchange } from "../exchange.ts";
import { type ResultFiles, readBase64Images, wantsBase64 } from "./base64-images.ts";
import { tellCost } from "./cost-headers.ts";

export type TaskAnswerDependencies = {
  wireContext: WireContext;
  media: ResultFiles;
};

/** Seconds after which asking again is worth while. */
const POLL_SECONDS = "1";
/** Where the tasks of a type are read, below `/v1`. */
const COLLECTION = { image: "images/generations", video: "videos/generations" } as const;

/** The answer to a create request, with links below `base`, and the key that comes with it if one was asked for. */
export function acceptedTaskOf({
  view: { task },
  base,
  token,
}: {
  view: TaskView;
  base: string;
  token: AccessToken;
}): WireAccepted {
  const { id } = task;
  const accepted: WireAccepted = {
    taskId: id,
    task_id: id,
    status: task.status,
    statusUrl: `${base}/v1/${COLLECTION[task.type]}/${id}/status`,
    created: isoTime(task.createdAt),
    eventsUrl: `${base}/v1/tasks/${id}/events`,
    cancelUrl: `${base}/v1/tasks/${id}`,
    ...token,
  };
  // Clients in the field look for a video under this name.
  return task.type === "video" ? { ...accepted, requestId: id, request_id: id } : accepted;
}

/**
 * Answers one task, with its pictures inline when they were asked for; `accepted` puts the create answer before it. What was asked for
 * stays with the task's owner: a key that was given the task may be in anybody's browser, and prompts may hold what is not meant for it.
 */
export async function answerTask(
  c: HttpContext,
  view: TaskView,
  { wireContext, media }: TaskAnswerDependencies,
  accepted?: WireAccepted,
): Promise<Response> {
  const { task } = view;
  const images = wantsBase64(task) ? await readBase64Images(task, media) : undefined;
  const { request, ...told } = toWholeWireTask(view, wireContext, images);
  const wire: WireTask = isOwnTask(task, principalOfExchange(c).scope) ? { ...told, request } : told;
  c.header("cache-control", "no-store");
  tellCost(c, task);
  if (!isTerminal(task.status)) c.header("retry-after", POLL_SECONDS);
  return c.json(accepted === undefined ? wire : { ...accepted, ...wire });
}
