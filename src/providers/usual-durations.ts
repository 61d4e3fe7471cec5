/**
 * How long jobs usually take, for estimates before a process has seen any itself. Rough figures as makers and callers tell them
 * as of November 2026: what was seen replaces them.
 */

import type { TaskType } from "../protocol/task.ts";
import type { DurationSeeds } from "../tasks/engine/usual-durations.ts";
import type { ListedModel } from "../tasks/ports/model-catalogue.ts";

const SECOND_MS = 1_000;

/** Seconds, for a model that no line below names. */
const USUAL_SECONDS: Readonly<Record<TaskType, number>> = { image: 20, video: 120 };

/** Seconds by the beginning of a model's full name; the longest beginning counts. */
const LINES: Readonly<Record<string, number>> = {
  // The best qualities take minutes.
  "openai/": 40,
  "gemini/gemini-omni": 60,
  "stability/": 10,
  "bfl/": 15,
  "minimax/image": 20,
  "minimax/MiniMax": 240,
  "minimax/S2V": 240,
  "replicate/black-forest-labs/flux-schnell": 3,
  "replicate/black-forest-labs/": 10,
  "fal/fal-ai/flux/schnell": 3,
  "fal/fal-ai/flux": 10,
  "fal/fal-ai/minimax": 180,
};

/** What is known of the models that are offered; nothing of those whose progress comes from the work itself. */
export function durationSeeds(models: readonly ListedModel[]): DurationSeeds {
  const estimated = new Map<string, number>();
  for (const { id, aliasOf, capabilities } of models) {
    if (aliasOf === null && !capabilities.measuredProgress)
      estimated.set(id, usualSecondsOf(id, capabilities.type) * SECOND_MS);
  }
  return ({ provider, model }) => estimated.get(`${provider}/${model}`) ?? null;
}

function usualSecondsOf(name: string, type: TaskType): number {
  const [line] = Object.keys(LINES)
    .filter((beginning) => name.startsWith(beginning))
    .sort((one, other) => other.length - one.length);
  return (line === undefined ? undefined : LINES[line]) ?? USUAL_SECONDS[type];
}
