/** What the canvas keeps in a task between steps: small enough for ten pictures in the 8 kB a provider has. */

import type { Json } from "../../protocol/task.ts";
import type { MediaItem } from "../../tasks/task.ts";

export type LocalState = {
  /** Finished pictures, in order; never painted again. */
  items: MediaItem[];
  /** How often the job was turned away for its rate. */
  refusals: number;
  /** A rehearsed job on the provider's side: when and for which try it was started. */
  upstream: { startedAt: number; attempt: number; refusals: number } | null;
};

/** The stored state; an unknown one counts as a job that has not begun. */
export function readState(state: Json): LocalState {
  if (typeof state !== "object" || state === null || !("items" in state) || !Array.isArray(state.items))
    return { items: [], refusals: 0, upstream: null };
  return state as unknown as LocalState;
}
