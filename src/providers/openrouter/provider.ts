/** Films by OpenRouter: many makers' models behind one API of jobs that are polled. */

import type { Json } from "../../protocol/task.ts";
import type {
  Failure,
  MediaJob,
  MediaProvider,
  StepIo,
  StepOutcome,
} from "../../tasks/ports/media-provider.ts";
import { storeDownload } from "../upstream/answers/download.ts";
import { type Account, accountOf } from "../upstream/calls/account.ts";
import type { LinkAdapterOptions } from "../upstream/calls/adapter-options.ts";
import { isRecord, quotable } from "../upstream/calls/error-text.ts";
import {
  type CallContext,
  contentRefused,
  ofEndedJob,
  permanent,
  reason,
  unusableAnswer,
} from "../upstream/calls/failures.ts";
import { type Dialect, UpstreamClient } from "../upstream/calls/upstream-client.ts";
import { runStep, UpstreamError } from "../upstream/calls/upstream-error.ts";
import { type FilmState, readFilmState, requireFilmState } from "../upstream/jobs/film-state.ts";
import { createStatusWords } from "../upstream/jobs/status-words.ts";
import { jsonWithFiles } from "../upstream/requests/json-with-files.ts";
import { knownModel } from "../upstream/requests/known-model.ts";
import { FILM_MODELS } from "./models.ts";
import { openRouterFilmBody, openRouterFilmSeconds } from "./request.ts";

export const OPENROUTER = "openrouter";
const TITLE = "OpenRouter";
const BASE_URL = "https://openrouter.ai/api/v1";
/** OpenRouter asks for 10 to 30 seconds between polls. */
const POLL_MS = 10_000;
/** Of a status word in a message. */
const SHOWN_CHARACTERS = 40;
const MICROS_PER_DOLLAR = 1_000_000;
/** Most makers say in words alone that they held something back. */
const MODERATION_WORDS =
  /moderat|flagged|content.?(?:policy|filter)|safety|sensitive|prohibited|nsfw|violat|guideline/i;

/** A flagged input comes with 403, as a refused key does. */
const dialect: Dialect = ({ status, report, body }, context) => {
  const error = isRecord(body) && isRecord(body.error) ? body.error : {};
  const metadata = isRecord(error.metadata) ? error.metadata : {};
  if (status === 403 && (Array.isArray(metadata.reasons) || MODERATION_WORDS.test(report.message)))
    return contentRefused(context, report);
  return status === 400 && MODERATION_WORDS.test(report.message) ? contentRefused(context, report) : null;
};

