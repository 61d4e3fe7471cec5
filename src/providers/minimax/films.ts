/** The way of a film at MiniMax: begun, asked for, and in the first API its file retrieved. */

import type { Json } from "../../protocol/task.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import type { Log } from "../../tasks/ports/log.ts";
import type { Failure, MediaJob, StepIo, StepOutcome } from "../../tasks/ports/media-provider.ts";
import { type DownloadHost, storeDownload } from "../upstream/answers/download.ts";
import type { Account } from "../upstream/calls/account.ts";
import { isRecord } from "../upstream/calls/error-text.ts";
import {
  type CallContext,
  contentRefused,
  ofEndedJob,
  permanent,
  reason,
  unusableAnswer,
} from "../upstream/calls/failures.ts";
import { UpstreamError } from "../upstream/calls/upstream-error.ts";
import { createStatusWords } from "../upstream/jobs/status-words.ts";
import type { MiniMaxCalls } from "./calls.ts";
import { failureOfCode, failureWithin, requireOk, textOrEmpty } from "./dialect.ts";
import type { MiniMaxVideoModel } from "./models.ts";
import {
  type FilmReport,
  type MiniMaxFilm,
  miniMaxFilmBody,
  readMiniMaxFilm,
  reportOfFilm,
  shapeOf,
} from "./videos.ts";

/** Films take two to five minutes. */
const FIRST_POLL_MS = 20_000;
const POLL_MS = 10_000;
/** A film that takes longer than most is asked for less often. */
const SLOW_POLL_MS = 20_000;
const SLOW_AFTER_MS = 300_000;
const CONTENT_WORDS = /sensitive|content polic|moderation/i;
const SHOWN_WORD_CHARACTERS = 20;

/** One job, with what its steps need. */
export type FilmStep = {
  readonly job: MediaJob;
  readonly model: MiniMaxVideoModel;
  readonly account: Account;
  readonly io: StepIo;
};

export type FilmsOptions = {
  readonly calls: MiniMaxCalls;
  readonly clock: Clock;
  readonly log: Pick<Log, "warn">;
  readonly downloads: DownloadHost & { readonly maxFileBytes: number };
};

export class Films {
  readonly #options: FilmsOptions;
  readonly #statusOf: ReturnType<typeof createStatusWords>;

