/** `/admin/v1/keys/{id}/tasks`: what a key has made, for operators who are asked what became of it. */

import type { Hono } from "hono";
import type { WireTask, WireTaskPage } from "../../../protocol/task.ts";
import type { TaskService } from "../../../tasks/service.ts";
import type { TenantScope } from "../../../tasks/task.ts";
import { toOperatorsWireTask, toWireTaskPage, type WireContext } from "../../../tasks/wire.ts";
import type { HttpContext, HttpEnv, HttpMiddleware } from "../../exchange.ts";
import { taskIdOf } from "../../request/task-id.ts";
import { taskListQuery } from "../../request/task-list-query.ts";
import { keyId } from "./key-query.ts";

export type AdminKeyTaskDependencies = {
  readonly tasks: Pick<TaskService, "read" | "list">;
  readonly wireContext: WireContext;
};

/** Mounts the routes; `admin` authenticates. */
export function mountAdminKeyTasks(
  app: Hono<HttpEnv>,
  admin: HttpMiddleware,
  { tasks, wireContext }: AdminKeyTaskDependencies,
): void {
  app.get("/admin/v1/keys/:id/tasks", admin, async (c) => {
    const page = await tasks.list(scopeOf(c), taskListQuery(c));
    c.header("cache-control", "no-store");
    return c.json<WireTaskPage>(toWireTaskPage(page, wireContext));
  });

  app.get("/admin/v1/keys/:id/tasks/:task", admin, async (c) => {
    const view = await tasks.read(scopeOf(c), taskIdOf(c, "task"));
    c.header("cache-control", "no-store");
    return c.json<WireTask>(toOperatorsWireTask(view, wireContext));
  });
}

/** All tasks of the key, also of one that was deleted. */
function scopeOf(c: HttpContext): TenantScope {
  return { keyId: keyId(c.req.param("id") ?? ""), subject: null };
}
