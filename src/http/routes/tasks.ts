/** `/v1/tasks` and the per-type spellings of the same: list, read, cancel, purge, retry. */

import type { Hono } from "hono";
import type { WireTaskPage, WireTaskPurged } from "../../protocol/task.ts";
import type { TaskService } from "../../tasks/service.ts";
import { toWireTaskPage } from "../../tasks/wire.ts";
import { type AcceptanceDependencies, acceptTask } from "../creation/task-acceptance.ts";
import { type HttpContext, type HttpEnv, type HttpMiddleware, principalOfExchange } from "../exchange.ts";
import { invalidFilter } from "../request/task-filter.ts";
import { taskIdOf } from "../request/task-id.ts";
import { taskListQuery } from "../request/task-list-query.ts";
import { acceptedTaskOf, answerTask, type TaskAnswerDependencies } from "../response/task-answer.ts";

export type TaskRouteDependencies = AcceptanceDependencies &
  TaskAnswerDependencies & {
    tasks: Pick<
      TaskService,
      "submit" | "repeated" | "newId" | "read" | "list" | "cancel" | "purge" | "retryable"
    >;
  };

/** Mounts the task routes; `key` authenticates. */
export function mountTasks(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  dependencies: TaskRouteDependencies,
): void {
  const { tasks, wireContext } = dependencies;

  const read = async (c: HttpContext) => {
    const view = await tasks.read(principalOfExchange(c).scope, taskIdOf(c));
    return answerTask(c, view, dependencies);
  };
  const remove = async (c: HttpContext) => {
    const { scope } = principalOfExchange(c);
    const id = taskIdOf(c);
    if (!flag(c, "purge")) return answerTask(c, await tasks.cancel(scope, id), dependencies);
    await tasks.purge(scope, id);
    return c.json({ taskId: id, task_id: id, purged: true } satisfies WireTaskPurged);
  };

  app.get("/v1/images/generations/:id/status", key, read);
  app.get("/v1/videos/generations/:id/status", key, read);
  app.get("/v1/tasks/:id", key, read);
  app.delete("/v1/images/generations/:id", key, remove);
  app.delete("/v1/videos/generations/:id", key, remove);
  app.delete("/v1/tasks/:id", key, remove);

  app.get("/v1/tasks", key, async (c) => {
    const page = await tasks.list(principalOfExchange(c).scope, taskListQuery(c));
    c.header("cache-control", "no-store");
    return c.json<WireTaskPage>(toWireTaskPage(page, wireContext));
  });

  app.post("/v1/tasks/:id/retry", key, async (c) => {
    const task = await tasks.retryable(principalOfExchange(c).scope, taskIdOf(c));
    const order = {
      type: task.type,
      model: task.model,
      request: task.request,
      priority: task.priority,
      timeoutMs: task.timeoutMs,
      metadata: task.metadata,
      retryOf: task.id,
      customer: task.customer,
      webhook: task.webhook,
      inputs: task.inputs.map(({ role, path }, index) => ({
        role,
        param: `input ${index + 1} (${role})`,
        source: { kind: "media" as const, path },
      })),
      id: null,
    };
    const accepted = await acceptTask(c, "retry", { retryOf: task.id }, order, dependencies);
    return c.json(acceptedTaskOf(accepted));
  });
}

function flag(c: HttpContext, param: string): boolean {
  const text = c.req.query(param);
  if (text === undefined || text === "false" || text === "0") return false;
  if (text === "true" || text === "1" || text === "") return true;
  throw invalidFilter(param, "must be true or false", text);
}
