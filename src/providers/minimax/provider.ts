/** MiniMax: pictures that are answered at once, and films that are begun, asked for and fetched. */

import type { Json } from "../../protocol/task.ts";
import type {
  CancelResult,
  HookVerdict,
  MediaJob,
  MediaProvider,
  StepIo,
  StepOutcome,
} from "../../tasks/ports/media-provider.ts";
import { accountOf } from "../upstream/calls/account.ts";
import type { LinkAdapterOptions } from "../upstream/calls/adapter-options.ts";
import { isRecord } from "../upstream/calls/error-text.ts";
import { runStep } from "../upstream/calls/upstream-error.ts";
import { makeItems } from "../upstream/jobs/items.ts";
import { knownModel } from "../upstream/requests/known-model.ts";
import { createCalls } from "./calls.ts";
import { Films } from "./films.ts";
import { miniMaxImageBody, readMiniMaxImages } from "./images.ts";
import { IMAGES_PER_CALL, MINIMAX_IMAGE_MODELS, MINIMAX_VIDEO_MODELS } from "./models.ts";

export const MINIMAX = "minimax";
const IMAGE_MODELS = new Map(MINIMAX_IMAGE_MODELS.map((model) => [model.name, model]));
const FILM_MODELS = new Map(MINIMAX_VIDEO_MODELS.map((model) => [model.name, model]));
const TITLE = "MiniMax";
/** International. Accounts of China have `https://api.minimaxi.com`, and keys of their own. */
const BASE_URL = "https://api.minimax.io";
const MAX_CHALLENGE_CHARACTERS = 1_024;
/** Neither API ends a job. What was begun is made, and billed, whoever still wants it. */
const NO_CANCEL: CancelResult = { cancellation: "unsupported_upstream", billedMicros: null, askAgain: false };

export function createMiniMax(options: LinkAdapterOptions): MediaProvider {
  const { accounts, clock, log, fetch, download, maxFileBytes } = options;
  const calls = createCalls(TITLE, { fetch, clock });
  const downloads = { download, clock, maxFileBytes };
  const films = new Films({ calls, clock, log, downloads });

  const images = (job: MediaJob, state: Json, io: StepIo): Promise<StepOutcome> => {
    const model = knownModel(IMAGE_MODELS, job, TITLE);
    const account = accountOf(job, accounts, BASE_URL);
    return makeItems({
      n: job.request.n,
      perCall: IMAGES_PER_CALL,
      provider: TITLE,
      state,
      lastAttempt: job.isLastAttempt === true,
      io,
      make: async (count) => {
        const body = miniMaxImageBody(job, model, count, io);
        return readMiniMaxImages(await calls.post("/v1/image_generation", body, account, io), io, downloads);
      },
    });
  };

  const step = (job: MediaJob, state: Json, io: StepIo): Promise<StepOutcome> =>
    runStep(async () => {
      if (job.type === "image") return images(job, state, io);
      const model = knownModel(FILM_MODELS, job, TITLE);
      const film = { job, model, account: accountOf(job, accounts, BASE_URL), io };
      return state === null ? films.begin(film) : films.poll(film, state);
    });

  return {
    name: MINIMAX,
    resubmitSafe: (type) => type === "image",
    submit: (job, io) => step(job, null, io),
    poll: step,
    cancel: async () => NO_CANCEL,
    hook: async ({ body }) => judgeCall(body),
  };
}

/**
 * Calls are not signed: that one comes to the address is all it proves. The first one wants its challenge back within three
 * seconds.
 */
function judgeCall(body: Uint8Array): HookVerdict {
  let call: unknown;
  try {
    call = JSON.parse(new TextDecoder().decode(body));
  } catch {
    return { kind: "refused" };
  }
  if (!isRecord(call)) return { kind: "refused" };
  const { challenge } = call;
  if (challenge === undefined) return { kind: "hint" };
  const isText = typeof challenge === "string" || typeof challenge === "number";
  return isText && String(challenge).length <= MAX_CHALLENGE_CHARACTERS
    ? { kind: "reply", body: { challenge } }
    : { kind: "refused" };
}
