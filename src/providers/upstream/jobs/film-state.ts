/** What is kept of a film that a provider is making: a reference, and never a key or an address. */

import type { Json } from "../../../protocol/task.ts";
import { isRecord } from "../calls/error-text.ts";
import { permanent } from "../calls/failures.ts";
import { UpstreamError } from "../calls/upstream-error.ts";

export type FilmState = {
  /** As the provider calls the job. */
  readonly id: string;
  /** Of the film, as it was asked for. */
  readonly seconds: number;
};

/** The state as it was saved; null for what is none. */
export function readFilmState(state: Json): FilmState | null {
  if (!isRecord(state) || typeof state.id !== "string" || state.id === "") return null;
  return { id: state.id, seconds: Number(state.seconds) };
}

/** The same for a job that cannot go on without. Throws `UpstreamError`. */
export function requireFilmState(state: Json): FilmState {
  const read = readFilmState(state);
  if (read !== null) return read;
  throw new UpstreamError(permanent("provider_error", "The film's reference cannot be read."));
}
