import type { MediaJob, MediaProvider, StepIo, Usage } from "../../tasks/ports/media-provider.ts";
import { storeDownload } from "../upstream/answers/download.ts";
import { accountOf } from "../upstream/calls/account.ts";
import type { LinkAdapterOptions } from "../upstream/calls/adapter-options.ts";
import { isRecord } from "../upstream/calls/error-text.ts";
import {
  type CallContext,
  contentRefused,
  ofEndedJob,
  permanent,
  unusableAnswer,
} from "../upstream/calls/failures.ts";
import { UpstreamClient } from "../upstream/calls/upstream-client.ts";
import { UpstreamError } from "../upstream/calls/upstream-error.ts";
import type { Made } from "../upstream/jobs/items.ts";
import { cancelJobs, isOverAlready, type JobReport, type RunningJob } from "../upstream/jobs/jobs.ts";
import { createStatusWords } from "../upstream/jobs/status-words.ts";
import { createTableStep } from "../upstream/jobs/table-step.ts";
import { jsonWithFiles } from "../upstream/requests/json-with-files.ts";
import { inputOf, secondsOf } from "../upstream/requests/model-table.ts";
import { falDialect, falResultDialect } from "./dialect.ts";
import { createFalHook } from "./hook.ts";
import { FAL_MODELS, type FalModel } from "./models.ts";
import { addressOf, queuedRequest, requestOf } from "./request.ts";
import { type FalFile, resultOf } from "./result.ts";

export type FalOptions = LinkAdapterOptions & {
  /** Where fal's public keys are; default: its own address. */
  readonly keysUrl?: string;
};

export const FAL = "fal";
const TITLE = "fal";
const BASE_URL = "https://queue.fal.run";
const KEYS_URL = "https://rest.fal.ai/.well-known/jwks.json";
const FIRST_POLLS_MS = 1_000;
const LAST_POLLS_MS = 10_000;
/** A megapixel as fal bills it, each begun one whole. */
const MEGAPIXEL = 1_024 * 1_024;

export function createFal(options: FalOptions): MediaProvider {
  const { accounts, clock, log, fetch, download, maxFileBytes, keysUrl = KEYS_URL } = options;
  const host = { provider: TITLE, fetch, clock };
  const client = new UpstreamClient({ ...host, dialect: falDialect });
  const resultClient = new UpstreamClient({ ...host, dialect: falResultDialect });
  const statusOf = createStatusWords(
    TITLE,
    { IN_QUEUE: "waiting", IN_PROGRESS: "running", COMPLETED: "completed" },
    log,
  );
  const accountFor = (job: MediaJob) => accountOf(job, accounts, BASE_URL);

  const begin = async (job: MediaJob, model: FalModel, io: StepIo, count: number) => {
    const { baseUrl, key } = accountFor(job);
    const withPicture = job.inputs.length > 0 ? model.endpointWithPicture : undefined;
    const query = job.hookUrl === null ? "" : `?fal_webhook=${encodeURIComponent(job.hookUrl)}`;
    const answer = await client.call({
      method: "POST",
      url: `${baseUrl}/${withPicture ?? model.name}${query}`,
      headers: { authorization: `Key ${key}`, "content-type": "application/json" },
      body: await jsonWithFiles(inputOf(job, model, count, io)),
      signal: io.signal,
      startsWork: true,
      secrets: [key],
    });
    const value = await answer.json();
    const ref = queuedRequest(value, baseUrl, answer.context);
    return { ref, report: waiting(isRecord(value) ? value.queue_position : undefined) };
  };

  const get = (client: UpstreamClient, reference: string, job: MediaJob, io: StepIo) => {
    const { baseUrl, key } = accountFor(job);
    return client.call({
      method: "GET",
      url: addressOf(reference, baseUrl),
      headers: { authorization: `Key ${key}` },
      signal: io.signal,
      secrets: [key],
    });
  };

  const ask = async ({ ref }: RunningJob, job: MediaJob, model: FalModel, io: StepIo): Promise<JobReport> => {
    const request = requestOf(ref);
    const answer = await get(client, request.status, job, io);
    const value = await answer.json();
    if (!isRecord(value) || value.status === undefined)
      throw new UpstreamError(unusableAnswer("no status of the job", answer.context));
    const status = statusOf(value.status);
    if (status === "waiting") return waiting(value.queue_position);
    if (status !== "completed") return { kind: "running", message: "running" };
    // That it is over does not say that it went well: the result does.
    const result = await get(resultClient, request.response, job, io);
    const { files, heldBack } = resultOf(await result.json(), model.type);
    return { kind: "made", made: await fetchAll(files, heldBack, job, model, io, result.context) };
  };

  const fetchAll = async (
    files: readonly FalFile[],
    heldBack: number,
    job: MediaJob,
    model: FalModel,
    io: StepIo,
    context: CallContext,
  ): Promise<Made> => {
    if (files.length === 0) {
      const failure =
        heldBack > 0
          ? contentRefused(context)
          : permanent("provider_error", `${TITLE} ended the job without a result.`);
      throw new UpstreamError(ofEndedJob(failure));
    }
    const seconds = secondsOf(job, model);
    const items: Made["items"][number][] = [];
    const taken = files.slice(0, job.request.n);
    for (const { url, width, height } of taken) {
      const link = { url, kind: model.type, maxBytes: maxFileBytes } as const;
      const media = await storeDownload(link, io, { download, clock }, context);
      items.push({
        media,
        ...(width !== null && { width }),
        ...(height !== null && { height }),
        ...(seconds !== null && { durationSeconds: seconds }),
      });
    }
    return {
      items,
      usage: seconds === null ? pictureUsage(taken) : { seconds },
      ...(heldBack > 0 && { missing: contentRefused(context) }),
    };
  };

  const step = createTableStep({
    provider: TITLE,
    models: FAL_MODELS,
    clock,
    firstPollsMs: FIRST_POLLS_MS,
    lastPollsMs: LAST_POLLS_MS,
    begin,
    ask,
  });

  return {
    name: FAL,
    resubmitSafe: (type) => type === "image",
    submit: (job, io) => step(job, null, io),
    poll: step,
    cancel: (job, state, signal) =>
      cancelJobs(state, async ({ ref }) => {
        const { baseUrl, key } = accountFor(job);
        try {
          const answer = await client.call({
            method: "PUT",
            url: addressOf(requestOf(ref).cancel, baseUrl),
            headers: { authorization: `Key ${key}` },
            signal,
            secrets: [key],
          });
          await answer.discard();
        } catch (error) {
          if (!isOverAlready(error)) throw error;
        }
        // What waits leaves the queue; what runs is merely told.
        return "requested";
      }),
    hook: createFalHook(keysUrl, new UpstreamClient(host), clock),
  };
}

function waiting(position: unknown): JobReport {
  const place = typeof position === "number" && Number.isInteger(position) && position >= 0 ? position : null;
  return {
    kind: "running",
    progress: 0,
    message: place === null ? "waiting in fal's queue" : `waiting in fal's queue, ${place} before it`,
  };
}

/** What pictures of known sizes are billed as. */
function pictureUsage(files: readonly FalFile[]): Usage {
  const sizes = files.map(({ width, height }) => (width ?? 0) * (height ?? 0));
  if (sizes.includes(0)) return { images: files.length };
  const megapixels = sizes.reduce((sum, pixels) => sum + Math.ceil(pixels / MEGAPIXEL), 0);
  return { images: files.length, megapixels };
}
