/** What a finished request of fal's has made: where its files are, and what was held back. */

import type { TaskType } from "../../protocol/task.ts";
import { isRecord } from "../upstream/calls/error-text.ts";

export type FalFile = { readonly url: string; readonly width: number | null; readonly height: number | null };

export type FalResult = {
  readonly files: readonly FalFile[];
  /** Pictures that are black, because the safety system held back what was in them. */
  readonly heldBack: number;
};

/** Models name their results by one or several; each is an object with its address. */
const FIELDS = { image: ["images", "image"], video: ["video", "videos"] } as const satisfies Record<
  TaskType,
  readonly string[]
>;

/** Reads the result of a model; files whose address is missing are none. */
export function resultOf(value: unknown, type: TaskType): FalResult {
  const result = isRecord(value) ? value : {};
  const field = FIELDS[type].find((name) => result[name] !== undefined && result[name] !== null);
  const found = field === undefined ? [] : result[field];
  const flags = Array.isArray(result.has_nsfw_concepts) ? result.has_nsfw_concepts : [];
  const all = (Array.isArray(found) ? found : [found]).map(fileOf);
  const kept = all.filter((file, place): file is FalFile => file !== null && flags[place] !== true);
  return { files: kept, heldBack: all.filter((_, place) => flags[place] === true).length };
}

function fileOf(value: unknown): FalFile | null {
  if (!isRecord(value) || typeof value.url !== "string" || value.url === "") return null;
  return { url: value.url, width: side(value.width), height: side(value.height) };
}

function side(value: unknown): number | null {
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : null;
}
