/** Pictures by an API of OpenAI's shape: OpenAI itself, and whatever else speaks the same. */

import type { Json } from "../../protocol/task.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import type {
  CancelResult,
  MediaJob,
  MediaProvider,
  StepIo,
  StepOutcome,
} from "../../tasks/ports/media-provider.ts";
import type { Download } from "../upstream/answers/download.ts";
import { createPlainDownload } from "../upstream/answers/plain-download.ts";
import { type Account, accountOf, type ProviderAccounts } from "../upstream/calls/account.ts";
import { type Fetch, UpstreamClient, type UpstreamRequest } from "../upstream/calls/upstream-client.ts";
import { runStep } from "../upstream/calls/upstream-error.ts";
import { type Made, makeItems } from "../upstream/jobs/items.ts";
import { openInput } from "../upstream/requests/inputs.ts";
import { knownModel } from "../upstream/requests/known-model.ts";
import { multipartForm } from "../upstream/requests/multipart.ts";
import { readOpenAiImages } from "./answer.ts";
import { openAiDialect } from "./dialect.ts";
import type { ImageModelSpec } from "./models.ts";
import { formParts, type ImageCall, imageCall, imagesPerCall } from "./request.ts";

export type ImagesApiOptions = {
  /** The provider's name in records. */
  readonly name: string;
  /** As people call it; begins sentences. */
  readonly title: string;
  readonly accounts: ProviderAccounts;
  readonly usualBaseUrl: string;
  readonly models: readonly ImageModelSpec[];
  readonly clock: Clock;
  readonly fetch: Fetch;
  /** For results that lie elsewhere than the API itself. */
  readonly download: Download;
  readonly maxFileBytes: number;
};

/** The longest silence between two previews, ms: the best qualities take minutes. */
const PREVIEW_SILENCE_MS = 300_000;
/** The API answers a call with its pictures: there is no job to be asked for, and none that could be cancelled. */
const NO_JOB: CancelResult = { cancellation: "unsupported_upstream", billedMicros: null, askAgain: false };

export function createImagesApi(options: ImagesApiOptions): MediaProvider {
  const { title, clock, fetch, accounts, usualBaseUrl } = options;
  const client = new UpstreamClient({ provider: title, fetch, clock, dialect: openAiDialect });
  const models = new Map(options.models.map((spec) => [spec.name, spec]));

  const step = (job: MediaJob, state: Json, io: StepIo): Promise<StepOutcome> =>
    runStep(() => {
      const spec = knownModel(models, job, title);
      const account = accountOf(job, accounts, usualBaseUrl);
      return makeItems({
        n: job.request.n,
        perCall: imagesPerCall(job, spec),
        provider: title,
        state,
        lastAttempt: job.isLastAttempt === true,
        io,
        make: (count, index) =>
          make(imageCall(job, spec, count, io.preview !== undefined), account, index, io),
      });
    });

  /** A server that the operator named may be on a private network, and then its results are too. */
  const downloadFor = (account: Account): Download => {
    const { origin } = new URL(account.baseUrl);
    const own = createPlainDownload({ fetch, clock, origin });
    return (url, request) =>
      URL.canParse(url) && new URL(url).origin === origin
        ? own(url, request)
        : options.download(url, request);
  };

  const make = async (call: ImageCall, account: Account, index: number, io: StepIo): Promise<Made> => {
    const answer = await client.call({
      method: "POST",
      url: `${account.baseUrl}/images/${call.operation}`,
      signal: io.signal,
      startsWork: true,
      secrets: [account.key],
      ...(call.streams && { chunkMs: PREVIEW_SILENCE_MS }),
      ...(await bodyOf(call, account, io)),
    });
    return readOpenAiImages(answer, {
      io,
      downloads: { download: downloadFor(account), clock },
      maxFileBytes: options.maxFileBytes,
      now: () => clock.now(),
      partials: call.streams ? Number(call.fields.partial_images) : 0,
      index,
    });
  };

  return {
    name: options.name,
    // A picture that is made twice costs a few cents; one that never comes costs the caller the task.
    resubmitSafe: () => true,
    submit: (job, io) => step(job, null, io),
    // A task has a state once some of its pictures are stored: the others are made then.
    poll: step,
    cancel: async () => NO_JOB,
  };
}

async function bodyOf(
  call: ImageCall,
  account: Account,
  io: StepIo,
): Promise<Pick<UpstreamRequest, "headers" | "body">> {
  const headers: Record<string, string> =
    account.key === "" ? {} : { authorization: `Bearer ${account.key}` };
  if (call.operation === "generations") {
    return { headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(call.fields) };
  }
  const parts = formParts(call, (input) => openInput(io, input));
  const bytes = call.inputs.reduce((sum, input) => sum + input.bytes, 0);
  const form = await multipartForm(parts, bytes);
  return { headers: { ...headers, "content-type": form.contentType }, body: form.body };
}
