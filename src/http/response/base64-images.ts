/** Reading finished pictures back as base64, for callers that asked for them in the answer itself. */

import type { MediaStore } from "../../tasks/ports/media-store.ts";
import type { Task } from "../../tasks/task.ts";

/**
 * The pictures of a task by item index; one that failed, or whose file is no longer kept, leaves a hole. Holds every
 * picture of the task in memory at once: at most `n` of them, each as large as its provider may deliver.
 */
export async function readBase64Images(task: Task, media: Pick<MediaStore, "get">): Promise<string[]> {
  const images: string[] = [];
  for (const item of task.result?.items ?? []) {
    const file = await media.get(item.media.path);
    if (file === null) continue;
    const bytes = new Uint8Array(await new Response(await file.open()).arrayBuffer());
    images[item.index] = bytes.toBase64();
  }
  return images;
}

/** Whether reading this one task answers its pictures inline. */
export function wantsBase64(task: Task): boolean {
  return task.type === "image" && task.status === "completed" && task.request.responseFormat === "b64_json";
}
