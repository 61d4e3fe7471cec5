/** Google's pictures and films, by a Gemini API key. */

import type { Json } from "../../protocol/task.ts";
import type {
  CancelResult,
  MediaJob,
  MediaProvider,
  StepIo,
  StepOutcome,
} from "../../tasks/ports/media-provider.ts";
import type { MediaRef } from "../../tasks/task.ts";
import { storeDownload } from "../upstream/answers/download.ts";
import { readJsonWithMedia } from "../upstream/answers/json-with-media.ts";
import { storeMedia } from "../upstream/answers/store-media.ts";
import { type Account, accountOf } from "../upstream/calls/account.ts";
import type { LinkAdapterOptions } from "../upstream/calls/adapter-options.ts";
import { isRecord } from "../upstream/calls/error-text.ts";
import { type CallContext, unusableAnswer } from "../upstream/calls/failures.ts";
import { isOwnAddress } from "../upstream/calls/own-address.ts";
import { UpstreamClient } from "../upstream/calls/upstream-client.ts";
import { runStep, UpstreamError } from "../upstream/calls/upstream-error.ts";
import { type FilmState, readFilmState, requireFilmState } from "../upstream/jobs/film-state.ts";
import { makeItems } from "../upstream/jobs/items.ts";
import { createStatusWords } from "../upstream/jobs/status-words.ts";
import { jsonWithFiles } from "../upstream/requests/json-with-files.ts";
import { knownModel } from "../upstream/requests/known-model.ts";
import { geminiDialect, videoUsage } from "./dialect.ts";
import { geminiImageBody, readImage } from "./images.ts";
import { GEMINI_IMAGE_MODELS, GEMINI_VIDEO_MODELS } from "./models.ts";
import { FILM, filmOf, geminiFilmSeconds, interactionFailure, videoBody } from "./videos.ts";

export const GEMINI = "gemini";
const TITLE = "Google";
const BASE_URL = "https://generativelanguage.googleapis.com/v1beta";
/** Where the key may be sent besides the base URL: the addresses of films. */
const OWN_HOSTS = ["generativelanguage.googleapis.com"];
const PARALLEL_CALLS = 3;
const POLL_MS = 10_000;
/** The key's header. */
const KEY = "x-goog-api-key";
const NO_JOB: CancelResult = { cancellation: "unsupported_upstream", billedMicros: null, askAgain: false };

