/** The built-in provider: makes pictures and films on this machine, free of charge and without a network. */

import type { Json } from "../../protocol/task.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import type {
  CancelResult,
  Failure,
  MediaJob,
  MediaProvider,
  StepIo,
  StepOutcome,
} from "../../tasks/ports/media-provider.ts";
import { CANVAS_MODEL, MOTION_MODEL } from "./capabilities.ts";
import { runFilm } from "./film-run.ts";
import type { FilmStudio } from "./film-studio.ts";
import { readFilmJob, readPictureJob } from "./jobs.ts";
import type { RehearsalOptions } from "./options.ts";
import { Pacer } from "./pacer.ts";
import { rehearsedFailure } from "./rehearsal.ts";
import { CanvasRun } from "./run.ts";
import { type LocalState, readState } from "./state.ts";

export type LocalProviderOptions = {
  clock: Clock;
  pacer?: Pacer;
  /** Draws the films. Without one only pictures are made. */
  studio?: FilmStudio | undefined;
};

/** Work that was read: how it is rehearsed, and how it is done with other options. */
type Work = {
  options: RehearsalOptions;
  attempt: number;
  run(options: RehearsalOptions): Promise<StepOutcome>;
};

/** The provider `local`, with its models. */
export function createLocalProvider({
  clock,
  pacer = new Pacer(),
  studio,
}: LocalProviderOptions): MediaProvider {
  const readJob = (job: MediaJob, state: LocalState, io: StepIo): Work | string => {
    if (job.type === "image" && job.model === CANVAS_MODEL) {
      const commission = readPictureJob(job);
      if (typeof commission === "string") return commission;
      const run = (options: RehearsalOptions) =>
        new CanvasRun({ ...commission, options }, state, io, clock, pacer).run();
      return { ...commission, run };
    }
    if (job.type === "video" && job.model === MOTION_MODEL && studio !== undefined) {
      const commission = readFilmJob(job);
      if (typeof commission === "string") return commission;
      const run = (options: RehearsalOptions) =>
        runFilm({ ...commission, options }, state, io, studio, clock);
      return { ...commission, run };
    }
    return `The provider local has no model ${JSON.stringify(job.model)} for work of the type ${job.type}.`;
  };

  const step = async (job: MediaJob, state: LocalState, io: StepIo): Promise<StepOutcome> => {
    const work = readJob(job, state, io);
    if (typeof work === "string")
      return failed({ kind: "permanent", code: "invalid_request", message: work });
    return work.options.upstream ? stepUpstream(work, state, io, clock.now()) : work.run(work.options);
  };

  return {
    name: "local",
    // Made again it is the same, and costs nobody anything.
    resubmitSafe: () => true,
    submit: (job, io) => step(job, readState(null), io),
    poll: (job, state, io) => step(job, readState(state), io),
    cancel: async (): Promise<CancelResult> => ({
      cancellation: "immediate",
      billedMicros: 0,
      askAgain: false,
    }),
  };
}

/** A job that runs on the provider's side, by the clock, and is asked for: what most paid providers do. */
async function stepUpstream(work: Work, state: LocalState, io: StepIo, now: number): Promise<StepOutcome> {
  const { options, attempt } = work;
  const known = state.upstream;
  // A new attempt, and a job that was turned away, begin anew on the other side.
  if (known === null || known.attempt !== attempt || known.refusals !== state.refusals) {
    const upstream = { startedAt: now, attempt, refusals: state.refusals };
    return pending({ ...state, upstream }, options, 0, "waiting for the painter");
  }
  const passed = options.stepMs === 0 ? options.steps : Math.floor((now - known.startedAt) / options.stepMs);
  const failure = rehearsedFailure(work, state, Math.min(passed + 1, options.steps));
  if (failure !== null) {
    if (failure.kind === "rate_limited") await io.save({ ...state, refusals: state.refusals + 1 });
    return failed(failure);
  }
  if (passed >= options.steps) return work.run({ ...options, stepMs: 0, failAt: null });
  return pending(state, options, Math.max(0, Math.floor((passed * 95) / options.steps)), "painting");
}

function pending(
  state: LocalState,
  options: RehearsalOptions,
  progress: number,
  message: string,
): StepOutcome {
  return { kind: "pending", state: state as Json, pollAfterMs: options.pollMs, progress, message };
}

function failed(failure: Failure): StepOutcome {
  return { kind: "failed", failure };
}
