/** One task that a realtime client follows: what was shown of it, and the words in which it is said. */

import { isTerminal, type WireResult } from "../../protocol/task.ts";
import { type TaskUpdate, UpdateOrder } from "../following/update-order.ts";
import { progressOf } from "../resources/tasks.ts";
import type { HubType, ProgressUpdate, RealtimeTaskResult } from "./realtime-events.ts";

/** What to emit. */
export type Said =
  | { event: "progress"; payload: ProgressUpdate }
  | { event: "completed" | "failed"; payload: RealtimeTaskResult };

const CANCELLED = "Task was cancelled";

export class FollowedTask {
  /** Of what came by whatever way. */
  readonly order = new UpdateOrder();
  readonly #taskId: string;
  #metadata: Record<string, string> = {};
  #shown = "";

  constructor(
    taskId: string,
    readonly type: HubType,
  ) {
    this.#taskId = taskId;
  }

  /** In the words of an update that the order accepted; null where it says nothing new. */
  say(update: TaskUpdate): Said | null {
    const taskId = this.#taskId;
    if (update.type === "snapshot") this.#metadata = update.task.metadata;
    const { status, result, error } = update.type === "snapshot" ? update.task : update;
    if (status === "completed" && result !== undefined)
      return { event: "completed", payload: { taskId, status, ...this.#links(result) } };
    if (isTerminal(status)) {
      const why = status === "cancelled" ? CANCELLED : (error ?? "Task failed");
      return { event: "failed", payload: { taskId, status, error: why } };
    }
    const { progress, message, estimatedSecondsRemaining } = progressOf(taskId, update);
    const shown = `${progress} ${message}`;
    if (shown === this.#shown) return null;
    this.#shown = shown;
    return {
      event: "progress",
      payload: {
        taskId,
        progress,
        ...(message === null ? {} : { message }),
        ...(estimatedSecondsRemaining === null ? {} : { estimatedSecondsRemaining }),
      },
    };
  }

  #links({ images, videos, provider, model }: WireResult): Partial<RealtimeTaskResult> {
    const [imageUrl, videoUrl] = [images?.[0]?.url, videos?.[0]?.url];
    return {
      ...(imageUrl === undefined ? {} : { imageUrl }),
      ...(videoUrl === undefined ? {} : { videoUrl }),
      metadata: { ...this.#metadata, provider, model },
    };
  }
}
