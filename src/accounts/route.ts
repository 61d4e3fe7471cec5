/** The ways to make what is asked, in the order they are tried: the model that was named, then those the operator put behind it. */

import type { TaskType } from "../protocol/task.ts";
import type { InputClaim } from "../tasks/input-fit.ts";
import { fits } from "../tasks/model-fit.ts";
import type { ModelCatalogue, OfferedModel } from "../tasks/ports/model-catalogue.ts";
import type { JobRequest } from "../tasks/task.ts";
import { allowsModel } from "./permissions.ts";
import type { Principal } from "./principal.ts";

export type RouteQuestion = {
  readonly principal: Principal;
  readonly type: TaskType;
  /** The model that the caller's name leads to. */
  readonly model: OfferedModel;
  readonly request: JobRequest;
  readonly inputs: readonly InputClaim[];
};

/** Tells of a model whether its provider takes no jobs at the moment, as far as is known here. */
export type RestingCheck = (model: OfferedModel, type: TaskType) => boolean;

/**
 * The model and those of its fallbacks that the key may use and that can do all that is asked. What is known to be down goes
 * behind the others: the route is fixed when the task is accepted, and a task waits where it is first in line.
 */
export function routeOf(
  { principal, type, model, request, inputs }: RouteQuestion,
  catalogue: Pick<ModelCatalogue, "fallbacks">,
  isResting: RestingCheck = () => false,
): readonly OfferedModel[] {
  const fallbacks = catalogue
    .fallbacks(model)
    .filter((other) => allowsModel(principal, other.name) && fits(other, request, inputs));
  if (fallbacks.length === 0) return [model];
  const models = [model, ...fallbacks];
  return [...models.filter((one) => !isResting(one, type)), ...models.filter((one) => isResting(one, type))];
}
