/** `/v1/videos`: OpenAI's way to make films, over the same tasks. */

import type { Hono } from "hono";
import { ApiError } from "../../protocol/error.ts";
import type { OpenAiVideoDeleted, OpenAiVideoList } from "../../protocol/openai-videos.ts";
import { isTerminal } from "../../protocol/task.ts";
import { isTaskId } from "../../tasks/ids.ts";
import type { MediaStore } from "../../tasks/ports/media-store.ts";
import type { TaskService } from "../../tasks/service.ts";
import type { Task } from "../../tasks/task.ts";
import { refuseAccessToken } from "../creation/access-token.ts";
import { type CreationBodyDependencies, readCreation } from "../creation/creation-body.ts";
import { type CreationLimits, videoCreationSchema } from "../creation/creation-schema.ts";
import { type AcceptanceDependencies, acceptTask } from "../creation/task-acceptance.ts";
import { type HttpContext, type HttpEnv, type HttpMiddleware, principalOfExchange } from "../exchange.ts";
import { pageLimit } from "../request/page.ts";
import { describeReceived } from "../request/schema-issue.ts";
import { taskIdOf } from "../request/task-id.ts";
import { tellCost } from "../response/cost-headers.ts";
import { openAiVideoOf, VIDEO_STATUSES, type VideoAnswerDependencies } from "../response/openai-videos.ts";
import { answerFile } from "./media.ts";
import { notSupported } from "./unsupported.ts";
import { videoOrder } from "./videos.ts";

export type OpenAiVideoDependencies = AcceptanceDependencies &
  CreationBodyDependencies &
  VideoAnswerDependencies & {
    tasks: Pick<TaskService, "submit" | "repeated" | "newId" | "read" | "list" | "purge">;
    media: Pick<MediaStore, "get">;
    limits: CreationLimits & CreationBodyDependencies["limits"];
  };

const COLLECTION = "/v1/videos";
/** What OpenAI takes when a request names no model. */
const DEFAULT_MODEL = "sora-2";
/** The first frame, as OpenAI calls it. */
const REFERENCE = "input_reference";
/** How long OpenAI's clients wait before they ask again, ms. */
const POLL_AFTER_MS = "1000";
/** A number as text, as OpenAI's `seconds` is. */
const SECONDS = /^\d{1,6}(?:\.\d{1,6})?$/;

