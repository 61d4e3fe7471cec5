/**
 * The paths of media files, `yyyy/mm/dd/<taskId>/<token>.<ext>`: the only spellings that ever reach a disk or a bucket.
 */

import { isTaskId, type RandomFill, randomToken, taskIdTime } from "../tasks/ids.ts";
import { extensionOf } from "./content-types.ts";

/** Letters and digits of the unguessable part: 131 bits. */
const TOKEN_LENGTH = 22;

const PATH = /^(\d{4}\/\d{2}\/\d{2})\/([0-9a-f-]{36})\/([A-Za-z0-9]{22})\.([a-z0-9]{1,5})$/;

export type MediaPath = { folder: string; taskId: string; token: string; extension: string };

/** Null unless the path is one that this store could have made: no dots, no backslash, the day of its task's id. */
export function parseMediaPath(path: string): MediaPath | null {
  const [, day, taskId, token, extension] = PATH.exec(path) ?? [];
  if (day === undefined || taskId === undefined || token === undefined || extension === undefined)
    return null;
  if (!isTaskId(taskId) || dayOf(taskId) !== day) return null;
  return { folder: `${day}/${taskId}`, taskId, token, extension };
}

/** An unguessable path for a new file of a task. Throws on what is no task id. */
export function newMediaPath(
  taskId: string,
  contentType: string,
  random?: RandomFill,
): MediaPath & { path: string } {
  const folder = taskFolder(taskId);
  const token = randomToken(TOKEN_LENGTH, random);
  const extension = extensionOf(contentType);
  return { path: `${folder}/${token}.${extension}`, folder, taskId, token, extension };
}

/** The folder of a task. Throws on what is no task id. */
export function taskFolder(taskId: string): string {
  if (!isTaskId(taskId)) throw new Error(`A media file belongs to a task id; ${JSON.stringify(taskId)} came`);
  return `${dayOf(taskId)}/${taskId}`;
}

/** The folder of a UTC day, `yyyy/mm/dd`. */
export function dayFolder(moment: number): string {
  const date = new Date(moment);
  // A UUIDv7 can name a moment that no calendar of four-digit years holds.
  return Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(0, 10).replaceAll("-", "/");
}

/** The folder of the day a task was made. */
function dayOf(taskId: string): string {
  return dayFolder(taskIdTime(taskId));
}
