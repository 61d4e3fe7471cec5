/** Replicate: predictions that are begun, asked for and cancelled. */

import type { MediaJob, MediaProvider, StepIo } from "../../tasks/ports/media-provider.ts";
import { storeDownload } from "../upstream/answers/download.ts";
import { storeMedia } from "../upstream/answers/store-media.ts";
import { type Account, accountOf, accountsIn } from "../upstream/calls/account.ts";
import type { LinkAdapterOptions } from "../upstream/calls/adapter-options.ts";
import { type CallContext, ofEndedJob, permanent, unusableAnswer } from "../upstream/calls/failures.ts";
import { isOwnAddress } from "../upstream/calls/own-address.ts";
import { UpstreamClient } from "../upstream/calls/upstream-client.ts";
import { UpstreamError } from "../upstream/calls/upstream-error.ts";
import type { Made } from "../upstream/jobs/items.ts";
import { cancelJobs, isOverAlready, type JobReport, type RunningJob } from "../upstream/jobs/jobs.ts";
import { createStatusWords } from "../upstream/jobs/status-words.ts";
import { createTableStep } from "../upstream/jobs/table-step.ts";
import { jsonWithFiles } from "../upstream/requests/json-with-files.ts";
import { inputOf, secondsOf, type TableModel } from "../upstream/requests/model-table.ts";
import { createReplicateHook } from "./hook.ts";
import { REPLICATE_MODELS } from "./models.ts";
import { addressesIn, type Prediction, percentOf, predictionFailure, predictionOf } from "./prediction.ts";

export const REPLICATE = "replicate";
const TITLE = "Replicate";
const BASE_URL = "https://api.replicate.com/v1";
/** Where the key may be sent besides the base URL. */
const OWN_HOSTS = ["api.replicate.com"];
/** A picture is often there within this; a film never. Seconds. */
const WAIT_SECONDS = 5;
const FIRST_POLLS_MS = 2_000;
const LAST_POLLS_MS = 10_000;

