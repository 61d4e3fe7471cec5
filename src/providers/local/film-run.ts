/** One run of a film: drawn from the beginning in a single go, because that takes seconds; nothing half done is kept. */

import type { Json } from "../../protocol/task.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import type { StepIo, StepOutcome } from "../../tasks/ports/media-provider.ts";
import type { FilmOrder, FilmSession, FilmStudio } from "./film-studio.ts";
import { INTERRUPTED, rest } from "./interruption.ts";
import type { RehearsalOptions } from "./options.ts";
import { rehearsedFailure } from "./rehearsal.ts";
import type { LocalState } from "./state.ts";

/** A job as the studio understands it. */
export type FilmCommission = { order: FilmOrder; attempt: number; options: RehearsalOptions };

/** Progress until the file is stored; the engine says 100 when the task is complete. */
const DRAWN_PERCENT = 98;

/** Draws the film, unless it is in the state already, and answers it. */
export async function runFilm(
  commission: FilmCommission,
  state: LocalState,
  io: StepIo,
  studio: FilmStudio,
  clock: Clock,
): Promise<StepOutcome> {
  const { order } = commission;
  if (state.items.length > 0) return done(state.items);
  try {
    const session = await studio.open(order, io.signal);
    try {
      const hindrance = await draw(commission, state, io, session, clock);
      if (hindrance !== null) return hindrance;
      const media = await io.putMedia(await session.finish(), "video/webm");
      const { width, height, frames, fps } = order;
      return done([{ index: 0, media, width, height, durationSeconds: frames / fps, fps }]);
    } finally {
      session.close();
    }
  } catch (error) {
    // A file that cannot be stored, or a thread that died: the engine tries again and says why.
    if (io.signal.aborted) return INTERRUPTED;
    throw error;
  }
}

/** Draws every frame; answers what kept it from that, or null. */
async function draw(
  commission: FilmCommission,
  state: LocalState,
  io: StepIo,
  session: FilmSession,
  clock: Clock,
): Promise<StepOutcome | null> {
  const { order, options } = commission;
  const report = (frames: number) => {
    const message = frames === 0 ? "sketching" : `drew ${frames} of ${order.frames} frames`;
    io.progress(Math.floor((frames * DRAWN_PERCENT) / order.frames), message);
  };
  report(0);
  for (let step = 1; step <= options.steps; step++) {
    const failure = rehearsedFailure(commission, state, step);
    if (failure !== null) {
      if (failure.kind === "rate_limited") await io.save({ ...state, refusals: state.refusals + 1 } as Json);
      return { kind: "failed", failure };
    }
    const goal = Math.floor((order.frames * step) / options.steps);
    if (!(await session.drawUntil(goal, report, io.signal))) return INTERRUPTED;
    if (!(await rest(options.stepMs, io.signal, clock))) return INTERRUPTED;
  }
  return null;
}

function done(items: LocalState["items"]): StepOutcome {
  return { kind: "done", items, costMicros: 0 };
}