export function createOpenRouter(options: LinkAdapterOptions): MediaProvider {
  const { accounts, clock, log, fetch, download, maxFileBytes } = options;
  const client = new UpstreamClient({ provider: TITLE, fetch, clock, dialect });
  const models = new Map(FILM_MODELS.map((model) => [model.name, model]));
  const statusOf = createStatusWords(
    TITLE,
    {
      pending: "waiting",
      queued: "waiting",
      in_progress: "running",
      completed: "completed",
      failed: "failed",
      cancelled: "cancelled",
      expired: "failed",
    },
    log,
  );
  const accountFor = (job: MediaJob) => accountOf(job, accounts, BASE_URL);
  const headersOf = ({ key }: Account) => ({ authorization: `Bearer ${key}` });
  const addressOf = ({ baseUrl }: Account, { id }: FilmState) =>
    `${baseUrl}/videos/${encodeURIComponent(id)}`;

  const begin = async (job: MediaJob, io: StepIo): Promise<StepOutcome> => {
    const model = knownModel(models, job, TITLE);
    const account = accountFor(job);
    const answer = await client.call({
      method: "POST",
      url: `${account.baseUrl}/videos`,
      headers: { ...headersOf(account), "content-type": "application/json" },
      body: await jsonWithFiles(openRouterFilmBody(job, model, io)),
      signal: io.signal,
      startsWork: true,
      secrets: [account.key],
    });
    const made = await answer.json();
    if (!isRecord(made) || typeof made.id !== "string" || made.id === "")
      throw new UpstreamError(unusableAnswer("no id of the film it may be making", answer.context));
    const state: FilmState = { id: made.id, seconds: openRouterFilmSeconds(job, model) };
    return { kind: "pending", state, pollAfterMs: POLL_MS, progress: 0 };
  };

  /** How the job is. */
  const look = async (account: Account, state: FilmState, signal: AbortSignal) => {
    const answer = await client.call({
      method: "GET",
      url: addressOf(account, state),
      headers: headersOf(account),
      signal,
      secrets: [account.key],
    });
    const value = await answer.json();
    if (!isRecord(value))
      throw new UpstreamError(unusableAnswer("something that is no film", answer.context));
    return { value, status: statusOf(value.status), context: answer.context };
  };

  const poll = async (job: MediaJob, saved: Json, io: StepIo): Promise<StepOutcome> => {
    const state = requireFilmState(saved);
    const account = accountFor(job);
    const { value, status, context } = await look(account, state, io.signal);
    switch (status) {
      case "waiting":
        return { kind: "pending", state, pollAfterMs: POLL_MS, progress: 0 };
      case "running": {
        const progress = percentOf(value.progress);
        return { kind: "pending", state, pollAfterMs: POLL_MS, ...(progress !== null && { progress }) };
      }
      case "failed":
      case "cancelled":
        throw new UpstreamError(failureOf(value, context));
      case "completed": {
        // Its own address with the key, instead of those the answer names: they lead to the same film.
        const link = {
          url: `${addressOf(account, state)}/content?index=0`,
          kind: "video",
          headers: headersOf(account),
          maxBytes: maxFileBytes,
        } as const;
        const media = await storeDownload(link, io, { download, clock }, context);
        const costMicros = billOf(value);
        return {
          kind: "done",
          items: [{ index: 0, media, durationSeconds: state.seconds }],
          usage: { seconds: state.seconds },
          ...(costMicros !== null && { costMicros }),
        };
      }
    }
  };

  return {
    name: OPENROUTER,
    resubmitSafe: () => false,
    submit: (job, io) => runStep(() => begin(job, io)),
    poll: (job, state, io) => runStep(() => poll(job, state, io)),
    /** There is no call that ends a job; what it costs is known once it has ended. */
    async cancel(job, saved, signal) {
      const unsupported = { cancellation: "unsupported_upstream", billedMicros: null } as const;
      const state = readFilmState(saved);
      if (state === null) return { ...unsupported, askAgain: false };
      try {
        const { value, status } = await look(accountFor(job), state, signal);
        const runs = status === "waiting" || status === "running";
        return { ...unsupported, billedMicros: runs ? null : billOf(value), askAgain: runs };
      } catch (error) {
        if (error instanceof UpstreamError && error.failure.kind === "permanent")
          return { ...unsupported, askAgain: false };
        throw error;
      }
    },
  };
}

/**
 * What the answer says was billed, in micro-dollars; null where it does not say, and where the film was paid through a
 * key of the account's own with its maker, of which OpenRouter bills a fee only.
 */
function billOf({ usage }: Record<string, unknown>): number | null {
  if (!isRecord(usage) || usage.is_byok === true) return null;
  const { cost } = usage;
  return typeof cost === "number" && Number.isFinite(cost) && cost >= 0
    ? Math.round(cost * MICROS_PER_DOLLAR)
    : null;
}

/** Progress as some makers say it. */
function percentOf(value: unknown): number | null {
  return typeof value === "number" && value >= 0 && value <= 100 ? Math.floor(value) : null;
}

function failureOf({ status, error }: Record<string, unknown>, context: CallContext): Failure {
  const said = isRecord(error) ? error.message : error;
  const report = { code: "", type: "", message: typeof said === "string" ? said : "" };
  if (MODERATION_WORDS.test(report.message)) return ofEndedJob(contentRefused(context, report));
  const word = quotable(String(status)).slice(0, SHOWN_CHARACTERS);
  const message = `${context.provider} ended the film without a result (${word})${reason(report, context)}.`;
  return ofEndedJob(permanent("provider_error", message));
}
