/** Many tasks ended at once: those of the caller that a filter names, and everything that a key has unfinished. */

import type { Hono } from "hono";
import { z } from "zod";
import type { KeyService } from "../../accounts/keys/keys.ts";
import { ApiError } from "../../protocol/error.ts";
import { type CancelTasksRequest, TASK_STATUSES, type WireTasksCancelled } from "../../protocol/task.ts";
import type { CancelledTasks, TaskService } from "../../tasks/service.ts";
import { auditActor, type HttpEnv, type HttpMiddleware, principalOfExchange } from "../exchange.ts";
import { jsonBody, validBody } from "../request/body.ts";
import { taskFilter } from "../request/task-filter.ts";

export type CancelRouteDependencies = {
  tasks: Pick<TaskService, "cancelMany">;
  maxBodyBytes: number;
};

const text = "a text";
const statuses = `one of ${TASK_STATUSES.join(", ")}, several of them with commas, or a list of them`;
/** The body of `POST /v1/tasks/cancel`. */
export const cancelTasksSchema = z.strictObject({
  all: z.literal(true, { error: "true; leave it out to name tasks by a filter" }).optional(),
  status: z
    .union([z.string(), z.array(z.string()).max(TASK_STATUSES.length)], { error: statuses })
    .optional(),
  type: z.string({ error: text }).optional(),
  batchId: z.string({ error: text }).optional(),
}) satisfies z.ZodType<CancelTasksRequest>;

/** Mounts `POST /v1/tasks/cancel`; `key` authenticates. */
export function mountCancelTasks(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  { tasks, maxBodyBytes }: CancelRouteDependencies,
): void {
  app.post("/v1/tasks/cancel", key, jsonBody(maxBodyBytes), validBody(cancelTasksSchema), async (c) => {
    const { all, ...texts } = c.req.valid("json");
    const filter = taskFilter(texts);
    const named = Object.values(filter).some((values) => values.length > 0);
    // A list that is empty by mistake must not mean everything.
    if (named === (all === true)) throw named ? allAndFilter() : nothingNamed();
    return c.json(cancelled(await tasks.cancelMany(principalOfExchange(c).scope, filter)));
  });
}

/** Mounts `POST /admin/v1/keys/{id}/cancel`; `admin` authenticates. */
export function mountCancelKey(
  app: Hono<HttpEnv>,
  admin: HttpMiddleware,
  { tasks, keys, keyIdOf }: CancelKeyDependencies,
): void {
  app.post("/admin/v1/keys/:id/cancel", admin, async (c) => {
    const keyId = keyIdOf(c.req.param("id"));
    const outcome = await tasks.cancelMany({ keyId, subject: null }, {});
    // A key that is gone may have left running tasks; one that has none is perhaps misspelt.
    if (outcome.taskIds.length === 0) await keys.read(keyId);
    else await keys.noteCancelled(keyId, outcome.taskIds.length, { actor: auditActor(c) });
    return c.json(cancelled(outcome));
  });
}

export type CancelKeyDependencies = {
  tasks: Pick<TaskService, "cancelMany">;
  keys: Pick<KeyService, "read" | "noteCancelled">;
  /** Throws `not_found` for what is no id. */
  keyIdOf(text: string): string;
};

function cancelled({ taskIds, hasMore }: CancelledTasks): WireTasksCancelled {
  return { cancelled: taskIds.length, taskIds, hasMore };
}

function nothingNamed(): ApiError {
  return new ApiError(
    "missing_parameter",
    'Name the tasks by status, type or batchId, or say "all": true to end all that are unfinished.',
    { param: "all" },
  );
}

function allAndFilter(): ApiError {
  return new ApiError(
    "invalid_parameter",
    'Either "all": true or filters: together they say two different things.',
    { param: "all" },
  );
}
