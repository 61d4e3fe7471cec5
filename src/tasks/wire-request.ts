/** What a task was asked for, in the words of a create. */

import type { Json, WireTaskRequest } from "../protocol/task.ts";
import type { Task } from "./task.ts";

/** Where the gateway serves media, as a create takes the path of one. */
const MEDIA = "/v1/media/";

/**
 * The body of a create that asks for the same again. Nothing of how the answer was wanted or who was to be told, nor of the end user:
 * only what is made, and how urgently.
 */
export function toWireRequest(task: Task): WireTaskRequest {
  const { request, metadata, priority, type, model } = task;
  const pictures = pathsOf(task, "image");
  const [mask] = pathsOf(task, "mask");
  const fields: Record<string, Json | undefined> = {
    prompt: request.prompt,
    n: type === "image" ? request.n : undefined,
    size: request.size,
    quality: request.quality,
    style: request.style,
    background: request.background,
    output_format: request.outputFormat,
    seed: request.seed,
    duration: request.duration,
    fps: request.fps,
    image: pictures.length > 0 ? pictures : undefined,
    mask,
    provider_options: request.providerOptions,
    ...request.further,
    priority: priority === "normal" ? undefined : priority,
    metadata: Object.keys(metadata).length > 0 ? metadata : undefined,
  };
  const said = Object.entries(fields).filter((field): field is [string, Json] => field[1] !== undefined);
  return { model, ...Object.fromEntries(said) } as WireTaskRequest;
}

function pathsOf({ inputs }: Task, role: "image" | "mask"): string[] {
  return inputs.filter((input) => input.role === role).map(({ path }) => `${MEDIA}${path}`);
}