/** Mounts the routes; `key` authenticates. */
export function mountOpenAiVideos(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  dependencies: OpenAiVideoDependencies,
): void {
  const { tasks, media, limits } = dependencies;
  const schema = videoCreationSchema(limits);

  const answer = (c: HttpContext, task: Task) => {
    c.header("cache-control", "no-store");
    tellCost(c, task);
    if (!isTerminal(task.status)) c.header("openai-poll-after-ms", POLL_AFTER_MS);
    return c.json(openAiVideoOf(task, principalOfExchange(c).scope, dependencies));
  };
  const find = async (c: HttpContext) => {
    const id = taskIdOf(c);
    const { task } = await tasks.read(principalOfExchange(c).scope, id);
    if (task.type !== "video")
      throw new ApiError("task_not_found", `Task ${id} makes pictures. GET /v1/tasks/${id} reads it.`);
    return task;
  };

  app.post(COLLECTION, key, async (c) => {
    // Their words for our fields, as far as this body has them.
    const words = new Map<string, string>();
    const dialect = { imageName: REFERENCE, translate: (body: unknown) => ourFields(body, words) };
    try {
      const { creation, inputs, id, fingerprint } = await readCreation(
        c,
        schema,
        refuseAccessToken,
        dependencies,
        dialect,
      );
      const order = { ...videoOrder(creation), inputs, id };
      const { view } = await acceptTask(c, COLLECTION, fingerprint, order, dependencies);
      return answer(c, view.task);
    } catch (error) {
      throw inTheirWords(error, words);
    }
  });

  app.get(COLLECTION, key, async (c) => {
    const query = { type: "video" as const, limit: pageLimit(c.req.query("limit")), ...pageOf(c) };
    const { scope } = principalOfExchange(c);
    const page = await tasks.list(scope, query);
    const data = page.tasks.map(({ task }) => openAiVideoOf(task, scope, dependencies));
    c.header("cache-control", "no-store");
    return c.json({
      object: "list",
      data,
      first_id: data[0]?.id ?? null,
      last_id: data.at(-1)?.id ?? null,
      has_more: page.hasMore,
    } satisfies OpenAiVideoList);
  });

  app.get(`${COLLECTION}/:id`, key, async (c) => answer(c, await find(c)));

  app.get(`${COLLECTION}/:id/content`, key, async (c) => {
    requireVideoVariant(c.req.query("variant"));
    const task = await find(c);
    const item = task.result?.items[0];
    if (item === undefined) {
      throw new ApiError(
        "not_found",
        `The video has no content: it is ${VIDEO_STATUSES[task.status]}. GET ${COLLECTION}/${task.id} tells when it is completed.`,
      );
    }
    const file = await media.get(item.media.path);
    if (file === null) throw new ApiError("not_found", "The file of this video is no longer kept.");
    return answerFile(c, file);
  });

  app.delete(`${COLLECTION}/:id`, key, async (c) => {
    const task = await find(c);
    if (!isTerminal(task.status)) {
      throw new ApiError(
        "invalid_parameter",
        `Only a video that is completed or failed can be deleted. DELETE /v1/videos/generations/${task.id} cancels one that is under way.`,
        { param: "id" },
      );
    }
    await tasks.purge(principalOfExchange(c).scope, task.id);
    return c.json({ id: task.id, object: "video.deleted", deleted: true } satisfies OpenAiVideoDeleted);
  });
}

/** OpenAI's fields by our names, noted in `words`: `seconds` is a text there. */
function ourFields(body: unknown, words: Map<string, string>): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  const { seconds, [REFERENCE]: reference, ...fields } = body as Record<string, unknown>;
  const ours: Record<string, unknown> = { ...fields, model: fields.model ?? DEFAULT_MODEL };
  if (reference !== undefined && reference !== null) {
    ours.image = reference;
    words.set("image", REFERENCE);
  }
  if (seconds !== undefined && seconds !== null) {
    ours.duration = typeof seconds === "string" && SECONDS.test(seconds) ? Number(seconds) : seconds;
    words.set("duration", "seconds");
  }
  return ours;
}

/** An error about a field of ours, in the caller's word for it. */
function inTheirWords(error: unknown, words: ReadonlyMap<string, string>): unknown {
  if (!(error instanceof ApiError) || error.param === null) return error;
  const word = words.get(error.param);
  if (word === undefined) return error;
  const message = error.message.startsWith(error.param)
    ? `${word}${error.message.slice(error.param.length)}`
    : error.message;
  return new ApiError(error.code, message, { param: word });
}

function pageOf(c: HttpContext): { after?: string; order?: "asc" } {
  const order = c.req.query("order");
  if (order && order !== "asc" && order !== "desc") {
    throw new ApiError("invalid_parameter", `order must be asc or desc; ${describeReceived(order)} came.`, {
      param: "order",
    });
  }
  const after = c.req.query("after")?.toLowerCase();
  if (after && !isTaskId(after)) {
    throw new ApiError(
      "invalid_parameter",
      `after must be the id of a video; ${describeReceived(after)} came.`,
      {
        param: "after",
      },
    );
  }
  return { ...(after ? { after } : {}), ...(order === "asc" ? { order } : {}) };
}

function requireVideoVariant(variant: string | undefined): void {
  if (variant === undefined || variant === "" || variant === "video") return;
  if (variant === "thumbnail" || variant === "spritesheet")
    throw notSupported("Thumbnails and sprite sheets of films", "variant");
  throw new ApiError(
    "invalid_parameter",
    `variant must be video, which is the only one there is; ${describeReceived(variant)} came.`,
    { param: "variant" },
  );
}
