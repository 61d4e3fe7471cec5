/**
 * From what a key asks for to what the gateway takes on: permission, model, priority, what the model can do, and what
 * is held back for it. The store checks again, in the create step, what may have changed meanwhile.
 */

import { ApiError } from "../protocol/error.ts";
import type { Priority, TaskType } from "../protocol/task.ts";
import type { Submission } from "../tasks/service.ts";
import type { JobRequest } from "../tasks/task.ts";
import type { IdempotencyClaim } from "../tasks/task-store.ts";
import { type Principal, requireModel, requirePermission, requirePriority } from "./principal.ts";

/** A model that is offered. */
export type OfferedModel = {
  /** The name an alias leads to. */
  readonly name: string;
  readonly type: TaskType;
  readonly provider: string;
  /** The provider's own name of the model. */
  readonly providerModel: string;
  /** The dearest a request may become, in micro-dollars. */
  reserveMicros(request: JobRequest): number;
  /** What the model cannot do of a request; null when it can do it all. */
  objection(request: JobRequest): { param: string; message: string } | null;
};

/** The port of the model table. */
export interface ModelOffer {
  /** Throws `model_not_found` or `model_retired`. */
  resolve(name: string): OfferedModel;
}

/** A validated request, before anybody asked whether it may be made. */
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
};

/**
 * Admits an order. Throws `permission_denied`, `model_not_found`, `model_retired`, `model_not_allowed` or
 * `invalid_parameter`.
 */
export function admit(
  principal: Principal,
  order: Order,
  models: ModelOffer,
  idempotency: IdempotencyClaim | null,
): Submission {
  requirePermission(principal, order.type);
  const model = models.resolve(order.model);
  requireModel(principal, order.model, model.name);
  if (model.type !== order.type) {
    throw new ApiError("invalid_parameter", `${order.model} makes ${model.type}s, not ${order.type}s.`, { param: "model" });
  }
  const objection = model.objection(order.request);
  if (objection !== null) throw new ApiError("invalid_parameter", objection.message, { param: objection.param });
  return {
    tenant: principal.tenant,
    type: order.type,
    model: order.model,
    provider: model.provider,
    providerModel: model.providerModel,
    request: order.request,
    priority: requirePriority(principal, order.priority),
    timeoutMs: order.timeoutMs,
    metadata: order.metadata,
    baseUrl: order.baseUrl,
    reservedMicros: model.reserveMicros(order.request),
    retryOf: order.retryOf,
    idempotency,
  };
}
