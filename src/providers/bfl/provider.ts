/** Black Forest Labs' pictures: a job each, polled at the address its answer names. */

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
import { isRecord } from "../upstream/calls/error-text.ts";
import {
  type CallContext,
  contentRefused,
  ofEndedJob,
  permanent,
  reason,
  unusableAnswer,
} from "../upstream/calls/failures.ts";
import { isOwnAddress } from "../upstream/calls/own-address.ts";
import { UpstreamClient } from "../upstream/calls/upstream-client.ts";
import { runStep, UpstreamError } from "../upstream/calls/upstream-error.ts";
import { type Begun, billOf, type JobReport, type RunningJob, stepJobs } from "../upstream/jobs/jobs.ts";
import { createStatusWords } from "../upstream/jobs/status-words.ts";
import { takenFields } from "../upstream/requests/fields.ts";
import { pictureUrls } from "../upstream/requests/input-pictures.ts";
import { InlineFile, jsonWithFiles } from "../upstream/requests/json-with-files.ts";
import { knownModel } from "../upstream/requests/known-model.ts";
import { parseSize } from "../upstream/requests/sizes.ts";
import { FLUX_MODELS, type FluxModel } from "./models.ts";

export const BFL = "bfl";
const TITLE = "Black Forest Labs";
const BASE_URL = "https://api.bfl.ai/v1";
/** Each region has a host of its own. */
const OWN_HOSTS = ["bfl.ai"];
const KEY = "x-key";
const POLL_MS = 2_000;
const LATER_POLL_MS = 5_000;
/** A picture that takes longer than most is asked for less often. */
const SLOW_AFTER_MS = 15_000;
/** A link to a result lives for so long from when the picture was made. */
const LINK_LIFE_MS = 600_000;
/** Longer addresses are none: ten of them have to fit into a state. */
const MAX_ADDRESS_CHARACTERS = 300;
const MAX_SEED = 2_147_483_647;
/** A credit is a cent. */
const MICROS_PER_CREDIT = 10_000;

export function createFlux(options: LinkAdapterOptions): MediaProvider {
  const { accounts, clock, log, fetch, download, maxFileBytes } = options;
  const client = new UpstreamClient({ provider: TITLE, fetch, clock });
  const models = new Map(FLUX_MODELS.map((model) => [model.name, model]));
  const statusOf = createStatusWords(
    TITLE,
    {
      Pending: "running",
      Ready: "completed",
      Error: "failed",
      "Task not found": "failed",
      "Request Moderated": "failed",
      "Content Moderated": "failed",
    },
    log,
  );

  const step = (job: MediaJob, state: Json, io: StepIo): Promise<StepOutcome> =>
    runStep(async () => {
      const model = knownModel(models, job, TITLE);
      const account = accountOf(job, accounts, BASE_URL);
      return stepJobs({
        n: job.request.n,
        perJob: 1,
        provider: TITLE,
        state,
        lastAttempt: job.isLastAttempt === true,
        io,
        now: () => clock.now(),
        begin: (_, index) => begin(job, model, index, account, io),
        ask: (running) => ask(running, account, io),
        pollAfterMs: (elapsedMs) => (elapsedMs < SLOW_AFTER_MS ? POLL_MS : LATER_POLL_MS),
      });
    });

  const begin = async (
    job: MediaJob,
    model: FluxModel,
    index: number,
    account: Account,
    io: StepIo,
  ): Promise<Begun> => {
    const answer = await client.call({
      method: "POST",
      url: `${account.baseUrl}/${model.name}`,
      headers: { [KEY]: account.key, "content-type": "application/json" },
      body: await jsonWithFiles(fluxBody(job, model, index, io)),
      signal: io.signal,
      startsWork: true,
      secrets: [account.key],
    });
    const made = await answer.json();
    const url = isRecord(made) ? made.polling_url : null;
    if (typeof url !== "string" || url.length > MAX_ADDRESS_CHARACTERS)
      throw new UpstreamError(unusableAnswer("no address of the picture it may be making", answer.context));
    requireOwn(url, account);
    const costMicros = billedMicros(made);
    const ref: Reference = { url, ...megapixelsOf(made) };
    return { ref, report: { kind: "running" }, ...(costMicros !== null && { costMicros }) };
  };

  const ask = async ({ ref, since }: RunningJob, account: Account, io: StepIo): Promise<JobReport> => {
    const { url: asked, ...megapixels } = readReference(ref);
    // As it was returned: a job is known in its own region only.
    requireOwn(asked, account);
    const answer = await client.call({
      method: "GET",
      url: asked,
      headers: { [KEY]: account.key },
      signal: io.signal,
      secrets: [account.key],
    });
    const value = await answer.json();
    const { context } = answer;
    if (!isRecord(value)) throw new UpstreamError(unusableAnswer("something that is no picture", context));
    const status = statusOf(value.status);
    if (status === "failed") return endOf(value, context);
    if (status !== "completed") {
      const progress = percentOf(value.progress);
      return { kind: "running", ...(progress !== null && { progress }) };
    }
    const url = isRecord(value.result) ? value.result.sample : null;
    if (typeof url !== "string") throw new UpstreamError(unusableAnswer("no link to its picture", context));
    try {
      const link = { url, kind: "image", maxBytes: maxFileBytes } as const;
      const media = await storeDownload(link, io, { download, clock }, context);
      const costMicros = billedMicros(value);
      return {
        kind: "made",
        made: { items: [{ media }], usage: { images: 1, ...megapixels } },
        ...(costMicros !== null && { costMicros }),
      };
    } catch (error) {
      // The picture cannot be had any more, however often the link is asked for.
      if (error instanceof UpstreamError && isDeadLink(error.failure) && clock.now() - since > LINK_LIFE_MS)
        return { kind: "lost", failure: error.failure };
      throw error;
    }
  };

  return {
    name: BFL,
    // A picture that is made twice costs a few cents; one that never comes costs the caller the task.
    resubmitSafe: (type) => type === "image",
    submit: (job, io) => step(job, null, io),
    poll: step,
    /** There is no call that ends a job. */
    cancel: async (_, state) => ({
      cancellation: "unsupported_upstream",
      billedMicros: state === null ? null : billOf(state),
      askAgain: false,
    }),
  };
}

