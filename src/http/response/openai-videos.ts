/** OpenAI's video object, from a task. */

import type { ModelCapabilities } from "../../protocol/model.ts";
import type { OpenAiVideo, OpenAiVideoStatus } from "../../protocol/openai-videos.ts";
import type { TaskStatus } from "../../protocol/task.ts";
import type { ModelCatalogue } from "../../tasks/ports/model-catalogue.ts";
import { isOwnTask, type Task, type TenantScope } from "../../tasks/task.ts";
import { CANCELLED_TEXT } from "../../tasks/wire.ts";

export type VideoAnswerDependencies = {
  models: Pick<ModelCatalogue, "resolve">;
  /** How long a finished film is kept, ms. */
  mediaMs: number;
};

/** OpenAI knows no cancelled films: there it is a failure with a code of its own. */
export const VIDEO_STATUSES = {
  queued: "queued",
  running: "in_progress",
  completed: "completed",
  failed: "failed",
  cancelled: "failed",
} as const satisfies Record<TaskStatus, OpenAiVideoStatus>;

const CANCELLED_CODE = "cancelled";
const SECOND_MS = 1_000;

/** The video object of a task of films, as that asker may read it: the prompt stays with the task's owner. */
export function openAiVideoOf(
  task: Task,
  scope: TenantScope,
  { models, mediaMs }: VideoAnswerDependencies,
): OpenAiVideo {
  const ended = task.status === "completed" ? task.finishedAt : null;
  return {
    id: task.id,
    object: "video",
    model: task.model,
    status: VIDEO_STATUSES[task.status],
    progress: task.progress,
    created_at: seconds(task.createdAt),
    completed_at: ended === null ? null : seconds(ended),
    expires_at: ended === null ? null : seconds(ended + mediaMs),
    prompt: isOwnTask(task, scope) ? task.request.prompt : "",
    ...measures(task, models),
    remixed_from_video_id: null,
    error: errorOf(task),
  };
}

function errorOf(task: Task): OpenAiVideo["error"] {
  if (task.status === "cancelled") return { code: CANCELLED_CODE, message: CANCELLED_TEXT };
  return task.error === null ? null : { ...task.error };
}

/** Of the film, once there is one; else as asked, or what the model takes when it is not told. */
function measures(
  task: Task,
  models: Pick<ModelCatalogue, "resolve">,
): Pick<OpenAiVideo, "size" | "seconds"> {
  const { request } = task;
  const film = task.result?.items[0];
  const usual = film === undefined ? capabilitiesOf(task, models) : null;
  const asked = request.size === "auto" ? undefined : request.size;
  const known =
    film?.width !== undefined && film.height !== undefined ? `${film.width}x${film.height}` : undefined;
  const length = film?.durationSeconds ?? request.duration ?? usual?.durations?.default;
  return {
    size: known ?? asked ?? usualSize(usual) ?? "auto",
    seconds: length === undefined ? "" : String(length),
  };
}

function usualSize(capabilities: ModelCapabilities | null): string | undefined {
  if (capabilities === null) return undefined;
  const { sizes } = capabilities;
  return sizes.kind === "range" ? sizes.default : sizes.sizes[0];
}

/** Null for a model that is not offered any more. */
function capabilitiesOf(task: Task, models: Pick<ModelCatalogue, "resolve">): ModelCapabilities | null {
  try {
    return models.resolve(task.model, "video").capabilities;
  } catch {
    return null;
  }
}

function seconds(ms: number): number {
  return Math.floor(ms / SECOND_MS);
}