export function createGemini(options: LinkAdapterOptions): MediaProvider {
  const { accounts, clock, log, fetch, download, maxFileBytes } = options;
  const client = new UpstreamClient({ provider: TITLE, fetch, clock, dialect: geminiDialect });
  const imageModels = new Map(GEMINI_IMAGE_MODELS.map((model) => [model.name, model]));
  const videoModels = new Map(GEMINI_VIDEO_MODELS.map((model) => [model.name, model]));
  const statusOf = createStatusWords(
    TITLE,
    {
      queued: "waiting",
      in_progress: "running",
      completed: "completed",
      failed: "failed",
      incomplete: "failed",
      budget_exceeded: "failed",
      // Both wait for something that nobody here will do.
      requires_action: "failed",
      requires_continuation: "failed",
      cancelled: "cancelled",
    },
    log,
  );
  const accountFor = (job: MediaJob) => accountOf(job, accounts, BASE_URL);

  const images = (job: MediaJob, state: Json, io: StepIo): Promise<StepOutcome> => {
    const model = knownModel(imageModels, job, TITLE);
    const account = accountFor(job);
    return makeItems({
      n: job.request.n,
      perCall: 1,
      parallel: PARALLEL_CALLS,
      provider: TITLE,
      state,
      lastAttempt: job.isLastAttempt === true,
      io,
      make: async () => {
        const path = `models/${encodeURIComponent(job.model)}:generateContent`;
        return readImage(await post(path, geminiImageBody(job, model, io), account, io), io);
      },
    });
  };

  const post = async (path: string, body: unknown, account: Account, io: Pick<StepIo, "signal">) =>
    client.call({
      method: "POST",
      url: `${account.baseUrl}/${path}`,
      headers: { [KEY]: account.key, "content-type": "application/json" },
      body: await jsonWithFiles(body),
      signal: io.signal,
      startsWork: true,
      secrets: [account.key],
    });

  const beginFilm = async (job: MediaJob, io: StepIo): Promise<StepOutcome> => {
    const model = knownModel(videoModels, job, TITLE);
    const seconds = geminiFilmSeconds(job, model);
    const answer = await post("interactions", videoBody(job, model, io), accountFor(job), io);
    const interaction = await answer.json();
    if (!isRecord(interaction) || typeof interaction.id !== "string" || interaction.id === "")
      throw new UpstreamError(unusableAnswer("no id of the film it may be making", answer.context));
    const state: FilmState = { id: interaction.id, seconds };
    return { kind: "pending", state, pollAfterMs: POLL_MS, progress: 0 };
  };

  const pollFilm = async (job: MediaJob, saved: Json, io: StepIo): Promise<StepOutcome> => {
    const state = requireFilmState(saved);
    const account = accountFor(job);
    const answer = await client.call({
      method: "GET",
      url: `${account.baseUrl}/interactions/${encodeURIComponent(state.id)}`,
      headers: { [KEY]: account.key },
      signal: io.signal,
      secrets: [account.key],
    });
    const { context } = answer;
    // A film comes within the answer where it was not asked for as a link.
    const { value, media } = await readJsonWithMedia<MediaRef | null>(answer, {
      isMedia: (path) => FILM.test(path),
      store: (bytes) => storeFilm(io, bytes, context),
    });
    if (!isRecord(value)) throw new UpstreamError(unusableAnswer("something that is no film", context));
    const status = statusOf(value.status);
    if (status === "waiting") return { kind: "pending", state, pollAfterMs: POLL_MS, progress: 0 };
    if (status === "running") return { kind: "pending", state, pollAfterMs: POLL_MS };
    const film = status === "completed" ? filmOf(value, media, context) : null;
    if (film === null) throw new UpstreamError(interactionFailure(value, String(value.status), context));
    const stored = "stored" in film ? film.stored : await fetchFilm(film.uri, account, io, context);
    const tokens = videoUsage(value.usage);
    return {
      kind: "done",
      items: [{ index: 0, media: stored, durationSeconds: state.seconds }],
      usage: { seconds: state.seconds, ...(tokens !== undefined && { tokens }) },
    };
  };

  const fetchFilm = (uri: string, { key, baseUrl }: Account, io: StepIo, context: CallContext) => {
    const headers = isOwnAddress(uri, baseUrl, OWN_HOSTS) ? { [KEY]: key } : {};
    const link = { url: bytesAddress(uri), kind: "video", headers, maxBytes: maxFileBytes } as const;
    return storeDownload(link, io, { download, clock }, context);
  };

  const step = (job: MediaJob, state: Json, io: StepIo): Promise<StepOutcome> =>
    runStep(async () => {
      if (job.type === "image") return images(job, state, io);
      return state === null ? beginFilm(job, io) : pollFilm(job, state, io);
    });

  return {
    name: GEMINI,
    resubmitSafe: (type) => type === "image",
    submit: (job, io) => step(job, null, io),
    poll: step,
    async cancel(job, saved, signal) {
      const state = job.type === "video" ? readFilmState(saved) : null;
      if (state === null) return NO_JOB;
      const account = accountFor(job);
      const url = `${account.baseUrl}/interactions/${encodeURIComponent(state.id)}/cancel`;
      try {
        const answer = await client.call({
          method: "POST",
          url,
          headers: { [KEY]: account.key },
          signal,
          secrets: [account.key],
        });
        const value = await answer.json();
        const ended = isRecord(value) && statusOf(value.status) === "cancelled";
        return { cancellation: ended ? "immediate" : "requested", billedMicros: null, askAgain: false };
      } catch (error) {
        // It had ended already, or is not known any more: there is nothing left to be ended.
        if (error instanceof UpstreamError && error.failure.kind === "permanent")
          return { cancellation: "requested", billedMicros: null, askAgain: false };
        throw error;
      }
    },
  };
}

/** Stores a film that came as text; null for what is none, such as an input picture that is repeated. */
async function storeFilm(
  io: StepIo,
  bytes: Uint8Array | ReadableStream<Uint8Array>,
  context: CallContext,
): Promise<MediaRef | null> {
  try {
    return await storeMedia(io, bytes, "video", context);
  } catch (error) {
    if (error instanceof UpstreamError) return null;
    throw error;
  }
}

/** The address of a file answers its description unless it is asked for its bytes. */
function bytesAddress(uri: string): string {
  if (!URL.canParse(uri)) return uri;
  const address = new URL(uri);
  if (/\/files\/[^/]+$/.test(address.pathname) && !address.searchParams.has("alt"))
    address.searchParams.set("alt", "media");
  return address.href;
}