/** What a job is asked about by, and what it makes. */
type Reference = { url: string; megapixels?: number };

function readReference(ref: Json): Reference {
  if (!isRecord(ref) || typeof ref.url !== "string")
    throw new UpstreamError(permanent("provider_error", "The picture's reference cannot be read."));
  return { url: ref.url, ...(typeof ref.megapixels === "number" && { megapixels: ref.megapixels }) };
}

/** The body of a create call. Throws `UpstreamError` (`invalid_request`) for what the model would refuse. */
function fluxBody(job: MediaJob, model: FluxModel, index: number, io: StepIo): Record<string, unknown> {
  const { request } = job;
  const pictures = pictureUrls(job, model.capabilities, io);
  const size = parseSize(request.size);
  const { outputFormat, seed } = request;
  return {
    prompt: request.prompt,
    ...takenFields(request, model.fields),
    ...(size !== null && { width: size.width, height: size.height }),
    output_format: outputFormat === "jpeg" ? "jpeg" : "png",
    // The same prompt and seed make the same picture, so that each of several needs one of its own.
    ...(seed !== undefined && { seed: (seed + index) % MAX_SEED }),
    ...Object.fromEntries(
      pictures.map(({ file, open }, place) => [
        place === 0 ? "input_image" : `input_image_${place + 1}`,
        // As base64 alone, without a data URL's head.
        new InlineFile(file, open),
      ]),
    ),
  };
}

/** Throws `UpstreamError` for an address that is not the provider's own: the key must not go there. */
function requireOwn(reference: string, { baseUrl }: Account): void {
  if (isOwnAddress(reference, baseUrl, OWN_HOSTS)) return;
  const message = `${TITLE} named an address that is not its own for the picture's job; it is not called.`;
  throw new UpstreamError(permanent("provider_error", message));
}

/** A job that is over without a result. Throws `UpstreamError` for what was held back. */
function endOf({ status, details }: Record<string, unknown>, context: CallContext): JobReport {
  if (status === "Request Moderated" || status === "Content Moderated") {
    const reasons = isRecord(details) ? details["Moderation Reasons"] : null;
    const message = Array.isArray(reasons)
      ? reasons.filter((reason) => typeof reason === "string").join(", ")
      : "";
    throw new UpstreamError(ofEndedJob(contentRefused(context, { code: "", type: "", message })));
  }
  const said = isRecord(details) && typeof details.error === "string" ? details.error : "";
  const why = reason({ code: "", type: "", message: said }, context);
  const message = `${context.provider} ended the picture's job without a result${why}. It can be made again.`;
  return { kind: "lost", failure: { kind: "transient", code: "provider_error", message } };
}

/** As `storeDownload` says that a link is not valid any more; what may pass has another code. */
function isDeadLink(failure: Failure): failure is Extract<Failure, { kind: "transient" }> {
  return failure.kind === "transient" && failure.code === "provider_error";
}

/** What an answer says was billed, in micro-dollars; null where it does not say. */
function billedMicros(value: unknown): number | null {
  const cost = isRecord(value) ? value.cost : null;
  return typeof cost === "number" && Number.isFinite(cost) && cost >= 0
    ? Math.round(cost * MICROS_PER_CREDIT)
    : null;
}

function megapixelsOf(value: unknown): { megapixels?: number } {
  const output_mp = isRecord(value) ? value.output_mp : null;
  return typeof output_mp === "number" && output_mp > 0 ? { megapixels: output_mp } : {};
}

/** Progress is a share of one. */
function percentOf(value: unknown): number | null {
  return typeof value === "number" && value >= 0 && value <= 1 ? Math.floor(100 * value) : null;
}
