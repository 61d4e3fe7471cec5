/** The way of a create request from its validated body to an accepted task, the same for every creating route. */

import { admit, type Order } from "../../accounts/admission.ts";
import type { RestingCheck } from "../../accounts/route.ts";
import type { ModelCatalogue } from "../../tasks/ports/model-catalogue.ts";
import type { TaskView } from "../../tasks/ports/task-store.ts";
import type { TaskService } from "../../tasks/service.ts";
import { type HttpContext, principalOfExchange } from "../exchange.ts";
import { tellCost } from "../response/cost-headers.ts";
import { type BaseUrlOptions, baseUrl } from "./base-url.ts";
import { type IdempotencyOptions, idempotencyClaim } from "./idempotency.ts";

export type AcceptanceDependencies = {
  tasks: Pick<TaskService, "submit">;
  models: Pick<ModelCatalogue, "resolve" | "fallbacks">;
  isResting?: RestingCheck | undefined;
  urls: BaseUrlOptions;
  idempotency: IdempotencyOptions;
};

export type Accepted = {
  view: TaskView;
  /** Base of the URLs in the answer. */
  base: string;
};

/**
 * Submits an order in the name of the caller. `route` scopes idempotency keys, `body` is what repeats are compared by.
 * From here on errors tell clients not to send the request again.
 */
export async function acceptTask(
  c: HttpContext,
  route: string,
  body: unknown,
  order: Omit<Order, "baseUrl">,
  { tasks, models, isResting, urls, idempotency }: AcceptanceDependencies,
): Promise<Accepted> {
  const exchange = c.get("exchange");
  const base = baseUrl(c.req.raw, urls);
  const claim = idempotencyClaim(c.req.raw, route, body, idempotency);
  const { submission } = admit(
    principalOfExchange(c),
    { ...order, baseUrl: base },
    models,
    claim === null ? null : await claim,
    isResting,
  );
  const { view, replayed } = await tasks.submit(submission);
  exchange.taskId = view.task.id;
  exchange.accepted = true;
  tellCost(c, view.task);
  if (replayed) c.header("idempotent-replayed", "true");
  return { view, base };
}