export function createReplicate(options: LinkAdapterOptions): MediaProvider {
  const { accounts, clock, log, fetch, download, maxFileBytes } = options;
  const client = new UpstreamClient({ provider: TITLE, fetch, clock });
  const statusOf = createStatusWords(
    TITLE,
    {
      starting: "waiting",
      processing: "running",
      succeeded: "completed",
      failed: "failed",
      aborted: "failed",
      canceled: "cancelled",
    },
    log,
  );
  const accountFor = (job: MediaJob) => accountOf(job, accounts, BASE_URL);

  const begin = async (job: MediaJob, model: TableModel, io: StepIo, count: number) => {
    const { baseUrl, key } = accountFor(job);
    const isAlone = job.request.n === count;
    const body = {
      input: inputOf(job, model, count, io),
      ...(job.hookUrl !== null && { webhook: job.hookUrl, webhook_events_filter: ["completed"] }),
    };
    const answer = await client.call({
      method: "POST",
      url: `${baseUrl}/models/${model.name}/predictions`,
      headers: {
        authorization: `Bearer ${key}`,
        "content-type": "application/json",
        // A film's reference is to be stored at once.
        ...(model.type === "image" && isAlone && { prefer: `wait=${WAIT_SECONDS}` }),
      },
      body: await jsonWithFiles(body),
      signal: io.signal,
      startsWork: true,
      secrets: [key],
    });
    const prediction = predictionOf(await answer.json(), answer.context);
    const report = reported(prediction, job, model, io, answer.context);
    return { ref: prediction.id, report: await report.catch(askAgain) };
  };

  const ask = async (
    { ref }: RunningJob,
    job: MediaJob,
    model: TableModel,
    io: StepIo,
  ): Promise<JobReport> => {
    const { baseUrl, key } = accountFor(job);
    const answer = await client.call({
      method: "GET",
      url: `${baseUrl}/predictions/${encodeURIComponent(String(ref))}`,
      headers: { authorization: `Bearer ${key}` },
      signal: io.signal,
      secrets: [key],
    });
    const prediction = predictionOf(await answer.json(), answer.context);
    return reported(prediction, job, model, io, answer.context);
  };

  const reported = async (
    prediction: Prediction,
    job: MediaJob,
    model: TableModel,
    io: StepIo,
    callContext: CallContext,
  ): Promise<JobReport> => {
    const status = statusOf(prediction.word);
    const context = { ...callContext, startsWork: false };
    if (status === "waiting")
      return { kind: "running", progress: 0, message: "waiting at Replicate (the model may be starting)" };
    if (status === "running") {
      const progress = percentOf(prediction.logs);
      return { kind: "running", message: "running", ...(progress !== null && { progress }) };
    }
    if (status !== "completed") throw new UpstreamError(ofEndedJob(predictionFailure(prediction, context)));
    return { kind: "made", made: await fetchOutput(prediction, job, model, io, context) };
  };

  const fetchOutput = async (
    { output, dataRemoved }: Prediction,
    job: MediaJob,
    model: TableModel,
    io: StepIo,
    context: CallContext,
  ): Promise<Made> => {
    const addresses = addressesIn(output).slice(0, job.request.n);
    if (addresses.length === 0) {
      const message = dataRemoved
        ? `${TITLE} has deleted the result already, an hour after it was made.`
        : `${TITLE} ended the job without a result.`;
      throw new UpstreamError(ofEndedJob(permanent("provider_error", message)));
    }
    const seconds = secondsOf(job, model);
    const items: Made["items"][number][] = [];
    for (const url of addresses) {
      const media = await fetchOne(url, model.type, accountFor(job), io, context);
      items.push({ media, ...(seconds !== null && { durationSeconds: seconds }) });
    }
    return { items, usage: seconds === null ? { images: items.length } : { seconds } };
  };

  const fetchOne = (
    url: string,
    kind: TableModel["type"],
    { baseUrl, key }: Account,
    io: StepIo,
    context: CallContext,
  ) => {
    // Small results may come within the answer.
    const inline = /^data:[^,]*;base64,(.*)$/is.exec(url)?.[1];
    if (inline !== undefined) return storeMedia(io, streamOf(inline, context), kind, context);
    const headers = isOwnAddress(url, baseUrl, OWN_HOSTS) ? { authorization: `Bearer ${key}` } : {};
    return storeDownload({ url, kind, headers, maxBytes: maxFileBytes }, io, { download, clock }, context);
  };

  const step = createTableStep({
    provider: TITLE,
    models: REPLICATE_MODELS,
    clock,
    firstPollsMs: FIRST_POLLS_MS,
    lastPollsMs: LAST_POLLS_MS,
    begin,
    ask,
  });

  return {
    name: REPLICATE,
    resubmitSafe: (type) => type === "image",
    submit: (job, io) => step(job, null, io),
    poll: step,
    cancel: (job, state, signal) =>
      cancelJobs(state, async ({ ref }) => {
        const { baseUrl, key } = accountFor(job);
        try {
          const answer = await client.call({
            method: "POST",
            url: `${baseUrl}/predictions/${encodeURIComponent(String(ref))}/cancel`,
            headers: { authorization: `Bearer ${key}` },
            signal,
            secrets: [key],
          });
          const { word } = predictionOf(await answer.json(), answer.context);
          return statusOf(word) === "cancelled" || word === "aborted" ? "immediate" : "requested";
        } catch (error) {
          if (isOverAlready(error)) return "requested";
          throw error;
        }
      }),
    hook: createReplicateHook(accountsIn(accounts, BASE_URL), client, clock),
  };
}

/** A result that could not be fetched at once is asked for by its reference, which must not be lost. */
function askAgain(error: unknown): JobReport {
  const passes =
    error instanceof UpstreamError &&
    (error.failure.kind === "transient" || error.failure.kind === "rate_limited");
  if (passes) return { kind: "running", message: "fetching the result" };
  throw error;
}

/** The bytes of a result that came as base64. Throws `UpstreamError` for a text that is none. */
function streamOf(base64: string, context: CallContext): ReadableStream<Uint8Array> {
  try {
    return new Blob([Uint8Array.fromBase64(base64)]).stream();
  } catch {
    throw new UpstreamError(unusableAnswer("a result that is no base64", context));
  }
}
