/** `/v1/images/*`: pictures made asynchronously, and synchronously with OpenAI's request and answer. */

import type { Hono } from "hono";
import { ApiError } from "../../protocol/error.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import type { TaskView } from "../../tasks/ports/task-store.ts";
import type { Previews } from "../../tasks/previews.ts";
import type { TaskService } from "../../tasks/service.ts";
import type { JobRequest } from "../../tasks/task.ts";
import { refuseAccessToken } from "../creation/access-token.ts";
import { type CreationCheck, type ReadCreation, readCreation } from "../creation/creation-body.ts";
import { type CreationLimits, type ImageCreation, imageCreationSchema } from "../creation/creation-schema.ts";
import { type AcceptanceDependencies, type Accepted, acceptTask } from "../creation/task-acceptance.ts";
import { webhookOf } from "../creation/webhook-fields.ts";
import { type HttpContext, type HttpEnv, type HttpMiddleware, principalOfExchange } from "../exchange.ts";
import { preferredWaitSeconds } from "../request/preference.ts";
import { tellCost } from "../response/cost-headers.ts";
import { answerOpenAiImages, requireCompleted } from "../response/openai-images.ts";
import { acceptedTaskOf, answerTask, type TaskAnswerDependencies } from "../response/task-answer.ts";
import { type ImageEventPrefix, imageEventStream } from "../streams/openai-image-stream.ts";

export type ImageRouteDependencies = AcceptanceDependencies &
  TaskAnswerDependencies & {
    tasks: Pick<TaskService, "submit" | "repeated" | "newId" | "waitUntilEnded">;
    clock: Pick<Clock, "after" | "now">;
    limits: CreationLimits & { jsonBodyBytes: number; multipartBodyBytes: number };
    /** How long the synchronous route waits when the request does not say. */
    syncTimeoutMs: number;
    heartbeatMs: number;
    /** Null where previews cannot be had: then none are asked for. */
    previews: Pick<Previews, "watch"> | null;
  };

const ASYNC = "/v1/images/generations/async";
const SYNC = "/v1/images/generations";
const EDITS = "/v1/images/edits";
type SyncRoute = typeof SYNC | typeof EDITS;
/** OpenAI names the events by the route, whatever the request works from. */
const EVENT_PREFIX: Readonly<Record<SyncRoute, ImageEventPrefix>> = {
  [SYNC]: "image_generation",
  [EDITS]: "image_edit",
};

/** Mounts the creating image routes; `key` authenticates. */
export function mountImages(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  dependencies: ImageRouteDependencies,
): void {
  const schema = imageCreationSchema(dependencies.limits);

  app.post(ASYNC, key, async (c) => {
    const read = await readCreation(c, schema, refuseStream, dependencies);
    const accepting = await acceptImage(c, ASYNC, read, dependencies);
    const { view } = accepting;
    const accepted = acceptedTaskOf(accepting);
    const seconds = preferredWaitSeconds(c.req.raw.headers.get("prefer"));
    if (seconds === null) return c.json(accepted);
    const ended = await waitForEnd(c, view, seconds * 1000, c.req.raw.signal, dependencies);
    c.header("preference-applied", `wait=${seconds}`);
    return answerTask(c, ended, dependencies, accepted);
  });

  const answerSync = (route: SyncRoute, check: CreationCheck<ImageCreation>) => async (c: HttpContext) => {
    const read = await readCreation(c, schema, check, dependencies);
    const { view } = await acceptImage(c, route, read, dependencies);
    const timeoutMs = timeoutOf(read.creation) ?? dependencies.syncTimeoutMs;
    if (read.creation.stream === true)
      return streamImages(c, EVENT_PREFIX[route], view, timeoutMs, dependencies);
    const { task } = await waitForEnd(c, view, timeoutMs, c.req.raw.signal, dependencies);
    tellCost(c, task);
    requireCompleted(task);
    return answerOpenAiImages(c, task, dependencies.wireContext, dependencies.media);
  };
  app.post(SYNC, key, answerSync(SYNC, refuseAccessToken));
  app.post(EDITS, key, answerSync(EDITS, requireImage));
}

