/** `/v1/videos/generations/async`: films, over the same tasks as pictures. */

import type { Hono } from "hono";
import type { Order } from "../../accounts/admission.ts";
import type { TaskService } from "../../tasks/service.ts";
import type { JobRequest } from "../../tasks/task.ts";
import { readCreation } from "../creation/creation-body.ts";
import { type CreationLimits, type VideoCreation, videoCreationSchema } from "../creation/creation-schema.ts";
import { type AcceptanceDependencies, acceptTask } from "../creation/task-acceptance.ts";
import { webhookOf } from "../creation/webhook-fields.ts";
import { type HttpEnv, type HttpMiddleware, principalOfExchange } from "../exchange.ts";
import { preferredWaitSeconds } from "../request/preference.ts";
import { acceptedTaskOf, answerTask, type TaskAnswerDependencies } from "../response/task-answer.ts";

export type VideoRouteDependencies = AcceptanceDependencies &
  TaskAnswerDependencies & {
    tasks: Pick<TaskService, "submit" | "repeated" | "newId" | "waitUntilEnded">;
    limits: CreationLimits & { jsonBodyBytes: number; multipartBodyBytes: number };
  };

const ASYNC = "/v1/videos/generations/async";

/** Mounts the creating video route; `key` authenticates. */
export function mountVideos(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  dependencies: VideoRouteDependencies,
): void {
  const { limits, tasks, host } = dependencies;
  const schema = videoCreationSchema(limits);
  app.post(ASYNC, key, async (c) => {
    const { creation, inputs, id, fingerprint } = await readCreation(c, schema, () => {}, dependencies);
    const order = { ...videoOrder(creation), inputs, id, accessToken: creation.access_token };
    const accepting = await acceptTask(c, ASYNC, fingerprint, order, dependencies);
    const { view } = accepting;
    const accepted = acceptedTaskOf(accepting);
    const seconds = preferredWaitSeconds(c.req.raw.headers.get("prefer"));
    if (seconds === null) return c.json(accepted);
    host.keepOpen(c.req.raw);
    const { scope } = principalOfExchange(c);
    const { signal } = c.req.raw;
    const ended = await tasks.waitUntilEnded(scope, view, seconds * 1000, signal).finally(() => {
      host.limitIdle(c.req.raw);
    });
    c.header("preference-applied", `wait=${seconds}`);
    return answerTask(c, ended, dependencies, accepted);
  });
}

/** What a validated body asks for, whichever route it came by. */
export function videoOrder(creation: VideoCreation): Omit<Order, "baseUrl" | "inputs" | "customer"> {
  return {
    type: "video",
    model: creation.model,
    request: videoRequest(creation),
    priority: creation.priority,
    timeoutMs: creation.timeout_seconds === undefined ? null : creation.timeout_seconds * 1000,
    metadata: creation.metadata ?? {},
    retryOf: null,
    webhook: webhookOf(creation),
  };
}

/** What the caller asks for, as the task keeps it. */
export function videoRequest(creation: VideoCreation): JobRequest {
  const request: JobRequest = { prompt: creation.prompt, n: 1 };
  if (creation.size !== undefined) request.size = creation.size;
  if (creation.user !== undefined) request.user = creation.user;
  if (creation.seed !== undefined) request.seed = creation.seed;
  if (creation.duration !== undefined) request.duration = creation.duration;
  if (creation.fps !== undefined) request.fps = creation.fps;
  if (creation.provider_options !== undefined) request.providerOptions = creation.provider_options;
  if (creation.further !== undefined) request.further = creation.further;
  return request;
}