  constructor(options: FilmsOptions) {
    this.#options = options;
    // Both APIs; the first one's calls to the gateway spell theirs in small letters.
    this.#statusOf = createStatusWords(
      "MiniMax",
      {
        Preparing: "waiting",
        Queueing: "waiting",
        queued: "waiting",
        Processing: "running",
        running: "running",
        Success: "completed",
        succeeded: "completed",
        Fail: "failed",
        failed: "failed",
        expired: "failed",
        cancelled: "cancelled",
      },
      options.log,
    );
  }

  async begin({ job, model, account, io }: FilmStep): Promise<StepOutcome> {
    const { calls, clock } = this.#options;
    const shape = shapeOf(job, model);
    const body = miniMaxFilmBody(job, model, shape, io);
    const answer = await calls.post(`/v${model.api}/video_generation`, body, account, io);
    const value = await answer.json();
    const id = textOrEmpty(isRecord(value) ? value.task_id : undefined);
    // A code beside an id may say what it likes: there is a film, and asking for it tells.
    if (id === "") {
      const failure = failureWithin(value, answer.context);
      throw new UpstreamError(
        failure ?? unusableAnswer("no id of the film it may be making", answer.context),
      );
    }
    const { seconds } = shape;
    const state: MiniMaxFilm = { id, since: clock.now(), seconds, file: null, width: null, height: null };
    return { kind: "pending", state, pollAfterMs: FIRST_POLL_MS, progress: 0 };
  }

  async poll(step: FilmStep, saved: Json): Promise<StepOutcome> {
    const { model, account, io } = step;
    const state = readMiniMaxFilm(saved);
    if (state === null)
      throw new UpstreamError(permanent("provider_error", "The film's reference was lost."));
    if (state.file !== null) return this.#fetchFile(step, state, state.file);
    const path =
      model.api === 1
        ? `/v1/query/video_generation?task_id=${encodeURIComponent(state.id)}`
        : `/v2/query/video_generation/${encodeURIComponent(state.id)}`;
    const answer = await this.#options.calls.get(path, account, io);
    const { context } = answer;
    const value = await answer.json();
    if (!isRecord(value)) throw new UpstreamError(unusableAnswer("something that is no film", context));
    const report = reportOfFilm(value);
    const status = report.word === undefined ? null : this.#statusOf(report.word);
    if (status === "failed" || status === "cancelled") throw new UpstreamError(filmFailure(report, context));
    const failure = failureWithin(value, context);
    if (failure !== null) throw new UpstreamError(queryFailure(failure, context));
    if (status === null) throw new UpstreamError(unusableAnswer("no status of the film", context));
    if (status !== "completed") return this.#stillRunning(state, status);
    if (model.api === 2) {
      if (report.url === "") throw new UpstreamError(unusableAnswer("no address of the film", context));
      return this.#finish(state, report, report.url, io, context);
    }
    const { file, width, height } = report;
    if (file === "") throw new UpstreamError(unusableAnswer("no file of the film", context));
    const made: MiniMaxFilm = { ...state, file, width, height };
    // From now on only the file is asked for, whatever happens on the way to it.
    await io.save(made);
    return this.#fetchFile(step, made, file);
  }

  #stillRunning(state: MiniMaxFilm, status: "waiting" | "running"): StepOutcome {
    const elapsed = this.#options.clock.now() - state.since;
    const pending = {
      kind: "pending",
      state,
      pollAfterMs: elapsed > SLOW_AFTER_MS ? SLOW_POLL_MS : POLL_MS,
    } as const;
    return status === "waiting"
      ? { ...pending, progress: 0, message: "waiting in MiniMax's queue" }
      : { ...pending, message: "filming" };
  }

  /** The film is made and paid for: whatever fails on the way to its file is tried again. */
  async #fetchFile({ account, io }: FilmStep, state: MiniMaxFilm, file: string): Promise<StepOutcome> {
    let found: { url: string; context: CallContext };
    try {
      found = await this.#retrieve(file, account, io);
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      throw new UpstreamError(retrievalFailure(error.failure));
    }
    return this.#finish(state, { ...state, seconds: null }, found.url, io, found.context);
  }

  async #retrieve(
    file: string,
    account: Account,
    io: StepIo,
  ): Promise<{ url: string; context: CallContext }> {
    const path = `/v1/files/retrieve?file_id=${encodeURIComponent(file)}`;
    const answer = await this.#options.calls.get(path, account, io);
    const { context } = answer;
    const { file: found } = requireOk(await answer.json(), context);
    const url = isRecord(found) ? textOrEmpty(found.download_url) : "";
    if (url === "") throw new UpstreamError(unusableAnswer("no address of the film's file", context));
    return { url, context };
  }

  async #finish(
    state: MiniMaxFilm,
    { width, height, seconds }: Pick<FilmReport, "width" | "height" | "seconds">,
    url: string,
    io: StepIo,
    context: CallContext,
  ): Promise<StepOutcome> {
    const { downloads } = this.#options;
    const link = { url, kind: "video", maxBytes: downloads.maxFileBytes } as const;
    const media = await storeDownload(link, io, downloads, context);
    const durationSeconds = seconds ?? state.seconds;
    const sides = { ...(width !== null && { width }), ...(height !== null && { height }) };
    return {
      kind: "done",
      items: [{ index: 0, media, durationSeconds, ...sides }],
      usage: { seconds: durationSeconds },
    };
  }
}

/** Why there is no film and will be none. */
function filmFailure({ failure, word }: FilmReport, context: CallContext): Failure {
  const { code, message } = failure;
  const report = { code: String(code), type: "", message };
  if (CONTENT_WORDS.test(message)) return ofEndedJob(contentRefused(context, report));
  const known = Number.isInteger(code) && code !== 0 ? failureOfCode(code, report, context) : null;
  if (known?.kind === "permanent" || known?.kind === "content_policy") return ofEndedJob(known);
  const ended = textOrEmpty(word).slice(0, SHOWN_WORD_CHARACTERS);
  const told = message.toLowerCase() === "success" ? "" : reason(report, context);
  return ofEndedJob(
    permanent("provider_error", `${context.provider} ended the film without a result (${ended})${told}.`),
  );
}

/** A refused query says nothing of the film, but that it is not known: the request was fine when it was sent. */
function queryFailure(failure: Failure, { provider }: CallContext): Failure {
  if (failure.kind === "permanent" && failure.code === "invalid_request")
    return permanent("provider_error", `${provider} does not know the film any more.`);
  return failure;
}

function retrievalFailure(failure: Failure): Failure {
  if (failure.kind !== "permanent" && failure.kind !== "content_policy") return failure;
  return {
    kind: "transient",
    code:
      failure.kind === "permanent" && failure.code !== "invalid_request" ? failure.code : "provider_error",
    message: "MiniMax made the film and does not hand it out.",
  };
}
