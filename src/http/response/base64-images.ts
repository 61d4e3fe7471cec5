/** Reading finished pictures back as base64, for callers that asked for them in the answer itself. */

import type { MediaStore } from "../../tasks/ports/media-store.ts";
import type { Task } from "../../tasks/task.ts";

/** Where the files of results are read. */
export type ResultFiles = Pick<MediaStore, "get"> & {
  /** The bytes of a file that was stored just now, once; null where it has to be read. */
  take?(path: string): Uint8Array | null;
};

/**
 * The pictures of a task by item index; one that failed, or whose file is no longer kept, leaves a hole. Holds every
 * picture of the task in memory at once: at most `n` of them, each as large as its provider may deliver.
 */
export async function readBase64Images(task: Task, files: ResultFiles): Promise<string[]> {
  const images: string[] = [];
  for (const item of task.result?.items ?? []) {
    const bytes = files.take?.(item.media.path) ?? (await bytesOf(files, item.media.path));
    if (bytes !== null) images[item.index] = bytes.toBase64();
  }
  return images;
}

async function bytesOf(files: ResultFiles, path: string): Promise<Uint8Array | null> {
  const file = await files.get(path);
  return file === null ? null : new Uint8Array(await new Response(await file.open()).arrayBuffer());
}

/** Whether reading this one task answers its pictures inline. */
export function wantsBase64(task: Task): boolean {
  return task.type === "image" && task.status === "completed" && task.request.responseFormat === "b64_json";
}
