/** The built-in provider: paints pictures on this machine, free of charge and without a network. */

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
import {
  CANVAS_CAPABILITIES,
  CANVAS_MODEL,
  MAX_PICTURES,
  MAX_SIDE,
  MIN_SIDE,
  parseSize,
} from "./capabilities.ts";
import { type CanvasOptions, parseCanvasOptions } from "./options.ts";
import { Pacer } from "./pacer.ts";
import { rehearsedFailure } from "./rehearsal.ts";
import { CanvasRun, type Commission } from "./run.ts";
import { type CanvasState, readState } from "./state.ts";

export type LocalProviderOptions = {
  clock: Clock;
  pacer?: Pacer;
};

/** The provider `local`, with its one model of pictures. */
export function createLocalProvider({ clock, pacer = new Pacer() }: LocalProviderOptions): MediaProvider {
  const paint = (commission: Commission, state: CanvasState, io: StepIo) =>
    new CanvasRun(commission, state, io, clock, pacer).run();

  const step = async (job: MediaJob, state: CanvasState, io: StepIo): Promise<StepOutcome> => {
    const commission = readJob(job);
    if (typeof commission === "string")
      return failed({ kind: "permanent", code: "invalid_request", message: commission });
    return commission.options.upstream
      ? stepUpstream(job, commission, state, io, clock.now(), paint)
      : paint(commission, state, io);
  };

  return {
    name: "local",
    // Painting again gives the same bytes and costs nobody anything.
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

/** Checks what is asked; a string says what is wrong with it. */
function readJob(job: MediaJob): Commission | string {
  const { request } = job;
  if (job.type !== CANVAS_CAPABILITIES.type || job.model !== CANVAS_MODEL)
    return `The provider local paints pictures with the model ${CANVAS_MODEL}; ${job.type} with ${JSON.stringify(job.model)} was asked for.`;
  const size = parseSize(request.size);
  if (size === null)
    return `size must be auto or WxH with sides from ${MIN_SIDE} to ${MAX_SIDE} pixels; ${JSON.stringify(request.size)} came.`;
  if (!Number.isInteger(request.n) || request.n < 1 || request.n > MAX_PICTURES)
    return `n must be an integer from 1 to ${MAX_PICTURES}; ${request.n} came.`;
  if (request.outputFormat !== undefined && !CANVAS_CAPABILITIES.outputFormats.includes(request.outputFormat))
    return `output_format must be png for this model; ${JSON.stringify(request.outputFormat)} came.`;
  const options = parseCanvasOptions(request.providerOptions);
  if (typeof options === "string") return options;
  // Without a seed every task is its own picture, and a task that is picked up again stays the same one.
  const seed = request.seed === undefined ? job.taskId : String(request.seed);
  return { prompt: request.prompt, n: request.n, ...size, seed, attempt: job.attempt, options };
}

/** A job that runs on the provider's side, by the clock, and is asked for: what most paid providers do. */
async function stepUpstream(
  job: MediaJob,
  commission: Commission,
  state: CanvasState,
  io: StepIo,
  now: number,
  paint: (commission: Commission, state: CanvasState, io: StepIo) => Promise<StepOutcome>,
): Promise<StepOutcome> {
  const { options } = commission;
  const known = state.upstream;
  // A new attempt, and a job that was turned away, begin anew on the other side.
  if (known === null || known.attempt !== job.attempt || known.refusals !== state.refusals) {
    const upstream = { startedAt: now, attempt: job.attempt, refusals: state.refusals };
    return pending({ ...state, upstream }, options, 0, "waiting for the painter");
  }
  const passed = options.stepMs === 0 ? options.steps : Math.floor((now - known.startedAt) / options.stepMs);
  const failure = rehearsedFailure(commission, state, Math.min(passed + 1, options.steps));
  if (failure !== null) {
    if (failure.kind === "rate_limited") await io.save({ ...state, refusals: state.refusals + 1 });
    return failed(failure);
  }
  if (passed >= options.steps)
    return paint({ ...commission, options: { ...options, stepMs: 0, failAt: null } }, state, io);
  return pending(state, options, Math.max(0, Math.floor((passed * 95) / options.steps)), "painting");
}

function pending(state: CanvasState, options: CanvasOptions, progress: number, message: string): StepOutcome {
  return { kind: "pending", state: state as Json, pollAfterMs: options.pollMs, progress, message };
}

function failed(failure: Failure): StepOutcome {
  return { kind: "failed", failure };
}
