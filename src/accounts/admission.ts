/**
 * From what a key asks for to what the gateway takes on: permission, model, priority, what the model can do, and what
 * is held back for it. The store checks again, in the create step, what may have changed meanwhile.
 */

import type { Priority, TaskType } from "../protocol/task.ts";
import { type InputClaim, requireInputFit } from "../tasks/input-fit.ts";
import { requireFit } from "../tasks/model-fit.ts";
import type { ModelCatalogue } from "../tasks/ports/model-catalogue.ts";
import type { IdempotencyClaim } from "../tasks/ports/task-store.ts";
import type { Submission } from "../tasks/submission.ts";
import type { JobRequest, TaskWebhook } from "../tasks/task.ts";
import { requireModel, requirePermission, requirePriority } from "./permissions.ts";
import { priceTask, type TaskPrice } from "./prices/held-price.ts";
import type { Principal } from "./principal.ts";
import { type RestingCheck, routeOf } from "./route.ts";

/** A validated request, before the checks of key and model. */
export type Order = {
  type: TaskType;
  /** The name the caller used. */
  model: string;
  request: JobRequest;
  priority: Priority | undefined;
  /** From the first start; the type's default when null. */
  timeoutMs: number | null;
  metadata: Record<string, string>;
  baseUrl: string;
  retryOf: string | null;
  /** Whose it is, as `customerOf` decides; null where nobody is named. */
  customer: string | null;
  /** Where word of it goes, if it was named. */
  webhook: TaskWebhook | null;
  /** Pictures handed in, which are stored once the order is admitted. */
  inputs: readonly InputClaim[];
};

/** An admitted order, and what it was priced at. */
export type Admission = { readonly submission: Submission; readonly price: TaskPrice };

/**
 * Admits an order. Throws `permission_denied`, `model_not_found`, `model_retired`, `model_not_allowed` or
 * `invalid_parameter`.
 */
export function admit(
  principal: Principal,
  order: Order,
  catalogue: Pick<ModelCatalogue, "resolve" | "fallbacks">,
  idempotency: IdempotencyClaim | null,
  isResting?: RestingCheck,
): Admission {
  requirePermission(principal, order.type);
  const model = catalogue.resolve(order.model, order.type);
  requireModel(principal, order.model, model.name);
  requireInputFit(model.capabilities, order.inputs);
  requireFit(model.capabilities, order.request, model);
  const { type, request } = order;
  const models = routeOf({ principal, type, model, request, inputs: order.inputs }, catalogue, isResting);
  const price = priceTask(models, request, order.inputs.length);
  const submission: Submission = {
    tenant: principal.tenant,
    type: order.type,
    model: order.model,
    route: models.map(({ provider, providerModel }) => ({ provider, model: providerModel })),
    request: order.request,
    priority: requirePriority(principal, order.priority),
    timeoutMs: order.timeoutMs,
    metadata: order.metadata,
    baseUrl: order.baseUrl,
    reservedMicros: price.reservedMicros,
    price: price.held,
    retryOf: order.retryOf,
    customer: order.customer,
    webhook: order.webhook,
    idempotency,
  };
  return { submission, price };
}
