/** Stability's pictures: a form is sent, and the picture is the answer. */

import type { Json } from "../../protocol/task.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import type {
  CancelResult,
  MediaJob,
  MediaProvider,
  StepIo,
  StepOutcome,
} from "../../tasks/ports/media-provider.ts";
import type { MediaRef } from "../../tasks/task.ts";
import { readJsonWithMedia } from "../upstream/answers/json-with-media.ts";
import { storeMedia } from "../upstream/answers/store-media.ts";
import { accountOf, type ProviderAccounts } from "../upstream/calls/account.ts";
import { isRecord } from "../upstream/calls/error-text.ts";
import { contentRefused, rateLimited, unusableAnswer } from "../upstream/calls/failures.ts";
import {
  type Dialect,
  type Fetch,
  type UpstreamAnswer,
  UpstreamClient,
} from "../upstream/calls/upstream-client.ts";
import { runStep, UpstreamError } from "../upstream/calls/upstream-error.ts";
import { type Made, makeItems } from "../upstream/jobs/items.ts";
import { knownModel } from "../upstream/requests/known-model.ts";
import { multipartForm } from "../upstream/requests/multipart.ts";
import { STABILITY_MODELS } from "./models.ts";
import { pictureForm } from "./request.ts";

export type StabilityOptions = {
  readonly accounts: ProviderAccounts;
  readonly clock: Clock;
  readonly fetch: Fetch;
};

export const STABILITY = "stability";
const TITLE = "Stability";
const BASE_URL = "https://api.stability.ai/v2beta";
/** An answer is one picture. */
const PARALLEL_CALLS = 3;
/** Who calls more than 150 times in 10 seconds is turned away for so long. */
const TIME_OUT_MS = 60_000;
const MODERATION_NAMES = new Set(["content_moderation", "content_filtered"]);
/** The API answers a call with its picture: there is no job to be asked for, and none that could be cancelled. */
const NO_JOB: CancelResult = { cancellation: "unsupported_upstream", billedMicros: null, askAgain: false };

/** Moderation comes with 403, as a refused key does. */
const dialect: Dialect = ({ status, report, headers }, context) => {
  if (MODERATION_NAMES.has(report.type)) return contentRefused(context, report);
  return status === 429 ? { retryAfterMs: TIME_OUT_MS, ...rateLimited({ headers, now: 0 }, context) } : null;
};

export function createStability({ accounts, clock, fetch }: StabilityOptions): MediaProvider {
  const client = new UpstreamClient({ provider: TITLE, fetch, clock, dialect });
  const models = new Map(STABILITY_MODELS.map((model) => [model.name, model]));

  const step = (job: MediaJob, state: Json, io: StepIo): Promise<StepOutcome> =>
    runStep(async () => {
      const model = knownModel(models, job, TITLE);
      const account = accountOf(job, accounts, BASE_URL);
      const inputBytes = job.inputs.reduce((sum, input) => sum + input.bytes, 0);
      return makeItems({
        n: job.request.n,
        perCall: 1,
        parallel: PARALLEL_CALLS,
        provider: TITLE,
        state,
        lastAttempt: job.isLastAttempt === true,
        io,
        make: async (_, index) => {
          const form = await multipartForm(pictureForm(job, model, index, io), inputBytes);
          const answer = await client.call({
            method: "POST",
            url: `${account.baseUrl}/stable-image/generate/${model.endpoint}`,
            headers: {
              authorization: `Bearer ${account.key}`,
              // Says in the document itself whether the picture was held back; a header could be lost on the way.
              accept: "application/json",
              "content-type": form.contentType,
            },
            body: form.body,
            signal: io.signal,
            startsWork: true,
            secrets: [account.key],
          });
          return readPicture(answer, io);
        },
      });
    });

  return {
    name: STABILITY,
    // A picture that is made twice costs a few cents; one that never comes costs the caller the task.
    resubmitSafe: (type) => type === "image",
    submit: (job, io) => step(job, null, io),
    // A task has a state once some of its pictures are stored: the others are made then.
    poll: step,
    cancel: async () => NO_JOB,
  };
}

/** Stores the picture of an answer. Throws `UpstreamError`, also for one that was blurred: that comes with status 200. */
async function readPicture(answer: UpstreamAnswer, io: Pick<StepIo, "putMedia">): Promise<Made> {
  const { context } = answer;
  const { value, media } = await readJsonWithMedia<MediaRef>(answer, {
    isMedia: (path) => path === "image",
    store: (stream) => storeMedia(io, stream, "image", context),
  });
  if (!isRecord(value)) throw new UpstreamError(unusableAnswer("something that is no picture", context));
  if (value.finish_reason === "CONTENT_FILTERED") throw new UpstreamError(contentRefused(context));
  const stored = media.get("image");
  if (stored === undefined || value.finish_reason === "ERROR")
    throw new UpstreamError(unusableAnswer("no picture", context));
  return { items: [{ media: stored }], usage: { images: 1 } };
}
