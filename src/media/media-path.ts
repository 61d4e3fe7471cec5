/**
 * The paths of media files: `yyyy/mm/dd/<taskId>/<token>.<ext>`, and the same with `-<label>.<ext>` behind for what was made
 * from such a file. No other spelling ever reaches a disk or a bucket.
 */

import { isTaskId, type RandomFill, randomToken, taskIdTime } from "../tasks/ids.ts";
import { derivedPath } from "../tasks/ports/media-store.ts";
import { extensionOf } from "./content-types.ts";

/** Letters and digits of the unguessable part: 131 bits. */
const TOKEN_LENGTH = 22;

const PATH =
  /^(\d{4}\/\d{2}\/\d{2})\/([0-9a-f-]{36})\/([A-Za-z0-9]{22})\.([a-z0-9]{1,5})(?:-([a-z0-9]{1,8})\.([a-z0-9]{1,5}))?$/;

export type MediaPath = {
  folder: string;
  taskId: string;
  /** Of the file, or of the one that it was made from. */
  token: string;
  /** Null for what was not made from another file. */
  label: string | null;
  extension: string;
};

export type NewPath = MediaPath & { path: string };

/** Null unless the path is one that this store could have made: no dots, no backslash, the day of its task's id. */
export function parseMediaPath(path: string): MediaPath | null {
  const [, day, taskId, token, extension, label = null, derived] = PATH.exec(path) ?? [];
  if (day === undefined || taskId === undefined || token === undefined || extension === undefined)
    return null;
  if (!isTaskId(taskId) || dayOf(taskId) !== day) return null;
  return { folder: `${day}/${taskId}`, taskId, token, label, extension: derived ?? extension };
}

/**
 * A strong validator, quoted as HTTP wants it. A path is written once and never again, so its random part names the
 * bytes; what is made from a file again comes out the same.
 */
export function etagOf({ token, label }: MediaPath): string {
  return label === null ? `"${token}"` : `"${token}-${label}"`;
}

/** An unguessable path for a new file of a task. Throws on what is no task id. */
export function newMediaPath(taskId: string, contentType: string, random?: RandomFill): NewPath {
  const folder = taskFolder(taskId);
  const token = newToken(random);
  const extension = extensionOf(contentType);
  return { path: `${folder}/${token}.${extension}`, folder, taskId, token, label: null, extension };
}

/** The path of what is made from the file at `path`. Throws unless that is the path of an original. */
export function newDerivedPath(path: string, label: string, contentType: string): NewPath {
  const derived = derivedPath(path, label, extensionOf(contentType));
  const parsed = parseMediaPath(derived);
  if (parsed === null || parsed.label !== label)
    throw new Error("Nothing is derived from what is no media file");
  return { ...parsed, path: derived };
}

/** An unguessable part of a path. */
export function newToken(random?: RandomFill): string {
  return randomToken(TOKEN_LENGTH, random);
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
