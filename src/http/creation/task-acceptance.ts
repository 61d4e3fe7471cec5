/** The way of a create request from its validated body to an accepted task, the same for every creating route. */

import { admit, type Order } from "../../accounts/admission.ts";
import type { RestingCheck } from "../../accounts/route.ts";
import type { GivenInput } from "../../inputs/given-input.ts";
import type { InputStore } from "../../inputs/input-store.ts";
import { ApiError } from "../../protocol/error.ts";
import type { ModelCatalogue } from "../../tasks/ports/model-catalogue.ts";
import type { TaskView } from "../../tasks/ports/task-store.ts";
import type { TaskService } from "../../tasks/service.ts";
import type { Submission } from "../../tasks/submission.ts";
import type { TaskInput } from "../../tasks/task.ts";
import { type HttpContext, principalOfExchange } from "../exchange.ts";
import type { IdleLimit } from "../idle-limit.ts";
import { type BaseUrlOptions, baseUrl } from "../request/base-url.ts";
import { type IdempotencyOptions, idempotencyClaim } from "../request/idempotency.ts";
import { tellCost } from "../response/cost-headers.ts";

export type AcceptanceDependencies = {
  tasks: Pick<TaskService, "submit" | "repeated" | "newId">;
  models: Pick<ModelCatalogue, "resolve" | "fallbacks">;
  inputs: InputStore;
  host: IdleLimit;
  isResting?: RestingCheck | undefined;
  urls: BaseUrlOptions;
  idempotency: IdempotencyOptions;
};

export type Accepted = {
  view: TaskView;
  /** Base of the URLs in the answer. */
  base: string;
};

/** A request with its inputs as the caller gave them. */
export type GivenOrder = Omit<Order, "baseUrl" | "inputs"> & {
  inputs: readonly GivenInput[];
  /** Under which uploads are stored; null where there are none. */
  id: string | null;
};

/**
 * Submits an order in the name of the caller. `route` scopes idempotency keys, `body` is what repeats are compared by.
 * Its inputs are stored first, once it is admitted; of one that comes to nothing they are removed.
 * From here on errors tell clients not to send the request again.
 */
export async function acceptTask(
  c: HttpContext,
  route: string,
  body: unknown,
  { inputs: given, id, ...order }: GivenOrder,
  dependencies: AcceptanceDependencies,
): Promise<Accepted> {
  const { tasks, models, urls, idempotency } = dependencies;
  const exchange = c.get("exchange");
  const base = baseUrl(c.req.raw, urls);
  let submission: Submission;
  try {
    const claim = idempotencyClaim(c.req.raw, route, body, idempotency);
    ({ submission } = admit(
      principalOfExchange(c),
      { ...order, inputs: given, baseUrl: base },
      models,
      claim === null ? null : await claim,
      dependencies.isResting,
    ));
  } catch (error) {
    if (id !== null) await dependencies.inputs.discard(id);
    throw error;
  }
  const { view, replayed } =
    given.length === 0
      ? await tasks.submit(submission)
      : await submitWithInputs(c, submission, given, id ?? tasks.newId(), dependencies);
  exchange.taskId = view.task.id;
  exchange.accepted = true;
  tellCost(c, view.task);
  if (replayed) c.header("idempotent-replayed", "true");
  return { view, base };
}

/** Stores the inputs first, unless the request is a repeat; a slow address of one may take a minute. */
async function submitWithInputs(
  c: HttpContext,
  submission: Submission,
  given: readonly GivenInput[],
  id: string,
  { tasks, inputs, host }: AcceptanceDependencies,
): Promise<{ view: TaskView; replayed: boolean }> {
  let stored: TaskInput[];
  host.keepOpen(c.req.raw);
  try {
    const repeated = await tasks.repeated(submission);
    if (repeated !== null) {
      await inputs.discard(id);
      return { view: repeated, replayed: true };
    }
    stored = await inputs.store(id, given, principalOfExchange(c).scope, c.req.raw.signal);
  } catch (error) {
    await inputs.discard(id);
    if (!c.req.raw.signal.aborted) throw error;
    // Nobody reads the answer, and it is no failure of the server.
    throw new ApiError("invalid_parameter", "The caller went away while the inputs were fetched.");
  } finally {
    host.limitIdle(c.req.raw);
  }
  return tasks.submit({ ...submission, id, inputs: stored });
}
