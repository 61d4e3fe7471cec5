/** How long a run usually takes: as the gateway says, or from the last tasks of the model where it does not know. */

import { useCallback } from "react";
import type { WireTask } from "../../protocol/task.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { durationWords } from "../design/format.ts";
import { useSession } from "../shell/session.ts";
import type { Estimated } from "./use-estimates.ts";

/** Looked at, of all models. */
const LAST_TASKS = 100;

/** In words; empty where nobody knows. The last tasks are looked at again when `runs`, the number of runs, has changed. */
export function useUsualDuration(estimates: readonly Estimated[], runs: number): string {
  const { client } = useSession();
  const load = useCallback(
    (signal: AbortSignal) => client.tasks.list({ status: "completed", limit: LAST_TASKS }, { signal }),
    [client],
  );
  // Where they cannot be had nobody knows.
  const ended: readonly WireTask[] = useLoaded(load, runs).data?.data ?? [];
  const durations = estimates.map((answer) => {
    if ("estimate" in answer && answer.estimate.usualSeconds !== null)
      return answer.estimate.usualSeconds * 1_000;
    const seen = ended.filter(({ model }) => model === answer.model);
    return medianOf(seen.flatMap(({ metrics }) => (metrics ? [metrics.providerMs] : [])));
  });
  const known = durations.filter((duration) => duration !== null);
  // They run side by side, so the slowest decides.
  return known.length === 0 ? "" : `Usually ${durationWords(Math.max(...known))}`;
}

function medianOf(numbers: readonly number[]): number | null {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? null;
}