export function refuseStream({ stream }: ImageCreation): void {
  if (stream !== true) return;
  throw new ApiError(
    "invalid_parameter",
    "stream belongs to POST /v1/images/generations; here, follow eventsUrl.",
    { param: "stream" },
  );
}

function requireImage(creation: ImageCreation, inputs: readonly { role: string }[]): void {
  refuseAccessToken(creation);
  if (inputs.some(({ role }) => role === "image")) return;
  throw new ApiError(
    "missing_parameter",
    "image is required: a file, an https address or a data URL of the picture to edit.",
    { param: "image" },
  );
}

function acceptImage(
  c: HttpContext,
  route: string,
  { creation, inputs, id, fingerprint }: ReadCreation<ImageCreation>,
  dependencies: ImageRouteDependencies,
): Promise<Accepted> {
  const order = {
    ...imageOrder(creation, dependencies.previews !== null),
    inputs,
    id,
    accessToken: creation.access_token,
  };
  return acceptTask(c, route, fingerprint, order, dependencies);
}

/** What a validated body asks for, whichever route it came by. */
export function imageOrder(creation: ImageCreation, previews: boolean) {
  return {
    type: "image" as const,
    model: creation.model,
    request: imageRequest(creation, previews),
    priority: creation.priority,
    timeoutMs: timeoutOf(creation),
    metadata: creation.metadata ?? {},
    retryOf: null,
    webhook: webhookOf(creation),
  };
}

async function waitForEnd(
  c: HttpContext,
  view: TaskView,
  timeoutMs: number,
  signal: AbortSignal,
  { tasks, host }: ImageRouteDependencies,
): Promise<TaskView> {
  host.keepOpen(c.req.raw);
  try {
    return await tasks.waitUntilEnded(principalOfExchange(c).scope, view, timeoutMs, signal);
  } finally {
    // The connection outlives the answer: a peer that vanished from it must not keep it for ever.
    host.limitIdle(c.req.raw);
  }
}

function streamImages(
  c: HttpContext,
  prefix: ImageEventPrefix,
  view: TaskView,
  timeoutMs: number,
  dependencies: ImageRouteDependencies,
): Response {
  const { wireContext, media, clock, heartbeatMs, previews } = dependencies;
  const { task } = view;
  const stream = imageEventStream((signal) => waitForEnd(c, view, timeoutMs, signal, dependencies), {
    prefix,
    task,
    watch: (watcher) => previews?.watch(task.id, watcher) ?? (() => {}),
    requestId: c.get("exchange").requestId,
    wireContext,
    media,
    clock,
    heartbeatMs,
  });
  return c.body(stream, 200, {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    // Tells nginx to pass events on as they come.
    "x-accel-buffering": "no",
  });
}

function timeoutOf({ timeout_seconds }: ImageCreation): number | null {
  return timeout_seconds === undefined ? null : timeout_seconds * 1000;
}

/** What the caller asks for, as the task keeps it. */
export function imageRequest(creation: ImageCreation, previews: boolean): JobRequest {
  const request: JobRequest = { prompt: creation.prompt, n: creation.n ?? 1 };
  if (creation.size !== undefined) request.size = creation.size;
  if (creation.quality !== undefined) request.quality = creation.quality;
  if (creation.style !== undefined) request.style = creation.style;
  if (creation.background !== undefined) request.background = creation.background;
  if (creation.output_format !== undefined) request.outputFormat = creation.output_format;
  if (creation.response_format !== undefined) request.responseFormat = creation.response_format;
  if (creation.user !== undefined) request.user = creation.user;
  // Previews cost something where they are made, so they are made for a caller that sees them.
  if (previews && creation.stream === true && creation.partial_images !== undefined)
    request.partialImages = creation.partial_images;
  if (creation.seed !== undefined) request.seed = creation.seed;
  if (creation.provider_options !== undefined) request.providerOptions = creation.provider_options;
  if (creation.further !== undefined) request.further = creation.further;
  return request;
}
